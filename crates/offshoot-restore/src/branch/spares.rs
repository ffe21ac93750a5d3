//! Spares: branches made ahead of time for nobody, and given away by writing a name into a record. A branch that is reset has a
//! name and a port: it gets a spare's data alone.

use super::create::{Wish, expiry};
use super::finishing::Finishing;
use super::record::{self, BranchRecord, Isolation, Shape, State};
use super::{BranchError, BranchName, Branches, Result, boot, try_lock};
use crate::image::{Image, now_unix_ms};
use crate::lock::FolderLock;
use crate::server::Stop;
use offshoot_core::Control;
use std::path::Path;

/// How old spares of another address may become: a day.
const OTHERS_AGE_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// How many spares there should be of an image, and of which kind.
#[derive(Debug, Clone, Default)]
pub struct SpareWish {
    /// How many.
    pub count: usize,
    /// Whether their servers run already, which costs memory.
    pub started: bool,
}

impl Branches {
    /// Makes spares until there are as many as wished, and removes those of the address that are of another image or shape. Of branches that are
    /// databases of one server there are none. Returns how many were made.
    ///
    /// # Errors
    /// As [`Branches::create`].
    pub fn fill_spares(&self, image: &Image, wish: &Wish, spares: &SpareWish, control: &Control) -> Result<usize> {
        // One process at a time fills: others would make the same ones.
        let Some(_filling) = try_lock(&self.home.images())? else { return Ok(0) };
        let fits = |record: &BranchRecord| {
            record.state == State::Spare && record.image == image.record().key && record.shape == wish.shape
        };
        let there: Vec<BranchRecord> = self.records()?;
        // Those of another address are what another checkout wants, as long as it asks for them now and then.
        let is_over = |record: &BranchRecord| {
            record.address == wish.address || now_unix_ms().saturating_sub(record.made_unix_ms) > OTHERS_AGE_MAX_MS
        };
        let is_in_the_way = |record: &&BranchRecord| record.state == State::Spare && !fits(record) && is_over(record);
        for other in there.iter().filter(is_in_the_way) {
            self.remove_spare(other)?;
        }
        let fitting: Vec<&BranchRecord> = there.iter().filter(|record| fits(record)).collect();
        // A database of a shared server comes as quickly as it would be given away.
        let count = if wish.shape.isolation == Isolation::Database { 0 } else { spares.count };
        for surplus in fitting.iter().skip(count) {
            self.remove_spare(surplus)?;
        }
        let mut made = 0;
        while fitting.len() + made < count {
            control.check()?;
            self.make_spare(image, wish, spares.started, control)?;
            made += 1;
        }
        Ok(made)
    }

    fn make_spare(&self, image: &Image, wish: &Wish, started: bool, control: &Control) -> Result<()> {
        let wish = Wish { ttl: None, owner: None, ..wish.clone() };
        let (mut record, lock) = self.begin(None, image, &wish)?;
        let mut clock = super::create::StepClock::start();
        let made = self.make(&mut record, image, &lock, control, &mut clock).and_then(|_| {
            let data = record.site(&self.home).data;
            if !started {
                self.servers.stop(&data, Stop::Orderly)?;
            }
            if record.shape.durable {
                crate::clone::sync_tree(&data)?;
                record.is_synced = true;
            }
            record.runs = started;
            record.state = State::Spare;
            record.save(&self.home, &lock)
        });
        if made.is_err() {
            let _ = self.remove(&record, &lock);
        }
        made
    }

    fn remove_spare(&self, spare: &BranchRecord) -> Result<()> {
        let folder = spare.folder(&self.home);
        let Some(lock) = try_lock(&folder)? else { return Ok(()) };
        match record::load(&folder)? {
            Some(mut record) if record.state == State::Spare => {
                record.save_deleting(&self.home, &lock)?;
                self.remove(&record, &lock)
            }
            _ => Ok(()),
        }
    }

    /// Takes a spare that is what is wished for, if there is one, and makes it a branch. Says whether its server runs.
    pub(super) fn claim(
        &self,
        name: &BranchName,
        image: &Image,
        wish: &Wish,
    ) -> Result<Option<(BranchRecord, FolderLock, bool)>> {
        let fits = |record: &BranchRecord| {
            record.state == State::Spare && record.image == image.record().key && record.shape.serves(&wish.shape)
        };
        let mut spares: Vec<BranchRecord> = self.records()?.into_iter().filter(fits).collect();
        if spares.is_empty() {
            return Ok(None);
        }
        spares.sort_by_key(|record| (!record.runs, record.made_unix_ms));
        let _list = self.home.lock_list()?;
        self.check_free(name)?;
        for spare in spares {
            let folder = spare.folder(&self.home);
            let Some(lock) = try_lock(&folder)? else { continue };
            let Some(mut record) = record::load(&folder)?.filter(fits) else { continue };
            if self.is_of_another_boot(&record) {
                continue;
            }
            let running = self.servers.running(&record.site(&self.home).data);
            if running.is_some_and(|running| running.is_ending) {
                continue;
            }
            let started = running.is_some();
            let now = now_unix_ms();
            record.name = Some(name.clone());
            record.state = State::Ready;
            record.snapshot.clone_from(&wish.snapshot);
            record.address.clone_from(&wish.address);
            record.made_unix_ms = now;
            record.expires_unix_ms = wish.ttl.map(|ttl| expiry(now, ttl));
            record.owner.clone_from(&wish.owner);
            record.finishing = Finishing::wished(wish.finishes, true);
            record.runs = true;
            if !started {
                record.boot = boot().unwrap_or_default();
            }
            // Should the machine go down now, it is a spare again.
            record.save_later(&self.home, &lock)?;
            return Ok(Some((record, lock, started)));
        }
        Ok(None)
    }

    /// Puts the data of a spare that is what is wished for, and whose server does not run, to where nothing is. Says whether there
    /// is one. What is left of the spare is removed.
    pub(super) fn take_spare_data(&self, image: &Image, shape: &Shape, data: &Path) -> Result<bool> {
        let fits = |record: &BranchRecord| {
            let is_stopped = record.state == State::Spare && !record.runs && !self.is_of_another_boot(record);
            is_stopped && record.image == image.record().key && record.shape.serves(shape)
        };
        for spare in self.records()?.into_iter().filter(fits) {
            let folder = spare.folder(&self.home);
            let Some(lock) = try_lock(&folder)? else { continue };
            let Some(mut record) = record::load(&folder)?.filter(fits) else { continue };
            // Whoever is killed in between leaves a spare without data, which is nothing.
            record.state = State::Deleting;
            record.save_later(&self.home, &lock)?;
            let from = record.site(&self.home).data;
            std::fs::rename(&from, data).map_err(BranchError::io("moving", &from))?;
            self.remove(&record, &lock)?;
            return Ok(true);
        }
        Ok(false)
    }
}
