//! Resetting a branch: a new clone beside the old data; the record that names it is the moment of the change.

use super::create::{Created, StepClock, Wish, clone_image, method_word};
use super::record::{BranchRecord, data_name};
use super::{BranchName, Branches, Result, boot};
use crate::clone::Method;
use crate::image::Image;
use crate::lock::FolderLock;
use crate::server::{Server, Stop};
use offshoot_core::Control;
use std::path::Path;

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
        record.generation += 1;
        // What an earlier reset left there, whoever heals removes.
        while folder.join(data_name(record.generation)).exists() {
            record.generation += 1;
        }
        let data = record.site(&self.home).data;
        // The server of the new content may be another one.
        let server = self.servers.at(&image.record().build.programs)?;
        clock.step("record");
        let method = self.clone_while_stopping(&old, image, &data, &*server, control);
        let method = match method {
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
        // Whoever removes the old data sees to it that this is on the disk.
        record.save_later(&self.home, &lock)?;
        clock.step("record");
        let access = self.launch(&mut record, &*server, &lock, control)?;
        record.save_later(&self.home, &lock)?;
        clock.step("start");
        // The old data is removed by the next one who heals, or resets: nobody need wait for that.
        Ok(Created { access, method: method_word(method), took: clock.whole(), steps: clock.steps })
    }

    fn clone_while_stopping(
        &self,
        old: &BranchRecord,
        image: &Image,
        data: &Path,
        server: &dyn Server,
        control: &Control,
    ) -> Result<Method> {
        let old = old.site(&self.home).data;
        std::thread::scope(|scope| {
            let stopping = scope.spawn(|| self.servers.stop(&old, Stop::AtOnce));
            let cloned = clone_image(image, data, server, control);
            let stopped = stopping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            stopped?;
            cloned
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
