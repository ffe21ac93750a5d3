//! What the end-to-end tests share: a database goes into a store and comes out on a server, and both are compared.

use offshoot::{
    CaptureOptions, CaptureReport, Connection, Control, Environment, InitOptions, RestoreOptions, RestoreReport, Store,
};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::Server;
use tempfile::TempDir;

/// A store in a folder that goes away with it.
pub struct Scratch {
    /// The store; it takes raw rows.
    pub store: Store,
    _folder: TempDir,
}

impl Scratch {
    /// A new store.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::init(folder.path().join("store"), InitOptions { raw: true }).expect("a store");
        Self { store, _folder: folder }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
