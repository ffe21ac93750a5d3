//! Snapshots of Postgres databases in content-addressed chunks, for embedders.
//!
//! No argument parsing, no terminal and no process environment in here: what the operations depend on, the caller gives
//! them. Every call blocks until its work is done and works on threads of its own, so that it can be made from plain
//! code as well as from inside a tokio runtime; there, put it on a thread where blocking is allowed (`spawn_blocking`).

pub mod amounts;
mod capture;
mod connection;
mod error;
mod snapshot;
mod space;
mod store;
mod verify;

pub use capture::{CaptureOptions, CaptureReport};
pub use connection::Connection;
pub use error::{Error, ErrorKind, Result};
pub use snapshot::{Snapshot, Summary, reused_share_of};
pub use space::{ForgetOptions, ForgetPlan, GcOptions, GcPlan, PackCount};
pub use store::{InitOptions, Store};

pub use verify::Depth;

pub use offshoot_core::gc::{Forgotten, GcReport, Kept};
pub use offshoot_core::verify::{Affected, Problem as Damage, VerifyReport};
pub use offshoot_core::{Control, Event};
pub use offshoot_engines::conninfo::{Environment, FileContent, ReadFile};
pub use offshoot_format::ids::{ContentRoot, SnapshotId};
pub use offshoot_format::{manifest, table, tree};

/// Runs work that talks to a server on a thread of its own, so that the caller may be inside an async runtime.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("offshoot".to_owned()).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| {
            let hint = "the system is out of threads or memory; end something and try again";
            Error::new(ErrorKind::Failed, format!("no thread could be started: {error}"), hint)
        })?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
