//! The schema changes while it is captured, by every way to one state: the snapshot is right, or there is one error and the next
//! attempt is right.

use crate::capture::{capture_as, cause, options};
use crate::memory::Memory;
use crate::support::{Database, servers};
use offshoot_core::source::Captured;
use offshoot_core::{Control, CoreError, Event};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::capture::{CaptureOptions, Method};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The ways that work on a server of the tests.
fn methods(server: &str) -> Vec<Method> {
    let own = if server == "mariadb" { Method::BinlogPosition } else { Method::Gtid };
    vec![own, Method::GlobalLock, Method::TableLocks, Method::OneConnection]
}

/// Tables that can take each other's place: each row says whose it was at first.
const TABLES: &str = "
CREATE TABLE a (id INT PRIMARY KEY, was CHAR(1), v INT NOT NULL);
CREATE TABLE b (id INT PRIMARY KEY, was CHAR(1), v INT NOT NULL);
CREATE TABLE e (id INT PRIMARY KEY, was CHAR(1), v INT NOT NULL);
CREATE TABLE p (id INT PRIMARY KEY, was CHAR(1), v INT NOT NULL) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO a VALUES (1, 'a', 11), (2, 'a', 12);
INSERT INTO b VALUES (3, 'b', 13);
INSERT INTO e VALUES (5, 'e', 15);
INSERT INTO p VALUES (7, 'p', 17), (8, 'p', 18), (20, 'q', 19)";

const SWAP: &str = "RENAME TABLE a TO spare, b TO a, spare TO b";
const EXCHANGE: &str = "ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE e";

fn by(method: Method) -> CaptureOptions {
    let mut options = options();
    options.method = Some(method);
    options
}

/// Whose rows each table has, and how many.
fn content(memory: &Memory) -> BTreeMap<&'static str, String> {
    let tables = ["a", "b", "e", "p"].map(|table| {
        let rows = memory.table("", table).rows;
        let mut all: Vec<String> = rows
            .iter()
            .map(|row| {
                let v = row[2].clone().map(|v| i32::from_be_bytes(v.try_into().unwrap()));
                format!("{}{}", String::from_utf8(row[1].clone().unwrap_or_default()).unwrap(), v.unwrap_or(-1))
            })
            .collect();
        all.sort();
        (table, all.join(" "))
    });
    BTreeMap::from(tables)
}

/// A capture during which statements are run at steps of it, each once.
fn captured_while(
    database: &Database,
    options: CaptureOptions,
    changes: &[(&'static str, &str)],
) -> Result<(Captured, Memory), CoreError> {
    let changes = changes.iter().map(|(step, sql)| (*step, (*sql).to_owned()));
    let left = Mutex::new((database.session(), changes.collect::<Vec<_>>()));
    let control = Control::new(move |event| {
        if let Event::Step { name } = event {
            let (session, left) = &mut *left.lock().unwrap();
            if let Some(at) = left.iter().position(|(step, _)| step == name) {
                let (_, script) = left.remove(at);
                script.split("; ").for_each(|sql| {
                    session.execute("change the schema", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                });
            }
        }
    });
    capture_as(database, options, &control)
}

#[test]
fn whatever_changes_after_the_snapshot_is_noticed() {
    for (name, url) in servers() {
        for method in methods(name) {
            for (change, back) in [
                ("ALTER TABLE a ADD COLUMN more INT DEFAULT 5", None),
                ("TRUNCATE TABLE a", None),
                (SWAP, None),
                // What is there at the end is what was listed.
                (SWAP, Some(SWAP)),
                (EXCHANGE, None),
                (EXCHANGE, Some(EXCHANGE)),
                (
                    "DROP TABLE a; CREATE TABLE a (id INT PRIMARY KEY, was CHAR(1), v INT NOT NULL); INSERT INTO a VALUES (1, 'x', 1)",
                    None,
                ),
                ("ALTER TABLE a DROP COLUMN v; ALTER TABLE a ADD COLUMN v INT NOT NULL", None),
                ("ALTER TABLE a DROP COLUMN v, ADD COLUMN v INT NOT NULL", None),
                ("ALTER TABLE p TRUNCATE PARTITION p0", None),
                ("DROP TABLE b", None),
            ] {
                let database = Database::new(&url);
                // All in the same second.
                database.run(TABLES);
                let changes: Vec<_> =
                    [("data", change)].into_iter().chain(back.map(|back| ("sequences", back))).collect();
                let error = match captured_while(&database, by(method), &changes) {
                    Ok((_, memory)) => panic!("{name} {method:?} {change}: {:?}", content(&memory)),
                    Err(error) => error,
                };
                let cause = cause(&error).unwrap_or_else(|| panic!("{name} {method:?} {change}: {error:?}"));
                assert!(cause.is_retryable(), "{name} {method:?} {change}: {cause}");
                if method == Method::OneConnection {
                    capture_as(&database, by(method), &Control::default()).unwrap();
                }
            }
        }
    }
}

#[test]
fn whatever_changes_before_the_snapshot_is_in_it() {
    for (name, url) in servers() {
        for method in methods(name) {
            let database = Database::new(&url);
            database.run(TABLES);
            // After the first list; by ways without a lock nobody hears of another moment.
            let step = if matches!(method, Method::GlobalLock | Method::TableLocks) { "lock" } else { "list" };
            let change = format!("{SWAP}; {EXCHANGE}");
            let (_, memory) = captured_while(&database, by(method), &[(step, &change)])
                .unwrap_or_else(|error| panic!("{name} {method:?}: {error:?}"));
            let expected = [("a", "b13"), ("b", "a11 a12"), ("e", "p17 p18"), ("p", "e15 q19")];
            assert_eq!(
                content(&memory),
                expected.map(|(table, rows)| (table, rows.to_owned())).into(),
                "{name} {method:?}"
            );
        }
    }
}

#[test]
fn what_is_changed_elsewhere_is_no_hindrance() {
    for (name, url) in servers() {
        let (database, other) = (Database::new(&url), Database::new(&url));
        database.run(TABLES);
        other.run(TABLES);
        // A table of a moment ago is not known well enough.
        std::thread::sleep(Duration::from_millis(3100));
        let change = format!("RENAME TABLE {0}.a TO {0}.c; ALTER TABLE {0}.b ADD COLUMN more INT", other.name);
        let (_, memory) = captured_while(&database, options(), &[("data", &change)])
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(content(&memory)["a"], "a11 a12", "{name}");
    }
}

#[test]
fn names_are_looked_at_in_databases_of_any_name() {
    for (name, url) in servers() {
        for odd in ["h1-odd 'name", "h1\u{e9}\u{1f}x"] {
            let mut database = Database::new(&url);
            let mut session = database.session();
            let quoted = format!("`{odd}`");
            if session.execute("make a database", &format!("CREATE DATABASE {quoted}")).is_err() {
                continue;
            }
            odd.clone_into(&mut database.conninfo.database);
            database.run(TABLES);
            let captured = captured_while(&database, options(), &[("data", EXCHANGE), ("sequences", EXCHANGE)]);
            session.execute("drop a database", &format!("DROP DATABASE {quoted}")).unwrap();
            let error = captured.err().unwrap_or_else(|| panic!("{name} {odd}"));
            // It knows which.
            assert!(
                matches!(cause(&error), Some(MysqlError::Unstable { what }) if what.starts_with("table ")),
                "{error:?}"
            );
        }
    }
}

#[test]
fn who_cannot_see_which_table_moved_begins_anew() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(TABLES);
        let mut root = database.session();
        let port: u16 = root.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap();
        let user = format!("u{}", database.name);
        root.execute("make a user", &format!("CREATE USER {user}@'%' IDENTIFIED BY 'secret'")).unwrap();
        root.execute("grant", &format!("GRANT SELECT, LOCK TABLES ON {}.* TO {user}@'%'", database.name)).unwrap();
        let mut limited = Database::of(&format!("mysql://{user}:secret@127.0.0.1:{port}/{}", database.name));
        let root_too = Mutex::new((database.session(), vec![("data", EXCHANGE), ("sequences", EXCHANGE)]));
        let control = Control::new(move |event| {
            let (session, left) = &mut *root_too.lock().unwrap();
            if let Event::Step { name } = event
                && left.first().is_some_and(|(step, _)| step == name)
            {
                session.execute("change", left.remove(0).1).unwrap();
            }
        });
        let error = capture_as(&limited, options(), &control).err().unwrap_or_else(|| panic!("{name}"));
        assert!(cause(&error).is_some_and(MysqlError::is_retryable), "{error:?}");
        assert!(format!("{error:?}").contains("PROCESS"), "{error:?}");
        let (_, memory) = capture_as(&limited, options(), &Control::default()).unwrap();
        assert_eq!(content(&memory)["e"], "p17 p18");
        limited.name.clear();
        root.execute("drop a user", &format!("DROP USER {user}@'%'")).unwrap();
    }
}

#[test]
fn tables_that_never_rest_are_captured_as_they_stood_together() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(TABLES);
        let is_over = Arc::new(AtomicBool::new(false));
        let (mut session, over) = (database.session(), Arc::clone(&is_over));
        let changes = std::thread::spawn(move || {
            let mut state = 0x2545_F491_4F6C_DD1D_u64;
            let mut count = 0_u64;
            while !over.load(Ordering::Relaxed) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let sql = if state & 1 == 0 { SWAP } else { EXCHANGE };
                session.execute("change", sql).unwrap();
                count += 1;
                std::thread::sleep(Duration::from_millis(state % 150));
            }
            count
        });
        for method in methods(name) {
            let (mut right, mut refused) = (0, 0);
            for _ in 0..6 {
                let mut options = by(method);
                options.max_block = Duration::from_millis(200);
                match capture_as(&database, options, &Control::default()) {
                    Ok((_, memory)) => {
                        let content = content(&memory);
                        let pair = |one: &str, other: &str| [content[one].as_str(), content[other].as_str()];
                        assert!([["a11 a12", "b13"], ["b13", "a11 a12"]].contains(&pair("a", "b")), "{content:?}");
                        assert!(
                            [["e15", "p17 p18 q19"], ["p17 p18", "e15 q19"]].contains(&pair("e", "p")),
                            "{content:?}"
                        );
                        right += 1;
                    }
                    Err(error) => {
                        assert!(cause(&error).is_some_and(MysqlError::is_retryable), "{name} {method:?}: {error:?}");
                        refused += 1;
                    }
                }
            }
            println!("{name} {method:?}: {right} right, {refused} refused");
        }
        is_over.store(true, Ordering::Relaxed);
        println!("{name}: {} changes", changes.join().unwrap());
    }
}
