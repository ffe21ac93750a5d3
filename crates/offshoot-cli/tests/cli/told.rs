//! What a branch is said to be, and is: what was switched off in it, how long it is kept, who is in it, where it is reached from.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::{Server, shared};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

fn nest_of(server: &Server, name: &str, sql: &str) -> (Nest, String) {
    let db = server.fresh_db(name);
    server.psql(&db, sql);
    (Nest::of(server, &db), db)
}

/// Makes a branch with all that is said of it on stderr.
#[track_caller]
fn told(nest: &Nest, args: &[&str]) -> (String, String) {
    let output = nest.session.command(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    (String::from_utf8(output.stdout).unwrap().trim().to_owned(), said)
}

#[test]
fn what_was_switched_off_and_how_files_are_cloned() {
    let server = shared();
    let (nest, _) = nest_of(
        server,
        "told_off",
        "CREATE TABLE que_jobs (id int PRIMARY KEY, run_at timestamptz, job_class text, args json, error_count int);
         INSERT INTO que_jobs (id) VALUES (1), (2);
         CREATE TABLE shops (id int, webhook_url text); INSERT INTO shops VALUES (1, 'https://hook.example/canary')",
    );
    let (url, said) = told(&nest, &["branch", "create", "a", "--raw"]);
    assert!(said.contains("switched off (queues): table public.que_jobs: emptied: que (2)"), "{said}");
    assert!(said.contains("switched off (webhooks): column public.shops.webhook_url"), "{said}");
    assert!(!said.contains("canary"), "a value: {said}");
    let rungs = ["copying, because ", "reflinks: ", "snapshots of subvolumes: "];
    assert_eq!(rungs.iter().filter(|rung| said.contains(**rung)).count(), 1, "{said}");
    assert_eq!(psql(server, &url, "SELECT (SELECT count(*) FROM que_jobs), count(webhook_url) FROM shops"), "0|0");
    fs::write(nest.session.dir().join("offshoot.toml"), "[branch.neutralize]\nqueues = false\n").unwrap();
    let (url, said) = told(&nest, &["branch", "create", "b", "--raw"]);
    assert!(said.contains("left on (queues): table public.que_jobs"), "{said}");
    assert_eq!(psql(server, &url, "SELECT (SELECT count(*) FROM que_jobs), count(webhook_url) FROM shops"), "2|0");
}

#[test]
fn how_long_it_is_kept_and_the_line_for_cron_that_ends_it() {
    let server = shared();
    let (nest, _) = nest_of(server, "told_ttl", "CREATE TABLE t AS SELECT 1 AS x");
    let (_, said) = told(&nest, &["branch", "create", "brief", "--raw", "--ttl", "1s"]);
    let line = said.lines().find_map(|line| line.split("*/10 * * * * ").nth(1)).unwrap();
    assert!(said.contains("kept for 1"), "{said}");
    nest.create("kept");
    std::thread::sleep(Duration::from_millis(1100));
    let mut cron = Command::new("/bin/sh");
    cron.args(["-c", line]).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let output = cron.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(nest.folders().len(), 1, "{line}");
    assert_eq!(nest.names(), ["kept"]);
}

#[test]
fn what_the_list_shows() {
    let server = shared();
    let (nest, _) = nest_of(server, "told_list", "CREATE TABLE t AS SELECT 1 AS x");
    let (url, _) = told(&nest, &["branch", "create", "a", "--raw", "--ttl", "8h"]);
    let mut session = Command::new(server.binaries().psql())
        .args(["-XAtqc", "SELECT pg_sleep(300)", &url])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    while nest.list()[0]["connections"] != 1 {
        assert!(session.try_wait().unwrap().is_none(), "the session goes on");
    }
    let branch = nest.list().remove(0);
    let number = |key: &str| branch[key].as_u64().unwrap();
    assert_eq!(number("expires_unix_ms") - number("made_unix_ms"), 8 * 3600 * 1000);
    assert_eq!((branch["address"].as_str(), branch["snapshot"].as_str().map(str::len)), (Some("prod"), Some(64)));
    assert!(number("own_bytes") > 0 && number("port") > 0);
    let shown = nest.done(&["branch", "list"]).stdout;
    for word in ["NAME", "STATE", "AGE", "OWN", "SNAPSHOT", "SESSIONS", "KEPT FOR", "running", "prod "] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    session.kill().unwrap();
    session.wait().unwrap();
}

#[test]
fn a_reset_may_go_to_another_snapshot() {
    let server = shared();
    let (nest, db) = nest_of(server, "told_to", "CREATE TABLE t AS SELECT 1 AS x");
    server.psql(&db, "INSERT INTO t VALUES (2)");
    nest.done(&["capture", &server.url(&db), "--name", "prod"]);
    let made = nest.done(&["branch", "create", "a", "--raw", "--from", "prod~1"]);
    let url = made.stdout.trim();
    let rows = || psql(server, url, "SELECT count(*) FROM t");
    assert_eq!(rows(), "1");
    for (to, wanted) in [(Some("prod"), "2"), (None, "2"), (Some("prod~1"), "1")] {
        psql(server, url, "DELETE FROM t");
        let to = to.map_or_else(Vec::new, |to| vec!["--to", to]);
        assert_eq!(nest.done(&[&["branch", "reset", "a", "--raw"][..], &to].concat()).stdout.trim(), url);
        assert_eq!(rows(), wanted, "{to:?}");
    }
}

#[test]
fn nobody_gets_in_who_is_not_let_in() {
    let server = shared();
    let (nest, _) = nest_of(server, "told_closed", "CREATE TABLE t AS SELECT 1 AS x");
    let (one, other) = (nest.create("a"), nest.create("b"));
    let password = |url: &str| url.split('@').next().unwrap().rsplit(':').next().unwrap().to_owned();
    assert!(password(&one).len() >= 32 && password(&one) != password(&other));
    let wrong = one.replace(&password(&one), &password(&other));
    let refused = Command::new(server.binaries().psql()).args(["-XAtqc", "SELECT 1", &wrong]).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("password"));
    let show = |name: &str| psql(server, &one, &format!("SHOW {name}"));
    let loopback = show("listen_addresses");
    assert!(loopback.split(',').all(|address| ["127.0.0.1", "::1"].contains(&address)), "{loopback}");
    let sockets = fs::metadata(show("unix_socket_directories").trim_matches('"')).unwrap();
    assert_eq!((sockets.permissions().mode() & 0o777, show("unix_socket_permissions").as_str()), (0o700, "0700"));
    if offshoot_testkit::place::is_root() {
        let uid = std::os::unix::fs::MetadataExt::uid(&sockets);
        assert_ne!(uid, 0, "servers are not root's");
        for pid in nest.servers() {
            let found = fs::metadata(format!("/proc/{pid}")).unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::uid(&found), uid);
        }
    }
    let record =
        nest.folders().iter().map(|folder| fs::metadata(folder.join("branch.json")).unwrap()).collect::<Vec<_>>();
    assert!(record.iter().all(|found| found.permissions().mode() & 0o077 == 0), "records hold passwords");
}

#[test]
fn a_server_without_a_network_is_reached_by_its_socket_and_reaches_nobody() {
    let server = shared();
    let (nest, db) = nest_of(server, "told_isolated", "CREATE EXTENSION dblink; CREATE TABLE t AS SELECT 1 AS x");
    let made = nest.session.quietly(&["--json", "branch", "create", "a", "--raw", "--isolate-network"]);
    if made.code != Some(0) {
        assert!(made.stderr.contains("network"), "{}", made.stderr);
        println!("SKIPPED a_server_without_a_network: the kernel lets nobody have one here");
        return;
    }
    let made = made.json();
    let url = made["url"].as_str().unwrap();
    assert_eq!(psql(server, url, "SELECT x FROM t"), "1");
    let port = u16::try_from(nest.list()[0]["port"].as_u64().unwrap()).unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "it listens outside");
    let query = format!(
        "SELECT * FROM dblink('host=127.0.0.1 port={} dbname={db} user=postgres', 'SELECT 1') AS x (n int)",
        server.port()
    );
    let reached = Command::new(server.binaries().psql()).args(["-XAtqc", &query, url]).output().unwrap();
    assert!(!reached.status.success(), "it reaches another server");
    assert!(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim() == url);
    assert_eq!(psql(server, url, "SELECT x FROM t"), "1");
}

#[test]
fn making_an_image_shows_its_steps() {
    let server = shared();
    let (nest, _) = nest_of(server, "told_steps", "CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) n");
    let variables: Vec<(&str, &str)> =
        nest.session.variables().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Some(shown) = crate::terminal::on_terminal(&nest.session, &["image", "build", "--raw"], &variables) else {
        println!("SKIPPED making_an_image_shows_its_steps: there is no program `script`");
        return;
    };
    let steps = ["make an empty server", "start it", "switch off what reaches out", "write everything to the disk"];
    assert!(steps.iter().any(|step| shown.contains(step)), "{shown:?}");
    assert!(shown.contains("made in"), "{shown:?}");
}
