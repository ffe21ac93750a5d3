//! What no log has while several connections are brought to see one state, and what locks do not keep out.

use crate::capture::{capture_as, cause, options};
use crate::support::{Database, servers};
use offshoot_core::{Control, Event};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::capture::Method;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const TABLES: &str = "CREATE TABLE a (id INT PRIMARY KEY, v INT NOT NULL);
    CREATE TABLE b LIKE a;
    INSERT INTO a VALUES (1, 0);
    INSERT INTO b VALUES (1, 0)";

#[test]
fn what_is_committed_past_the_log_is_in_all_snapshots_or_none() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(TABLES);
        let mut writer = database.session();
        writer.execute("write past the log", "SET SESSION sql_log_bin = 0").unwrap();
        let mut options = options();
        options.method = Some(if name == "mariadb" { Method::BinlogPosition } else { Method::Gtid });
        options.jobs = 2.try_into().unwrap();
        let (writer, snapshots) = (Mutex::new(writer), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&snapshots);
        let control = Control::new(move |event| {
            let is_second = matches!(event, Event::Step { name } if name == "snapshot")
                && counted.fetch_add(1, Ordering::SeqCst) == 1;
            if is_second {
                let mut writer = writer.lock().unwrap();
                for sql in ["START TRANSACTION", "UPDATE a SET v = v + 1", "UPDATE b SET v = v - 1", "COMMIT"] {
                    writer.execute("transfer", sql).unwrap();
                }
            }
        });
        let (_, memory) = capture_as(&database, options, &control).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let value = |table: &str| memory.table("", table).rows[0][1].clone().unwrap();
        assert_eq!((value("a"), value("b")), (1_i32.to_be_bytes().to_vec(), (-1_i32).to_be_bytes().to_vec()), "{name}");
        // The first two were not of one state.
        assert!(snapshots.load(Ordering::SeqCst) >= 4, "{name}");
    }
}

/// Such a transaction has no session, and MariaDB commits it past LOCK TABLES.
#[test]
fn tables_of_a_prepared_transaction_are_not_held_still_by_their_locks() {
    for (_, url) in servers().into_iter().filter(|(name, _)| *name == "mariadb") {
        let database = Database::new(&url);
        database.run(TABLES);
        let mut session = database.session();
        for sql in ["XA START 'q'", "UPDATE a SET v = 1", "XA END 'q'", "XA PREPARE 'q'"] {
            session.execute("prepare", sql).unwrap();
        }
        drop(session);
        let by_locks = || {
            let mut options = options();
            options.method = Some(Method::TableLocks);
            options.jobs = 2.try_into().unwrap();
            capture_as(&database, options, &Control::default())
        };
        let error = by_locks().err().unwrap();
        assert!(matches!(cause(&error), Some(MysqlError::NotReadable { .. })), "{error:?}");
        database.session().execute("commit", "XA COMMIT 'q'").unwrap();
        assert_eq!(by_locks().unwrap().1.table("", "a").rows[0][1].as_deref(), Some(&1_i32.to_be_bytes()[..]));
    }
}
