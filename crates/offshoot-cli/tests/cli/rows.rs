//! Memory does not grow with the rows: a made-up table is captured while the process is watched. With OFFSHOOT_LONG it has a
//! hundred million rows, with OFFSHOOT_ROWS as many as that says.

use crate::memory::watch;
use crate::session::Session;
use offshoot_testkit::postgres::shared;

const MEMORY_MIB: u64 = 512;

#[test]
fn memory_does_not_grow_with_rows() {
    let given = std::env::var("OFFSHOOT_ROWS").ok().map(|rows| rows.parse().unwrap());
    let rows: u64 = given.unwrap_or(if std::env::var_os("OFFSHOOT_LONG").is_some() { 100_000_000 } else { 300_000 });
    let server = shared();
    let db = server.fresh_db("rows");
    server.psql(
        &db,
        &format!(
            "CREATE UNLOGGED TABLE t AS SELECT n AS id, (n * 7919 % 100003)::int AS number, 'epoch'::timestamptz + n * interval '1 s'
                 AS at, (ARRAY['new', 'paid', 'sent'])[1 + n % 3] AS status, md5(n::text) AS note FROM generate_series(1, {rows}::bigint) n;
             ALTER TABLE t ADD PRIMARY KEY (id)"
        ),
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let limit = format!("{MEMORY_MIB}MiB");
    let (captured, peak_mib) =
        watch(&session, &["--json", "capture", &server.url(&db), "--name", "t", "--memory", &limit]);
    assert_eq!(captured.code, Some(0), "{}", captured.stderr);
    let report = captured.json();
    assert_eq!(report["rows"], rows);
    println!("rows: {rows} in {} s, peak memory {peak_mib} MiB of {MEMORY_MIB}", report["seconds"]);
    assert!(peak_mib <= MEMORY_MIB, "{peak_mib} MiB");
    assert_eq!(session.quietly(&["verify", "--quick"]).code, Some(0));
    server.psql("postgres", &format!("DROP DATABASE {db}"));
}
