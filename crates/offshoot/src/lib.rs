//! Snapshots of Postgres databases in content-addressed chunks, for embedders.
//!
//! A few lines to capture, and a few to restore:
//!
//! ```
//! use offshoot::{CaptureOptions, Connection, Control, Environment, InitOptions, RestoreOptions, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (server, folder) = (offshoot_testkit::postgres::shared(), tempfile::tempdir()?);
//! # std::env::set_current_dir(folder.path())?;
//! # let databases = [server.fresh_db("shop"), server.fresh_db("shop_copy")];
//! # let [shop_url, copy_url] = databases.each_ref().map(|name| server.url(name));
//! let environment = Environment::new(std::env::vars_os(), None, None);
//! let shop = Connection::parse("postgresql://reader@db.example/shop", &environment)?;
//! # let shop = Connection::parse(&shop_url, &environment)?;
//! let store = Store::init(".offshoot", InitOptions { raw: true })?;
//! let options = CaptureOptions { name: Some("shop".to_owned()), ..CaptureOptions::default() };
//! store.capture(&shop, &options, &Control::default())?;
//!
//! let copy = Connection::parse("postgresql://postgres@localhost/shop_copy", &environment)?;
//! # let copy = Connection::parse(&copy_url, &environment)?;
//! let plan = store.plan_restore("shop", &copy, &RestoreOptions::default())?;
//! println!("{plan}");
//! plan.apply(&Control::default())?;
//! # Ok(())
//! # }
//! ```
//!
//! A store can be looked at without a server:
//!
//! ```
//! use offshoot::{Control, Depth, ErrorKind, InitOptions, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("store");
//! let store = Store::init(&path, InitOptions { raw: true })?;
//! for snapshot in store.log(None)? {
//!     println!("{} {} rows", snapshot.id, snapshot.rows);
//! }
//! assert!(store.verify(None, Depth::Full, &Control::default())?.is_sound());
//!
//! let error = store.snapshot("prod").unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::NotFound);
//! assert_eq!(error.hint(), Some("`offshoot log` lists the snapshots"));
//! # Ok(())
//! # }
//! ```
//!
//! No argument parsing, no terminal and no process environment in here: what the operations depend on, the caller gives
//! them. Every call blocks until its work is done and works on threads of its own, so that it can be made from plain
//! code as well as from inside a tokio runtime; there, put it on a thread where blocking is allowed (`spawn_blocking`).
//! A [`Control`] watches an operation and stops it from any thread. What destroys something is a plan first: a value
//! that says what it will do when it is displayed, and does it when it is applied.

pub mod amounts;
mod branch;
mod capture;
mod compare;
mod connection;
pub mod doctor;
mod engine;
mod error;
pub mod pool;
mod preview;
mod pseudonym;
mod rescrub;
mod restore;
mod scan;
pub mod scrub;
mod snapshot;
mod space;
mod store;
pub mod testing;
mod verify;

pub use branch::{
    BranchEnvironment, BranchInfo, BranchPlace, BranchState, Branches, CreateOptions, CreatedBranch, ImageRecord,
    Isolation, Shape, SpareWish,
};
pub use capture::{CaptureOptions, CaptureReport};
pub use compare::Comparison;
pub use connection::Connection;
pub use doctor::DoctorReport;
pub use error::{Error, ErrorKind, Result};
pub use preview::{Preview, PreviewRow, preview};
pub use restore::{RestoreOptions, RestorePlan};
pub use scan::{ScanOptions, ScanReport, ScannedColumn, scan};
pub use snapshot::{Snapshot, Summary, reused_share_of};
pub use space::{ForgetOptions, ForgetPlan, GcOptions, GcPlan, PackCount};
pub use store::{InitOptions, Store};

pub use verify::Depth;

pub use offshoot_core::digest::{HowDiffers, TableDifference};
pub use offshoot_core::gc::{Forgotten, GcReport, Kept};
pub use offshoot_core::target::Roles;
pub use offshoot_core::verify::{Affected, Mended, Problem as Damage, VerifyReport};
pub use offshoot_core::{Control, Event};
pub use offshoot_engines::conninfo::{Environment, FileContent, FolderContent, ReadFile};
pub use offshoot_format::ids::{ContentRoot, SnapshotId};
pub use offshoot_format::{manifest, table, tree};
pub use offshoot_restore::branch::Healed;
pub use offshoot_restore::clone::{Ladder, Method};
pub use offshoot_restore::image::ImageGcPlan;
pub use offshoot_restore::server::{Access, Build, Client, Secret};
pub use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};
pub use offshoot_restore::{RestoreReport, StepTime};

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

/// The examples of the document run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
mod embedding {}
