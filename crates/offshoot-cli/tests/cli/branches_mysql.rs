//! Branches of MariaDB and MySQL on real servers, through the command. What depends on no engine is in `branches`.

use crate::checkouts::{git, url_of, waits_until};
use crate::nest::Nest;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions, definitions, fingerprint, shared_of};
use offshoot_testkit::real_data::{load_mysql, real_data};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn small(server: &Server, name: &str) -> String {
    let db = server.fresh_db(name);
    server.sql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, v varchar(20) NOT NULL, KEY (v)); INSERT INTO t (v) VALUES ('a'), ('b'), ('c')",
    );
    db
}

/// Asks by the engine's own client, as a user does.
#[track_caller]
fn ask(nest: &Nest, branch: &str, sql: &str) -> String {
    nest.done(&["branch", "psql", branch, "-BNe", sql]).stdout.trim().to_owned()
}

#[test]
fn a_branch_is_equal_writable_resettable_and_leaves_nothing() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = small(server, "branch_life");
        let nest = Nest::of_mysql(server, &db);
        let name = "fix/4711 🐛";
        let url = nest.create(name);
        assert!(url.starts_with("mysql://offshoot:"), "{url}");
        nest.done(&["verify", "prod", "--against", &url]);
        ask(&nest, name, "CREATE TABLE mine (x int); INSERT INTO t (v) VALUES ('d')");
        assert_eq!(ask(&nest, name, "SELECT max(id), count(*) FROM t"), "4\t4");
        let list = nest.list();
        assert_eq!((list.len(), list[0]["state"].as_str()), (1, Some("running")), "{list:?}");
        let again = nest.done(&["branch", "reset", name, "--raw"]).stdout;
        assert_eq!(again.trim(), url, "the URL stays");
        assert_eq!(ask(&nest, name, "SHOW TABLES"), "t");
        nest.done(&["verify", "prod", "--against", &url]);
        nest.done(&["branch", "stop", name]);
        assert!(nest.servers().is_empty());
        assert_eq!(nest.done(&["branch", "start", name]).stdout.trim(), url);
        assert_eq!(ask(&nest, name, "SELECT count(*) FROM t"), "3");
        assert!(nest.done(&["branch", "logs", name]).stdout.contains("ready for connections"));
        nest.done(&["doctor", name]);
        nest.done(&["branch", "delete", name]);
        assert!(nest.names().is_empty() && nest.folders().is_empty() && nest.servers().is_empty());
    }
}

#[test]
fn real_databases_come_out_equal() {
    let Some(folder) = real_data() else { return };
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        for set in ["sakila", "wordpress", "world"] {
            let db = server.fresh_db(set);
            if !load_mysql(&folder, server, &db, set) {
                continue;
            }
            let nest = Nest::of_mysql(server, &db);
            let url = nest.create("real");
            nest.done(&["verify", "prod", "--against", &url]);
            assert!(!fingerprint(server, &db).is_empty() && !definitions(server, &db).is_empty());
            server.dropdb(&db);
        }
    }
}

#[test]
fn what_is_printed_is_for_shells_and_programs() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let nest = Nest::of_mysql(server, &small(server, "branch_env"));
        let made = nest.done(&["branch", "create", "a", "--raw", "--env"]);
        // Each server's own client, which takes host, port and password from the variables.
        let client = format!(
            "{} --no-defaults --user=\"$MYSQL_USER\" --database=\"$MYSQL_DATABASE\" -BNe 'SELECT count(*) FROM t'",
            binaries.client().display()
        );
        let script = format!("{}\n{client} && echo \"$DATABASE_URL\"", made.stdout);
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("3\nmysql://offshoot:"), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let json = nest.done(&["--json", "branch", "create", "b", "--raw"]).json();
        assert_eq!(nest.done(&["branch", "url", "b"]).stdout.trim(), json["url"].as_str().unwrap());
        let ran = nest.done(&["run", "--from", "prod", "--raw", "--", "sh", "-c", &client]);
        assert_eq!(ran.stdout.trim(), "3");
        assert_eq!(nest.names(), ["a", "b"]);
    }
}

#[test]
fn what_acts_on_the_world_is_switched_off() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("branch_quiet");
        server.sql(
            &db,
            "CREATE TABLE jobs (id bigint PRIMARY KEY, queue varchar(20), payload longtext, attempts int, reserved_at int, available_at int);
             CREATE TABLE job_notes (id int PRIMARY KEY, job bigint, FOREIGN KEY (job) REFERENCES jobs (id) ON DELETE CASCADE);
             CREATE TABLE shops (id int PRIMARY KEY, webhook_url varchar(99) NOT NULL, api_key varchar(64) DEFAULT (UUID()), access_token ENUM('k', 'none'), changed timestamp DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP);
             CREATE TABLE seen (n int);
             INSERT INTO jobs VALUES (1, 'mail', '{}', 0, NULL, 1); INSERT INTO job_notes VALUES (1, 1);
             INSERT INTO shops (id, webhook_url, api_key, access_token) VALUES (1, 'https://real.example/hook', 'k-123', 'k');
             CREATE TABLE wp_actionscheduler_actions (action_id bigint PRIMARY KEY, hook varchar(191), status varchar(20), args varchar(191), schedule longtext, claim_id bigint);
             INSERT INTO wp_actionscheduler_actions (action_id) VALUES (1);
             CREATE TABLE glpi_crontasks (id int PRIMARY KEY, name varchar(150), frequency int, state int NOT NULL, allowmode int);
             INSERT INTO glpi_crontasks (id, state) VALUES (1, 1), (2, 0);
             CREATE TRIGGER watch AFTER UPDATE ON shops FOR EACH ROW INSERT INTO seen VALUES (1);
             CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO DELETE FROM seen;",
        );
        let mut nest = Nest::of_mysql(server, &db);
        let made = nest.session.run(&["branch", "create", "q", "--raw"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        assert_eq!(ask(&nest, "q", "SELECT count(*) FROM jobs"), "0");
        assert_eq!(ask(&nest, "q", "SELECT id, job FROM job_notes"), "1\tNULL");
        assert_eq!(
            ask(&nest, "q", "SELECT webhook_url, api_key, access_token, changed < '2002-01-01' FROM shops"),
            "https://webhook.invalid/\tNULL\tNULL\t1"
        );
        assert_eq!(ask(&nest, "q", "SELECT count(*) FROM wp_actionscheduler_actions"), "0");
        assert_eq!(ask(&nest, "q", "SELECT sum(state) FROM glpi_crontasks"), "0");
        assert_eq!(ask(&nest, "q", "SELECT count(*) FROM seen"), "0", "the trigger slept");
        assert_eq!(
            ask(&nest, "q", "SELECT count(*) FROM information_schema.triggers WHERE trigger_name = 'watch'"),
            "1"
        );
        assert_eq!(ask(&nest, "q", "SELECT status FROM information_schema.events"), "DISABLED");
        assert_eq!(ask(&nest, "q", "SELECT @@event_scheduler, @@log_bin"), "OFF\t0");
        for word in ["jobs", "webhook_url", "api_key", "event e"] {
            assert!(made.stderr.contains(word), "{word}: {}", made.stderr);
        }
        assert!(!made.stderr.contains("real.example") && !made.stderr.contains("k-123"));
    }
}

#[test]
fn settings_of_the_source_are_those_of_its_branches() {
    for binaries in Binaries::wanted() {
        let options =
            ServerOptions::new().binaries(binaries).setting("event_scheduler", "ON").setting("local_infile", "OFF");
        let options = options.setting("innodb_ft_max_token_size", "33").setting("sql_mode", "PIPES_AS_CONCAT");
        let server = Server::start(options.setting("updatable_views_with_limit", "NO"));
        let db = small(&server, "branch_settings");
        server.sql(&db, "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM t");
        let nest = Nest::of_mysql(&server, &db);
        let made = nest.done(&["branch", "create", "quiet", "--raw"]);
        assert!(made.stderr.contains("event scheduler"), "{}", made.stderr);
        let asked = "SELECT @@event_scheduler, @@local_infile, @@innodb_ft_max_token_size, @@sql_mode, @@updatable_views_with_limit";
        assert_eq!(ask(&nest, "quiet", asked), "OFF\t0\t33\tPIPES_AS_CONCAT\tNO");
        assert_eq!(nest.session.quietly(&["doctor", "quiet", "--strict"]).code, Some(0));
        // Who wants events has them as at the source.
        fs::write(nest.session.dir().join("offshoot.toml"), "[branch.neutralize]\nevents = false\n").unwrap();
        nest.create("busy");
        assert_eq!(ask(&nest, "busy", asked), "ON\t0\t33\tPIPES_AS_CONCAT\tNO");
        assert_eq!(ask(&nest, "busy", "SELECT status FROM information_schema.events"), "ENABLED");
    }
}

/// Two zones in the tables that a server knows zones from: of hours that never change.
const ZONES: &str = "
INSERT INTO time_zone (Time_zone_id, Use_leap_seconds) VALUES (1, 'N'), (2, 'N');
INSERT INTO time_zone_name (Name, Time_zone_id) VALUES ('UTC', 1), ('Europe/Berlin', 2);
INSERT INTO time_zone_transition_type (Time_zone_id, Transition_type_id, Offset, Is_DST, Abbreviation)
  VALUES (1, 0, 0, 0, 'UTC'), (2, 0, 3600, 0, 'CET')";

#[test]
fn zones_that_the_source_knows_by_name_its_branches_know() {
    if !Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        eprintln!("skipped: this machine has no time zones (tzdata)");
        return;
    }
    for binaries in Binaries::wanted() {
        let server = Server::start(ServerOptions::new().binaries(binaries));
        let loaded = server.load_text("mysql", &ZONES.replace("Offset", "`Offset`"));
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let db = small(&server, "branch_zones");
        let loaded = server.load_text(
            &db,
            "SET GLOBAL time_zone = 'Europe/Berlin'; SET time_zone = 'Europe/Berlin';
             CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 04:00:00' DO DELETE FROM t",
        );
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let nest = Nest::of_mysql(&server, &db);
        nest.create("zoned");
        let asked = "SELECT @@time_zone, CONVERT_TZ('2026-07-01 12:00:00', 'Europe/Berlin', 'America/New_York'), \
                     (SELECT time_zone FROM information_schema.events)";
        assert_eq!(ask(&nest, "zoned", asked), "Europe/Berlin\t2026-07-01 06:00:00\tEurope/Berlin");
        assert_eq!(nest.session.quietly(&["doctor", "zoned", "--strict"]).code, Some(0));
    }
}

#[test]
fn a_branch_of_a_source_that_ignores_case_ignores_it() {
    for binaries in Binaries::wanted() {
        let options = ServerOptions::new().binaries(binaries).setting("lower_case_table_names", "1");
        let server = Server::start(options);
        server.createdb("ShopDb", "");
        server.sql("shopdb", "CREATE TABLE Users (id int PRIMARY KEY); INSERT INTO USERS VALUES (1); CREATE VIEW Named AS SELECT id FROM SHOPDB.users");
        let nest = Nest::of_mysql(&server, "SHOPdb");
        let url = nest.create("a");
        assert_eq!(ask(&nest, "a", "SELECT @@lower_case_table_names, COUNT(*) FROM uSERS"), "1\t1");
        ask(&nest, "a", "INSERT INTO users VALUES (2)");
        assert_eq!(ask(&nest, "a", "SELECT COUNT(*) FROM NAMED"), "2", "the view reads the branch's own table");
        nest.done(&["branch", "reset", "a", "--raw"]);
        nest.done(&["verify", "prod", "--against", &url]);
    }
}

#[test]
fn a_killed_server_is_seen_and_started_again() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let nest = Nest::of_mysql(server, &small(server, "branch_down"));
        let url = nest.create("a");
        ask(&nest, "a", "INSERT INTO t (v) VALUES ('mine')");
        for pid in nest.servers() {
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        }
        while !nest.servers().is_empty() {
            thread::yield_now();
        }
        assert_eq!(nest.list()[0]["state"], "down");
        assert_eq!(nest.done(&["branch", "url", "a"]).stdout.trim(), url);
        assert_eq!(ask(&nest, "a", "SELECT count(*) FROM t"), "4");
    }
}

#[test]
fn many_at_once_each_with_its_own_and_spares() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let nest = Nest::of_mysql(server, &small(server, "branch_many"));
        let text = "[branch]\nfrom = 'prod'\nspares = 1\nspares_started = true\n";
        std::fs::write(nest.session.dir().join("offshoot.toml"), text).unwrap();
        nest.done(&["image", "build", "--raw"]);
        nest.done(&["branch", "tend"]);
        let json = nest.done(&["--json", "branch", "create", "spare", "--raw"]).json();
        assert_eq!(json["method"], "started spare");
        assert_eq!(ask(&nest, "spare", "SELECT count(*) FROM t"), "3");
        let names = ["b0", "b1", "b2", "b3"];
        thread::scope(|scope| {
            for name in names {
                let nest = &nest;
                scope.spawn(move || {
                    nest.create(name);
                    ask(nest, name, &format!("CREATE TABLE own (name text); INSERT INTO own VALUES ('{name}')"));
                });
            }
        });
        for name in names {
            assert_eq!(ask(&nest, name, "SELECT name FROM own"), name);
        }
        // No spare goes on without the test.
        std::fs::write(nest.session.dir().join("offshoot.toml"), text.replace("spares = 1", "spares = 0")).unwrap();
        while nest.folders().len() > names.len() + 1 {
            nest.done(&["branch", "tend"]);
        }
    }
}

#[test]
fn a_database_follows_git_on_mysql() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let nest = Nest::of_mysql(server, &small(server, "branch_git"));
        let variables = nest.session.dir().join(".env.offshoot");
        git(&nest, &["init", "-q", "-b", "main"]);
        git(&nest, &["commit", "-q", "--allow-empty", "-m", "one"]);
        nest.done(&["git", "install", "--raw"]);
        git(&nest, &["checkout", "-q", "-b", "fix/4711"]);
        let url = url_of(&nest, "fix/4711");
        assert!(url.starts_with("mysql://offshoot:"), "{url}");
        assert_eq!(nest.done(&["branch", "url", "fix/4711"]).stdout.trim(), url);
        for name in ["MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"] {
            let text = fs::read_to_string(&variables).unwrap();
            assert!(text.contains(&format!("\n{name}=")), "{name} is not among them");
        }
        ask(&nest, "fix/4711", "INSERT INTO t (v) VALUES ('mine')");
        git(&nest, &["checkout", "-q", "-b", "other"]);
        assert_ne!(url_of(&nest, "other"), url);
        assert_eq!(ask(&nest, "other", "SELECT count(*) FROM t"), "3");
        nest.done(&["branch", "stop", "fix/4711"]);
        git(&nest, &["checkout", "-q", "fix/4711"]);
        assert_eq!(url_of(&nest, "fix/4711"), url);
        assert_eq!(ask(&nest, "fix/4711", "SELECT count(*) FROM t"), "4", "its server was started");
        git(&nest, &["branch", "-q", "-D", "other"]);
        waits_until("other is deleted", || nest.names() == ["fix/4711"] && nest.folders().len() == 1);
        git(&nest, &["checkout", "-q", "--detach"]);
        git(&nest, &["branch", "-q", "-D", "fix/4711"]);
        waits_until("all are deleted", || nest.folders().is_empty() && nest.servers().is_empty());
    }
}

/// What a server is told so that it connects to another, as a replica does.
fn reach_out(binaries: &Binaries, port: u16) -> String {
    match binaries.family() {
        Family::MariaDb => format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'x', MASTER_CONNECT_RETRY = 1; START SLAVE"
        ),
        Family::MySql => format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, SOURCE_USER = 'x', SOURCE_CONNECT_RETRY = 1; START REPLICA"
        ),
    }
}

/// Whether somebody comes within this time.
fn is_reached(listener: &TcpListener, within: Duration) -> bool {
    let until = Instant::now() + within;
    while Instant::now() < until {
        if listener.accept().is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn a_server_of_mysql_without_a_network_is_reached_by_its_socket_and_reaches_nobody() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let nest = Nest::of_mysql(server, &small(server, "branch_isolated"));
        let made = nest.session.quietly(&["--json", "branch", "create", "a", "--raw", "--isolate-network"]);
        if made.code != Some(0) {
            assert!(made.stderr.contains("network"), "{}", made.stderr);
            println!("SKIPPED a_server_of_mysql_without_a_network: the kernel lets nobody have one here");
            return;
        }
        let made = made.json();
        let url = made["url"].as_str().unwrap();
        assert!(url.contains("@localhost/") && url.contains("?socket="), "{url}");
        assert_eq!(ask(&nest, "a", "SELECT count(*) FROM t"), "3");
        nest.done(&["verify", "prod", "--against", url]);
        let port = u16::try_from(nest.list()[0]["port"].as_u64().unwrap()).unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "it listens outside");
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        for pid in nest.servers() {
            assert_ne!(fs::read_link(format!("/proc/{pid}/ns/net")).unwrap(), own);
            let devices = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap();
            assert_eq!(devices.lines().filter(|line| line.contains(':')).count(), 1, "{devices}");
        }
        // A server with a network comes at once, this one not.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let reach_out = reach_out(&binaries, listener.local_addr().unwrap().port());
        nest.create("open");
        ask(&nest, "open", &reach_out);
        assert!(is_reached(&listener, Duration::from_secs(60)));
        nest.done(&["branch", "delete", "open"]);
        while listener.accept().is_ok() {}
        ask(&nest, "a", &reach_out);
        assert!(!is_reached(&listener, Duration::from_secs(3)), "it reaches another server");
        // Reset, stopped and started, it is as before.
        assert_eq!(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim(), url);
        nest.done(&["branch", "stop", "a"]);
        assert_eq!(nest.done(&["branch", "start", "a"]).stdout.trim(), url);
        assert_eq!(ask(&nest, "a", "SELECT count(*) FROM t"), "3");
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "it listens outside");
    }
}

#[test]
fn a_missing_server_is_told_with_what_was_looked_at() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let mut nest = Nest::of_mysql(server, &small(server, "branch_none"));
        nest.session.set("OFFSHOOT_MYSQL_BIN", "/nonexistent");
        let ran = nest.session.quietly(&["branch", "create", "a", "--raw"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let product = match binaries.family() {
            Family::MariaDb => "MariaDB",
            Family::MySql => "MySQL",
        };
        for word in [product, "/nonexistent", "OFFSHOOT_MYSQL_BIN"] {
            assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
        }
    }
}
