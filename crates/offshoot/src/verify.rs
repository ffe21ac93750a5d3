//! Checking a store.

use crate::{Result, Store};
use offshoot_core::Control;
use offshoot_core::verify::{Mended, VerifyReport};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The structure: packs, index, manifests, names. No row is read.
    Quick,
    /// Every byte and every row.
    #[default]
    Full,
}

impl Store {
    /// Checks the store, or what one snapshot needs of it. What is damaged is in the report, not in the error.
    ///
    /// # Errors
    /// If there is no such snapshot, or the store cannot be listed.
    pub fn verify(&self, address: Option<&str>, depth: Depth, control: &Control) -> Result<VerifyReport> {
        let snapshots = address.map(|address| self.resolve(address)).transpose()?;
        let open = self.open_store();
        Ok(match depth {
            Depth::Quick => open.verify_quick(control)?,
            Depth::Full => open.verify_full(snapshots.as_slice(), control)?,
        })
    }

    /// Mends what a check found, as far as the store has what that takes: damaged parts of the index are made again, and packs
    /// with damage are relied on no longer, so that the next capture writes again what it needs of them. That heals every
    /// snapshot that shares it; what no capture brings again stays damaged.
    ///
    /// # Errors
    /// `Conflict` if a gc runs; and if the store cannot be written.
    pub fn mend(&self, report: &VerifyReport) -> Result<Mended> {
        Ok(self.open_store().mend(report)?)
    }
}
