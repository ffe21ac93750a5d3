//! A connection of a capture: opened, pinned, driven by its thread's bridge, and known by its process id.

use crate::bridge::Bridge;
use crate::conninfo::ConnInfo;
use crate::error::{Result, refused};
use crate::postgres::connect::tap::Tap;
use crate::postgres::connect::{ConnectOptions, connect};
use crate::postgres::session::{Version, reading_pins, server_version};
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use tokio_postgres::Client;

/// By what the server knows all sessions of a capture.
#[derive(Debug)]
pub struct Sessions {
    /// Process ids of the server's side of its connections.
    pids: Mutex<Vec<i32>>,
    /// What pg_dump's session is called: it connects by itself, so that nobody is told its process id.
    schema_name: String,
}

impl Sessions {
    /// None yet, for one capture: pg_dump's session is called as that of no other.
    #[must_use]
    pub fn new() -> Self {
        let mut number = [0; 8];
        // Without randomness two captures at once may end each other's pg_dump when one is given up; both try again.
        let _ = getrandom::fill(&mut number);
        Self { pids: Mutex::default(), schema_name: format!("offshoot schema {:016x}", u64::from_ne_bytes(number)) }
    }

    /// All that are known.
    #[must_use]
    pub fn pids(&self) -> Vec<i32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What pg_dump's session is called.
    #[must_use]
    pub fn schema_name(&self) -> &str {
        &self.schema_name
    }

    fn add(&self, pid: i32) {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).push(pid);
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

/// An open, pinned connection.
pub struct Connection {
    /// Sends queries; moves on only inside the bridge of its thread.
    pub client: Client,
    /// The server's version.
    pub version: Version,
    /// The process id of the server's side.
    pub pid: i32,
    /// Encoding of the database.
    pub encoding: String,
    /// Variables with which a libpq program reaches the same server. The password is among them.
    pub libpq_environment: Vec<(&'static str, OsString)>,
    /// Where the rows of its COPYs come out.
    pub tap: Tap,
    host: crate::conninfo::Host,
}

impl Connection {
    /// Opens and pins a connection, and registers it among the sessions.
    ///
    /// # Errors
    /// If there is no connection, or the server is not supported.
    pub fn open(bridge: &Bridge, conninfo: &ConnInfo, sessions: &Sessions) -> Result<Self> {
        let connection = bridge.block_on(Self::open_async(conninfo))?;
        sessions.add(connection.pid);
        Ok(connection)
    }

    /// As [`Self::open`] of somebody who is no part of the capture, inside a runtime.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_async(conninfo: &ConnInfo) -> Result<Self> {
        let session = connect(conninfo, &ConnectOptions::default()).await?;
        let libpq_environment = session.libpq_environment();
        let encoding = session.driver.parameter("server_encoding").unwrap_or("UTF8").to_owned();
        let client = session.client;
        tokio::spawn(session.driver);
        let version = server_version(&client).await?;
        client.batch_execute(&reading_pins(version)).await.map_err(refused("set the session up"))?;
        let row = client.query_one("SELECT pg_catalog.pg_backend_pid()", &[]).await;
        let pid = row.map_err(refused("set the session up"))?.get(0);
        tracing::debug!(server = %version, encoding, pid, "connected");
        Ok(Self { client, version, pid, encoding, libpq_environment, tap: session.tap, host: session.host })
    }

    /// The connection string of exactly this server, so that all sessions meet at the same one.
    #[must_use]
    pub fn pinned(&self, conninfo: &ConnInfo) -> ConnInfo {
        conninfo.pinned(&self.host)
    }
}
