//! The server ends a session of a capture, whichever: the snapshot is right all the same, or there is one error that is worth
//! another attempt; and nothing of the capture is left on the server.

use crate::capture::{capture_as, cause, options};
use crate::support::{Database, servers};
use offshoot_core::{Control, Event};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::capture::Method;
use offshoot_engines::mysql::session::Session;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TABLES: &str = "
CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200));
INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i, REPEAT('x', 200) FROM n;
CREATE TABLE s LIKE t;
INSERT INTO s SELECT * FROM t";
const KEPT: &str = ";
CREATE TABLE kept (id INT PRIMARY KEY) ENGINE=MyISAM;
INSERT INTO kept VALUES (1), (2)";

/// The sessions of a user, in the order in which they began.
fn sessions(root: &mut Session, user: &str) -> Vec<u64> {
    let sql = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}' ORDER BY ID");
    let rows = root.query("look for sessions", &sql).unwrap();
    rows.iter().map(|row| row.parse(0).unwrap().unwrap()).collect()
}

/// A moment of a capture.
fn moment(event: &Event) -> Option<&'static str> {
    match event {
        Event::Step { name } => ["list", "lock", "snapshot", "data", "sequences"].into_iter().find(|step| step == name),
        Event::Rows { .. } => Some("rows"),
        _ => None,
    }
}

#[test]
fn a_session_that_is_ended_ends_a_capture_cleanly() {
    for (name, url) in servers() {
        for (method, script) in [
            (Method::GlobalLock, format!("{TABLES}{KEPT}")),
            (Method::TableLocks, format!("{TABLES}{KEPT}")),
            (if name == "mariadb" { Method::BinlogPosition } else { Method::Gtid }, TABLES.to_owned()),
        ] {
            let database = Database::new(&url);
            database.run(&script);
            let mut root = database.session();
            let port: u16 = root.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap();
            let user = format!("k{}", database.name);
            root.execute("make a user", &format!("CREATE USER {user}@'%' IDENTIFIED BY 'secret'")).unwrap();
            root.execute("grant", &format!("GRANT ALL ON *.* TO {user}@'%'")).unwrap();
            let limited = Database::of(&format!("mysql://{user}:secret@127.0.0.1:{port}/{}", database.name));
            let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
            for at in ["list", "lock", "snapshot", "data", "rows", "sequences"] {
                for place in 0.. {
                    // By the number of its place, until there is no such.
                    let killed = Arc::new(Mutex::new(None));
                    let (state, inner, of) = (Mutex::new(database.session()), Arc::clone(&killed), user.clone());
                    let control = Control::new(move |event| {
                        let mut killed = inner.lock().unwrap();
                        if killed.is_none() && moment(event) == Some(at) {
                            let mut session = state.lock().unwrap();
                            let id = sessions(&mut session, &of).get(place).copied();
                            if let Some(id) = id {
                                // It may have ended by itself.
                                let ended = session.execute("end it", &format!("KILL CONNECTION {id}"));
                                assert!(
                                    ended.as_ref().err().is_none_or(|error| error.number() == Some(1094)),
                                    "{ended:?}"
                                );
                            }
                            *killed = Some(id);
                        }
                    });
                    let mut options = options();
                    options.method = Some(method);
                    options.jobs = 2.try_into().unwrap();
                    let captured = capture_as(&limited, options, &control);
                    let outcome = match &captured {
                        Ok((_, memory)) => {
                            assert_eq!(memory.table("", "t").rows.len(), 1000);
                            assert_eq!(memory.table("", "s").rows.len(), 1000);
                            format!("{at}: right")
                        }
                        Err(error) => {
                            let cause = cause(error).unwrap_or_else(|| panic!("{name} {method:?} {at}: {error:?}"));
                            assert!(cause.is_retryable(), "{name} {method:?} {at} {place}: {cause}");
                            format!("{at}: {cause}")
                        }
                    };
                    *outcomes.entry(outcome).or_default() += 1;
                    is_nothing_left(&mut root, &user, name);
                    if killed.lock().unwrap().flatten().is_none() {
                        assert!(captured.is_ok(), "{name} {method:?} {at} {place}");
                        break;
                    }
                }
            }
            println!("{name} {method:?}: {outcomes:#?}");
            root.execute("drop a user", &format!("DROP USER {user}@'%'")).unwrap();
        }
    }
}

/// No session of a capture is left, and nobody waits for a lock of it.
#[track_caller]
fn is_nothing_left(root: &mut Session, user: &str, name: &str) {
    for turn in 0.. {
        let left = sessions(root, user);
        if left.is_empty() {
            break;
        }
        assert!(turn < 400, "{name}: sessions {left:?} are left");
        std::thread::sleep(Duration::from_millis(25));
    }
    root.execute("set up", "SET SESSION lock_wait_timeout = 5").unwrap();
    root.execute("alter it", "ALTER TABLE t COMMENT = 'altered'").unwrap();
    root.execute("write to it", "UPDATE s SET v = 'y' WHERE id = 1").unwrap();
}

#[test]
fn a_lock_is_given_up_where_the_server_takes_no_more_connections() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run("CREATE TABLE t (id INT PRIMARY KEY);\nINSERT INTO t VALUES (1)");
        let mut root = database.session();
        let port: u16 = root.query_one("ask", "SELECT @@port").unwrap().parse(0).unwrap().unwrap();
        let user = format!("f{}", database.name);
        root.execute("make a user", &format!("CREATE USER {user}@'%' IDENTIFIED BY 'secret'")).unwrap();
        root.execute("grant", &format!("GRANT SELECT, LOCK TABLES ON {}.* TO {user}@'%'", database.name)).unwrap();
        let limited = Database::of(&format!("mysql://{user}:secret@127.0.0.1:{port}/{}", database.name));
        let mut writer = database.session();
        writer.execute("begin", "START TRANSACTION").unwrap();
        writer.execute("write", "INSERT INTO t VALUES (2)").unwrap();
        // From when the lock is asked for nobody else of its user comes in.
        let (full, of) = (Mutex::new(database.session()), user.clone());
        let control = Control::new(move |event| {
            if moment(event) == Some("lock") {
                let sql = format!("ALTER USER {of}@'%' ACCOUNT LOCK");
                full.lock().unwrap().execute("let nobody in", &sql).unwrap();
            }
        });
        let mut options = options();
        options.method = Some(Method::TableLocks);
        options.lock_wait = Duration::from_millis(300);
        options.max_block = Duration::from_millis(300);
        let error = capture_as(&limited, options, &control).err().unwrap_or_else(|| panic!("{name}"));
        assert!(matches!(cause(&error), Some(MysqlError::LockWait { waited_ms: 300, .. })), "{name} {error:?}");
        writer.execute("end", "COMMIT").unwrap();
        root.execute("drop a user", &format!("DROP USER {user}@'%'")).unwrap();
    }
}
