//! Ctrl-C: the first one ends an operation in good order, with nothing half visible; the second one ends it at once.

use crate::bad_source::locker_of;
use crate::session::Session;
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
