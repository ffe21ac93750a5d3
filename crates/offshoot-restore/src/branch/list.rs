//! What there is.

use super::heal::MOMENT;
use super::record::{BranchRecord, State};
use super::{BranchName, Branches, Result};
use crate::clone::own_bytes;
use crate::lock::FolderLock;
use crate::server::Site;
use std::path::PathBuf;

/// A branch as a list shows it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BranchInfo {
    /// Its name.
    pub name: BranchName,
    /// What it is doing.
    pub state: BranchState,
    /// How its snapshot was asked for.
    pub address: String,
    /// The snapshot's hash.
    pub snapshot: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub made_unix_ms: u64,
    /// When it will be deleted, in milliseconds since 1970 UTC.
    pub expires_unix_ms: Option<u64>,
    /// Bytes of its own changes, and of what the file system does not share; none where it cannot be said.
    pub own_bytes: Option<u64>,
    /// Sessions of users; none while it does not run.
    pub connections: Option<u32>,
    /// Its port.
    pub port: u16,
}

/// What a branch is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BranchState {
    /// Being made or reset by another process at this moment.
    Working,
    /// Its server runs.
    Running,
    /// It was stopped.
    Stopped,
    /// Its server should run and does not: it was killed, or the machine was started anew.
    Down,
    /// What had to be done in it after a reset was interrupted.
    HalfReset,
    /// Its files were not on the disk when the machine went down.
    Lost,
}

impl BranchState {
    /// As a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Working => "being made",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Down => "down",
            Self::HalfReset => "half reset",
            Self::Lost => "lost",
        }
    }
}

impl Branches {
    /// All branches, by name.
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn list(&self) -> Result<Vec<BranchInfo>> {
        let records = self.records()?;
        let mut list: Vec<BranchInfo> = records.iter().filter_map(|record| self.info(record)).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// The names of all branches. No server is asked, and no file of theirs looked at.
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn names(&self) -> Result<Vec<BranchName>> {
        let records = self.records()?.into_iter().filter(|record| record.state != State::Deleting);
        let mut names: Vec<BranchName> = records.filter_map(|record| record.name).collect();
        names.sort();
        Ok(names)
    }

    /// The folder of a branch's own files; none where its server would have to say it and does not run.
    fn files_of(&self, record: &BranchRecord, site: &Site) -> Option<PathBuf> {
        if record.host.is_none() {
            return Some(site.data.clone());
        }
        self.servers.running(&site.data)?;
        self.server_of(record).ok()?.database_folder(site, &record.database).ok()
    }

    fn is_worked_on(&self, record: &BranchRecord) -> bool {
        // Whoever heals has each lock for a moment.
        matches!(FolderLock::exclusive_within(&record.folder(&self.home), 2 * MOMENT), Ok(None))
    }

    fn info(&self, record: &BranchRecord) -> Option<BranchInfo> {
        let site = record.site(&self.home);
        let running = self.servers.running(&site.data).is_some_and(|running| !running.is_ending);
        let state = match record.state {
            State::Spare | State::Host | State::Deleting => return None,
            State::Creating => BranchState::Working,
            State::Ready if self.is_lost(record) => BranchState::Lost,
            State::Ready if record.is_half() => BranchState::HalfReset,
            State::Ready if record.finishing.is_some() => BranchState::Working,
            State::Ready if running => BranchState::Running,
            // A reset has ended the old server, and the new one does not run yet.
            State::Ready if record.runs && self.is_worked_on(record) => BranchState::Working,
            State::Ready if record.runs => BranchState::Down,
            State::Ready => BranchState::Stopped,
        };
        let asks = state == BranchState::Running;
        let count = || self.server_of(record).ok()?.connections(&site, &record.database).ok();
        Some(BranchInfo {
            name: record.name.clone()?,
            state,
            address: record.address.clone(),
            snapshot: record.snapshot.clone(),
            made_unix_ms: record.made_unix_ms,
            expires_unix_ms: record.expires_unix_ms,
            own_bytes: self.files_of(record, &site).and_then(|folder| own_bytes(&folder).ok()),
            connections: if asks { count() } else { None },
            port: site.port,
        })
    }
}
