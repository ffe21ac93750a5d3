//! A session that holds a lock, so that a test can stop what waits for it.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::Server;

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub struct Hold(Child);

/// How often it is looked for a session that does not come: minutes, each look being a program that is started.
const LOOKS_MAX: usize = 5000;

impl Server {
    /// Takes an advisory lock in a session of its own.
    #[track_caller]
    #[must_use]
    pub fn hold(&self, db: &str, key: i32) -> Hold {
        self.hold_by(db, &format!("SELECT FROM pg_advisory_lock({key});"))
    }

    /// Keeps everybody from a table, in a session of its own.
    #[track_caller]
    #[must_use]
    pub fn hold_table(&self, db: &str, table: &str) -> Hold {
        self.hold_by(db, &format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;"))
    }

    #[track_caller]
    fn hold_by(&self, db: &str, statement: &str) -> Hold {
        let mut psql = self.psql_command(db);
        let spawned = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut hold = match spawned {
            Ok(child) => Hold(child),
            Err(error) => panic!("starting psql: {error}"),
        };
        let script = format!("{statement}\n\\echo held\n");
        let (mut said, wanted) = ([0; 4], b"held");
        let asked = hold.0.stdin.as_mut().map(|stdin| stdin.write_all(script.as_bytes()));
        let answered = hold.0.stdout.as_mut().map(|stdout| stdout.read_exact(&mut said));
        assert!(
            matches!((asked, answered), (Some(Ok(())), Some(Ok(())))) && &said == wanted,
            "no lock in {db}: {statement}"
        );
        hold
    }

    /// Waits until a session runs a statement that begins so, and waits for an advisory lock in it.
    #[track_caller]
    pub fn wait_for_held(&self, statement: &str) {
        self.wait_for_session(&format!("query LIKE '{statement}%' AND wait_event = 'advisory'"));
    }

    /// Waits until there is a session of which this holds in `pg_stat_activity`; gives up where none will come.
    #[track_caller]
    pub fn wait_for_session(&self, condition: &str) {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND {condition}");
        for _ in 0..LOOKS_MAX {
            if self.psql("postgres", &sql) != "0" {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no session of which this holds: {condition}");
    }

    /// Ends the sessions of which this holds in `pg_stat_activity`.
    #[track_caller]
    pub fn terminate(&self, condition: &str) {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND {condition}"
        );
        self.psql("postgres", &sql);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}
