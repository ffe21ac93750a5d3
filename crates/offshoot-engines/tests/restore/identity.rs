//! What is the snapshot's own source: the same database of the same server, or of a byte-wise copy of that server; not a
//! database that only has the same number on another server. And two restores into one database.

use crate::taken::take;
use crate::{assert_same_on, id, options, target, try_restore};
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
