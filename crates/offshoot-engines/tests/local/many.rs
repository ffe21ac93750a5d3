//! Many servers at once, and what they cost. Not for every run: `cargo test -p offshoot-engines --test local -- --ignored`.

use crate::place::{Place, servers, site, try_psql};
use offshoot_restore::server::{Purpose, Secret, Servers, Site, Stop};
use offshoot_testkit::postgres::Binaries;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// As many as a team has on a machine.
const COUNT: usize = 50;
/// How many are started side by side.
const STARTERS: usize = 4;

#[test]
#[ignore = "fifty servers take a gigabyte of disk and half of one of memory"]
fn fifty_servers_run_at_once() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.try_start(&Purpose::Load).unwrap();
    place.stop(Stop::Orderly);
    let sites: Vec<Site> = (0..COUNT).map(|at| site(place.dir.path(), &format!("data{at}"))).collect();
    let _all = All(&sites);
    for site in &sites {
        let status =
            Command::new("cp").args(["-a", "--reflink=auto"]).arg(&place.site.data).arg(&site.data).status().unwrap();
        assert!(status.success());
    }
    let began = Instant::now();
    std::thread::scope(|scope| {
        for sites in sites.chunks(COUNT.div_ceil(STARTERS)) {
            let place = &place;
            scope.spawn(move || {
                for site in sites {
                    let purpose = Purpose::Branch { durable: false, settings: Vec::new() };
                    place.server.start(site, &purpose, &offshoot_core::Control::default()).unwrap();
                }
            });
        }
    });
    let started = began.elapsed();
    for site in &sites {
        let access = place.server.admit(site, "postgres", None, &Secret::new("x".to_owned())).unwrap();
        assert_eq!(try_psql(access.url.expose(), "SELECT 1").unwrap(), "1");
    }
    let kilobytes: u64 = sites.iter().map(memory).sum();
    eprintln!("{COUNT} servers in {:.1} s, {} MiB each", started.as_secs_f64(), kilobytes / 1024 / COUNT as u64);
}

/// What the processes of a server have that no other process shares, in kilobytes: private pages, and shared memory by share.
fn memory(site: &Site) -> u64 {
    let folder = fs::canonicalize(&site.data).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let own = processes.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder));
    own.map(|entry| {
        let text = fs::read_to_string(entry.path().join("smaps_rollup")).unwrap_or_default();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        of("Pss_Anon:") + of("Pss_Shmem:")
    })
    .sum()
}

struct All<'a>(&'a [Site]);

impl Drop for All<'_> {
    fn drop(&mut self) {
        for site in self.0 {
            let _ = servers().stop(&site.data, Stop::AtOnce);
        }
    }
}
