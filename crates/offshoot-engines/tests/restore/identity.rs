//! What is the snapshot's own source: the same database of the same server, or of a byte-wise copy of that server; not a
//! database that only has the same number on another server. And two restores into one database.

use crate::taken::{Taken, take};
use crate::{assert_same_on, id, options, target, target_of, try_restore};
use offshoot_core::Control;
use offshoot_restore::{Plan, RawSnapshot, RestoreError, apply};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};

#[test]
fn the_own_source_is_told_by_server_and_database() {
    let numbered = |server: &Server| {
        let ask = "SELECT system_identifier, d.oid FROM pg_control_system(), pg_database d WHERE datname = 'first'";
        server.psql("first", ask).split_once('|').map(|(server, db)| (server.to_owned(), db.to_owned())).unwrap()
    };
    let [source, copy, other] = [false, false, true].map(|own| {
        let options = ServerOptions::new();
        let server = Server::start(if own { options.own_identity() } else { options });
        server.createdb("first", "");
        server
    });
    source.psql("first", "CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let taken = take(&source, "first");
    // The same in both: what a standby or a copied data directory of the source is.
    assert_eq!(numbered(&source), numbered(&copy));
    // Another server, on which the database happens to have the same number.
    assert_eq!(numbered(&source).1, numbered(&other).1);
    assert_ne!(numbered(&source).0, numbered(&other).0);
    let mut forced = options(1);
    forced.force = true;
    for (server, options) in [(&source, options(1)), (&source, forced.clone()), (&copy, options(1)), (&copy, forced)] {
        let error = try_restore(&taken, server, "first", options).unwrap_err();
        assert!(matches!(&error, RestoreError::OwnSource { .. }) && error.is_refusal(), "{error}");
    }
    assert_eq!(source.psql("first", "SELECT count(*) FROM t"), "1");
    try_restore(&taken, &other, "first", options(1)).unwrap_or_else(|error| panic!("{error}"));
    assert_same_on([&source, &other], ["first", "first"]);
}

#[test]
fn the_own_source_is_refused_also_where_the_server_keeps_its_number_from_its_users() {
    let source = Server::start(ServerOptions::new());
    source.createdb("kept", "");
    source.createdb("other", "");
    source.psql(
        "kept",
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE ROLE plain LOGIN IN ROLE pg_read_all_data",
    );
    let hide = "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC";
    let show = "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO PUBLIC";
    for db in ["kept", "other"] {
        source.psql(
            db,
            &format!("{hide}; GRANT CREATE ON DATABASE {db} TO plain; GRANT CREATE ON SCHEMA public TO plain"),
        );
    }
    let known = take(&source, "kept");
    let mut unknown = take(&source, "kept");
    assert!(!known.manifest.origin.system_id.is_empty());
    unknown.manifest.origin.system_id.clear();
    let mut forced = options(1);
    forced.force = true;
    let refused = |taken: &Taken, user: &str, db: &str| {
        let target = target_of(&source.url(db).replacen("postgres@", &format!("{user}@"), 1));
        let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
        Plan::new(snapshot, &target, forced.clone()).map(drop)
    };
    for (taken, user) in [(&unknown, "plain"), (&unknown, "postgres"), (&known, "plain")] {
        let error = refused(taken, user, "kept").unwrap_err();
        assert!(matches!(&error, RestoreError::PerhapsSource { .. }) && error.is_refusal(), "{error}");
        assert!(error.to_string().contains("GRANT EXECUTE") && error.to_string().contains("another name"), "{error}");
        let other = refused(taken, user, "other");
        assert!(!matches!(other, Err(RestoreError::PerhapsSource { .. })), "{other:?}");
    }
    source.psql("kept", show);
    assert!(matches!(refused(&known, "plain", "kept"), Err(RestoreError::OwnSource { .. })));
}

#[test]
fn all_sessions_of_a_restore_meet_at_one_server() {
    let from = shared().fresh_db("pinned_from");
    shared().psql(
        &from,
        "CREATE TABLE t AS SELECT generate_series(1, 1000) i; CREATE TABLE u AS TABLE t; CREATE TABLE v AS TABLE t",
    );
    let taken = take(shared(), &from);
    let servers = [(); 2].map(|()| Server::start(ServerOptions::new().own_identity()));
    let [first, second] = [&servers[0], &servers[1]];
    let both = format!(
        "host=127.0.0.1,127.0.0.1 port={},{} user=postgres dbname=either load_balance_hosts=random",
        first.port(),
        second.port()
    );
    for _ in 0..6 {
        servers.iter().for_each(|server| server.createdb("either", ""));
        let target = target_of(&both);
        let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
        let plan = Plan::new(snapshot, &target, options(3)).unwrap();
        apply(&plan, &target, &Control::default()).unwrap_or_else(|error| panic!("{error}"));
        let tables = servers.each_ref().map(|server| {
            server.psql(
                "either",
                "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
            )
        });
        assert!(tables == ["3", "0"] || tables == ["0", "3"], "{tables:?}");
        servers.iter().for_each(|server| server.dropdb("either"));
    }
}

#[test]
fn a_target_that_is_another_database_by_now_is_left_alone() {
    let server = shared();
    let (from, to) = (server.fresh_db("swapped_from"), server.fresh_db("swapped_to"));
    server.psql(&from, "CREATE TABLE t (a int)");
    let taken = take(server, &from);
    let target = target(server, &to);
    let plan = Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, options(1)).unwrap();
    server.dropdb(&to);
    server.createdb(&to, "");
    let error = apply(&plan, &target, &Control::default()).unwrap_err();
    assert!(error.to_string().contains("leads to another database now"), "{error}");
    assert_eq!(server.psql(&to, "SELECT to_regnamespace('offshoot_incomplete') IS NULL"), "t");
}

#[test]
fn a_second_restore_into_the_same_database_is_refused_while_the_first_is_at_work() {
    use offshoot_testkit::phases;
    let server = shared();
    let (from, to) = (server.fresh_db("twice_from"), server.fresh_db("twice_to"));
    server.psql(&from, phases::SCRIPT);
    let taken = take(server, &from);
    let second = target(server, &to);
    let snapshot = || RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
    // Planned before the first began, so that only its own first step can notice.
    let planned = Plan::new(snapshot(), &second, options(1)).unwrap();
    let hold = server.hold(&to, phases::HELD[0].0);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| try_restore(&taken, server, &to, options(2)));
        server.wait_for_held(phases::HELD[0].1);
        for error in [
            apply(&planned, &second, &Control::default()).unwrap_err(),
            Plan::new(snapshot(), &second, options(1)).map(drop).unwrap_err(),
        ] {
            assert!(error.to_string().contains("another restore is at work in this database"), "{error}");
        }
        drop(hold);
        first.join().unwrap().unwrap_or_else(|error| panic!("the first was disturbed: {error}"));
    });
    assert_eq!(fingerprint(server, &from), fingerprint(server, &to));
    assert_eq!(server.psql(&to, "SELECT to_regnamespace('offshoot_incomplete') IS NULL"), "t");
}
