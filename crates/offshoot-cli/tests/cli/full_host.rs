//! Branches that are databases of one server, where the disk is full: a reset leaves the rows that were there, deleting makes room.

use crate::full_disk::{fill, is_too_full};
use crate::hosted;
use crate::nest::psql;
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::{Binaries, shared_of};
use std::fs::{Permissions, remove_file, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn hosted_branches_on_a_full_disk() {
    let test = "hosted_branches_on_a_full_disk";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 600) else { return };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared_of(&binaries);
    let db = server.fresh_db("full_host");
    server.psql(&db, "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 8) AS v FROM generate_series(1, 60000) n");
    let nest = hosted::nest(server, disk.path(), &db);
    let urls = ["a", "b"].map(|name| nest.create(name));
    // A server that ended for want of room starts again by itself, which takes a moment.
    let rows = |url: &str| loop {
        let mut count = Command::new(server.binaries().psql());
        let output = count.args(["-XAtqc", "SELECT count(*) FROM t", url]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            return String::from_utf8(output.stdout).unwrap().trim().to_owned();
        }
        assert!(said.contains("the database system is "), "{said}");
        sleep(Duration::from_millis(50));
    };
    for url in &urls {
        psql(server, url, "SET synchronous_commit = on; DELETE FROM t WHERE n > 10");
    }
    // A server that cannot write its log ends; with room, everything is as it was.
    fill(disk.path());
    is_too_full(&nest, &["branch", "reset", "a", "--raw"]);
    remove_file(disk.path().join("filler")).unwrap();
    for (name, url) in ["a", "b"].iter().zip(&urls) {
        assert_eq!(nest.done(&["branch", "url", name]).stdout.trim(), url);
        assert_eq!(rows(url), "10", "it has what it had");
    }
    // What makes room asks for none but what the server has kept.
    nest.done(&["branch", "reset", "b", "--raw"]);
    for name in ["a", "b"] {
        fill(disk.path());
        nest.done(&["branch", "delete", name]);
    }
    assert!(nest.names().is_empty());
    assert_eq!(nest.folders().len(), 1, "the server");
    remove_file(disk.path().join("filler")).unwrap();
    let url = nest.create("c");
    assert_eq!(rows(&url), "60000");
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'branch\\_%'";
    assert_eq!(psql(server, &url, left), "1");
}
