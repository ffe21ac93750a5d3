//! Images under load: whatever branches write, no byte of the image that they share blocks with is another one.
//!
//! OFFSHOOT_PGBENCH_TRANSACTIONS says how much they write; a day of ten transactions a second is 864,000.

use crate::nest::Nest;
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::{Binaries, Server, shared, shared_of};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const TRANSACTIONS: u64 = 3000;
const CLIENTS: u64 = 4;

pub fn sum(folder: &Path) -> String {
    let script = "find \"$0\" -path '*/images/*' -type f -exec sha256sum {} + | sort | sha256sum";
    let output = Command::new("sh").args(["-c", script]).arg(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Ends the servers that stay when the last of their branches has gone, orderly: what they have not written yet is on the disk.
fn end_hosts(nest: &Nest) {
    for pid in nest.servers() {
        // Processes of one server end with it.
        Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    }
    while !nest.servers().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn pgbench_in_branches_changes_no_image() {
    changes_no_image(shared(), &[Kind::Xfs, Kind::Btrfs], "");
}

#[test]
fn pgbench_in_hosted_branches_changes_no_image() {
    let Some(binaries) = Binaries::major_or_skip(18, "pgbench_in_hosted_branches_changes_no_image") else { return };
    changes_no_image(shared_of(&binaries), &[Kind::Xfs], "isolation = 'database'\n");
}

fn changes_no_image(server: &Server, kinds: &[Kind], configuration: &str) {
    let pgbench = shared().binaries().program("pgbench");
    if !pgbench.is_file() {
        println!("SKIPPED pgbench in branches: {} is not here", pgbench.display());
        return;
    }
    let named = std::env::var("OFFSHOOT_PGBENCH_TRANSACTIONS").ok().and_then(|text| text.parse().ok());
    let transactions: u64 = named.unwrap_or(TRANSACTIONS);
    let run = |args: &[&str], url: &str| {
        let output = Command::new(&pgbench).args(args).arg(url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let db = server.fresh_db("image_load");
    run(&["-i", "-q", "-s", "2"], &server.url(&db));
    for &kind in kinds {
        let Some(disk) = LoopDisk::mount(kind, 3000) else { continue };
        set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
        let nest = Nest::of_in(disk.path(), server, &db);
        std::fs::write(nest.session.dir().join("offshoot.toml"), format!("[branch]\n{configuration}")).unwrap();
        nest.done(&["image", "build", "--raw"]);
        let before = sum(disk.path());
        let urls = ["a", "b"].map(|name| nest.create(name));
        let each = (transactions / CLIENTS / urls.len() as u64).max(1).to_string();
        std::thread::scope(|scope| {
            for url in &urls {
                let (each, clients) = (&each, CLIENTS.to_string());
                scope.spawn(move || run(&["-n", "-c", &clients, "-j", "2", "-t", each], url));
            }
        });
        nest.done(&["branch", "reset", "a", "--raw"]);
        run(&["-n", "-c", "2", "-t", "50"], &urls[0]);
        for name in ["a", "b"] {
            nest.done(&["branch", "delete", name]);
        }
        end_hosts(&nest);
        // What is on the disk, and not what is remembered of it.
        disk.remount().unwrap();
        assert_eq!(sum(disk.path()), before, "{kind:?}: the image is another one");
        println!(
            "transactions of pgbench in branches on {kind:?}: {transactions}, bytes of images changed: 0{}",
            if configuration.is_empty() { "" } else { " (hosted)" }
        );
    }
}
