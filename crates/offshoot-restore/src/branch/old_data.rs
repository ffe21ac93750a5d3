//! Data directories that count no more: what a branch was before a reset, and what killed resets left.
//!
//! Removing one takes as long as removing its files takes, and nobody who works on the branch waits for that: under the
//! branch's lock it is only moved aside, into a folder of the home, from which anybody removes it.

use super::heal::MOMENT;
use super::record::{self, BranchRecord, State, data_name};
use super::{BranchError, Branches, Result, each, random_id, try_lock};
use crate::clone::remove_tree;
use crate::lock::FolderLock;
use crate::server::Stop;
use std::fs;
use std::path::{Path, PathBuf};

impl Branches {
    /// Removes what resets left, of all branches that nobody works on. Returns how many data directories were removed.
    ///
    /// # Errors
    /// If one cannot be moved or removed, which the next call tries again; the others are removed all the same.
    pub fn remove_old_data(&self) -> Result<usize> {
        let moved = each(crate::image::folders(&self.home.branches())?, |folder| {
            // Of most branches there is nothing to remove, and nobody need wait for their locks.
            if crate::image::folders(&folder).map_or(0, |found| found.len()) < 2 {
                return Ok(false);
            }
            let Some(lock) = FolderLock::exclusive_within(&folder, MOMENT)? else { return Ok(false) };
            // What cannot be read is told by whoever heals.
            let Ok(Some(record)) = record::load(&folder) else { return Ok(false) };
            let moves = !matches!(record.state, State::Creating | State::Deleting);
            if moves {
                self.move_old_data(&record, &lock)?;
            }
            Ok(moves)
        });
        let removed = self.remove_moved_data();
        moved.and(removed)
    }

    /// Removes what was moved aside, by whomever.
    pub(super) fn remove_moved_data(&self) -> Result<usize> {
        each(crate::image::folders(&self.home.removed()?)?, |data| {
            // Who has its lock removes it already.
            let Some(_lock) = try_lock(&data)? else { return Ok(false) };
            remove_tree(&data)?;
            Ok(true)
        })
    }

    /// Ends the servers on data directories of a branch that do not count: a reset that was killed may have started one, which has
    /// the branch's port.
    pub(super) fn stop_old(&self, record: &BranchRecord) -> Result<()> {
        for data in old_data(&record.folder(&self.home), record)? {
            self.servers.stop(&data, Stop::AtOnce)?;
        }
        Ok(())
    }

    /// Moves all data directories of a branch aside but the one that counts.
    pub(super) fn move_old_data(&self, record: &BranchRecord, lock: &FolderLock) -> Result<()> {
        let old = old_data(&record.folder(&self.home), record)?;
        if old.is_empty() {
            return Ok(());
        }
        // First it must be on the disk that it is another one that counts.
        record.sync(&self.home, lock)?;
        for path in old {
            self.servers.stop(&path, Stop::AtOnce)?;
            let aside = self.home.removed().and_then(|removed| Ok(removed.join(random_id()?)));
            let moved = aside.and_then(|aside| fs::rename(&path, &aside).map_err(BranchError::io("moving", &path)));
            if moved.is_err() {
                // On a full disk there may be no room for another name.
                remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

/// The data directories in a branch's folder that do not count, finished or not.
pub(super) fn old_data(folder: &Path, record: &BranchRecord) -> Result<Vec<PathBuf>> {
    let mut folders = crate::image::folders(folder)?;
    let current = data_name(record.generation);
    folders.retain(|path| path.file_name().is_some_and(|name| name != current.as_str()));
    Ok(folders)
}
