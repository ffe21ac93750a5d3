//! What a capture brings: every kind of value as SQL says it is, the schema as statements, and one state of all tables
//! whatever goes on meanwhile.

use crate::memory::Memory;
use crate::support::{Database, servers};
use offshoot_core::source::{Captured, Source};
use offshoot_core::{Control, CoreError};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::capture::{CaptureOptions, Method, MysqlSource};
use offshoot_engines::{EngineError, mysql};
use offshoot_format::manifest::Phase;
use offshoot_format::table::Key;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub fn options() -> CaptureOptions {
    let mut options = CaptureOptions::default();
    options.jobs = 3.try_into().unwrap();
    options.split_bytes = 256 << 10;
    options
}

pub fn capture_as(
    database: &Database,
    options: CaptureOptions,
    control: &Control,
) -> Result<(Captured, Memory), CoreError> {
    let memory = Memory::new();
    let captured = MysqlSource::new(database.conninfo.clone(), options).capture(&memory, control)?;
    Ok((captured, memory))
}

#[track_caller]
pub fn capture(database: &Database) -> (Captured, Memory) {
    capture_as(database, options(), &Control::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The error of a capture that must not succeed.
#[track_caller]
pub fn failure(database: &Database, options: CaptureOptions, control: &Control) -> CoreError {
    match capture_as(database, options, control) {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

pub fn cause(error: &CoreError) -> Option<&MysqlError> {
    let CoreError::Source { source, .. } = error else { return None };
    match source.downcast_ref() {
        Some(EngineError::Mysql(error)) => Some(error),
        _ => None,
    }
}

const VALUES: &str = "
CREATE TABLE v (id INT PRIMARY KEY, f FLOAT, f2 FLOAT(7,2), d DOUBLE, d2 DOUBLE(10,2), n DECIMAL(30,10), da DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL,
  ti TIME(2), y YEAR, e ENUM('a','it''s'), s SET('x','y','z'), b BIT(11), u BIGINT UNSIGNED, m MEDIUMINT, bi VARBINARY(20), g POINT,
  l1 VARCHAR(20) CHARACTER SET latin1, u3 VARCHAR(20) CHARACTER SET utf8mb3, u4 VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  w VARCHAR(20) CHARACTER SET utf16, c CHAR(5), j JSON, x TEXT, gen INT AS (id + 1) VIRTUAL, gst INT AS (id + 2) STORED);
INSERT INTO v VALUES (1, 0.1, 12345.67, 1.0000000000000002, 0.1, 12345678901234567890.0123456789, '0000-00-00', '0000-00-00 00:00:00', NULL,
  '-838:59:59', 0, 'it''s', 'x,z', b'10000000001', 18446744073709551615, -8388608, x'00ff0a0d', ST_GeomFromText('POINT(1 2)'),
  'caf\u{e9}', '\u{20ac}', '\u{1f600}', 'h\u{e9}', 'ab', '{\"a\": 1}', '', DEFAULT, DEFAULT);
INSERT IGNORE INTO v (id, e, f, d, da) VALUES (2, 'nothing', 3.4028235e38, -1.7976931348623157e308, '2020-02-00');
INSERT INTO v (id) VALUES (-3)";

#[test]
fn every_kind_of_value_comes_as_it_is() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(&format!("SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION';\n{VALUES}"));
        let (captured, memory) = capture(&database);
        let table = memory.table("", "v");
        let spec = table.spec.clone().unwrap();
        assert_eq!(spec.key, Key::Unique(vec![0]));
        let at = |column: &str| spec.columns.iter().position(|of| of.name == column).unwrap();
        assert!(spec.columns.iter().all(|column| !column.name.starts_with("ge") && column.name != "gst"));
        assert_eq!(spec.columns[at("u4")].type_name, "varchar(20) character set utf8mb4 collate utf8mb4_bin");
        // In the order of the key: -3, 1, 2.
        let row = |id: i32| table.rows.iter().find(|row| row[0] == Some(id.to_be_bytes().to_vec())).unwrap().clone();
        let one = row(1);
        let value = |column: &str| one[at(column)].clone().unwrap();
        assert_eq!(value("f"), 0.1_f32.to_be_bytes());
        assert_eq!(value("f2"), 12345.67_f32.to_be_bytes());
        assert_eq!(value("d"), 1.0000000000000002_f64.to_be_bytes());
        assert_eq!(value("d2"), 0.1_f64.to_be_bytes());
        assert_eq!(value("n"), b"12345678901234567890.0123456789");
        assert_eq!(value("da"), b"0000-00-00");
        assert_eq!(value("dt"), b"0000-00-00 00:00:00.000000");
        assert_eq!(value("ti"), b"-838:59:59.00");
        assert_eq!(value("y"), [0, 0]);
        assert_eq!(value("e"), [0, 2]);
        assert_eq!(value("s"), 5_u64.to_be_bytes());
        assert_eq!(value("b"), [4, 1]);
        assert_eq!(value("u"), [0xFF; 8]);
        assert_eq!(value("m"), (-8_388_608_i32).to_be_bytes());
        assert_eq!(value("bi"), [0, 0xFF, 10, 13]);
        assert_eq!(value("g").len(), 25);
        assert_eq!(value("l1"), b"caf\xe9");
        assert_eq!(value("u3"), "\u{20ac}".as_bytes());
        assert_eq!(value("u4"), "\u{1f600}".as_bytes());
        assert_eq!(value("w"), [0, b'h', 0, 0xE9]);
        assert_eq!(value("c"), b"ab");
        assert_eq!(value("j"), b"{\"a\": 1}");
        assert_eq!(value("x"), b"");
        assert_eq!(one[at("ts")], None);
        let two = row(2);
        assert_eq!(two[at("e")], Some(vec![0, 0]), "the error value of an enum");
        assert_eq!(two[at("f")], Some(f32::MAX.to_be_bytes().to_vec()));
        assert_eq!(two[at("d")], Some(f64::MIN.to_be_bytes().to_vec()));
        assert_eq!(two[at("da")], Some(b"2020-02-00".to_vec()));
        assert!(row(-3)[1..].iter().all(Option::is_none));
        assert_eq!(captured.origin.engine, name);
        assert_eq!(captured.origin.database, database.name);
        let position = &captured.origin.position;
        assert!(position.contains("binlog=") && position.contains("gtid="), "{position}");
        if name == "mariadb" {
            // As the log itself has it.
            let (gtid, place) = position.strip_prefix("gtid=").unwrap().split_once(" binlog=").unwrap();
            let (file, offset) = place.rsplit_once(':').unwrap();
            let sql = format!("SELECT BINLOG_GTID_POS('{file}', {offset})");
            assert_eq!(database.session().query_one("read the log", &sql).unwrap().text(0).unwrap(), gtid);
        }
    }
}

#[test]
fn large_values_come_in_pieces_and_tables_in_ranges() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        database.run(
            "CREATE TABLE big (id INT PRIMARY KEY, a LONGTEXT, b INT, c LONGBLOB);
             INSERT INTO big VALUES (1, REPEAT('ab', 100000), 7, NULL), (2, 'short', 8, REPEAT('x', 7000000)), (3, NULL, 9, '');
             CREATE TABLE many (k INT UNSIGNED, l INT, v VARCHAR(200), PRIMARY KEY (k, l));
             INSERT INTO many WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
               SELECT a.i * 50, b.i, REPEAT('v', 100) FROM n a, n b WHERE b.i < 20;
             ANALYZE TABLE many",
        );
        let (_, memory) = capture(&database);
        let mut rows = memory.table("", "big").rows;
        rows.sort();
        assert_eq!(rows.len(), 3);
        assert!(rows[0][1].as_deref() == Some("ab".repeat(100_000).as_bytes()));
        assert_eq!(rows[0][2], Some(7_i32.to_be_bytes().to_vec()));
        assert!(rows[1][3].as_deref() == Some(vec![b'x'; 7_000_000].as_slice()));
        assert_eq!(rows[2][3], Some(Vec::new()));
        let many = memory.table("", "many").rows;
        assert_eq!(many.len(), 20_000);
        let distinct: std::collections::BTreeSet<_> = many.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        assert_eq!(distinct.len(), 20_000);
    }
}

const OBJECTS: &str = "
CREATE TABLE parent (id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(10) NOT NULL, UNIQUE KEY code (code), CHECK (code <> ''));
CREATE TABLE `odd ``name, (` (`c ``'\"` INT NOT NULL COMMENT 'it''s; KEY', p INT, t TEXT, UNIQUE KEY k (`c ``'\"`), KEY p (p), FULLTEXT KEY ft (t),
  CONSTRAINT fk FOREIGN KEY (p) REFERENCES parent (id) ON DELETE SET NULL) COMMENT 'AUTO_INCREMENT=3';
CREATE TABLE keyless (a INT, b VARCHAR(10));
CREATE TABLE parts (id INT NOT NULL, y INT NOT NULL, PRIMARY KEY (id, y)) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE hidden (a INT PRIMARY KEY, b INT INVISIBLE DEFAULT 5);
CREATE TABLE a_cycle (id INT PRIMARY KEY, b INT);
CREATE TABLE b_cycle (id INT PRIMARY KEY, a INT, CONSTRAINT to_a FOREIGN KEY (a) REFERENCES a_cycle (id));
ALTER TABLE a_cycle ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b_cycle (id);
INSERT INTO parent (id, code) VALUES (41, 'x');
INSERT INTO `odd ``name, (` VALUES (1, 41, 'text');
INSERT INTO keyless VALUES (1, 'a'), (1, 'a'), (2, NULL);
INSERT INTO parts VALUES (1, 5), (1, 50);
INSERT INTO hidden (a, b) VALUES (1, 7);
CREATE VIEW z_base AS SELECT id, code FROM parent;
CREATE VIEW a_over AS SELECT id FROM z_base;
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN x * 2;
SET SESSION sql_mode = 'ANSI_QUOTES';
CREATE PROCEDURE quoted() SELECT \"id\" FROM parent;
CREATE TRIGGER tr BEFORE INSERT ON parent FOR EACH ROW SET NEW.code = CONCAT(NEW.code, '!');
CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM keyless";

#[test]
fn the_schema_is_taken_apart() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(OBJECTS);
        let (captured, memory) = capture(&database);
        let labels: Vec<&str> = captured.schema.iter().map(|item| item.label.as_str()).collect();
        for label in [
            "TABLE odd `name, (",
            "INDEX parent.code",
            "INDEX odd `name, (.p",
            "FOREIGN KEY odd `name, (.fk",
            "FOREIGN KEY a_cycle.to_b",
            "ROUTINE twice",
            "ROUTINE quoted",
            "VIEW z_base",
            "TRIGGER tr",
            "EVENT ev",
        ] {
            assert!(labels.contains(&label), "{name} {label}: {labels:?}");
        }
        // The unique key that stands for a primary key stays where it is.
        assert!(!labels.contains(&"INDEX odd `name, (.k"));
        let place = |label: &str| labels.iter().position(|of| *of == label).unwrap();
        assert!(place("VIEW z_base") < place("VIEW a_over"));
        assert!(place("ROUTINE twice") < place("VIEW z_base") && place("VIEW a_over") < place("TRIGGER tr"));
        let item = |label: &str| &captured.schema[place(label)];
        assert!(item("TABLE parent").sql.contains("CHECK") && !item("TABLE parent").sql.contains("AUTO_INCREMENT="));
        assert_eq!(item("FOREIGN KEY a_cycle.to_b").phase, Phase::ForeignKey);
        assert!(item("TABLE odd `name, (").sql.contains("AUTO_INCREMENT=3"), "a comment is no counter");
        let (context, statement) = mysql::schema::Context::split(&item("ROUTINE quoted").sql);
        assert_eq!(context.unwrap().sql_mode.as_deref(), Some("ANSI_QUOTES"));
        assert!(statement.contains("\"id\""), "{statement}");
        assert!(!item("VIEW a_over").sql.contains(&database.name));
        assert!(captured.not_carried.is_empty(), "{:?}", captured.not_carried);
        let sequence = captured.sequences.iter().find(|sequence| sequence.name == "parent").unwrap();
        assert_eq!((sequence.last_value, sequence.is_called), (42, false));
        assert_eq!(memory.table("", "keyless").spec.unwrap().key, Key::WholeRow);
        assert_eq!(memory.table("", "keyless").rows.len(), 3);
        assert_eq!(memory.table("", "odd `name, (").rows.len(), 1);
        assert_eq!(memory.table("", "hidden").rows[0][1], Some(7_i32.to_be_bytes().to_vec()));
        assert_eq!(memory.table("", "parts").rows.len(), 2);
        let facts = captured.facts.iter().find(|facts| facts.name == "odd `name, (").unwrap();
        assert_eq!(facts.foreign_keys[0].table, (String::new(), "parent".to_owned()));
        assert!(captured.environment.roles.iter().any(|role| role.name.contains("root")));
    }
}

/// An account book whose balance is always nought: every transfer changes two rows, in two tables.
struct Ledger {
    is_over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<u64>>,
}

impl Ledger {
    fn new(database: &Database, engine: &str, pause: Duration) -> Self {
        database.run(&format!(
            "CREATE TABLE debit (id INT PRIMARY KEY, amount INT NOT NULL, filler VARCHAR(200)) ENGINE={engine};
             CREATE TABLE credit (id INT PRIMARY KEY, amount INT NOT NULL, filler VARCHAR(200)) ENGINE={engine};
             INSERT INTO debit WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i, 0, REPEAT('x', 200) FROM n;
             INSERT INTO credit SELECT * FROM debit"
        ));
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..2_u32).map(|thread| {
            let (mut session, is_over) = (database.session(), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let mut count = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    let id = (count * 7 + u64::from(thread) * 13) % 1000;
                    for sql in [
                        "START TRANSACTION".to_owned(),
                        format!("UPDATE debit SET amount = amount - 1 WHERE id = {id}"),
                        format!("UPDATE credit SET amount = amount + 1 WHERE id = {}", 999 - id),
                        "COMMIT".to_owned(),
                    ] {
                        // Two of them may wait for each other.
                        let _ = session.execute("transfer", &sql);
                    }
                    count += 1;
                    std::thread::sleep(pause);
                }
                count
            })
        });
        let threads = threads.collect();
        Self { is_over, threads }
    }

    fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    }
}

fn balance(memory: &Memory) -> i64 {
    let sum = |table: &str| -> i64 {
        let rows = memory.table("", table).rows;
        assert_eq!(rows.len(), 1000);
        rows.iter().map(|row| i64::from(i32::from_be_bytes(row[1].clone().unwrap().try_into().unwrap()))).sum()
    };
    sum("debit") + sum("credit")
}

#[test]
fn every_method_sees_one_state() {
    for (name, url) in servers() {
        let methods: &[(Method, u64)] = match name {
            "mariadb" => &[
                (Method::BinlogPosition, 10),
                (Method::GlobalLock, 0),
                (Method::TableLocks, 0),
                (Method::OneConnection, 0),
            ],
            // Where writes never pause, what is committed never stands still.
            _ => &[(Method::GlobalLock, 0), (Method::TableLocks, 0), (Method::Gtid, 400), (Method::OneConnection, 0)],
        };
        for (method, pause_ms) in methods {
            let database = Database::new(&url);
            let ledger = Ledger::new(&database, "InnoDB", Duration::from_millis(*pause_ms));
            for _ in 0..5 {
                let mut options = options();
                options.method = Some(*method);
                let started = Instant::now();
                let (captured, memory) = capture_as(&database, options, &Control::default())
                    .unwrap_or_else(|error| panic!("{name} {method:?}: {error:?}"));
                assert_eq!(balance(&memory), 0, "{name} {method:?}");
                println!("{name} {method:?}: {} ms, {}", started.elapsed().as_millis(), captured.origin.position);
            }
            let transfers = ledger.end();
            println!("{name} {method:?}: {transfers} transfers meanwhile");
        }
    }
}

#[test]
fn tables_without_snapshots_are_kept_still() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        let ledger = Ledger::new(&database, "MyISAM", Duration::ZERO);
        // One row of both tables is changed under one lock, so that there is a balance at all.
        ledger.end();
        database.run("UPDATE debit SET amount = 0;\nUPDATE credit SET amount = 0");
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut session, over) = (database.session(), Arc::clone(&is_over));
        let writer = std::thread::spawn(move || {
            let mut id = 0;
            while !over.load(Ordering::Relaxed) {
                session.execute("lock", "LOCK TABLES debit WRITE, credit WRITE").unwrap();
                session.execute("write", &format!("UPDATE debit SET amount = amount - 1 WHERE id = {id}")).unwrap();
                session.execute("write", &format!("UPDATE credit SET amount = amount + 1 WHERE id = {id}")).unwrap();
                session.execute("unlock", "UNLOCK TABLES").unwrap();
                id = (id + 1) % 1000;
            }
        });
        for method in [None, Some(Method::TableLocks)] {
            let mut options = options();
            // The writer is to wait for as long as the reading takes.
            options.max_block = Duration::from_secs(60);
            options.method = method;
            let (_, memory) = capture_as(&database, options, &Control::default())
                .unwrap_or_else(|error| panic!("{name} {method:?}: {error:?}"));
            assert_eq!(balance(&memory), 0, "{name} {method:?}");
        }
        is_over.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    }
}

#[test]
fn a_lock_is_waited_for_no_longer_than_allowed() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run("CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1)");
        let mut writer = database.session();
        writer.execute("begin", "START TRANSACTION").unwrap();
        writer.execute("write", "INSERT INTO t VALUES (2)").unwrap();
        let mut options = options();
        options.method = Some(Method::TableLocks);
        options.lock_wait = Duration::from_millis(800);
        options.max_block = Duration::from_millis(300);
        let error = failure(&database, options.clone(), &Control::default());
        assert!(matches!(cause(&error), Some(MysqlError::LockWait { waited_ms: 300, .. })), "{name} {error:?}");
        // Nobody waits behind what was given up.
        let mut other = database.session();
        let asked = Instant::now();
        other.execute("write", "INSERT INTO t VALUES (3)").unwrap();
        println!("{name}: another writer waited {} ms behind a capture that gave up", asked.elapsed().as_millis());
        writer.execute("end", "COMMIT").unwrap();
        let (_, memory) = capture_as(&database, options, &Control::default()).unwrap();
        assert_eq!(memory.table("", "t").rows.len(), 3);
    }
}

#[test]
fn a_schema_that_changes_meanwhile_is_never_half_captured() {
    for (name, url) in servers() {
        for ddl in [
            "ALTER TABLE t ADD COLUMN added INT DEFAULT 5",
            "TRUNCATE TABLE t",
            "RENAME TABLE t TO spare, u TO t, spare TO u",
            "CREATE OR REPLACE VIEW w AS SELECT 2 AS two",
        ] {
            let database = Database::new(&url);
            database.run(
                "CREATE TABLE t (id INT PRIMARY KEY, v INT);
                 CREATE TABLE u (id INT PRIMARY KEY, v INT);
                 CREATE VIEW w AS SELECT 1 AS one;
                 INSERT INTO t VALUES (1, 1), (2, 2);
                 INSERT INTO u VALUES (7, 7)",
            );
            if ddl.starts_with("RENAME") {
                // What tells two tables apart that change places counts seconds.
                std::thread::sleep(Duration::from_millis(1100));
                database.run("DROP TABLE u;\nCREATE TABLE u (id INT PRIMARY KEY, v INT);\nINSERT INTO u VALUES (7, 7)");
            }
            // The schema changes when the snapshots are there and no row has been read.
            let session = std::sync::Mutex::new(Some(database.session()));
            let control = Control::new(move |event| {
                if matches!(event, offshoot_core::Event::Step { name } if name == "data")
                    && let Some(mut session) = session.lock().unwrap().take()
                {
                    session.execute("change the schema", ddl).unwrap();
                }
            });
            let error = failure(&database, options(), &control);
            let cause = cause(&error).unwrap_or_else(|| panic!("{name} {ddl}: {error:?}"));
            assert!(cause.is_retryable(), "{name} {ddl}: {cause}");
            println!("{name} {ddl}: {cause}");
            // The next attempt has the new schema.
            capture_as(&database, options(), &control).unwrap();
        }
    }
}

#[test]
fn a_cancelled_capture_ends_at_once() {
    for (_, url) in servers() {
        let database = Database::new(&url);
        database.run(
            "CREATE TABLE t (id INT PRIMARY KEY, v INT);
             INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i, i FROM n",
        );
        let cell: Arc<std::sync::OnceLock<Control>> = Arc::default();
        let inner = Arc::clone(&cell);
        let control = Control::new(move |event| {
            if matches!(event, offshoot_core::Event::Rows { .. }) {
                inner.get().unwrap().cancel();
            }
        });
        cell.set(control.clone()).unwrap();
        let error = failure(&database, options(), &control);
        assert!(matches!(error, CoreError::Cancelled), "{error:?}");
    }
}

#[test]
fn sequences_of_mariadb() {
    for (_, url) in servers().into_iter().filter(|(name, _)| *name == "mariadb") {
        let database = Database::new(&url);
        database.run(
            "CREATE SEQUENCE s START WITH 100 INCREMENT BY 10 CACHE 1;
             SELECT NEXTVAL(s);
             CREATE TABLE d (id INT PRIMARY KEY DEFAULT NEXTVAL(s))",
        );
        let (captured, _) = capture(&database);
        let labels: Vec<&str> = captured.schema.iter().map(|item| item.label.as_str()).collect();
        let place = |label: &str| labels.iter().position(|of| *of == label).unwrap();
        assert!(place("SEQUENCE s") < place("TABLE d"));
        let sequence = captured.sequences.iter().find(|sequence| sequence.name == "s").unwrap();
        assert_eq!(sequence.last_value, 110);
    }
}
