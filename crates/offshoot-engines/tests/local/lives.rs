//! From the data directory to the end of the server, whatever ends it.

use crate::place::{Place, branch, psql, server, servers, site as site_in};
use offshoot_core::{Control, CoreError};
use offshoot_restore::server::{Purpose, Secret, Servers, Site, Stop};
use offshoot_testkit::postgres::Binaries;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_server_is_made_started_reached_and_stopped() {
    for binaries in Binaries::wanted() {
        let place = Place::new(&binaries);
        assert_eq!(place.running(), None);
        let loading = place.try_start(&Purpose::Load).unwrap();
        assert_eq!(place.running(), Some(loading));
        place.server.create_database(&place.site, "my \"shop\"", &place.environment).unwrap();
        place.stop(Stop::Orderly);
        assert_eq!(place.running(), None);

        let running = place.start();
        assert_eq!(running.port, place.site.port);
        assert_eq!(place.running(), Some(running));
        let password = Secret::new("pass word/ü".to_owned());
        let access = place.server.admit(&place.site, "my \"shop\"", None, &password).unwrap();
        assert_eq!(psql(access.url.expose(), "SELECT current_database() || ' ' || 6 * 7"), "my \"shop\" 42");
        assert_eq!(access, place.server.access(&place.site, "my \"shop\"", None, &password));
        place.stop(Stop::Orderly);
        place.stop(Stop::Orderly);
        assert_eq!(place.running(), None);
        eprintln!("{} on {}", place.server.build().version, place.server.build().platform);
    }
}

#[test]
fn a_killed_server_is_seen_and_starts_again() {
    for binaries in Binaries::wanted() {
        let place = Place::new(&binaries);
        let first = place.start();
        place.psql("postgres", "CREATE TABLE t AS SELECT 7 AS a");
        // A branch's commits reach the disk a little later.
        place.psql("postgres", "CHECKPOINT");
        kill(first.pid);
        // Its other processes end when they notice; until then the data directory is in use.
        place.stop(Stop::AtOnce);
        assert_eq!(place.running(), None);
        // Nor did it leave its piece of shared memory.
        let claim = fs::read_to_string(place.site.data.join("postmaster.pid")).unwrap();
        let id = claim.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
        let listed = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        assert!(!listed.lines().any(|line| line.split_whitespace().nth(1) == Some(&id)), "{id}");
        // It left its number, which by now may be that of another process of the same user.
        let other = Command::new("sleep").arg("600").spawn().unwrap();
        let other = Other(other);
        let rest = claim.split_once('\n').unwrap().1;
        fs::write(place.site.data.join("postmaster.pid"), format!("{}\n{rest}", other.0.id())).unwrap();
        assert_eq!(place.running(), None);
        let second = place.start();
        assert_ne!(first.pid, second.pid);
        assert_eq!(place.psql("postgres", "SELECT a FROM t"), "7");
        place.stop(Stop::AtOnce);
    }
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let place = Place::new(&Binaries::installed().unwrap());
    let running = place.start();
    let error = place.try_start(&branch()).unwrap_err().to_string();
    assert!(error.contains("already") && error.contains(&running.pid.to_string()), "{error}");
    assert_eq!(place.running(), Some(running));
    // The lock's file is gone; the process is still found.
    fs::remove_file(place.site.data.join("offshoot.lock")).unwrap();
    assert_eq!(place.running(), Some(running));
    let error = place.try_start(&branch()).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
    place.stop(Stop::Orderly);
    assert_eq!(place.running(), None);
}

#[test]
fn what_a_server_left_running_is_ended_with_it() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    place.psql("postgres", "COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; setsid sleep 600 >/dev/null 2>&1 &'");
    place.stop(Stop::AtOnce);
    assert!(servers().stop(&place.site.data, Stop::AtOnce).is_ok());
    place.start();
}

#[test]
fn a_start_can_be_cancelled_and_leaves_nothing() {
    let place = Place::new(&Binaries::installed().unwrap());
    let control = Control::default();
    control.cancel();
    let error = place.server.start(&place.site, &branch(), &control).unwrap_err();
    assert!(matches!(error, CoreError::Cancelled));
    for delay in [0, 2, 5, 10, 20, 40] {
        let control = Control::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(delay));
                control.cancel();
            });
            if place.server.start(&place.site, &branch(), &control).is_ok() {
                place.stop(Stop::Orderly);
            }
        });
        assert_eq!(place.running(), None, "after {delay} ms");
    }
    place.start();
}

/// The caller is killed while it starts a server: at every moment there is either none, or one that is found.
#[test]
fn a_killed_caller_leaves_no_server_that_is_not_found() {
    const CHILD_MARK: &str = "OFFSHOOT_TEST_SITE";
    let binaries = Binaries::installed().unwrap();
    if let Some(site) = std::env::var_os(CHILD_MARK) {
        let dir = std::path::PathBuf::from(site);
        let port = fs::read_to_string(dir.join("port")).unwrap().parse().unwrap();
        let site = Site { port, ..site_in(&dir, "data") };
        let server = server(&binaries);
        println!("\nstarting");
        let _ = server.start(&site, &branch(), &Control::default());
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let place = Place::new(&binaries);
    fs::write(place.dir.path().join("port"), place.site.port.to_string()).unwrap();
    // At the last, when it is there.
    for delay in [0, 3, 6, 10, 15, 22, 30, 45, 70, 120].map(Some).into_iter().chain([None]) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lives::a_killed_caller_leaves_no_server_that_is_not_found", "--nocapture"])
            .env(CHILD_MARK, place.dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "starting"));
        match delay {
            Some(delay) => std::thread::sleep(Duration::from_millis(delay)),
            None => while place.running().is_none() {},
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let running = place.running();
        assert_eq!(running.is_some(), works_in(&place.site.data), "after {delay:?} ms");
        assert!(running.is_some() || delay.is_some());
        place.stop(Stop::AtOnce);
        assert!(!works_in(&place.site.data), "after {delay:?} ms");
        assert_eq!(place.running(), None);
        place.start();
        place.stop(Stop::Orderly);
    }
}

/// Whether any process works in a folder.
fn works_in(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder))
}

#[test]
fn a_clone_without_spare_files_starts() {
    for binaries in Binaries::wanted() {
        let place = Place::new(&binaries);
        place.try_start(&Purpose::Load).unwrap();
        place.server.create_database(&place.site, "shop", &place.environment).unwrap();
        place
            .server
            .run_script(
                &place.site,
                "shop",
                "t.sql",
                "CREATE TABLE t AS SELECT generate_series(1, 1000) AS a",
                &Control::default(),
            )
            .unwrap();
        place.stop(Stop::Orderly);
        let clone = Place::empty(&binaries, place.environment.clone());
        let skipped = copy(&place, &clone);
        assert!(skipped > 5, "{skipped}");
        clone.start();
        assert_eq!(clone.psql("shop", "SELECT count(*) FROM t"), "1000");
        let wal = fs::read_dir(place.site.data.join("pg_wal")).unwrap().flatten();
        assert!(wal.filter(|entry| entry.file_type().unwrap().is_file()).count() <= 3);
    }
}

/// Copies a data directory but for what the server calls spare; how many that were.
fn copy(from: &Place, to: &Place) -> usize {
    let mut skipped = 0;
    let mut folders = vec![std::path::PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let made = to.site.data.join(&folder);
        fs::create_dir(&made).unwrap();
        fs::set_permissions(&made, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        own(&made, to);
        for entry in fs::read_dir(from.site.data.join(&folder)).unwrap().flatten() {
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if from.server.is_spare_file(&path) {
                skipped += 1;
            } else {
                fs::copy(entry.path(), to.site.data.join(&path)).unwrap();
                own(&to.site.data.join(&path), to);
            }
        }
    }
    skipped
}

fn own(path: &std::path::Path, place: &Place) {
    if let Some((uid, gid)) = place.server.owner() {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
    }
}

#[test]
fn nothing_is_for_others_to_read() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    for path in [&place.site.data, &place.site.sockets, &place.site.log] {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o077, 0, "{}", path.display());
    }
    let socket = place.site.sockets.join(format!(".s.PGSQL.{}", place.site.port));
    assert_eq!(fs::metadata(socket).unwrap().mode() & 0o077, 0);
}

/// A process that is ended with the test.
struct Other(std::process::Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}
