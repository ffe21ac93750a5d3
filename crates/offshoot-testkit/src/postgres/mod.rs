//! Throwaway PostgreSQL servers for tests: a real server in a folder of its own, ready in a fraction of a second.
//!
//! ```no_run
//! use offshoot_testkit::postgres::{Server, ServerOptions};
//!
//! let server = Server::start(ServerOptions::new().setting("wal_level", "logical"));
//! let db = server.fresh_db("words");
//! assert_eq!(server.psql(&db, "SELECT 1 + 1"), "2");
//! // dropped: the server is stopped and its folder removed, also when the test panics or is killed
//! ```
//!
//! A server starts from a copy of a data directory that `initdb` made once per binary, locale and encoding
//! (`template`); it runs as nobody when the tests run as root, because PostgreSQL refuses root. Durability
//! is off: these servers survive a restart, not a power cut.
//!
//! Tests that need no settings of their own take [`shared`], one server a process, and a database each.
//! There is no client library here: [`Server::psql`] runs psql, so that a test's view of a database does not
//! pass through the code under test.

mod binaries;
mod client;
mod hold;
mod options;
mod server;
mod standby;
mod template;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

pub use binaries::Binaries;
pub use client::Loaded;
pub use hold::Hold;
pub use options::ServerOptions;
pub use server::Server;

/// Why a throwaway server could not be had, or a command on it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No server binaries: not installed, or of another major than the one asked for.
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

impl PostgresError {
    fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

/// The server with default settings that all tests of this process share. Use [`Server::fresh_db`] for a
/// database of your own, and [`Server::start`] where a test stops the server or changes settings.
#[must_use]
pub fn shared() -> &'static Server {
    static INSTALLED: OnceLock<&'static Server> = OnceLock::new();
    INSTALLED.get_or_init(|| match Binaries::installed() {
        Ok(binaries) => shared_of(&binaries),
        Err(error) => panic!("{error}"),
    })
}

/// As [`shared`], of other binaries; one server per process for each.
#[must_use]
pub fn shared_of(binaries: &Binaries) -> &'static Server {
    static SERVERS: OnceLock<Mutex<HashMap<PathBuf, &'static Server>>> = OnceLock::new();
    let servers = SERVERS.get_or_init(Mutex::default);
    let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = servers.get(binaries.dir()) {
        return server;
    }
    // Never dropped: its reaper stops it when the process ends.
    let server = Box::leak(Box::new(Server::start(ServerOptions::new().binaries(binaries.clone()))));
    servers.insert(binaries.dir().to_path_buf(), server);
    server
}

#[cfg(test)]
mod tests;
