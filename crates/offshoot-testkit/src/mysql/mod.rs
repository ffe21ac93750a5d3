//! Throwaway MariaDB and MySQL servers for tests: a real server in a folder of its own, ready in a fraction of a second.
//!
//! ```no_run
//! use offshoot_testkit::mysql::{Binaries, Server, ServerOptions};
//!
//! let server = Server::start(ServerOptions::new().setting("log_bin", "binlog").setting("server_id", "7"));
//! let db = server.fresh_db("words");
//! assert_eq!(server.sql(&db, "SELECT 1 + 1"), "2");
//! // dropped: the server is stopped and its folder removed, also when the test panics or is killed
//!
//! // A test of both: MySQL is left out, with a word, where it is not there.
//! for binaries in Binaries::wanted() {
//!     let server = offshoot_testkit::mysql::shared_of(&binaries);
//!     let db = server.fresh_db("words");
//! }
//! ```
//!
//! A server starts from a copy of a data directory that was made once per binary (`template`); it runs as nobody when the
//! tests run as root, because servers refuse root. Durability is off: these servers survive a restart, not a power cut.
//! The user is `root`, without a password, over TCP and over the socket.
//!
//! Tests that need no settings of their own take [`shared`] or [`shared_of`], one server a process, and a database each.
//! There is no client library here: [`Server::sql`] runs the server's own client program, so that a test's view of a
//! database does not pass through the code under test.

mod binaries;
mod client;
mod definitions;
mod fingerprint;
mod hold;
mod options;
mod server;
pub mod shop;
mod template;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

pub use binaries::{Binaries, Family};
pub use client::Loaded;
pub use definitions::definitions;
pub use fingerprint::fingerprint;
pub use hold::Hold;
pub use options::ServerOptions;
pub use server::Server;

/// Why a throwaway server could not be had, or a command on it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MysqlError {
    /// No server programs.
    #[error("{0}")]
    NoBinaries(String),
    /// A file or process operation of the kit itself.
    #[error("{action}: {source}")]
    Io {
        /// What was tried, with its path.
        action: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ran and failed; what it wrote is the reason.
    #[error("{program} failed: {output}")]
    Program {
        /// The program and what it was to do.
        program: String,
        /// Its standard error.
        output: String,
    },
    /// The server did not become ready.
    #[error("the server did not become ready: {reason}\n{log}")]
    NotReady {
        /// What was seen.
        reason: String,
        /// The end of its log.
        log: String,
    },
}

impl MysqlError {
    fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

/// The MariaDB server with default settings that all tests of this process share. Use [`Server::fresh_db`] for a
/// database of your own, and [`Server::start`] where a test stops the server or changes settings.
#[must_use]
pub fn shared() -> &'static Server {
    match Binaries::mariadb() {
        Ok(binaries) => shared_of(&binaries),
        Err(error) => panic!("{error}"),
    }
}

/// As [`shared`], of other binaries; one server per process for each.
#[must_use]
pub fn shared_of(binaries: &Binaries) -> &'static Server {
    static SERVERS: OnceLock<Mutex<HashMap<PathBuf, &'static Server>>> = OnceLock::new();
    let mut servers = SERVERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = servers.get(binaries.server()) {
        return server;
    }
    // Never dropped: its reaper stops it when the process ends.
    let server = Box::leak(Box::new(Server::start(ServerOptions::new().binaries(binaries.clone()))));
    servers.insert(binaries.server().to_path_buf(), server);
    server
}

#[cfg(test)]
mod tests;
