//! Tests of the throwaway servers themselves, on MariaDB and MySQL.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Binaries, Server, ServerOptions, definitions, fingerprint, shared, shared_of};

#[test]
fn a_server_starts_answers_and_leaves_nothing() {
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries.clone()));
        assert_eq!(server.sql("", "SELECT @@innodb_flush_log_at_trx_commit, @@character_set_server"), "0\tutf8mb4");
        let is_mariadb = server.sql("", "SELECT version() LIKE '%MariaDB%'") == "1";
        assert_eq!(is_mariadb, binaries.family().name() == "mariadb");
        let (dir, pid) = (server.data_dir(), server.pid());
        assert!(dir.is_dir());
        drop(server);
        assert!(!dir.parent().is_some_and(std::path::Path::exists));
        assert!(!is_alive(pid));
    }
}

#[test]
fn settings_restart_and_crash() {
    for binaries in Binaries::wanted() {
        let options = ServerOptions::new().binaries(binaries).setting("max_connections", "33");
        let server = Server::start(options);
        assert_eq!(server.sql("", "SELECT @@max_connections"), "33");
        let (port, pid) = (server.port(), server.pid());
        server.add_settings("max_connections = 34\n");
        server.restart();
        assert_eq!(server.sql("", "SELECT @@max_connections, @@port"), format!("34\t{port}"));
        assert_ne!(server.pid(), pid);
        server.sql("", "CREATE DATABASE d; CREATE TABLE d.t (a int) ENGINE = InnoDB; INSERT INTO d.t VALUES (7)");
        server.stop();
        assert!(server.try_sql("", "SELECT 1").is_err());
        server.restart();
        server.crash();
        server.restart();
        assert_eq!(server.sql("d", "SELECT a FROM t"), "7");
    }
}

#[test]
fn the_address_over_tcp_needs_no_password() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let mut client = Command::new(binaries.client());
        client.args(["--no-defaults", "-uroot", "-h127.0.0.1", &format!("-P{}", server.port()), "-Ne", "SELECT 5"]);
        let output = client.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "5", "{output:?}");
    }
    assert!(shared().url("a b").ends_with("/a%20b"));
    assert!(shared().socket_url("d").contains("?socket=%2F"));
}

#[test]
fn two_servers_have_two_identities() {
    let Some(binaries) = Binaries::mysql_or_skip("two_servers_have_two_identities") else { return };
    let [one, two] = [1, 2].map(|_| Server::start(ServerOptions::new().binaries(binaries.clone())));
    assert_ne!(one.sql("", "SELECT @@server_uuid"), two.sql("", "SELECT @@server_uuid"));
}

#[test]
fn a_failing_statement_stops_the_script_and_is_told() {
    let error = shared().try_sql("", "SELECT 1; SELECT nothing; SELECT 2").unwrap_err().to_string();
    assert!(error.contains("1054"), "{error}");
    let error = Server::try_start(ServerOptions::new().setting("no_such_setting", "1")).unwrap_err().to_string();
    assert!(error.contains("no_such_setting") || error.contains("no-such-setting"), "{error}");
    let loaded = shared().load_text("", "SELECT nothing; SELECT 1; SELECT nothing");
    assert_eq!(loaded.errors.len(), 2);
}

#[test]
fn a_lock_is_held_until_it_is_dropped() {
    let db = shared().fresh_db("hold");
    shared().sql(&db, "CREATE TABLE t (a int)");
    let hold = shared().hold(&db, "LOCK TABLES t WRITE");
    let error = shared().try_sql(&db, "SET lock_wait_timeout = 1; SELECT * FROM t").unwrap_err().to_string();
    assert!(error.contains("1205"), "{error}");
    drop(hold);
    shared().sql(&db, "INSERT INTO t VALUES (1)");
    shared().dropdb(&db);
}

#[test]
fn many_servers_at_once_do_not_meet() {
    std::thread::scope(|scope| {
        for number in 0..3 {
            scope.spawn(move || {
                let server = Server::start(ServerOptions::new());
                assert_eq!(server.sql("", &format!("SELECT {number}")), number.to_string());
            });
        }
    });
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
        .args(["--exact", "mysql::tests::a_killed_process_leaves_nothing", "--nocapture"])
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
fn prints_tell_rows_apart_and_no_order() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let prints = [
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
            "CREATE TABLE t (b text, a int); INSERT INTO t (a, b) VALUES (2, NULL), (1, 'x')",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, '')",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, '-')",
            "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL), (2, NULL)",
            "CREATE TABLE t (a int, c text); INSERT INTO t VALUES (1, 'x'), (2, NULL)",
            "CREATE TABLE u (a int, b text); INSERT INTO u VALUES (1, 'x'), (2, NULL)",
        ]
        .map(|sql| {
            let db = server.fresh_db("print");
            server.sql(&db, sql);
            let print = fingerprint(server, &db);
            server.dropdb(&db);
            print
        });
        assert!(prints[0].starts_with("table t 2 "), "{}", prints[0]);
        assert_eq!(prints[0], prints[1]);
        let different: std::collections::BTreeSet<&String> = prints[1..].iter().collect();
        assert_eq!(different.len(), 6, "{different:?}");
    }
}

#[test]
fn hard_values_are_told_apart() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let pairs = [
            ("float", "1.0000001", "1.0000002"),
            ("double", "0.1", "0.10000000000000002"),
            ("varchar(9)", "'a '", "'a'"),
            ("varchar(9)", "'a'", "'A'"),
            ("varchar(9) character set latin1", "'é'", "'e'"),
            ("decimal(9,2)", "1.0", "1.01"),
            ("varbinary(9)", "0x00", "''"),
            ("bit(9)", "b'1'", "b'100000000'"),
            ("enum('', 'b')", "1", "2"),
            ("set('a', 'b')", "1", "2"),
            ("date", "'0000-00-00'", "'2000-00-00'"),
            ("time(6)", "'-838:59:59'", "'-00:00:00.000001'"),
            ("timestamp(3)", "'2001-01-01 00:00:00.001'", "'2001-01-01 00:00:00.002'"),
            ("point", "ST_GeomFromText('POINT(0 1)')", "ST_GeomFromText('POINT(0 2)')"),
            ("json", "'{\"a\": 1}'", "'{\"a\": 2}'"),
            ("longblob", "repeat('x', 20000000)", "repeat('x', 20000001)"),
            ("year", "0", "2001"),
        ];
        let prints = [1, 2].map(|side| {
            let db = server.fresh_db("values");
            for (number, (kind, left, right)) in pairs.iter().enumerate() {
                let value = if side == 1 { left } else { right };
                let create = format!("CREATE TABLE t{number:02} (v {kind} NULL)");
                server.sql(&db, &format!("SET sql_mode = ''; {create}; INSERT INTO t{number:02} VALUES ({value})"));
            }
            let print = fingerprint(server, &db);
            server.dropdb(&db);
            print
        });
        assert_eq!(prints[0].lines().count(), pairs.len());
        for ((left, right), (kind, ..)) in prints[0].lines().zip(prints[1].lines()).zip(pairs) {
            assert_ne!(left, right, "{kind}");
        }
    }
}

#[test]
fn definitions_hold_every_kind_and_any_name() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("define");
        server.sql(
            &db,
            "CREATE TABLE `a``b\tc` (a int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM `a``b\tc`;
             CREATE TRIGGER tr BEFORE INSERT ON `a``b\tc` FOR EACH ROW SET NEW.a = 1;
             CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
             CREATE PROCEDURE p() SELECT 1; CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;",
        );
        let text = definitions(server, &db);
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(kinds, ["EVENT", "FUNCTION", "PROCEDURE", "TABLE", "TRIGGER", "VIEW"], "{text}");
        assert_eq!(text, definitions(server, &db));
        assert!(fingerprint(server, &db).starts_with("table a`b\\tc 0 "));
        server.dropdb(&db);
    }
    let db = shared().fresh_db("sequence");
    shared().sql(&db, "CREATE SEQUENCE s");
    assert!(definitions(shared(), &db).starts_with("SEQUENCE s"));
    let before = fingerprint(shared(), &db);
    shared().sql(&db, "SELECT setval(s, 5)");
    assert_ne!(fingerprint(shared(), &db), before);
    shared().dropdb(&db);
}

/// True unless the process is gone or only waits to be collected.
fn is_alive(pid: Option<u32>) -> bool {
    let stat = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
    stat.is_some_and(|stat| !stat.contains(") Z "))
}
