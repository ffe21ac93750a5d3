//! Nobody waits for long behind a table that is being read.

use crate::capture::{cause, failure, options};
use crate::support::{Database, servers};
use offshoot_core::{Control, Event};
use offshoot_engines::mysql::MysqlError;
use offshoot_engines::mysql::session::Session;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Captures a database so slowly that its table would be read for half a minute, while somebody else wants it.
#[track_caller]
fn is_let_go(url: &str, engine: &str, sql: &str, from_elsewhere: bool) {
    let database = Database::new(url);
    database.run(&format!(
        "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT) ENGINE={engine};
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 399) SELECT i, REPEAT('x', 100000) FROM n"
    ));
    let mut options = options();
    options.max_block = Duration::from_millis(400);
    let began = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&began);
    let mut conninfo = database.conninfo.clone();
    if from_elsewhere {
        conninfo.database = "mysql".to_owned();
    }
    let mut session = Session::open(&conninfo).unwrap();
    let sql = sql.replace("{}", &database.name);
    let shown = format!("{engine} {sql}");
    let waiter = std::thread::spawn(move || {
        while !begun.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let asked = Instant::now();
        session.execute("wait for the table", &sql).unwrap();
        asked.elapsed()
    });
    let control = Control::new(move |event| {
        if matches!(event, Event::Rows { .. }) {
            began.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(2));
        }
    });
    let error = failure(&database, options, &control);
    assert!(matches!(cause(&error), Some(MysqlError::Blocking { .. })), "{shown} {error:?}");
    println!("{shown}: it waited {} ms", waiter.join().unwrap().as_millis());
}

#[test]
fn whoever_waits_behind_a_table_is_let_go() {
    for (_, url) in servers() {
        is_let_go(&url, "InnoDB", "ALTER TABLE t ADD COLUMN w INT", false);
        is_let_go(&url, "InnoDB", "ALTER TABLE `{}` . `t` ADD COLUMN w INT", true);
    }
}

#[test]
fn whoever_writes_to_a_table_that_is_locked_is_let_go() {
    for (_, url) in servers() {
        is_let_go(&url, "MyISAM", "UPDATE {}.t SET v = '' WHERE id = 399", true);
    }
}
