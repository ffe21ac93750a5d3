//! What is still to be done in a branch that was made or reset, such as the steps of a team's own. Until then it runs and lets in
//! whoever does them, and nobody may take it for ready: a process that ends before it is through leaves a half one.

use super::record::BranchRecord;
use super::{BranchError, BranchName, Branches, Result, is_gone};
use offshoot_core::store::this_process;
use offshoot_format::record::Holder;
use serde::{Deserialize, Serialize};

/// Who still does something in a branch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Finishing {
    by: Holder,
    /// Whether nobody has had it yet, so that a half one is removed; the one whose content was reset has a URL that somebody keeps.
    pub is_new: bool,
}

impl Finishing {
    /// By this process, if that is wished for.
    pub(super) fn wished(is_wished: bool, is_new: bool) -> Option<Self> {
        let by = if is_wished { this_process() } else { None };
        by.map(|by| Self { by, is_new })
    }

    /// Whether whoever did it has ended before it was done.
    pub(super) fn is_cut_off(&self) -> bool {
        is_gone(&self.by)
    }
}

impl BranchRecord {
    /// Whether what had to be done in it was cut off.
    pub(super) fn is_half(&self) -> bool {
        self.finishing.as_ref().is_some_and(Finishing::is_cut_off)
    }
}

impl Branches {
    /// Says that all is done in the branch of this id that was wished for with [`finishes`](super::Wish::finishes): from now on it is
    /// ready. Of any other nothing changes.
    ///
    /// # Errors
    /// `NoBranch`, also where another one has its name; `Busy`.
    pub fn finish(&self, name: &BranchName, id: &str) -> Result<()> {
        let (mut record, lock) = self.locked(name)?;
        if record.id != id {
            return Err(BranchError::NoBranch { name: name.to_string(), near: Vec::new() });
        }
        if record.finishing.take().is_none() {
            return Ok(());
        }
        // Nobody finds it ready and without what was done in it.
        if record.shape.durable {
            self.server_of(&record)?.flush(&record.site(&self.home), &record.database)?;
        }
        record.save_later(&self.home, &lock)
    }
}
