//! Ctrl-C: the first one ends an operation in good order, with nothing half visible; the second one ends it at once.

use crate::bad_source::locker_of;
use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::phases;
use offshoot_testkit::postgres::shared;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn the_first_signal_stops_a_capture() {
    let server = shared();
    let db = server.fresh_db("stopped");
    server.psql(&db, "CREATE TABLE busy (id int PRIMARY KEY)");
    for signal in [Signal::INT, Signal::TERM] {
        let mut locker = locker_of(server, &db);
        let session = Session::new();
        session.quietly(&["init", "--raw"]);
        let mut command = session.command(&["-v", "capture", &server.url(&db), "--lock-wait", "5m"]);
        let mut capture = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(capture.stderr.take().unwrap()).lines().map(Result::unwrap);
        // It waits for the lock now, for as long as this test runs.
        assert!(lines.any(|line| line.contains("step=\"lock\"")));
        kill_process(Pid::from_child(&capture), signal).unwrap();
        let said: Vec<String> = lines.collect();
        assert_eq!(capture.wait().unwrap().code(), Some(130), "{said:?}");
        assert!(said.iter().any(|line| line.starts_with("error: interrupted")), "{said:?}");
        assert!(session.quietly(&["log"]).stdout.starts_with("no snapshots"));
        let leases = std::fs::read_dir(session.dir().join(".offshoot/leases")).unwrap().count();
        let left = std::fs::read_dir(session.dir().join(".offshoot/tmp")).unwrap().count();
        assert_eq!((leases, left), (0, 0));
        locker.kill().unwrap();
        locker.wait().unwrap();
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let server = shared();
    let db = server.fresh_db("ended");
    server.psql(&db, "CREATE TABLE busy (id int PRIMARY KEY)");
    let mut locker = locker_of(server, &db);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let mut command = session.command(&["-v", "capture", &server.url(&db), "--lock-wait", "5m"]);
    let mut capture = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(capture.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("step=\"lock\"")));
    let process = Pid::from_child(&capture);
    // Both are there before it can do anything about the first.
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        kill_process(process, signal).unwrap();
    }
    let said: Vec<String> = lines.collect();
    assert_eq!(capture.wait().unwrap().code(), Some(130), "{said:?}");
    assert!(said.iter().any(|line| line.contains("press Ctrl-C again to end at once")), "{said:?}");
    assert!(!said.iter().any(|line| line.starts_with("error:")), "it did not wait for an orderly end: {said:?}");
    locker.kill().unwrap();
    locker.wait().unwrap();
    assert!(session.quietly(&["log"]).stdout.starts_with("no snapshots"));
    assert_eq!(session.quietly(&["verify"]).code, Some(0));
    assert_eq!(
        session.quietly(&["capture", &server.url(&db)]).code,
        Some(0),
        "what was left behind is in nobody's way"
    );
}

#[test]
fn a_restore_that_is_interrupted_is_marked_and_a_rerun_completes() {
    let server = shared();
    let db = server.fresh_db("interrupted_from");
    server.psql(&db, phases::SCRIPT);
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    assert_eq!(session.quietly(&["capture", &server.url(&db), "--name", "prod"]).code, Some(0));
    let wanted = fingerprint(server, &db);
    for (lock, statement, label) in phases::HELD {
        let copy = server.fresh_db("interrupted_to");
        let hold = server.hold(&copy, lock);
        let mut command = session.command(&["restore", "prod", "--to", &server.url(&copy)]);
        let restore = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        server.wait_for_held(statement);
        kill_process(Pid::from_child(&restore), Signal::INT).unwrap();
        // What waits is ended while the lock is still held.
        let output = restore.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("error: ") && said.contains("marked as incomplete"), "{said}");
        let step = server.psql(&copy, "SELECT step FROM offshoot_incomplete.restore");
        assert!(!step.is_empty(), "in {label}");
        drop(hold);
        let again = session.quietly(&["restore", "prod", "--to", &server.url(&copy)]);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        assert_eq!(fingerprint(server, &copy), wanted, "after {label}");
        server.dropdb(&copy);
    }
}
