//! Removing a branch: the record says so first, and goes last.

use super::record::{self, BranchRecord};
use super::{BranchError, BranchName, Branches, Result};
use crate::clone::remove_tree;
use crate::lock::FolderLock;
use crate::server::Stop;
use std::fs;
use std::io;
use std::path::Path;

impl Branches {
    /// Deletes a branch: its server, its files, its socket, its port.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`; if something cannot be removed, which the next command tries again.
    pub fn delete(&self, name: &BranchName) -> Result<()> {
        self.delete_if(name, |_| true)
    }

    /// Deletes a branch that has this id. To this, another one of its name is none.
    ///
    /// # Errors
    /// As [`Self::delete`].
    pub fn delete_only(&self, name: &BranchName, id: &str) -> Result<()> {
        self.delete_if(name, |record| record.id == id)
    }

    fn delete_if(&self, name: &BranchName, is_meant: impl Fn(&BranchRecord) -> bool) -> Result<()> {
        let (mut record, lock) = self.locked(name)?;
        if !is_meant(&record) {
            return Err(BranchError::NoBranch { name: name.to_string(), near: Vec::new() });
        }
        record.save_deleting(&self.home, &lock)?;
        self.remove(&record, &lock)
    }

    /// Ends the server and removes all that a record stands for, itself last.
    pub(super) fn remove(&self, record: &BranchRecord, _lock: &FolderLock) -> Result<()> {
        let folder = record.folder(&self.home);
        if record.host.is_some() {
            self.drop_hosted(record)?;
        }
        self.remove_folder(&folder, &record.sockets(&self.home))
    }

    /// The same for a folder that may have no record.
    pub(super) fn remove_folder(&self, folder: &Path, sockets: &Path) -> Result<()> {
        let record = record::file(folder);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(BranchError::io("reading", folder)(error)),
        };
        for entry in entries.flatten().filter(|entry| entry.path() != record) {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.servers.stop(&path, Stop::AtOnce)?;
                remove_tree(&path)?;
            } else {
                fs::remove_file(&path).map_err(BranchError::io("removing", &path))?;
            }
        }
        remove_sockets(sockets)?;
        fs::remove_dir_all(folder).map_err(BranchError::io("removing", folder))
    }
}

/// Removes the folder of a socket.
pub(super) fn remove_sockets(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BranchError::io("removing", folder)(error)),
        _ => Ok(()),
    }
}
