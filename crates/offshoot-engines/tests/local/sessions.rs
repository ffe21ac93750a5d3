//! What is said to a server: passwords, roles, scripts, counts, and what its log does not hold.

use crate::place::{Place, branch, environment, psql, try_psql};
use offshoot_core::Control;
use offshoot_restore::NeutralizeChoices;
use offshoot_restore::server::{Purpose, Secret, Stop};
use offshoot_testkit::postgres::Binaries;
use std::fs;
use std::process::{Command, Stdio};

fn password() -> Secret {
    Secret::new("canary-5b1e77".to_owned())
}

#[test]
fn a_password_lets_in_and_nothing_else_does() {
    for binaries in Binaries::wanted() {
        let place = Place::new(&binaries);
        let chatty = ["log_statement", "log_min_duration_statement", "log_connections", "log_min_messages"]
            .into_iter()
            .zip(["all", "0", "on", "debug1"]);
        let settings = chatty.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        place.try_start(&Purpose::Branch { durable: true, settings }).unwrap();
        let access = place.server.admit(&place.site, "postgres", None, &password()).unwrap();
        assert_eq!(psql(access.url.expose(), "SELECT 1"), "1");
        let wrong = access.url.expose().replace("canary", "wrong");
        assert!(try_psql(&wrong, "SELECT 1").unwrap_err().contains("password authentication failed"));
        let none = access.url.expose().replace(":canary-5b1e77", "");
        assert!(try_psql(&none, "SELECT 1").is_err());
        // A second password replaces the first.
        place.server.admit(&place.site, "postgres", None, &Secret::new("other".to_owned())).unwrap();
        assert!(try_psql(access.url.expose(), "SELECT 1").is_err());
        let log = fs::read_to_string(&place.site.log).unwrap();
        assert!(log.contains("SELECT 1"), "the log is not as chatty as the test wants it");
        assert!(!log.contains("canary-5b1e77") && !log.contains("SCRAM-SHA-256$"));
    }
}

#[test]
fn a_role_of_the_snapshots_can_be_the_user() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    place.psql(
        "postgres",
        "CREATE ROLE \"the app\" NOLOGIN; ALTER ROLE \"the app\" SET default_transaction_read_only = on",
    );
    let access = place.server.admit(&place.site, "postgres", Some("the app"), &password()).unwrap();
    assert_eq!(psql(access.url.expose(), "SELECT current_user"), "the app");
    let error = place.server.admit(&place.site, "postgres", Some("nobody's"), &password()).unwrap_err().to_string();
    assert!(error.contains("nobody's") && error.contains("Name one"), "{error}");
    // However the database is set, we get in and can write.
    place.psql("postgres", "ALTER DATABASE postgres SET default_transaction_read_only = on");
    place.psql("postgres", "SELECT 1");
    place.server.admit(&place.site, "postgres", None, &password()).unwrap();
}

#[test]
fn variables_serve_the_servers_own_programs() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    let access = place.server.admit(&place.site, "postgres", None, &password()).unwrap();
    let mut command = Command::new(Binaries::installed().unwrap().psql());
    command.env_clear().env("PGSSLMODE", "require");
    command.envs(access.variables.iter().map(|(name, value)| (name, value.expose())));
    let output = command.args(["-XAtc", "SELECT inet_server_addr()"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "127.0.0.1", "{output:?}");
}

#[test]
fn scripts_run_as_psql_runs_them_and_errors_name_the_line() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    let run = |sql: &str| place.server.run_script(&place.site, "postgres", "after.sql", sql, &Control::default());
    run("-- what cannot be in a transaction block\nCREATE DATABASE other;\nVACUUM;\nBEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\n\
         CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\nINSERT INTO t VALUES (f());")
    .unwrap();
    assert_eq!(place.psql("postgres", "SELECT a FROM t"), "1");
    let error = run("SELECT 1;\n\nSELECT a,\n  b\nFROM t;").unwrap_err().to_string();
    assert!(error.starts_with("after.sql, line 4 (statement 2): column \"b\""), "{error}");
    let error = run("INSERT INTO t VALUES (2);\nSELECT 'secret-value'::int").unwrap_err().to_string();
    assert!(error.starts_with("after.sql, line 2 (statement 2)") && !error.contains("secret"), "{error}");
    assert_eq!(place.psql("postgres", "SELECT count(*) FROM t"), "2");
    assert!(run("COPY t FROM STDIN;\n1\n").unwrap_err().to_string().contains("COPY"));
    assert!(run("\\echo x").unwrap_err().to_string().contains("psql"));
}

#[test]
fn sessions_of_users_are_counted_and_not_our_own() {
    let place = Place::new(&Binaries::installed().unwrap());
    place.start();
    let access = place.server.admit(&place.site, "postgres", None, &password()).unwrap();
    let count = || place.server.connections(&place.site, "postgres").unwrap();
    assert_eq!(count(), 0);
    let mut psql = Command::new(Binaries::installed().unwrap().psql());
    psql.args(["-XAtc", "SELECT pg_sleep(600)", access.url.expose()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = psql.spawn().unwrap();
    while count() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(count(), 1);
    place.stop(Stop::Orderly);
    child.wait().unwrap();
}

#[test]
fn databases_have_the_snapshots_locale() {
    for binaries in Binaries::wanted() {
        let mut wanted = vec![environment("C"), environment("C.UTF-8")];
        let mut latin = environment("C");
        latin.encoding = "LATIN1".to_owned();
        wanted.push(latin);
        if binaries.major_version() >= 15 {
            let mut icu = environment("C.UTF-8");
            (icu.locale_provider, icu.locale) = ("icu".to_owned(), Some("de-DE".to_owned()));
            wanted.push(icu);
        }
        if binaries.major_version() >= 17 {
            let mut builtin = environment("C");
            (builtin.locale_provider, builtin.locale) = ("builtin".to_owned(), Some("C.UTF-8".to_owned()));
            wanted.push(builtin);
        }
        for environment in wanted {
            let place = Place::with(&binaries, environment.clone());
            place.start();
            place.server.create_database(&place.site, "shop", &environment).unwrap();
            let observed = place.server.observe(&place.site, "shop").unwrap();
            assert_eq!(
                (&observed.encoding, &observed.collate, &observed.locale_provider, &observed.locale),
                (&environment.encoding, &environment.collate, &environment.locale_provider, &environment.locale)
            );
            assert_eq!(observed.server_version_num, place.server.build().version_num);
        }
    }
}

#[test]
fn a_snapshot_of_the_database_that_every_server_has_finds_its_place() {
    for binaries in Binaries::wanted() {
        let place = Place::new(&binaries);
        place.try_start(&Purpose::Load).unwrap();
        let mut latin = environment("C");
        latin.encoding = "LATIN1".to_owned();
        place.server.create_database(&place.site, "postgres", &latin).unwrap();
        assert_eq!(place.server.observe(&place.site, "postgres").unwrap().encoding, "LATIN1");
        place.stop(Stop::Orderly);
        place.start();
        assert_eq!(place.psql("postgres", "SELECT 1"), "1");
    }
}

#[test]
fn who_tests_replication_has_its_level() {
    let mut environment = environment("C");
    environment.server_version_num = 150_000;
    environment.settings.insert("wal_level".to_owned(), "logical".to_owned());
    let place = Place::empty(&Binaries::installed().unwrap(), environment);
    let choices = NeutralizeChoices { off: ["replication".to_owned()].into(), ..NeutralizeChoices::default() };
    place.init(&choices).unwrap();
    place.try_start(&Purpose::Load).unwrap();
    place.stop(Stop::Orderly);
    place.start();
    assert_eq!(place.psql("postgres", "SHOW wal_level"), "logical");
    assert_ne!(place.psql("postgres", "SHOW max_replication_slots"), "0");
}

#[test]
fn a_server_without_a_network_is_reached_by_its_socket_alone() {
    let mut place = Place::new(&Binaries::installed().unwrap());
    place.site.isolated = true;
    let isolates = place.server.isolates(&NeutralizeChoices::default());
    match place.server.start(&place.site, &branch(), &Control::default()) {
        Ok(_) => assert!(isolates),
        Err(error) if error.to_string().contains("network of its own") => {
            assert!(!isolates);
            eprintln!("SKIPPED a_server_without_a_network_is_reached_by_its_socket_alone: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    }
    let access = place.server.admit(&place.site, "postgres", None, &password()).unwrap();
    assert!(access.url.expose().starts_with("postgres://postgres:canary-5b1e77@/postgres?host=%2F"));
    assert_eq!(psql(access.url.expose(), "SELECT 1"), "1");
    assert!(std::net::TcpStream::connect(("127.0.0.1", place.site.port)).is_err());
    // No way out: not even the loopback device is up.
    let error = try_psql(access.url.expose(), "COPY (SELECT 1) TO PROGRAM 'exec 3<>/dev/tcp/127.0.0.1/1'").unwrap_err();
    assert!(error.contains("failed"), "{error}");
    let devices = psql(
        access.url.expose(),
        "CREATE TEMP TABLE d (t text); COPY d FROM PROGRAM 'cat /proc/net/dev'; SELECT t FROM d",
    );
    assert_eq!(devices.lines().filter(|line| line.contains(':')).count(), 1, "{devices}");
}
