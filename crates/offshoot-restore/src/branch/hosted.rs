//! Branches that are databases of one server that they share: for servers that clone a database in themselves by sharing
//! its blocks. Quicker than a server each, and less apart: roles, settings and the server's fate are common to all.
//!
//! The server is a folder of branches like any other, in a state of its own. Who clones or drops a database holds its lock. A reset
//! clones beside what there is; for as long as there may be two, the record says on which server.

use super::create::{Created, StepClock, Wish};
use super::finishing::Finishing;
use super::life::Started;
use super::record::{self, BranchRecord, Shape, State};
use super::{BRANCH_WAIT, BranchError, BranchName, Branches, Result, room};
use crate::clone::{Method, probe};
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{self, Server, Site};
use offshoot_core::{Control, CoreError};
use std::collections::BTreeSet;
use std::slice;
use std::thread::sleep;
use std::time::{Duration, Instant};

const METHOD: &str = "database";

/// How long a server that does not answer may take until it does, and how often it is asked.
const UP_WAIT: Duration = Duration::from_secs(20);
const UP_POLL: Duration = Duration::from_millis(100);

/// What the database of a generation is called while it is not in its place.
fn aside(record: &BranchRecord, generation: u32) -> String {
    format!("{}_{generation}", record.database)
}

/// The names aside of the generation before the one that counts, of that, and of the next one.
fn asides(record: &BranchRecord) -> [String; 3] {
    let own = record.generation;
    [own.saturating_sub(1), own, own.saturating_add(1)].map(|generation| aside(record, generation))
}

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
        let made = record.save(&self.home, &lock);
        let made = made.and_then(|()| self.clone_into(&record, &record.database, image, &*server));
        if let Err(error) = made {
            drop(host_lock);
            let _ = self.remove(&record, &lock);
            return Err(error);
        }
        let access = self.access_of(&record, &*server);
        clock.step("clone");
        record.state = State::Ready;
        record.save_later(&self.home, &lock)?;
        Ok(Created { id: record.id, access, method: METHOD, moved: false, took: clock.whole(), steps: clock.steps })
    }

    /// Gives a branch the content of an image again, beside what it has and then in its place. The record that says so is the
    /// moment in which it counts.
    pub(super) fn reset_hosted(
        &self,
        mut record: BranchRecord,
        lock: &FolderLock,
        image: &Image,
        wish: &Wish,
        control: &Control,
    ) -> Result<Created> {
        let mut clock = StepClock::start();
        self.settle(&mut record, lock)?;
        let shared = Wish { shape: Shape { role: None, ..record.shape.clone() }, ..wish.clone() };
        let (host, host_lock) = self.host(image, &shared, control)?;
        clock.step("server");
        let mut next = BranchRecord {
            host: Some(host.id.clone()),
            left_on: record.host.clone(),
            port: host.port,
            image: image.record().key.clone(),
            programs: image.record().build.programs.clone(),
            snapshot: wish.snapshot.clone(),
            address: wish.address.clone(),
            generation: record.generation + 1,
            finishing: Finishing::wished(wish.finishes, false),
            ..record.clone()
        };
        record.left_on = Some(host.id);
        record.save(&self.home, lock)?;
        let made = self.replace(&record, &next, image, control).and_then(|()| next.save(&self.home, lock));
        drop(host_lock);
        if let Err(error) = made {
            // What cannot be put in order now is by the next command.
            let _ = self.settle(&mut record, lock);
            return Err(error);
        }
        clock.step("clone");
        let access = self.access_of(&next, &*self.server_of(&next)?);
        if let Err(error) = self.settle(&mut next, lock) {
            tracing::debug!(%error, "the old database is still there");
        }
        clock.step("drop");
        let moved = next.port != record.port;
        Ok(Created { id: next.id, access, method: METHOD, moved, took: clock.whole(), steps: clock.steps })
    }

    /// Clones a database into another server, or beside what the branch has, and then into its place.
    fn replace(&self, old: &BranchRecord, next: &BranchRecord, image: &Image, control: &Control) -> Result<()> {
        control.check()?;
        let server = self.server_of(next)?;
        if next.host != old.host {
            return self.clone_into(next, &next.database, image, &*server);
        }
        let new = aside(next, next.generation);
        self.clone_into(next, &new, image, &*server)?;
        control.check()?;
        Ok(server.swap_databases(&next.site(&self.home), &new, &next.database, &aside(next, old.generation))?)
    }

    /// Puts a branch in order that a reset left: what its record names is what it has, and what else there is of it is dropped.
    pub(super) fn settle(&self, record: &mut BranchRecord, lock: &FolderLock) -> Result<()> {
        let Some(left_on) = record.left_on.clone() else { return Ok(()) };
        if record.host.as_ref() != Some(&left_on) {
            self.drop_on(&left_on, record)?;
        } else {
            let [before, own, after] = asides(record);
            let others = [before, after.clone()];
            self.drop_by(&left_on, |server, site| {
                // It is not in its place where the new one came there and did not come to count.
                server.swap_databases(site, &own, &record.database, &after)?;
                server.drop_databases(site, &others, None)
            })?;
        }
        record.left_on = None;
        match record.save_later(&self.home, lock) {
            // Then it is put in order once more, which changes nothing.
            Err(BranchError::Full { .. }) => Ok(()),
            saved => saved,
        }
    }

    /// Starts the server that a branch is on.
    pub(super) fn start_hosted(
        &self,
        mut record: BranchRecord,
        lock: &FolderLock,
        control: &Control,
    ) -> Result<Started> {
        // What counts is in its place, whatever else there is of it.
        if let Err(error) = self.settle(&mut record, lock) {
            tracing::debug!(%error, "an old database is still there");
        }
        let host = record.host.as_ref().map_or(Ok(None), |id| self.host_by(id, control))?;
        let Some((host, _lock)) = host else {
            return Err(BranchError::NotReady {
                name: record.label(),
                state: "without its server",
                next: "Reset it to its snapshot, or delete it",
            });
        };
        let moved = host.port != record.port;
        if moved {
            record.port = host.port;
            record.save_later(&self.home, lock)?;
        }
        Ok(Started { access: self.access_of(&record, &*self.server_of(&record)?), moved })
    }

    /// Drops a branch's database; its server is started for that if need be.
    pub(super) fn drop_hosted(&self, record: &BranchRecord) -> Result<()> {
        let on: BTreeSet<&String> = record.host.iter().chain(&record.left_on).collect();
        on.into_iter().try_for_each(|host| self.drop_on(host, record))
    }

    /// Drops all that a server has of a branch.
    fn drop_on(&self, host: &str, record: &BranchRecord) -> Result<()> {
        let names = [asides(record).as_slice(), slice::from_ref(&record.database)].concat();
        self.drop_by(host, |server, site| server.drop_databases(site, &names, Some(&record.database)))
    }

    /// Has a server drop something, for which it has room whatever the disk has.
    fn drop_by(&self, id: &str, drop: impl Fn(&dyn Server, &Site) -> server::Result<()>) -> Result<()> {
        let folder = self.home.branches().join(id);
        room::give(&folder);
        let until = Instant::now() + UP_WAIT;
        loop {
            let (host, _lock) = match self.host_by(id, &Control::default()) {
                Ok(Some(host)) => host,
                Ok(None) => return Ok(()),
                // Nobody is left on a server that cannot be had any more, such as one whose programs are gone.
                Err(error) => return if self.abandon(id)? { Ok(()) } else { Err(error) },
            };
            match drop(&*self.server_of(&host)?, &host.site(&self.home)) {
                // It may have ended a moment ago for want of room, and be about to start again.
                Err(CoreError::Source { retryable: true, .. }) if Instant::now() < until => sleep(UP_POLL),
                Err(error) => return Err(error.into()),
                Ok(()) => break,
            }
        }
        // Whoever is quicker has it.
        let _ = room::keep(&folder);
        Ok(())
    }

    /// Removes a server with all that is on it, if all of that is on its way out. Says whether it did.
    fn abandon(&self, id: &str) -> Result<bool> {
        let folder = self.home.branches().join(id);
        let Some(lock) = FolderLock::exclusive_within(&folder, BRANCH_WAIT)? else { return Ok(false) };
        let is_on = |record: &BranchRecord| record.host.as_deref() == Some(id) && record.state != State::Deleting;
        let Some(mut host) = record::load(&folder)?.filter(|record| record.state == State::Host) else {
            return Ok(false);
        };
        if self.records()?.iter().any(is_on) {
            return Ok(false);
        }
        host.save_deleting(&self.home, &lock)?;
        self.remove(&host, &lock)?;
        Ok(true)
    }

    /// Removes a server that no branch is on, if it is one that the machine's going down has lost.
    pub(super) fn remove_lost_host(&self, mut host: BranchRecord, lock: &FolderLock) -> Result<()> {
        let is_on = |record: &BranchRecord| record.host.as_ref() == Some(&host.id);
        if !self.is_lost(&host) || self.records()?.iter().any(is_on) {
            return Ok(());
        }
        host.save_deleting(&self.home, lock)?;
        self.remove(&host, lock)
    }

    /// Removes the servers that no branch is on and whose image is none of `wanted`, by their keys, or that are of another shape than
    /// is wished for. Returns how many.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove_idle_hosts(&self, wanted: &BTreeSet<String>, shape: &Shape) -> Result<usize> {
        let is_wanted = |host: &BranchRecord| wanted.contains(&host.image) && host.shape.serves(shape);
        let records = self.records()?;
        let used: BTreeSet<&str> = records.iter().filter_map(|record| record.host.as_deref()).collect();
        let mut removed = 0;
        let is_idle = |record: &&BranchRecord| record.state == State::Host && !used.contains(record.id.as_str());
        for host in records.iter().filter(is_idle).filter(|host| !is_wanted(host)) {
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

    /// Makes a database of this name for a branch, whose role is called as the branch's own database is.
    fn clone_into(&self, record: &BranchRecord, name: &str, image: &Image, server: &dyn Server) -> Result<()> {
        record.host.iter().try_for_each(|host| room::take(&self.home.branches().join(host)))?;
        let (site, from) = (record.site(&self.home), &image.record().database);
        Ok(server.clone_database(&site, from, name, &record.database, &record.password)?)
    }

    /// The running server for branches of an image, under its lock; made if there is none.
    fn host(&self, image: &Image, wish: &Wish, control: &Control) -> Result<(BranchRecord, FolderLock)> {
        let _hosts = self.home.lock_hosts(BRANCH_WAIT)?;
        let fits = |record: &BranchRecord| {
            record.state == State::Host && record.image == image.record().key && record.shape.serves(&wish.shape)
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

    /// The running server of this id, under its lock; none if it is gone.
    fn host_by(&self, id: &str, control: &Control) -> Result<Option<(BranchRecord, FolderLock)>> {
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
            self.end_anyhow(&data)?;
            let server = self.server_of(&host)?;
            self.launch(&mut host, &*server, &lock, None, control)?;
        }
        Ok(Some((host, lock)))
    }
}
