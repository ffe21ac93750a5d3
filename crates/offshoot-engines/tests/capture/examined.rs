//! What the doctor says of a database before it is captured.

use crate::conninfo;
use offshoot_engines::postgres::doctor::doctor;
use offshoot_testkit::postgres::shared;

#[test]
fn what_stands_in_the_way_is_named() {
    let (server, db) = (shared(), shared().fresh_db("doctor"));
    server.psql(&db, "CREATE TABLE plain (i int PRIMARY KEY); CREATE UNLOGGED TABLE u (i int PRIMARY KEY); CREATE TABLE r (o regclass)");
    let pg_dump = [server.binaries().pg_dump().unwrap()];
    let report = doctor(&conninfo(&server.url(&db)), &pg_dump).unwrap();
    assert!(report.is_ready(), "{report:?}");
    assert_eq!(
        (report.unlogged.as_slice(), report.keyless_tables.as_slice()),
        (&["public.u".to_owned()][..], &["public.r".to_owned()][..])
    );
    assert_eq!(report.text_tables, [("public.r".to_owned(), "pg_catalog.regclass".to_owned())]);
    assert!(!report.is_standby && report.database == db);
    // Without pg_dump, without rights, and with a lock in the way.
    server.psql(&db, "DROP ROLE IF EXISTS doctor_reader; CREATE ROLE doctor_reader LOGIN");
    let url = server.url(&db).replacen("postgres@", "doctor_reader@", 1);
    std::thread::scope(|scope| {
        scope.spawn(|| server.psql(&db, "BEGIN; LOCK TABLE plain; SELECT pg_sleep(3)"));
        std::thread::sleep(std::time::Duration::from_millis(500));
        let report = doctor(&conninfo(&url), &[]).unwrap();
        assert!(!report.is_ready());
        assert!(report.no_pg_dump.unwrap().contains("pg_dump was not found"));
        assert_eq!(report.grants.len(), 3, "{:?}", report.grants);
        assert_eq!(report.locks.first().map(|(_, table)| table.as_str()), Some("public.plain"));
    });
    server.psql(&db, "DROP ROLE doctor_reader");
}
