//! Images and branches where the disk is full: the error says so, nothing half is seen, what makes room works, and with room the
//! same command succeeds.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::shared;
use offshoot_testkit::small_disk::SmallDisk;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A command fails for want of room, and leaves as many branches as there were.
#[track_caller]
pub fn is_too_full(nest: &Nest, args: &[&str]) {
    let before = nest.folders().len();
    let ran = nest.session.quietly(args);
    assert_eq!(ran.code, Some(1), "{args:?}: {}{}", ran.stdout, ran.stderr);
    let words = ["No space left on device", "is full", "no room is left", "wrote only"];
    assert!(words.iter().any(|words| ran.stderr.contains(words)), "{args:?}: {}", ran.stderr);
    assert_eq!(nest.folders().len(), before, "{args:?}");
}

/// Takes all the room that is left.
pub fn fill(folder: &Path) {
    let mut file = fs::File::create(folder.join("filler")).unwrap();
    for piece in [1 << 20, 4096, 1] {
        while file.write_all(&vec![7; piece]).is_ok() {}
    }
}

#[test]
fn images_and_branches_on_a_full_disk() {
    // Where another user, as which the server runs, may look.
    let folder = tempfile::Builder::new().prefix("offshoot-full-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let Some(small) = SmallDisk::mount(folder.path(), 4) else {
        println!("SKIPPED images_and_branches_on_a_full_disk: mounting a tmpfs is not allowed here");
        return;
    };
    let server = shared();
    let db = server.fresh_db("full_disk");
    server.psql(&db, "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 8) AS v FROM generate_series(1, 60000) n");
    let nest = Nest::of_in(folder.path(), server, &db);

    // Too small for an empty server, for its start, and for the rows.
    for megabytes in [4, 30, 44] {
        small.resize(megabytes);
        is_too_full(&nest, &["image", "build", "--raw"]);
        assert!(nest.done(&["--json", "image", "list"]).json()["images"].as_array().unwrap().is_empty());
        assert_eq!(nest.servers(), Vec::<u32>::new());
        assert!(small.used() < 2, "{} MB are left behind", small.used());
    }
    small.resize(600);
    let image = nest.done(&["--json", "image", "build", "--raw"]).json();
    let bytes = u32::try_from(image["bytes"].as_u64().unwrap() >> 20).unwrap();
    for room in [0, bytes / 2, bytes - 2] {
        small.resize(small.used() + room);
        is_too_full(&nest, &["branch", "create", "a", "--raw"]);
        assert!(nest.names().is_empty());
    }
    small.resize(600);
    let url = nest.create("a");
    small.resize(small.used() + bytes / 2);
    is_too_full(&nest, &["branch", "reset", "a", "--raw"]);
    assert_eq!(nest.done(&["branch", "url", "a"]).stdout.trim(), url);
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "60000", "it has what it had");

    // What makes room asks for none.
    small.resize(600);
    nest.create("b");
    nest.done(&["branch", "reset", "b", "--raw"]);
    fill(folder.path());
    assert_eq!(nest.names(), ["a", "b"]);
    assert_eq!(nest.data_directories(), 2, "what the reset left is removed");
    fill(folder.path());
    nest.done(&["branch", "delete", "a"]);
    nest.done(&["branch", "delete", "b"]);
    assert!(nest.folders().is_empty() && nest.servers().is_empty());
    fs::remove_file(folder.path().join("filler")).unwrap();
    let url = nest.create("a");
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "60000");
}
