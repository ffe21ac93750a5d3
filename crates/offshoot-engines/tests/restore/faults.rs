//! Connections that are lost, servers that stop and disks that fill up, at every step of a restore: the target never looks
//! complete, the error says where it was and what to do, and a rerun completes.

use crate::taken::{Taken, take};
use crate::watched::Watched;
use crate::{assert_same, assert_same_on, id, options, target, try_restore};
use offshoot_core::Control;
use offshoot_restore::{Plan, RawSnapshot, RestoreError, RestoreReport, apply};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::phases;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use offshoot_testkit::small_disk::SmallDisk;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Restores, and calls the hook before everything that is done.
pub fn restore_watched(
    taken: &Taken,
    server: &Server,
    db: &str,
    jobs: usize,
    hook: &(dyn Fn(usize, &str) + Sync),
) -> Result<RestoreReport, RestoreError> {
    let target = target(server, db);
    let watched = Watched::new(&target, hook);
    let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
    let plan = Plan::new(snapshot, &watched, options(jobs))?;
    apply(&plan, &watched, &Control::default())
}

/// A target that holds something is marked. Gives what the mark says.
#[track_caller]
fn assert_marked(server: &Server, db: &str) -> String {
    let sql = "SELECT step FROM offshoot_incomplete.restore";
    let step = server.try_psql(db, sql).unwrap_or_else(|error| panic!("the target looks complete: {error}"));
    let comment = server.psql(db, "SELECT obj_description('offshoot_incomplete'::regnamespace)");
    assert!(comment.starts_with("This database is incomplete") && comment.contains("Run the restore again"));
    step
}

/// The error of a step says which, why, and what to do.
#[track_caller]
fn assert_told(error: &RestoreError, label: Option<&str>) {
    let text = error.to_string();
    assert!(matches!(error, RestoreError::Step { .. }), "{text}");
    assert!(label.is_none_or(|label| text.contains(label)), "{text} does not name {label:?}");
    assert!(text.contains("marked as incomplete") && text.contains("run the restore again"), "{text}");
}

#[test]
fn a_lost_answer_to_the_last_step_is_looked_after() {
    let server = shared();
    let (from, to) = (server.fresh_db("answer_from"), server.fresh_db("answer_to"));
    server.psql(&from, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let (taken, wanted) = (take(server, &from), fingerprint(server, &from));
    let restore = |db: &str, hook: &(dyn Fn(usize, &str) + Sync)| {
        let target = target(server, db);
        let mut watched = Watched::new(&target, hook);
        watched.loses_last_answer = true;
        let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
        apply(&Plan::new(snapshot, &watched, options(2))?, &watched, &Control::default())
    };
    restore(&to, &|_, _| ()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fingerprint(server, &to), wanted);
    // Where nobody can look, it is said so.
    let to = server.fresh_db("answer_unseen");
    let may_connect = |may: bool| server.psql("postgres", &format!("ALTER DATABASE {to} WITH ALLOW_CONNECTIONS {may}"));
    let error = restore(&to, &|_, what| drop((what == "unmarked").then(|| may_connect(false)))).unwrap_err();
    may_connect(true);
    assert!(matches!(&error, RestoreError::Unsure { .. }), "{error}");
    assert!(
        error.to_string().contains("may be complete") && error.to_string().contains("offshoot_incomplete"),
        "{error}"
    );
    assert_eq!(fingerprint(server, &to), wanted);
}

#[test]
fn a_connection_lost_before_any_step_leaves_a_mark_and_a_rerun_completes() {
    let server = shared();
    let (from, to) = (server.fresh_db("lost_from"), server.fresh_db("lost_to"));
    server.psql(&from, phases::SCRIPT);
    let taken = take(server, &from);
    let wanted = fingerprint(server, &from);
    let steps = Mutex::new(Vec::new());
    restore_watched(&taken, server, &to, 2, &|_, what| steps.lock().unwrap().push(what.to_owned())).unwrap();
    let steps = steps.into_inner().unwrap();
    for phase in [
        "TABLE public.t",
        "load t",
        "INDEX public.held_index",
        "CHECK OF FK",
        "REFRESH",
        "ANALYZE",
        "count",
        "compare",
        "unmark",
    ] {
        assert!(steps.iter().any(|step| step.contains(phase)), "{phase} is not among {steps:?}");
    }
    server.dropdb(&to);
    server.createdb(&to, "");
    let mut half_visible = 0;
    for point in 0..steps.len() {
        let lost = Mutex::new(None);
        let outcome = restore_watched(&taken, server, &to, 2, &|number, what| {
            if number == point {
                *lost.lock().unwrap() = Some(what.to_owned());
                server.terminate(&format!("datname = '{to}'"));
            }
        });
        let lost = lost.into_inner().unwrap().unwrap();
        let error = outcome.err().unwrap_or_else(|| panic!("lost before {lost}, and nobody noticed"));
        assert_told(&error, None);
        if server.psql(&to, "SELECT to_regclass('offshoot_incomplete.restore') IS NULL") == "t" {
            // Before the first mark nothing is there.
            half_visible += usize::from(
                server.psql(&to, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") != "0",
            );
            assert_eq!(point, 0, "{lost}");
        } else {
            assert_marked(server, &to);
        }
        if point % 4 == 3 || point + 1 == steps.len() {
            restore_watched(&taken, server, &to, 2, &|_, _| {}).unwrap_or_else(|error| panic!("after {lost}: {error}"));
            assert_eq!(fingerprint(server, &to), wanted, "after {lost}");
            server.dropdb(&to);
            server.createdb(&to, "");
        }
    }
    eprintln!("connections lost before each of {} steps: half-visible targets {half_visible}", steps.len());
    assert_eq!(half_visible, 0);
}

#[test]
fn a_connection_lost_inside_a_phase_leaves_a_mark_and_a_rerun_completes() {
    inside_each_phase(shared(), true, |server, statement| {
        server.terminate(&format!("query LIKE '{statement}%' AND wait_event = 'advisory'"));
    });
}

#[test]
fn a_server_restarted_inside_a_phase_leaves_a_mark_and_a_rerun_completes() {
    let server = Server::start(ServerOptions::new().own_identity());
    inside_each_phase(&server, false, |server, _| {
        server.crash();
        server.restart();
    });
}

/// With another connection lost at the same time, that one's step may be the one that is named.
fn inside_each_phase(server: &Server, is_named: bool, fault: impl Fn(&Server, &str) + Sync) {
    // On a server that is left alone: a crash makes sequences jump.
    let from = shared().fresh_db("inside_from");
    shared().psql(&from, phases::SCRIPT);
    let taken = take(shared(), &from);
    let to = server.fresh_db("inside_to");
    for (phase, statement, label) in phases::HELD {
        let hold = server.hold(&to, phase);
        let error = std::thread::scope(|scope| {
            let restore = scope.spawn(|| try_restore(&taken, server, &to, options(2)).unwrap_err());
            server.wait_for_held(statement);
            fault(server, statement);
            restore.join().unwrap()
        });
        drop(hold);
        assert_told(&error, is_named.then_some(label));
        assert_marked(server, &to);
        try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("after {label}: {error}"));
        assert_same_on([shared(), server], [&from, &to]);
        server.dropdb(&to);
        server.createdb(&to, "");
    }
    eprintln!("faults inside {} phases: half-visible targets 0, reruns that completed: all", phases::HELD.len());
}

#[test]
fn a_server_that_stays_away_is_told_and_the_mark_is_there_when_it_is_back() {
    let server = Server::start(ServerOptions::new().own_identity());
    let (from, to) = (shared().fresh_db("away_from"), server.fresh_db("away_to"));
    shared().psql(&from, phases::SCRIPT);
    let taken = take(shared(), &from);
    let mut points = 0;
    for fault_at in
        ["TABLE public.t", "load t", "INDEX public.held_index", "REFRESH public.m", "count", "compare", "unmark"]
    {
        let gone = AtomicBool::new(false);
        let error = restore_watched(&taken, &server, &to, 2, &|_, what| {
            if what == fault_at && !gone.swap(true, Ordering::SeqCst) {
                server.crash();
            }
        })
        .unwrap_err();
        if fault_at == "unmark" {
            // With the server gone nobody can see that the mark stayed.
            assert!(matches!(&error, RestoreError::Unsure { .. }), "{error}");
        } else {
            assert_told(&error, None);
        }
        server.restart();
        assert_marked(&server, &to);
        points += 1;
    }
    try_restore(&taken, &server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_same_on([shared(), &server], [&from, &to]);
    eprintln!("servers gone before {points} steps: half-visible targets 0");
}

#[test]
fn a_full_disk_is_named_and_with_room_a_rerun_completes() {
    let folder = tempfile::Builder::new().prefix("offshoot-full-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let place = folder.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let Some(small) = SmallDisk::mount(&place, 64) else {
        println!("SKIPPED a_full_disk_is_named_and_with_room_a_rerun_completes: mounting a tmpfs is not allowed here");
        return;
    };
    let server = Server::start(ServerOptions::new().own_identity());
    let made = Command::new("setpriv")
        .args(["--reuid=nobody", "--clear-groups", "mkdir", "-m", "700"])
        .arg(place.join("space"))
        .status();
    assert!(made.unwrap().success());
    server.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.join("space").display()));
    let from = server.fresh_db("full_from");
    // Rows are no larger than their indexes, so that the rows fit where the indexes do not.
    server.psql(
        &from,
        "CREATE TABLE public.big (id int, a text);
         INSERT INTO public.big SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 30000) i;
         CREATE INDEX one ON public.big (a); CREATE INDEX two ON public.big (lower(a)); CREATE INDEX three ON public.big (id, a)",
    );
    let taken = take(&server, &from);
    server.createdb("full_to", "TABLESPACE small");
    server.psql("full_to", "CHECKPOINT");
    let mut told = Vec::new();
    for (room, label) in [(4, "load public.big"), (16, "INDEX public.")] {
        server.psql("full_to", "DROP TABLE IF EXISTS big; CHECKPOINT");
        small.resize(small.used() + room);
        let error = try_restore(&taken, &server, "full_to", options(1)).unwrap_err();
        assert_told(&error, Some(label));
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert_marked(&server, "full_to");
        told.push(label);
    }
    small.resize(512);
    try_restore(&taken, &server, "full_to", options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_same(&server, &from, "full_to");
    eprintln!("disks full in {told:?}: half-visible targets 0");
    drop(server);
}
