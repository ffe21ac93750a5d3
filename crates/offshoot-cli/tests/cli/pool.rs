//! Pools through the command, with branches in them.

use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk, MEGABYTES_MIN, MountDir};
use offshoot_testkit::postgres::shared;
use std::process::Command;

/// Only where file systems can be mounted.
fn place() -> Option<MountDir> {
    LoopDisk::mount(Kind::Xfs, MEGABYTES_MIN)?;
    let place = MountDir::new("pool-").unwrap();
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    Some(place)
}

#[test]
fn branches_are_in_the_pool_once_there_is_one() {
    let Some(place) = place() else { return };
    let server = shared();
    let db = server.fresh_db("pool_branches");
    server.psql(&db, "CREATE TABLE t AS SELECT 7 AS x");
    let nest = Nest::empty(place.path(), server.binaries().dir());
    nest.done(&["init", "--raw"]);
    nest.done(&["capture", &server.url(&db), "--name", "prod"]);
    let state = || nest.done(&["--json", "pool", "status"]).json()["state"].as_str().unwrap().to_owned();
    let fails = |args: &[&str], code: i32, says: &str| {
        let ran = nest.session.quietly(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    };

    assert_eq!(state(), "absent");
    assert!(nest.done(&["pool", "destroy"]).stdout.contains("there is no pool"));
    fails(&["pool", "create"], 2, "--size 50G");
    fails(&["pool", "create", "--size", "1M"], 2, "too small");
    let plan = nest.done(&["pool", "create", "--size", "1G", "--dry-run"]).stdout;
    assert!(plan.contains("sudo mkfs.xfs") && plan.contains("dry run"), "{plan}");
    assert_eq!(state(), "absent");
    nest.create("outside");
    fails(&["pool", "create", "--size", "1G"], 4, "would be out of sight");
    nest.done(&["branch", "delete", "outside"]);

    let made = nest.done(&["pool", "create", "--size", "1G"]).stdout;
    assert!(made.contains("is mounted at") && made.contains("/etc/fstab"), "{made}");
    let branch = nest.done(&["--json", "branch", "create", "inside", "--raw"]).json();
    assert_eq!(branch["method"], "reflink");
    let url = branch["url"].as_str().unwrap();
    assert_eq!(psql(server, url, "UPDATE t SET x = 8 RETURNING x"), "8");
    fails(&["pool", "destroy"], 4, "there are branches in it");
    assert_eq!(nest.names(), ["inside"]);

    // A reboot, as far as that can be had.
    nest.done(&["branch", "stop", "inside"]);
    let status = nest.done(&["--json", "pool", "status"]).json();
    let mount = status["mount"].as_str().unwrap().to_owned();
    assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    assert_eq!(state(), "unmounted");
    fails(&["branch", "list"], 1, "sudo mount -t xfs");
    fails(&["branch", "create", "x", "--raw"], 1, "is not mounted");
    fails(&["pool", "destroy"], 1, "is not mounted");
    nest.done(&["pool", "create"]);
    nest.done(&["branch", "start", "inside"]);
    assert_eq!(psql(server, url, "SELECT x FROM t"), "8");

    nest.done(&["pool", "create", "--size", "2G"]);
    let status = nest.done(&["--json", "pool", "status"]).json();
    assert_eq!(status["image_bytes"], 2_u64 << 30);
    assert!(status["total_bytes"].as_u64().unwrap() > 1900 << 20, "{status}");
    fails(&["pool", "create", "--size", "1G"], 2, "cannot be made smaller");

    nest.done(&["branch", "delete", "inside"]);
    assert!(nest.done(&["pool", "destroy"]).stdout.contains("the pool is removed"));
    assert_eq!(state(), "absent");
    assert!(nest.names().is_empty());
}
