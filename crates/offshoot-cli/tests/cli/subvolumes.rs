//! Branches on btrfs: each is a snapshot of the image's subvolume, and no subvolume stays when they go.

use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::shared;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Subvolumes below a folder, but for those that are only waiting for the file system to clear them away.
fn subvolumes(folder: &Path) -> usize {
    let output = Command::new("btrfs").args(["subvolume", "list"]).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn branches_are_snapshots_of_the_image() {
    let Some(disk) = LoopDisk::mount(Kind::Btrfs, 1000) else { return };
    set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared();
    let db = server.fresh_db("subvolumes");
    server.psql(&db, "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 8) AS v FROM generate_series(1, 50000) n");
    let nest = Nest::of_in(disk.path(), server, &db);
    nest.done(&["image", "build", "--raw"]);
    assert_eq!(subvolumes(disk.path()), 1, "the image is one");
    let text = "[branch]\nfrom = 'prod'\nspares = 1\nspares_started = false\n";
    let spares = |count: usize| {
        std::fs::write(
            nest.session.dir().join("offshoot.toml"),
            text.replace("spares = 1", &format!("spares = {count}")),
        )
        .unwrap();
        nest.done(&["branch", "tend"]);
    };
    spares(0);
    let made = nest.done(&["--json", "branch", "create", "a", "--raw"]).json();
    assert_eq!(made["method"], "snapshot");
    let url = made["url"].as_str().unwrap();
    nest.done(&["verify", "prod", "--against", url]);
    psql(server, url, "DELETE FROM t WHERE n > 5");
    let own = nest.list()[0]["own_bytes"].as_u64().unwrap();
    let image = nest.done(&["--json", "image", "list"]).json()["images"][0]["bytes"].as_u64().unwrap();
    assert!(own < image / 2, "{own} of {image} bytes are its own");
    spares(1);
    // The background of the reset itself makes another one.
    let reset = nest.done(&["--json", "branch", "reset", "a", "--raw"]).json();
    assert_eq!((reset["method"].as_str(), reset["url"].as_str()), (Some("spare"), Some(url)));
    assert_eq!(psql(server, url, "SELECT count(*) FROM t"), "50000");
    spares(0);
    let reset = nest.done(&["--json", "branch", "reset", "a", "--raw"]).json();
    assert_eq!((reset["method"].as_str(), reset["url"].as_str()), (Some("snapshot"), Some(url)));
    nest.done(&["verify", "prod", "--against", url]);
    nest.list();
    nest.done(&["branch", "delete", "a"]);
    while nest.data_directories() > 0 {
        nest.list();
    }
    assert_eq!(subvolumes(disk.path()), 1, "of branches, spares and what resets left nothing stays");
    nest.done(&["forget", "prod"]);
    nest.done(&["image", "gc"]);
    assert_eq!(subvolumes(disk.path()), 0);
}
