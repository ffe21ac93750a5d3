//! A target whose disk fills up: the error says so and what to do, the target is marked, and with room a rerun completes.

use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use offshoot_testkit::small_disk::SmallDisk;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// An index is as large as the rows, so that these can fit where it does not.
const SCRIPT: &str = "
CREATE TABLE big (id int PRIMARY KEY, a text);
INSERT INTO big SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 30000) i;
CREATE INDEX by_text ON big (a); CREATE INDEX by_both ON big (a, id)";

#[test]
fn a_target_that_is_full_is_marked_and_with_room_a_rerun_completes() {
    // Where another user, as which the server runs, may look.
    let folder = tempfile::Builder::new().prefix("offshoot-full-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = folder.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let Some(small) = SmallDisk::mount(&place, 64) else {
        println!("SKIPPED a_target_that_is_full: mounting a tmpfs is not allowed here");
        return;
    };
    let space = place.join("space");
    let mut made = Command::new("setpriv");
    made.args(["--reuid=nobody", "--clear-groups", "mkdir", "-m", "700"]).arg(&space);
    assert!(made.status().unwrap().success());
    let server = Server::start(ServerOptions::new().own_identity());
    server.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", space.display()));
    server.createdb("full", "TABLESPACE small");
    let source = shared().fresh_db("full_source");
    shared().psql(&source, SCRIPT);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &shared().url(&source), "--name", "prod"]).code, Some(0));

    let restore = || session.quietly(&["restore", "prod", "--to", &server.url("full")]);
    for (room, step) in [(4, "load public.big"), (16, "INDEX ")] {
        server.psql("full", "DROP TABLE IF EXISTS big; CHECKPOINT");
        small.resize(small.used() + room);
        let ran = restore();
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
        for part in ["error: ", step, "No space left on device", "hint: ", "marked as incomplete"] {
            assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
        }
        let comment = server.psql("full", "SELECT obj_description('offshoot_incomplete'::regnamespace)");
        assert!(comment.starts_with("This database is incomplete") && comment.contains(step), "{comment}");
        assert_eq!(session.quietly(&["verify"]).code, Some(0), "the store is as it was");
    }
    small.resize(512);
    let ran = restore();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(fingerprint(&server, "full"), fingerprint(shared(), &source));
    // The server goes before the disk that it has files on.
    drop(server);
}
