//! A branch for a test: made at its beginning, gone at its end, however that comes.
//!
//! ```no_run
//! use offshoot::testing::Branch;
//! use offshoot::{BranchPlace, Branches, Store};
//! use std::sync::OnceLock;
//!
//! /// Opened once for all tests of the program.
//! fn branches() -> &'static Branches {
//!     static OPENED: OnceLock<Branches> = OnceLock::new();
//!     OPENED.get_or_init(|| {
//!         // Folders of this user's, the second with a short path.
//!         let user = std::env::var("USER").unwrap_or_default();
//!         let place = BranchPlace {
//!             home: format!("/var/tmp/offshoot-{user}").into(),
//!             runtime: format!("/tmp/offshoot-{user}").into(),
//!             search: std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect(),
//!             ..BranchPlace::default()
//!         };
//!         let store = Store::open(".offshoot").expect("a store");
//!         store.branches(place).expect("branches")
//!     })
//! }
//!
//! #[test]
//! fn orders_can_be_cancelled() {
//!     let branch = Branch::of(branches(), "prod").expect("a branch");
//!     let _url = branch.url(); // connect, do what you like: no other test sees it
//! }
//! ```
//!
//! Tests that run beside each other have a branch each. A branch whose process was killed is removed by the next one that
//! opens the branches of the store.

use crate::{Access, Branches, CreateOptions, Result};
use offshoot_core::Control;
use std::fmt;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A branch that is deleted when the value is dropped, also when a test panics.
pub struct Branch {
    branches: Branches,
    name: String,
    access: Access,
}

impl Branch {
    /// Makes a branch of a snapshot, under a name that nobody else has.
    ///
    /// # Errors
    /// As [`Branches::create`].
    pub fn of(branches: &Branches, address: &str) -> Result<Self> {
        let name = unique_name();
        let options = CreateOptions { ttl: None, is_owned: true };
        let made = branches.create(&name, address, &options, &Control::default())?;
        Ok(Self { branches: branches.clone(), name, access: made.access })
    }

    /// Its name, for commands that look at it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, with the password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.access.url.expose()
    }

    /// Variables for programs that a test starts.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let url = std::iter::once(("DATABASE_URL", self.url()));
        url.chain(self.access.variables.iter().map(|(name, value)| (name.as_str(), value.expose())))
    }

    /// Gives it the content of its snapshot again; the URL stays.
    ///
    /// # Errors
    /// As [`Branches::reset`].
    pub fn reset(&mut self) -> Result<()> {
        self.access = self.branches.reset(&self.name, None, &Control::default())?.access;
        Ok(())
    }

    /// Deletes it now, and says if that cannot be done.
    ///
    /// # Errors
    /// As [`Branches::delete`].
    pub fn delete(self) -> Result<()> {
        self.branches.delete(&self.name)
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one that opens the branches.
        if let Err(error) = self.branches.delete(&self.name) {
            tracing::debug!(%error, "a branch is left for the next command");
        }
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch").field("name", &self.name).finish_non_exhaustive()
    }
}

fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("test-{}-{:x}-{}", process::id(), since.as_micros(), COUNT.fetch_add(1, Ordering::Relaxed))
}
