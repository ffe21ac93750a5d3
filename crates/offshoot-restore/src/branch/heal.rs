//! Healing: what killed processes, a killed server or a machine that went down left behind is put in order.
//!
//! Only folders whose lock is free are touched: the others are being worked on.

use super::record::{self, BranchRecord, State};
use super::{BranchName, Branches, Result, is_gone};
use crate::lock::FolderLock;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long a lock is tried: a process that is about to start a program has those of its parent for a moment.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// What was put in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Healed {
    /// Half-made or half-removed branches that were removed.
    pub leftovers: usize,
    /// Branches whose time was over.
    pub expired: Vec<BranchName>,
    /// Branches whose owner has ended.
    pub ownerless: Vec<BranchName>,
    /// What could not be put in order, and why.
    pub failures: Vec<String>,
}

impl Branches {
    /// Puts everything in order that nobody works on, but for what resets left: see [`Self::remove_old_data`].
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn heal(&self) -> Result<Healed> {
        let mut healed = Healed::default();
        // Ids first: a socket whose branch is being made now is not taken for one without a branch.
        let sockets = self.home.socket_ids();
        for folder in crate::image::folders(&self.home.branches())? {
            if let Err(error) = self.heal_folder(&folder, &mut healed) {
                healed.failures.push(error.to_string());
            }
        }
        let there: HashSet<String> = self.ids()?;
        for id in sockets.iter().filter(|id| !there.contains(*id) && !id.starts_with('i')) {
            let _ = fs::remove_dir_all(self.home.sockets(id));
        }
        if let Err(error) = crate::image::heal(&self.home, &*self.servers) {
            healed.failures.push(error.to_string());
        }
        Ok(healed)
    }

    fn ids(&self) -> Result<HashSet<String>> {
        let folders = crate::image::folders(&self.home.branches())?;
        Ok(folders.iter().filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect())
    }

    fn heal_folder(&self, folder: &Path, healed: &mut Healed) -> Result<()> {
        let Some(lock) = FolderLock::exclusive_within(folder, MOMENT)? else { return Ok(()) };
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(mut record) = record::load(folder)? else {
            drop(lock);
            return self.heal_nameless(folder, &id, healed);
        };
        let is_half = record.finishing.as_ref().is_some_and(|finishing| finishing.is_new && finishing.is_cut_off());
        if matches!(record.state, State::Creating | State::Deleting) || is_half {
            tracing::info!(id, "removing what is left of a branch");
            healed.leftovers += 1;
            return self.end(record, &lock);
        }
        // Somebody may have got it, and written into it, without that being on the disk when the machine went down.
        let is_old_spare = record.state == State::Spare && self.is_of_another_boot(&record);
        let is_over = record.expires_unix_ms.is_some_and(|expires| expires <= crate::image::now_unix_ms());
        let has_no_owner = record.owner.as_ref().is_some_and(is_gone);
        if is_over || has_no_owner || is_old_spare {
            if let Some(name) = &record.name {
                if is_over { &mut healed.expired } else { &mut healed.ownerless }.push(name.clone());
            }
            return self.end(record, &lock);
        }
        if record.state == State::Host {
            return self.remove_lost_host(record, &lock);
        }
        // A reset that was killed may have started a server that nobody is told of, or left a database; a stop may have left it running.
        self.stop_old(&record)?;
        self.settle(&mut record, &lock)?;
        let runs_on = || self.servers.running(&record.site(&self.home).data).is_some();
        if record.state == State::Ready && !record.runs && record.host.is_none() && runs_on() {
            return self.finish_stop(record, &lock);
        }
        Ok(())
    }

    /// Removes a folder without a record. Whoever makes one holds the list's lock until it has its record, and whoever removes
    /// one removes the record last.
    fn heal_nameless(&self, folder: &Path, id: &str, healed: &mut Healed) -> Result<()> {
        let _list = self.home.lock_list()?;
        let Some(_lock) = FolderLock::exclusive_within(folder, MOMENT)? else { return Ok(()) };
        if record::load(folder)?.is_none() {
            healed.leftovers += 1;
            self.remove_folder(folder, &self.home.sockets(id))?;
        }
        Ok(())
    }

    fn end(&self, mut record: BranchRecord, lock: &FolderLock) -> Result<()> {
        if record.state != State::Deleting {
            record.save_deleting(&self.home, lock)?;
        }
        self.remove(&record, lock)
    }
}
