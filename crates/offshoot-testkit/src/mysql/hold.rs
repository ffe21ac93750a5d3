//! A session that holds a lock, so that a test can stop what waits for it.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::Server;

/// Holds what its statement took until it is dropped.
#[derive(Debug)]
pub struct Hold(Child);

/// How often it is looked for a session that does not come: minutes, each look being a program that is started.
const LOOKS_MAX: usize = 5000;

impl Server {
    /// Runs a statement in a session of its own that stays, such as `LOCK TABLES t WRITE` or `BEGIN; SELECT .. FOR UPDATE`.
    #[track_caller]
    #[must_use]
    pub fn hold(&self, db: &str, statement: &str) -> Hold {
        let mut client = self.client_command(db);
        let spawned = client.arg("--unbuffered").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut hold = match spawned {
            Ok(child) => Hold(child),
            Err(error) => panic!("starting the client: {error}"),
        };
        let script = format!("{statement};\nSELECT 'held';\n");
        let mut said = Vec::new();
        let asked = hold.0.stdin.as_mut().map(|stdin| stdin.write_all(script.as_bytes()).and_then(|()| stdin.flush()));
        assert!(matches!(asked, Some(Ok(()))), "the client in {db} takes no statement");
        // The statement itself may give rows.
        while !said.ends_with(b"held\n") {
            let mut byte = [0];
            let read = hold.0.stdout.as_mut().map(|stdout| stdout.read_exact(&mut byte));
            assert!(matches!(read, Some(Ok(()))), "no answer in {db}: {statement}");
            said.push(byte[0]);
        }
        hold
    }

    /// Waits until there is a session of which this holds in `information_schema.processlist`; gives up where none comes.
    #[track_caller]
    pub fn wait_for_session(&self, condition: &str) {
        let sql =
            format!("SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() AND {condition}");
        for _ in 0..LOOKS_MAX {
            if self.sql("", &sql) != "0" {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no session of which this holds: {condition}");
    }

    /// Ends the sessions of which this holds in `information_schema.processlist`.
    #[track_caller]
    pub fn terminate(&self, condition: &str) {
        let sql = format!("SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND {condition}");
        for id in self.sql("", &sql).lines() {
            // One that has ended by itself meanwhile needs no end.
            let _gone = self.try_sql("", &format!("KILL {id}"));
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}
