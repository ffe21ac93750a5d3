//! Tests of the throwaway servers themselves, on the installed PostgreSQL.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Binaries, Server, ServerOptions, shared};
use crate::place;

#[test]
fn a_server_starts_answers_and_leaves_nothing() {
    let server = Server::start(ServerOptions::new());
    assert_eq!(server.psql("postgres", "SHOW fsync"), "off");
    assert_eq!(server.psql("postgres", "SHOW server_encoding"), "UTF8");
    assert!(server.psql("postgres", "SELECT version()").contains("PostgreSQL"));
    let (dir, pid) = (server.data_dir().to_path_buf(), server.pid());
    assert!(dir.is_dir());
    drop(server);
    assert!(!dir.exists());
    assert!(!dir.parent().is_some_and(std::path::Path::exists));
    assert!(!is_alive(pid));
}

#[test]
fn both_addresses_lead_to_the_database_of_that_name() {
    let db = "odd \"name\" grüße/%41";
    shared().createdb(db, "");
    for url in [shared().url(db), shared().socket_url(db)] {
        let output = Command::new(shared().binaries().psql())
            .args(["-XAtc", "SELECT current_database()", &url])
            .env("PGCLIENTENCODING", "UTF8")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), db, "{output:?}");
    }
    shared().dropdb(db);
}

#[test]
fn settings_encoding_and_restart() {
    let options = ServerOptions::new().wal_level("minimal").encoding("LATIN1").setting("work_mem", "5MB");
    let server = Server::start(options);
    assert_eq!(server.psql("postgres", "SHOW wal_level"), "minimal");
    assert_eq!(server.psql("postgres", "SHOW server_encoding"), "LATIN1");
    assert_eq!(server.psql("postgres", "SELECT 'é'"), "é");
    let (port, pid) = (server.port(), server.pid());
    server.add_settings("work_mem = '6MB'\n");
    server.restart();
    assert_eq!(server.psql("postgres", "SHOW work_mem"), "6MB");
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    server.crash();
    assert!(server.try_psql("postgres", "SELECT 1").is_err());
    server.restart();
    assert_eq!(server.psql("postgres", "SELECT 1"), "1");
    assert!(server.log().contains("automatic recovery") || server.log().contains("not properly shut down"));
}

#[test]
fn a_standby_follows_its_primary() {
    let primary = Server::start(ServerOptions::new());
    let standby = primary.standby(ServerOptions::new().setting("hot_standby_feedback", "off"));
    assert_eq!(standby.psql("postgres", "SELECT pg_is_in_recovery()"), "t");
    primary.psql("postgres", "CREATE TABLE t AS SELECT 7 AS a");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !standby.try_psql("postgres", "SELECT a FROM t").is_ok_and(|rows| rows == "7") {
        assert!(Instant::now() < deadline, "{}", standby.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_failing_statement_stops_the_script_and_is_told() {
    let error = shared().try_psql("postgres", "SELECT 1; SELECT 1/0; SELECT 2").unwrap_err().to_string();
    assert!(error.contains("division by zero"), "{error}");
    let bad = ServerOptions::new().setting("no_such_setting", "1");
    let error = Server::try_start(bad).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}

#[test]
fn many_servers_at_once_do_not_meet() {
    std::thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let server = Server::start(ServerOptions::new());
                assert_eq!(server.psql("postgres", &format!("SELECT {number}")), number.to_string());
            });
        }
    });
}

#[test]
fn large_output_and_large_input_pass_at_once() {
    let rows = "SELECT repeat('x', 1000) FROM generate_series(1, 20);\n".repeat(500);
    assert_eq!(shared().psql("postgres", &rows).lines().count(), 10_000);
}

/// A process that starts a server and is killed leaves neither process nor folder.
#[test]
fn a_killed_process_leaves_nothing() {
    const CHILD_MARK: &str = "OFFSHOOT_TESTKIT_CHILD";
    if std::env::var_os(CHILD_MARK).is_some() {
        let server = Server::start(ServerOptions::new());
        println!("\nserver {} {}", server.pid().unwrap(), server.data_dir().display());
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::tests::a_killed_process_leaves_nothing", "--nocapture"])
        .env(CHILD_MARK, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("server ")).unwrap();
    let mut words = line.split(' ').skip(1);
    let pid = words.next().unwrap().parse().unwrap();
    let data_dir = words.next().unwrap().to_owned();
    assert!(is_alive(Some(pid)));
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::exists(&data_dir).unwrap() || is_alive(Some(pid)) {
        assert!(Instant::now() < deadline, "pid {pid} or {data_dir} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn only_a_server_with_its_own_identity_differs_from_copies() {
    let id = |options: ServerOptions| {
        Server::start(options).psql("postgres", "SELECT system_identifier FROM pg_control_system()")
    };
    let copy = id(ServerOptions::new());
    assert_eq!(copy, id(ServerOptions::new()));
    assert_ne!(copy, id(ServerOptions::new().own_identity()));
}

#[test]
fn a_missing_major_says_where_it_was_looked_for() {
    let error = Binaries::major(7).unwrap_err().to_string();
    assert!(error.contains("no PostgreSQL 7 here") && error.contains("/usr/lib/postgresql/7/bin"), "{error}");
}

#[test]
fn scratch_is_below_the_target_directory_or_temporary() {
    let scratch = place::scratch_dir().unwrap();
    let target = place::target_dir();
    assert!(target.is_some_and(|target| scratch.starts_with(target)) || scratch.starts_with(std::env::temp_dir()));
}

/// True unless the process is gone or only waits to be collected.
fn is_alive(pid: Option<u32>) -> bool {
    let stat = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
    stat.is_some_and(|stat| !stat.contains(") Z "))
}
