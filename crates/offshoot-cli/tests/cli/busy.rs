//! One store, several processes: each command says what it waits for or gives way to, and nothing is lost.
//!
//! A command is held where it has just taken its lease: it logs that, and its log is a pipe that is full.

use crate::session::{RAW_WARNING, Session};
use offshoot_testkit::postgres::{Server, shared};
use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, Stdio};
use std::time::Duration;

/// What a pipe holds on Linux before its writer waits.
const PIPE_BYTES: usize = 64 << 10;

/// A command that stands still with its lease.
struct Held {
    command: Child,
    log: PipeReader,
}

impl Held {
    fn start(session: &Session, args: &[&str]) -> Self {
        let (log, mut writer) = pipe().unwrap();
        let room = if args[0] == "capture" { RAW_WARNING.len() } else { 0 };
        writer.write_all(&vec![b'.'; PIPE_BYTES - room]).unwrap();
        let mut command = session.command(args);
        command.env("RUST_LOG", "offshoot_core::store::lease=debug").stdout(Stdio::null()).stderr(writer);
        let command = command.spawn().unwrap();
        let leases = session.dir().join(".offshoot/leases");
        while std::fs::read_dir(&leases).unwrap().count() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { command, log }
    }

    /// Lets it go on to its end.
    fn finish(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        (self.command.wait().unwrap().code(), said.trim_start_matches('.').to_owned())
    }
}

fn session_with_snapshot(name: &str) -> (Session, String) {
    let server = shared();
    let db = server.fresh_db(name);
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, n FROM generate_series(1, 5000) n",
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let url = server.url(&db);
    assert_eq!(session.quietly(&["capture", &url, "--name", "kept"]).code, Some(0));
    assert_eq!(session.quietly(&["capture", &url, "--name", "gone"]).code, Some(0));
    assert_eq!(session.quietly(&["forget", "gone"]).code, Some(0));
    (session, url)
}

#[test]
fn a_second_gc_is_told_of_the_first() {
    let (session, _) = session_with_snapshot("two_gcs");
    let first = Held::start(&session, &["gc", "--grace", "0s"]);
    let second = session.quietly(&["gc", "--grace", "0s"]);
    assert_eq!(second.code, Some(1), "{}", second.stdout);
    assert!(second.stderr.contains("error: another gc runs in .offshoot"), "{}", second.stderr);
    assert!(second.stderr.contains("\nhint: "), "{}", second.stderr);
    let (code, said) = first.finish();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(session.quietly(&["verify"]).code, Some(0));
}

#[test]
fn a_capture_and_a_gc_work_beside_each_other() {
    let (session, url) = session_with_snapshot("beside");
    let gc = Held::start(&session, &["gc", "--grace", "0s"]);
    let captured = session.quietly(&["capture", &url, "--name", "beside_gc"]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    assert_eq!(gc.finish().0, Some(0));
    assert_eq!(session.quietly(&["verify"]).code, Some(0));

    let capture = Held::start(&session, &["capture", &url, "--name", "beside_capture"]);
    for _ in 0..3 {
        let collected = session.quietly(&["gc", "--grace", "0s"]);
        assert_eq!(collected.code, Some(0), "{}", collected.stderr);
    }
    let (code, said) = capture.finish();
    assert_eq!(code, Some(0), "{said}");
    let verified = session.quietly(&["--json", "verify"]);
    assert_eq!((verified.code, &verified.json()["snapshots"]), (Some(0), &3.into()), "{}", verified.stdout);
}

#[test]
fn two_captures_of_one_name_end_in_one_each_told() {
    let (session, url) = session_with_snapshot("two_captures");
    let first = Held::start(&session, &["capture", &url, "--name", "kept"]);
    let second = session.quietly(&["capture", &url, "--name", "kept"]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let (code, said) = first.finish();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(session.quietly(&["--json", "verify"]).json()["snapshots"], 3, "one after the other, none is lost");
}

/// A restore that stands still in the middle of its rows.
fn held_restore(session: &Session, server: &Server, target: &str, address: &str) -> (Child, rustix::process::Pid) {
    let mut command = session.command(&["restore", address, "--to", &server.url(target), "--jobs", "1"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let is_loading = "SELECT count(*) FROM pg_stat_progress_copy";
    while server.psql(target, is_loading) == "0" {
        std::thread::sleep(Duration::from_millis(2));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    (child, pid)
}

#[test]
fn a_restore_beside_a_gc_has_all_its_rows_or_says_that_they_are_gone() {
    let server = shared();
    let db = server.fresh_db("restored_beside");
    // Rows that do not compress, in several packs' worth of chunks.
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         INSERT INTO t SELECT n, (SELECT string_agg(md5((n * 100 + i)::text), '') FROM generate_series(1, 30) i)
         FROM generate_series(1, 60000) n",
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let capture =
        |name: &str| assert_eq!(session.quietly(&["capture", &server.url(&db), "--name", name]).code, Some(0));
    capture("kept");
    server.psql(&db, "UPDATE t SET v = v || 'x'");
    capture("gone");
    let finish = |child: Child, pid| {
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let copy = server.fresh_db("restored_beside_copy");
    let rows = |copy: &str| server.psql(copy, "SELECT count(*), sum(length(v)), sum(id) FROM t");

    // What others forgot goes; what is restored stays.
    let (child, pid) = held_restore(&session, server, &copy, "kept");
    assert_eq!(session.quietly(&["forget", "gone"]).code, Some(0));
    let collected = session.quietly(&["gc", "--grace", "0s"]);
    assert_eq!(collected.code, Some(0), "{}", collected.stderr);
    let (code, said) = finish(child, pid);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(rows(&copy), format!("60000|{}|1800030000", 60_000 * 960));

    // Its own snapshot is forgotten, and its packs removed.
    let other = server.fresh_db("restored_beside_gone");
    let (child, pid) = held_restore(&session, server, &other, "kept");
    assert_eq!(session.quietly(&["forget", "kept"]).code, Some(0));
    let collected = session.quietly(&["gc", "--grace", "0s"]);
    assert_eq!(collected.code, Some(0), "{}", collected.stderr);
    let (code, said) = finish(child, pid);
    if code == Some(0) {
        // The packs were mapped before they went.
        assert_eq!(rows(&other), rows(&copy));
    } else {
        assert!(said.contains("error: ") && said.contains("\nhint: "), "{said}");
        capture("again");
        let refused = session.quietly(&["restore", "again", "--to", &server.url(&other)]);
        assert!(refused.code == Some(0) || refused.stderr.contains("incomplete"), "{}", refused.stderr);
    }
}
