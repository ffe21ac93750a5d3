//! A branch while it is there: started, stopped, renamed, written to the disk, kept longer.

use super::create::expiry;
use super::record::{BranchRecord, State};
use super::{BranchError, BranchName, Branches, Result, boot, each, try_lock};
use crate::clone::sync_tree;
use crate::image::now_unix_ms;
use crate::lock::FolderLock;
use crate::server::{Access, Server, Site, Stop};
use offshoot_core::{Control, CoreError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server that was started by somebody else may take until it answers, and how often it is asked.
const UP_WAIT: Duration = Duration::from_secs(60);
const UP_POLL: Duration = Duration::from_millis(20);

/// How a start went.
#[derive(Debug, Clone)]
pub struct Started {
    /// How to get in.
    pub access: Access,
    /// Whether it runs on another port than before, because another program has that one.
    pub moved: bool,
}

impl Branches {
    /// Starts a branch's server, if it does not run.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`, `NotReady`; `Server` if it does not start.
    pub fn start(&self, name: &BranchName, control: &Control) -> Result<Started> {
        let (mut record, lock) = self.locked(name)?;
        self.ready(name)?;
        if record.host.is_some() {
            return self.start_hosted(record, &lock, control);
        }
        let server = self.server_of(&record)?;
        let site = record.site(&self.home);
        let running = self.servers.running(&site.data);
        if running.is_some_and(|running| running.is_ending || !record.runs) {
            // Who was stopping it was killed, and nobody can enter it any more. However it ends, it is started again.
            self.end_anyhow(&site.data)?;
        } else if running.is_some() {
            // A start or a reset that was killed may have started it and no more.
            if record.admitted != record.generation {
                self.admit_when_up(&record, &*server, control)?;
                record.admitted = record.generation;
                record.save_later(&self.home, &lock)?;
            }
            return Ok(Started { access: self.access_of(&record, &*server), moved: false });
        }
        self.stop_old(&record)?;
        let port = record.port;
        record.runs = true;
        record.admitted = 0;
        record.is_synced = false;
        record.boot = boot().unwrap_or_default();
        // A durable server's files survive by themselves, once they all were on the disk.
        if record.shape.durable {
            sync_tree(&site.data)?;
            record.is_synced = true;
        }
        record.save(&self.home, &lock)?;
        let access = self.launch(&mut record, &*server, &lock, None, control)?;
        record.save_later(&self.home, &lock)?;
        Ok(Started { access, moved: record.port != port })
    }

    /// Ends a server that is started again, which puts in order what it was killed in.
    pub(super) fn end_anyhow(&self, data: &Path) -> Result<()> {
        Ok(self.servers.stop(data, Stop::Orderly).or_else(|_| self.servers.stop(data, Stop::AtOnce))?)
    }

    /// Lets the user into a server that a killed process has started, once it answers.
    fn admit_when_up(&self, record: &BranchRecord, server: &dyn Server, control: &Control) -> Result<()> {
        let (site, until) = (record.site(&self.home), Instant::now() + UP_WAIT);
        loop {
            match server.admit(&site, &record.database, record.shape.role.as_deref(), &record.password) {
                Err(CoreError::Source { retryable: true, .. })
                    if Instant::now() < until && self.servers.running(&site.data).is_some() =>
                {
                    control.check()?;
                    std::thread::sleep(UP_POLL);
                }
                admitted => return Ok(admitted.map(drop)?),
            }
        }
    }

    /// Stops a branch's server. Its files stay, and so does its port.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`; if it does not end.
    pub fn stop(&self, name: &BranchName) -> Result<()> {
        let (mut record, lock) = self.locked(name)?;
        self.ready(name)?;
        if record.host.is_some() {
            return Err(BranchError::Shared { name: name.to_string() });
        }
        self.stop_old(&record)?;
        record.runs = false;
        // Who is killed from here on leaves a server that the next command ends. A full disk is no reason to let it go on.
        if let Err(error) = record.save_later(&self.home, &lock) {
            tracing::debug!(%error, "it is not written that the server is to end");
        }
        self.finish_stop(record, &lock)
    }

    /// Ends the server of a branch that is to be stopped, and writes it to the disk.
    pub(super) fn finish_stop(&self, mut record: BranchRecord, lock: &FolderLock) -> Result<()> {
        let data = record.site(&self.home).data;
        self.servers.stop(&data, Stop::Orderly)?;
        sync_tree(&data)?;
        record.is_synced = true;
        record.save(&self.home, lock)
    }

    /// Gives a branch another name.
    ///
    /// # Errors
    /// `NoBranch`, `Taken`, `Busy`.
    pub fn rename(&self, name: &BranchName, to: &BranchName) -> Result<()> {
        let (mut record, lock) = self.locked(name)?;
        let _list = self.home.lock_list()?;
        self.check_free(to)?;
        record.name = Some(to.clone());
        record.save(&self.home, &lock)
    }

    /// Keeps a branch for this long from now on, or without a limit.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`.
    pub fn keep(&self, name: &BranchName, ttl: Option<Duration>) -> Result<()> {
        let (mut record, lock) = self.locked(name)?;
        record.expires_unix_ms = ttl.map(|ttl| expiry(now_unix_ms(), ttl));
        record.save(&self.home, &lock)
    }

    /// Writes what durable branches were cloned from to the disk, and what their records say, so that they survive the machine's going
    /// down. Those that are being worked on are left for another time. Returns how many were written.
    ///
    /// # Errors
    /// If the system refuses for one; the others are written all the same.
    pub fn sync(&self) -> Result<usize> {
        each(self.records()?, |found| self.sync_one(&found))
    }

    fn sync_one(&self, found: &BranchRecord) -> Result<bool> {
        let is_kept = found.shape.durable && matches!(found.state, State::Ready | State::Host) && !self.is_lost(found);
        let lacks_files = found.host.is_none() && !found.is_synced;
        let folder = found.folder(&self.home);
        if !is_kept || !lacks_files && !found.is_behind(&self.home) {
            return Ok(false);
        }
        let synced = if lacks_files { sync_tree(&found.site(&self.home).data) } else { Ok(()) };
        let Some(lock) = try_lock(&folder)? else { return Ok(false) };
        let Some(mut record) = super::record::load(&folder)? else { return Ok(false) };
        if record.generation != found.generation || record.state != found.state {
            return Ok(false);
        }
        synced?;
        record.is_synced |= lacks_files;
        record.save(&self.home, &lock)?;
        Ok(true)
    }

    /// The log of a branch's server.
    ///
    /// # Errors
    /// `NoBranch`.
    pub fn log_file(&self, name: &BranchName) -> Result<PathBuf> {
        Ok(self.find(name)?.site(&self.home).log)
    }

    /// Where a branch's server is, and its database.
    ///
    /// # Errors
    /// `NoBranch`, `NotReady`.
    pub fn site(&self, name: &BranchName) -> Result<(Site, String)> {
        let record = self.ready(name)?;
        Ok((record.site(&self.home), record.database))
    }

    /// The server that a branch runs on.
    ///
    /// # Errors
    /// `NoBranch`; if its programs are gone.
    pub fn server(&self, name: &BranchName) -> Result<std::sync::Arc<dyn crate::server::Server>> {
        let record = self.find(name)?;
        self.server_of(&record)
    }

    /// What tells a branch from every other one, also from one that has its name later. A reset keeps it.
    ///
    /// # Errors
    /// `NoBranch`.
    pub fn id(&self, name: &BranchName) -> Result<String> {
        Ok(self.find(name)?.id)
    }

    /// The snapshot that a branch came from: its address as it was asked for, and its hash.
    ///
    /// # Errors
    /// `NoBranch`.
    pub fn origin(&self, name: &BranchName) -> Result<(String, String)> {
        let record = self.find(name)?;
        Ok((record.address, record.snapshot))
    }
}
