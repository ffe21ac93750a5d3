//! Branches that are databases of one server that they share: for servers that clone a database in themselves by sharing
//! its blocks. Quicker than a server each, and less apart: roles, settings and the server's fate are common to all.
//!
//! The server is a folder of branches like any other, in a state of its own. Who clones or drops a database holds its lock.

use super::create::{Created, StepClock, Wish};
use super::finishing::Finishing;
use super::life::Started;
use super::record::{self, BranchRecord, State};
use super::{BRANCH_WAIT, BranchError, BranchName, Branches, Result};
use crate::clone::{Method, probe};
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{Access, Server, Stop};
use offshoot_core::Control;
use std::collections::BTreeSet;

const METHOD: &str = "database";

impl Branches {
    /// Makes a branch as a database.
    pub(super) fn create_hosted(
        &self,
        name: &BranchName,
        image: &Image,
        wish: &Wish,
        control: &Control,
    ) -> Result<Created> {
        let mut clock = StepClock::start();
        let server = self.servers.at(&image.record().build.programs)?;
        self.check_hosting(&*server, wish)?;
        self.check_free(name)?;
        let (host, host_lock) = self.host(image, wish, control)?;
        clock.step("server");
        let (mut record, lock) = self.begin(Some(name), image, wish)?;
        record.host = Some(host.id.clone());
        record.port = host.port;
        record.database = format!("branch_{}", record.id);
        record.shape.role = Some(record.database.clone());
        record.is_synced = host.is_synced;
        // Its name is on the disk before the database is, which outlives whatever happens.
        let made = record.save(&self.home, &lock).and_then(|()| self.clone_into(&record, image, &*server));
        let access = match made {
            Ok(access) => access,
            Err(error) => {
                drop(host_lock);
                let _ = self.remove(&record, &lock);
                return Err(error);
            }
        };
        clock.step("clone");
        record.state = State::Ready;
        record.save_later(&self.home, &lock)?;
        Ok(Created { id: record.id, access, method: METHOD, moved: false, took: clock.whole(), steps: clock.steps })
    }

    /// Gives a branch the content of an image again, in the same server if that has it.
    pub(super) fn reset_hosted(
        &self,
        mut record: BranchRecord,
        lock: &FolderLock,
        image: &Image,
        wish: &Wish,
        control: &Control,
    ) -> Result<Created> {
        let mut clock = StepClock::start();
        let server = self.servers.at(&image.record().build.programs)?;
        let port = record.port;
        record.state = State::Resetting;
        record.save(&self.home, lock)?;
        if !self.is_lost(&record) {
            self.drop_hosted(&record)?;
        }
        clock.step("drop");
        let wish = Wish { shape: super::Shape { role: None, ..record.shape.clone() }, ..wish.clone() };
        let (host, _host_lock) = self.host(image, &wish, control)?;
        clock.step("server");
        record.host = Some(host.id.clone());
        record.port = host.port;
        record.image.clone_from(&image.record().key);
        record.programs.clone_from(&image.record().build.programs);
        record.snapshot.clone_from(&wish.snapshot);
        record.address.clone_from(&wish.address);
        record.finishing = Finishing::wished(wish.finishes, false);
        record.save(&self.home, lock)?;
        let access = self.clone_into(&record, image, &*server)?;
        record.state = State::Ready;
        record.save(&self.home, lock)?;
        clock.step("clone");
        let moved = record.port != port;
        Ok(Created { id: record.id, access, method: METHOD, moved, took: clock.whole(), steps: clock.steps })
    }

    /// Starts the server that a branch is on.
    pub(super) fn start_hosted(&self, record: &BranchRecord, control: &Control) -> Result<Started> {
        let port = record.port;
        let Some((host, _lock)) = self.host_of(record, control)? else {
            return Err(BranchError::NotReady {
                name: record.label(),
                state: "without its server",
                next: "Reset it to its snapshot, or delete it",
            });
        };
        let access = self.access_of(record, &*self.server_of(record)?);
        Ok(Started { access, moved: host.port != port })
    }

    /// Drops a branch's database; its server is started for that if need be.
    pub(super) fn drop_hosted(&self, record: &BranchRecord) -> Result<()> {
        let Some((host, _lock)) = self.host_of(record, &Control::default())? else { return Ok(()) };
        let server = self.server_of(&host)?;
        Ok(server.drop_database(&host.site(&self.home), &record.database)?)
    }

    /// Removes the servers that no branch is on and whose image is none of `wanted`, by their keys. Returns how many.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove_idle_hosts(&self, wanted: &BTreeSet<String>) -> Result<usize> {
        let records = self.records()?;
        let used: BTreeSet<&str> = records.iter().filter_map(|record| record.host.as_deref()).collect();
        let mut removed = 0;
        let is_idle = |record: &&BranchRecord| record.state == State::Host && !used.contains(record.id.as_str());
        for host in records.iter().filter(is_idle).filter(|host| !wanted.contains(&host.image)) {
            let folder = host.folder(&self.home);
            let Some(lock) = super::try_lock(&folder)? else { continue };
            let Some(mut record) = record::load(&folder)?.filter(|record| record.state == State::Host) else {
                continue;
            };
            // Under its lock nobody can come to be on it.
            if self.records()?.iter().any(|record| record.host.as_deref() == Some(host.id.as_str())) {
                continue;
            }
            record.save_deleting(&self.home, &lock)?;
            self.remove(&record, &lock)?;
            removed += 1;
        }
        Ok(removed)
    }

    fn check_hosting(&self, server: &dyn Server, wish: &Wish) -> Result<()> {
        let why = if !server.clones_databases() {
            "the server is too old to clone a database in itself (PostgreSQL 18 does)"
        } else if probe(self.home.root())?.method == Method::Copy {
            "the file system shares no blocks, so every branch would be a copy"
        } else if wish.shape.role.is_some() {
            "each has a role of its own, so `role` cannot be said"
        } else if wish.shape.isolated {
            "they share a server, so none has a network of its own"
        } else {
            return Ok(());
        };
        Err(BranchError::NoDatabaseClones { why })
    }

    fn clone_into(&self, record: &BranchRecord, image: &Image, server: &dyn Server) -> Result<Access> {
        let site = record.site(&self.home);
        Ok(server.clone_database(&site, &image.record().database, &record.database, &record.password)?)
    }

    /// The running server for branches of an image, under its lock; made if there is none.
    fn host(&self, image: &Image, wish: &Wish, control: &Control) -> Result<(BranchRecord, FolderLock)> {
        let _hosts = self.home.lock_hosts(BRANCH_WAIT)?;
        let fits = |record: &BranchRecord| {
            record.state == State::Host && record.image == image.record().key && record.shape == wish.shape
        };
        for found in self.records()?.into_iter().filter(fits).filter(|host| !self.is_lost(host)) {
            if let Some(host) = self.run_host(&found, control)? {
                return Ok(host);
            }
        }
        let wish = Wish { ttl: None, owner: None, ..wish.clone() };
        let (mut record, lock) = self.begin(None, image, &wish)?;
        let server = self.server_of(&record)?;
        let mut clock = StepClock::start();
        let made = self.make(&mut record, image, &lock, control, &mut clock).and_then(|_| {
            server.make_template(&record.site(&self.home), &record.database)?;
            record.state = State::Host;
            record.save(&self.home, &lock)
        });
        match made {
            Ok(()) => Ok((record, lock)),
            Err(error) => {
                let _ = self.remove(&record, &lock);
                Err(error)
            }
        }
    }

    /// The running server that a branch is on, under its lock; none if it is gone.
    fn host_of(&self, record: &BranchRecord, control: &Control) -> Result<Option<(BranchRecord, FolderLock)>> {
        let Some(id) = &record.host else { return Ok(None) };
        match record::load(&self.home.branches().join(id))? {
            Some(host) if !self.is_lost(&host) => self.run_host(&host, control),
            _ => Ok(None),
        }
    }

    /// Locks a host and starts its server if that does not run; none if it has gone meanwhile.
    fn run_host(&self, found: &BranchRecord, control: &Control) -> Result<Option<(BranchRecord, FolderLock)>> {
        let folder = found.folder(&self.home);
        let Some(lock) = FolderLock::exclusive_within(&folder, BRANCH_WAIT)? else {
            return if folder.exists() {
                Err(BranchError::Busy { what: "the server that branches share".to_owned() })
            } else {
                Ok(None)
            };
        };
        let Some(mut host) = record::load(&folder)?.filter(|record| record.state == State::Host) else {
            return Ok(None);
        };
        let data = host.site(&self.home).data;
        if self.servers.running(&data).is_none_or(|running| running.is_ending) {
            self.servers.stop(&data, Stop::Orderly)?;
            let server = self.server_of(&host)?;
            self.launch(&mut host, &*server, &lock, None, control)?;
        }
        Ok(Some((host, lock)))
    }
}
