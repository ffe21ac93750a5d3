//! Resetting a branch: a new clone beside the old data; the record that names it is the moment of the change.

use super::create::{Created, StepClock, Wish, clone_image, method_word};
use super::{BranchName, Branches, Result, boot};
use crate::clone::remove_tree;
use crate::image::Image;
use crate::server::Stop;
use offshoot_core::Control;

impl Branches {
    /// Gives a branch the content of an image, and keeps its URL. Until the new clone is complete, the branch is as it was.
    ///
    /// # Errors
    /// `NoBranch`, `Busy`, `Clone`, `Cancelled`: the branch is as it was. `Server` if it does not start: it has the new
    /// content and can be started.
    pub fn reset(&self, name: &BranchName, image: &Image, wish: &Wish, control: &Control) -> Result<Created> {
        let mut clock = StepClock::start();
        let (mut record, lock) = self.locked(name)?;
        if record.host.is_some() {
            return self.reset_hosted(record, &lock, image, wish, control);
        }
        let folder = record.folder(&self.home);
        self.remove_other_generations(&folder, &record)?;
        let old = record.site(&self.home);
        record.generation += 1;
        let new = record.site(&self.home);
        // The server of the new content may be another one.
        let server = self.servers.at(&image.record().build.programs)?;
        clock.step("record");
        let method = clone_image(image, &new.data, &*server, control)?;
        clock.step("clone");
        self.servers.stop(&old.data, Stop::AtOnce)?;
        clock.step("stop");
        record.programs.clone_from(&image.record().build.programs);
        record.database.clone_from(&image.record().database);
        record.image.clone_from(&image.record().key);
        record.snapshot.clone_from(&wish.snapshot);
        record.address.clone_from(&wish.address);
        record.boot = boot().unwrap_or_default();
        (record.runs, record.is_synced) = (true, false);
        record.save(&self.home, &lock)?;
        clock.step("record");
        let access = self.launch(&mut record, &*server, &lock, control)?;
        record.save_later(&self.home, &lock)?;
        clock.step("start");
        let took = clock.whole();
        // What cannot be removed now is removed by the next command.
        if let Err(error) = remove_tree(&old.data) {
            tracing::debug!(%error, "old data left");
        }
        Ok(Created { access, method: method_word(method), took, steps: clock.steps })
    }
}
