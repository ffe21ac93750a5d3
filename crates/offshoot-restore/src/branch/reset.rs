//! Resetting a branch: a new clone beside the old data, or a spare's data put there; the record that names it is the moment of
//! the change. Nothing is waited for but what the answer needs: the old server's end, during which the image is cloned.

use super::create::{Created, StepClock, Wish, method_word};
use super::finishing::Finishing;
use super::late::{Late, begin_clone, both};
use super::old_data::old_data;
use super::record::{BranchRecord, data_name};
use super::{BranchError, BranchName, Branches, Result, boot};
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{Server, Stop};
use offshoot_core::Control;
use std::path::Path;

/// How many old data directories of a branch may wait for their removal, should nobody come to it.
const OLD_DATA_MAX: usize = 8;

impl Branches {
    /// Gives a branch the content of an image, and keeps its URL. Its sessions end at once; until the new clone is complete and its
    /// server runs, its rows are what they were.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`, `Clone`, `Cancelled`, `Server`: the branch has the rows that it had.
    pub fn reset(&self, name: &BranchName, image: &Image, wish: &Wish, control: &Control) -> Result<Created> {
        let mut clock = StepClock::start();
        let (mut record, lock) = self.locked(name)?;
        if record.host.is_some() {
            return self.reset_hosted(record, &lock, image, wish, control);
        }
        let (folder, old) = (record.folder(&self.home), record.clone());
        if old_data(&folder, &record)?.len() >= OLD_DATA_MAX {
            self.move_old_data(&record, &lock)?;
            self.remove_moved_data()?;
        }
        self.stop_old(&record)?;
        record.generation += 1;
        // What a killed reset left there is no part of this one.
        while folder.join(data_name(record.generation)).exists() {
            record.generation += 1;
        }
        let data = record.site(&self.home).data;
        // The server of the new content may be another one.
        let server = self.servers.at(&image.record().build.programs)?;
        clock.step("record");
        let made = self.clone_while_stopping(&old, image, &data, &*server, control);
        clock.step("clone and stop");
        record.programs.clone_from(&image.record().build.programs);
        record.database.clone_from(&image.record().database);
        record.image.clone_from(&image.record().key);
        record.snapshot.clone_from(&wish.snapshot);
        record.address.clone_from(&wish.address);
        record.boot = boot().unwrap_or_default();
        (record.runs, record.is_synced) = (true, false);
        record.finishing = Finishing::wished(wish.finishes, false);
        let (port, database) = (old.port, old.database.clone());
        let launched = made.and_then(|(method, late)| {
            let access = self.launch(&mut record, &*server, &lock, late, control)?;
            // Whoever removes the old data sees to it that this is on the disk.
            record.save_later(&self.home, &lock)?;
            Ok((method, access))
        });
        let (method, access) = match launched {
            Ok(launched) => launched,
            Err(error) => {
                self.take_back(old, &record, &lock);
                return Err(error);
            }
        };
        clock.step("start");
        let moved = record.port != port || record.database != database;
        Ok(Created { id: record.id, access, method, moved, took: clock.whole(), steps: clock.steps })
    }

    /// Gives the word for where the new data came from, and what of it is still to come.
    fn clone_while_stopping<'a>(
        &self,
        old: &BranchRecord,
        image: &'a Image,
        data: &'a Path,
        server: &dyn Server,
        control: &Control,
    ) -> Result<(&'static str, Option<Late<'a>>)> {
        let old_data = old.site(&self.home).data;
        let make = || {
            if self.take_spare_data(image, &old.shape, data)? {
                return Ok(("spare", None));
            }
            let begun = begin_clone(image, data, server, &old.shape, control)?;
            Ok((method_word(begun.method), Some(begun.late)))
        };
        let (stopped, made) = both(|| self.servers.stop(&old_data, Stop::AtOnce), make);
        stopped?;
        made
    }

    /// Ends what was begun of the new data, lets the old data count, and starts the old server, if it ran. Should that fail too, the
    /// branch is down, and can be started.
    fn take_back(&self, mut old: BranchRecord, new: &BranchRecord, lock: &FolderLock) {
        let taken_back = self.servers.stop(&new.site(&self.home).data, Stop::AtOnce).map_err(BranchError::from);
        // Looking for a free port wrote the new record; its data is whole.
        if let Err(error) = taken_back.and_then(|()| old.save_where_other(&self.home, lock)) {
            tracing::debug!(%error, "the old data was not put in its place again");
            return;
        }
        if !old.runs || self.is_lost(&old) || self.servers.running(&old.site(&self.home).data).is_some() {
            return;
        }
        let started =
            self.server_of(&old).and_then(|server| self.launch(&mut old, &*server, lock, None, &Control::default()));
        if let Err(error) = started {
            tracing::debug!(%error, "the old server did not start again");
        }
    }
}
