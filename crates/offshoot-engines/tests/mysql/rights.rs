//! What a capture does, and says, with the rights that it has; and what a server hides without a word.

use crate::capture::{capture_as, options};
use crate::memory::Memory;
use crate::support::{Database, servers};
use offshoot_core::source::Captured;
use offshoot_core::{Control, Event};
use offshoot_engines::mysql::doctor::{Report, doctor};
use offshoot_engines::mysql::session::Session;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};
use std::sync::{Arc, Mutex};

/// A user of a database that may do nothing yet.
struct Reader {
    root: Session,
    database: Database,
    limited: Database,
}

impl Reader {
    fn new(url: &str, script: &str) -> Self {
        let database = Database::new(url);
        database.run(script);
        let mut root = database.session();
        let port: u16 = root.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap();
        root.execute("make a user", &format!("CREATE USER u{}@'%' IDENTIFIED BY 'secret'", database.name)).unwrap();
        let limited = Database::of(&format!("mysql://u{0}:secret@127.0.0.1:{port}/{0}", database.name));
        Self { root, database, limited }
    }

    fn grant(&mut self, rights: &str, on: &str) {
        let sql = format!("GRANT {rights} ON {on} TO u{}@'%'", self.database.name);
        self.root.execute("grant", &sql).unwrap();
    }

    fn grant_here(&mut self, rights: &str) {
        let on = format!("{}.*", self.database.name);
        self.grant(rights, &on);
    }

    /// A capture, and its warnings.
    #[track_caller]
    fn capture(&self) -> (Captured, Memory, Vec<String>) {
        let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
        let inner = Arc::clone(&warnings);
        let control = Control::new(move |event| {
            if let Event::Warning { message } = event {
                inner.lock().unwrap().push(message.clone());
            }
        });
        let taken = capture_as(&self.limited, options(), &control);
        let (captured, memory) = taken.unwrap_or_else(|error| panic!("{error:?}"));
        let warnings = warnings.lock().unwrap().clone();
        (captured, memory, warnings)
    }

    #[track_caller]
    fn doctor(&self) -> Report {
        doctor(&self.limited.conninfo).unwrap()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.root.execute("drop a user", &format!("DROP USER u{}@'%'", self.database.name));
    }
}

fn missed(captured: &Captured) -> Vec<&str> {
    captured.not_carried.iter().map(|note| note.object.as_str()).collect()
}

#[test]
fn rights_decide_the_method_and_what_is_missing_is_named() {
    const SCHEMA: &str = "CREATE TABLE t (id INT PRIMARY KEY);
        INSERT INTO t VALUES (1);
        CREATE VIEW w AS SELECT id FROM t;
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a = 1;
        CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM t;
        CREATE PROCEDURE p() SELECT 1";
    for (name, url) in servers() {
        let mut reader = Reader::new(&url, SCHEMA);
        reader.grant_here("SELECT");
        let (captured, memory, warnings) = reader.capture();
        assert_eq!(memory.table("", "t").rows.len(), 1);
        // What is hidden is not known by name.
        let hidden = ["triggers", "events", "routines"].map(|what| format!("{what}, if there are any more"));
        let named = missed(&captured);
        assert_eq!(named.len(), 4, "{name} {:?}", captured.not_carried);
        assert!(hidden.iter().all(|what| named.contains(&what.as_str())) && named.contains(&"view w"), "{named:?}");
        assert!(captured.not_carried.iter().all(|note| note.reason.contains("GRANT ")), "{:?}", captured.not_carried);
        assert!(warnings.iter().any(|warning| warning.contains("PROCESS")), "{warnings:?}");
        let report = reader.doctor();
        assert!(!report.is_ready() && report.missing.iter().any(|what| what.contains("triggers")), "{report:?}");
        assert!(report.grants.iter().any(|grant| grant.contains("LOCK TABLES")), "{report:?}");
        assert_eq!(report.method, "over one connection", "{name}");
        // As the manual has it.
        reader.grant_here("SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES");
        match name {
            "mariadb" => reader.grant("SELECT", "mysql.proc"),
            _ => reader.grant("SHOW_ROUTINE", "*.*"),
        }
        reader.grant("PROCESS", "*.*");
        let (captured, _, warnings) = reader.capture();
        assert!(captured.not_carried.is_empty(), "{name} {:?}", captured.not_carried);
        assert!(!warnings.iter().any(|warning| warning.contains("PROCESS")), "{warnings:?}");
        for label in ["VIEW w", "TRIGGER g", "EVENT e", "ROUTINE p"] {
            assert!(captured.schema.iter().any(|item| item.label == label), "{name} {label}");
        }
        let report = reader.doctor();
        assert!(report.is_ready() && report.method.contains("LOCK TABLES"), "{name} {report:?}");
    }
}

#[test]
fn rights_that_a_role_gives_are_rights() {
    for (name, url) in servers() {
        let mut reader = Reader::new(&url, "CREATE TABLE t (id INT PRIMARY KEY)");
        let (user, role) = (format!("u{}@'%'", reader.database.name), format!("r{}", reader.database.name));
        let to_all = if name == "mariadb" {
            format!("SET DEFAULT ROLE {role} FOR {user}")
        } else {
            format!("ALTER USER {user} DEFAULT ROLE {role}")
        };
        for sql in [
            format!("CREATE ROLE {role}"),
            format!("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE ON {}.* TO {role}", reader.database.name),
            format!("GRANT {role} TO {user}"),
            to_all,
        ] {
            reader.root.execute("give a role", &sql).unwrap();
        }
        let (captured, ..) = reader.capture();
        assert!(captured.not_carried.is_empty(), "{name} {:?}", captured.not_carried);
        reader.root.execute("drop a role", &format!("DROP ROLE {role}")).unwrap();
    }
}

#[test]
fn tables_that_could_not_be_kept_still_are_named() {
    for (name, url) in servers() {
        let mut reader =
            Reader::new(&url, "CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM;\nINSERT INTO m VALUES (1)");
        reader.grant_here("SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE");
        let (captured, memory, _) = reader.capture();
        assert_eq!(memory.table("", "m").rows.len(), 1);
        assert_eq!(missed(&captured), ["table m as of the snapshot"], "{name}");
        assert!(captured.not_carried[0].reason.contains("LOCK TABLES"), "{:?}", captured.not_carried);
        reader.grant_here("LOCK TABLES");
        assert_eq!(missed(&reader.capture().0), [""; 0], "{name}");
    }
}

#[test]
fn the_log_of_a_replica_is_not_trusted_where_it_lacks_what_was_replicated() {
    for (binaries, updates) in
        Binaries::wanted().into_iter().flat_map(|binaries| [(binaries.clone(), "OFF"), (binaries, "ON")])
    {
        if binaries.family() != Family::MariaDb {
            continue;
        }
        let options = ServerOptions::new().binaries(binaries).setting("log_bin", "binlog").setting("server_id", "7");
        let server = Server::start(options.setting("log_slave_updates", updates));
        let db = server.fresh_db("replica");
        server.sql(&db, "CREATE TABLE t (id INT PRIMARY KEY)");
        let database = Database::of(&server.url(&db));
        let goes_by_log = || doctor(&database.conninfo).unwrap().method.contains("positions in the binary log");
        assert!(goes_by_log());
        server.sql("", "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'x'");
        assert_eq!(goes_by_log(), updates == "ON");
        let (captured, _) = capture_as(&database, crate::capture::options(), &Control::default()).unwrap();
        assert!(captured.origin.position.contains("binlog="), "{}", captured.origin.position);
    }
}
