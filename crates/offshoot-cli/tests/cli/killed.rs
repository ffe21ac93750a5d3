//! A restore whose process is killed in the middle: the target says that it is incomplete, and a rerun completes.

use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::phases;
use offshoot_testkit::postgres::{Server, shared};
use std::process::{Child, Stdio};

/// Kills it with SIGKILL, looks at what it left, and runs it again.
fn kill_and_run_again(server: &Server, session: &Session, mut restore: Child, copy: &str, is_over: impl FnOnce()) {
    restore.kill().unwrap();
    restore.wait().unwrap();
    is_over();
    let comment = server.psql(copy, "SELECT obj_description('offshoot_incomplete'::regnamespace)");
    assert!(
        comment.starts_with("This database is incomplete") && comment.contains("Run the restore again"),
        "{comment}"
    );
    let again = session.quietly(&["restore", "prod", "--to", &server.url(copy)]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains("catalog and row counts agree"), "{}", again.stdout);
    assert_eq!(server.psql(copy, "SELECT to_regnamespace('offshoot_incomplete') IS NULL"), "t");
}

#[test]
fn a_restore_that_is_killed_is_marked_and_a_rerun_completes() {
    let server = shared();
    let db = server.fresh_db("killed_from");
    server.psql(&db, phases::SCRIPT);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let captured = session.quietly(&["capture", &server.url(&db), "--name", "prod"]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    let wanted = fingerprint(server, &db);
    let start = |copy: &str| {
        let mut command = session.command(&["restore", "prod", "--to", &server.url(copy)]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for (lock, statement, _) in phases::HELD {
        let copy = server.fresh_db("killed_to");
        let hold = server.hold(&copy, lock);
        let restore = start(&copy);
        server.wait_for_held(statement);
        kill_and_run_again(server, &session, restore, &copy, || drop(hold));
        assert_eq!(fingerprint(server, &copy), wanted);
        server.dropdb(&copy);
    }
    // While the catalog is compared: nothing else that a restore of this database does reads the policies.
    let copy = server.fresh_db("killed_to");
    let hold = server.hold_table(&copy, "pg_catalog.pg_policy");
    let restore = start(&copy);
    server.wait_for_session("query LIKE '%WITH relation AS%' AND wait_event_type = 'Lock'");
    kill_and_run_again(server, &session, restore, &copy, || drop(hold));
    assert_eq!(fingerprint(server, &copy), wanted);
    println!("killed in {} phases: half-visible targets 0, reruns that completed: all", phases::HELD.len() + 1);
}
