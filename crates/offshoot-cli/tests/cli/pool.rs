//! Pools through the command, with branches in them.

use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk, MEGABYTES_MIN, MountDir};
use offshoot_testkit::postgres::shared;
use std::process::{Command, Stdio};

/// Only where file systems can be mounted.
fn place() -> Option<MountDir> {
    LoopDisk::mount(Kind::Xfs, MEGABYTES_MIN)?;
    let place = MountDir::new("pool-").unwrap();
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    Some(place)
}

#[test]
fn a_pool_that_is_full_keeps_what_it_has_and_what_makes_room_works() {
    let Some(place) = place() else { return };
    let server = shared();
    let db = server.fresh_db("pool_full");
    server.psql(&db, "CREATE TABLE t AS SELECT n FROM generate_series(1, 20) n");
    let nest = Nest::empty(place.path(), server.binaries().dir());
    nest.done(&["init", "--raw"]);
    nest.done(&["capture", &server.url(&db), "--name", "prod"]);
    nest.done(&["pool", "create", "--size", "400M"]);
    nest.done(&["image", "build", "--raw"]);
    let url = nest.create("greedy");
    nest.create("modest");
    let sql = "CREATE TABLE big AS SELECT n, repeat(md5(n::text), 60) FROM generate_series(1, 2000000) n";
    let output = Command::new(server.binaries().psql()).args(["-XAtqc", sql, &url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "there is room for it");
    println!("a server in a full pool says: {}", said.trim());
    let status = nest.done(&["--json", "pool", "status"]).json();
    println!("a full pool: {status}");
    // A server that cannot write its log ends; either way the list says so.
    let states: Vec<String> = nest.list().iter().map(|branch| branch["state"].as_str().unwrap().to_owned()).collect();
    assert!(states.iter().all(|state| ["running", "down"].contains(&state.as_str())), "{states:?}");
    // The rows that a failed statement left are the server's to remove. A file takes their room.
    let mount = status["mount"].as_str().unwrap();
    let mut filling = Command::new("sh");
    filling.args(["-c", "cat /dev/zero > \"$0/filler\"; true"]).arg(mount).stderr(Stdio::null());
    assert!(filling.status().unwrap().success());
    let refused = nest.session.quietly(&["branch", "create", "x", "--raw"]);
    assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("pool create --size"), "{}", refused.stderr);
    assert_eq!(nest.names(), ["greedy", "modest"]);
    nest.done(&["branch", "delete", "greedy"]);
    std::fs::remove_file(format!("{mount}/filler")).unwrap();
    let url = nest.create("x");
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "20");
    let modest = nest.done(&["branch", "url", "modest"]).stdout;
    assert_eq!(psql(server, modest.trim(), "SELECT count(*) FROM t"), "20");
    for name in ["x", "modest"] {
        nest.done(&["branch", "delete", name]);
    }
    nest.done(&["pool", "destroy"]);
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
