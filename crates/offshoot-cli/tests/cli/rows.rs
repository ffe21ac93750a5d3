//! Memory does not grow with the rows: a made-up table is captured while the process is watched. With OFFSHOOT_LONG it has a
//! hundred million rows.

use crate::session::Session;
use offshoot_testkit::postgres::shared;
use std::process::Stdio;
use std::time::Duration;

const MEMORY_MIB: u64 = 512;

#[test]
fn memory_does_not_grow_with_rows() {
    let rows: u64 = if std::env::var_os("OFFSHOOT_LONG").is_some() { 100_000_000 } else { 300_000 };
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
    let mut command = session.command(&["--json", "capture", &server.url(&db), "--name", "t", "--memory", &limit]);
    let mut capture = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut peak_kib = 0;
    while capture.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", capture.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kib = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak_kib);
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = capture.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rows"], rows);
    println!("rows: {rows} in {} s, peak memory {} MiB of {MEMORY_MIB}", report["seconds"], peak_kib >> 10);
    assert!(peak_kib > 0 && peak_kib >> 10 <= MEMORY_MIB, "{} MiB", peak_kib >> 10);
    assert_eq!(session.quietly(&["verify", "--quick"]).code, Some(0));
    server.psql("postgres", &format!("DROP DATABASE {db}"));
}
