//! Resetting a branch: a new clone beside the old data, or a spare's data put there; the record that names it is the moment of
//! the change. Nothing is waited for but what the answer needs: the old server's end, during which the image is cloned.

use super::create::{Created, StepClock, Wish, clone_image, method_word};
use super::finishing::Finishing;
use super::old_data::old_data;
use super::record::{BranchRecord, data_name};
use super::{BranchName, Branches, Result, boot};
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{Server, Stop};
use offshoot_core::Control;
use std::path::Path;

/// How many old data directories of a branch may wait for their removal, should nobody come to it.
const OLD_DATA_MAX: usize = 8;

impl Branches {
    /// Gives a branch the content of an image, and keeps its URL. Its sessions end at once; until the new clone is complete,
    /// its rows are what they were.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`, `Clone`, `Cancelled`: the branch has the rows that it had. `Server` if it does not start: it has the new
    /// content and can be started.
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
        let method = match made {
            Ok(method) => method,
            Err(error) => {
                self.take_back(old, &lock);
                return Err(error);
            }
        };
        clock.step("clone and stop");
        record.programs.clone_from(&image.record().build.programs);
        record.database.clone_from(&image.record().database);
        record.image.clone_from(&image.record().key);
        record.snapshot.clone_from(&wish.snapshot);
        record.address.clone_from(&wish.address);
        record.boot = boot().unwrap_or_default();
        (record.runs, record.is_synced) = (true, false);
        record.finishing = Finishing::wished(wish.finishes, false);
        // Whoever removes the old data sees to it that this is on the disk.
        record.save_later(&self.home, &lock)?;
        clock.step("record");
        let access = self.launch(&mut record, &*server, &lock, control)?;
        record.save_later(&self.home, &lock)?;
        clock.step("start");
        Ok(Created { access, method, took: clock.whole(), steps: clock.steps })
    }

    /// Gives the word for where the new data came from.
    fn clone_while_stopping(
        &self,
        old: &BranchRecord,
        image: &Image,
        data: &Path,
        server: &dyn Server,
        control: &Control,
    ) -> Result<&'static str> {
        let old_data = old.site(&self.home).data;
        std::thread::scope(|scope| {
            let stopping = scope.spawn(|| self.servers.stop(&old_data, Stop::AtOnce));
            let made = match self.take_spare_data(image, &old.shape, data) {
                Ok(true) => Ok("spare"),
                Ok(false) => clone_image(image, data, server, control).map(method_word),
                Err(error) => Err(error),
            };
            let stopped = stopping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            stopped?;
            made
        })
    }

    /// Starts the old server again, if it ran. Should that fail too, the branch is down, and can be started.
    fn take_back(&self, mut old: BranchRecord, lock: &FolderLock) {
        if !old.runs || self.servers.running(&old.site(&self.home).data).is_some() {
            return;
        }
        let started =
            self.server_of(&old).and_then(|server| self.launch(&mut old, &*server, lock, &Control::default()));
        if let Err(error) = started {
            tracing::debug!(%error, "the old server did not start again");
        }
    }
}
