//! Tables over another server (FEDERATED, CONNECT, Spider): a capture takes what they are and not what is behind them, and no copy
//! reaches what they reach. The other server is behind a listener here that counts who comes.

use crate::nest::Nest;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions, shared_of};
use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const PASSWORD: &str = "hushhush";

/// A way to a server that counts connections, and can be closed.
struct Way {
    port: u16,
    came: Arc<AtomicUsize>,
    is_closed: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(server: &Server) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let way = Self {
            port: listener.local_addr().unwrap().port(),
            came: Arc::default(),
            is_closed: Arc::default(),
            open: Arc::default(),
        };
        let (to, came, is_closed, open) = (server.port(), way.came.clone(), way.is_closed.clone(), way.open.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                came.fetch_add(1, Ordering::SeqCst);
                if is_closed.load(Ordering::SeqCst) {
                    continue;
                }
                let other = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).unwrap();
                open.lock().unwrap().push(stream.try_clone().unwrap());
                for (mut from, mut into) in [(stream.try_clone().unwrap(), other.try_clone().unwrap()), (other, stream)]
                {
                    thread::spawn(move || {
                        let _ended = copy(&mut from, &mut into);
                        let _gone = into.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        way
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A server with the engines, and how each makes a table over `far.t` at this port.
fn source(binaries: Binaries, test: &str) -> Option<(Server, Vec<(&'static str, &'static str)>)> {
    let federated = (
        "FEDERATED",
        "CREATE TABLE federated (id INT PRIMARY KEY, v VARCHAR(20), KEY (v)) ENGINE=FEDERATED CONNECTION='mysql://u:PASSWORD@127.0.0.1:PORT/far/t'",
    );
    if binaries.family() == Family::MySql {
        return Some((Server::start(ServerOptions::new().binaries(binaries).flag("federated")), vec![federated]));
    }
    let binaries = Binaries::mariadb_with_plugins_or_skip(test)?;
    let folder = binaries.plugins()?;
    let all = [
        ("ha_federatedx.so", vec![federated]),
        (
            "ha_connect.so",
            vec![
                (
                    "CONNECT",
                    "CREATE TABLE connected (id INT NOT NULL, v VARCHAR(20)) ENGINE=CONNECT TABLE_TYPE=MYSQL CONNECTION='mysql://u:PASSWORD@127.0.0.1:PORT/far/t'",
                ),
                (
                    "CONNECT",
                    "CREATE TABLE in_a_file (`a=` INT NOT NULL FLAG=2, b DATE NOT NULL DATE_FORMAT='MM/DD/YY' COMMENT 'c') ENGINE=CONNECT TABLE_TYPE=CSV FILE_NAME='x.csv'",
                ),
            ],
        ),
        (
            "ha_spider.so",
            vec![
                (
                    "SPIDER",
                    "CREATE TABLE web (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=SPIDER COMMENT='wrapper \"mysql\", host \"127.0.0.1\", port \"PORT\", user \"u\", password \"PASSWORD\", database \"far\", table \"t\"'",
                ),
                (
                    "SPIDER",
                    "CREATE TABLE webs (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=SPIDER COMMENT='wrapper \"mysql\", table \"t\"' PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN MAXVALUE COMMENT = 'host \"127.0.0.1\", port \"PORT\", user \"u\", password \"PASSWORD\", database \"far\"')",
                ),
            ],
        ),
    ];
    let there: Vec<_> = all.into_iter().filter(|(library, _)| folder.join(library).is_file()).collect();
    let libraries: Vec<&str> = there.iter().map(|(library, _)| library.trim_end_matches(".so")).collect();
    let options = ServerOptions::new().binaries(binaries).setting("plugin_dir", folder.to_str().unwrap());
    let options = options.setting("plugin_maturity", "unknown").setting("plugin_load_add", &libraries.join(";"));
    Some((Server::start(options), there.into_iter().flat_map(|(_, tables)| tables).collect()))
}

/// The name of the table that a statement makes.
fn name_of(statement: &str) -> &str {
    statement.split_whitespace().nth(2).unwrap()
}

#[test]
fn tables_over_another_server_are_carried_and_no_copy_reaches_it() {
    for binaries in Binaries::wanted() {
        let far = shared_of(&binaries);
        let programs = binaries.server().parent().unwrap().to_owned();
        let Some((server, tables)) = source(binaries, "tables_over_another_server") else { continue };
        far.sql(
            "",
            &format!("CREATE DATABASE IF NOT EXISTS far; CREATE TABLE far.t (id INT PRIMARY KEY, v VARCHAR(20), KEY (v)); INSERT INTO far.t VALUES (1, 'far row');
                CREATE USER u IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON far.* TO u"),
        );
        let way = Way::to(far);
        let db = server.fresh_db("near");
        server.sql(&db, "CREATE TABLE own (id INT PRIMARY KEY); INSERT INTO own VALUES (1)");
        for (engine, statement) in &tables {
            server.sql(&db, &statement.replace("PORT", &way.port.to_string()).replace("PASSWORD", PASSWORD));
            if statement.contains("far") {
                let came = way.came();
                assert_eq!(server.sql(&db, &format!("SELECT v FROM {}", name_of(statement))), "far row", "{engine}");
                assert!(way.came() > came || *engine == "SPIDER", "{engine} goes another way");
            }
        }
        assert!(way.came() > 0);

        let mut nest = Nest::of_mysql(&server, &db);
        nest.session.set("OFFSHOOT_MYSQL_BIN", programs.to_str().unwrap());
        let told = |what: &str, text: &str| {
            for (engine, statement) in &tables {
                let name = name_of(statement);
                let line = text.lines().find(|line| line.contains(&format!(" {name}")));
                assert!(line.is_some_and(|line| line.to_uppercase().contains(engine)), "{what}, {name}: {text}");
            }
            assert!(!text.contains(PASSWORD), "{text}");
        };
        // What is behind them is no part of it, whether it is to be reached or not.
        let captured = nest.done(&["capture", &server.url(&db), "--name", "prod"]);
        told("capture", &captured.stdout);
        assert!(captured.stdout.contains("in 1 table"), "{}", captured.stdout);
        let content = |name: &str| nest.done(&["--json", "show", name]).json()["content"].clone();
        let with_far = content("prod");
        way.close();
        server.sql(&db, "FLUSH TABLES");
        for _ in 0..2 {
            let captured = nest.done(&["capture", &server.url(&db), "--name", "prod"]);
            told("capture without the other server", &captured.stdout);
            assert_eq!(content("prod"), with_far);
        }
        way.is_closed.store(false, Ordering::SeqCst);

        // No copy asks for it, into a server that has the engines least of all.
        let came = way.came();
        let to = server.fresh_db("copy");
        let restored = nest.done(&["restore", "prod", "--to", &server.url(&to)]);
        told("restore", &restored.stderr);
        let made = nest.session.quietly(&["branch", "create", "b", "--raw"]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        told("branch", &made.stderr);
        for (_, statement) in &tables {
            let name = name_of(statement);
            let asked = format!("SELECT COUNT(*) FROM {name}");
            assert_eq!(server.sql(&to, &asked), "0", "{name}");
            assert_eq!(nest.done(&["branch", "psql", "b", "-BNe", &asked]).stdout.trim(), "0", "{name}");
            let made = server.sql(&to, &format!("SHOW CREATE TABLE {name}"));
            for word in [PASSWORD, &way.port.to_string(), "127.0.0.1"] {
                assert!(!made.contains(word), "{word}: {made}");
            }
            assert!(made.contains("ENGINE=InnoDB"), "{made}");
        }
        nest.done(&["branch", "reset", "b", "--raw"]);
        assert_eq!(way.came(), came, "the other server is reached");
        far.sql("", "DROP DATABASE far; DROP USER u");
    }
}
