//! Cloning an image in two parts: what its server reads while it starts, and, while it starts, the rest. Both are there before
//! anybody is told how to get in.

use super::record::Shape;
use super::{BranchError, Result};
use crate::clone::{CloneOptions, Method, clone_tree, graft, method_for, remove_tree};
use crate::image::Image;
use crate::lock::{FolderLock, Tried};
use crate::server::Server;
use offshoot_core::{Control, Event};
use std::path::{Path, PathBuf};
use std::thread;

/// A clone whose server may be started, and what of it is still to come.
pub(super) struct Begun<'a> {
    pub method: Method,
    pub late: Late<'a>,
}

/// Folders that are not in a clone yet. The image cannot be removed meanwhile.
pub(super) struct Late<'a> {
    image: &'a Image,
    data: &'a Path,
    folders: Vec<PathBuf>,
    method: Method,
    owner: Option<(u32, u32)>,
    _shared: FolderLock,
}

/// Does two things at once, or one after the other where there is no thread to be had.
pub(super) fn both<A: Send, B>(one: impl Fn() -> A + Sync, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| match thread::Builder::new().spawn_scoped(scope, &one) {
        Ok(running) => {
            let done = other();
            (running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), done)
        }
        Err(_) => (one(), other()),
    })
}

/// Clones what the server of an image reads while it starts. The rest is in place after [`Late::beside`].
pub(super) fn begin_clone<'a>(
    image: &'a Image,
    data: &'a Path,
    server: &dyn Server,
    shape: &Shape,
    control: &Control,
) -> Result<Begun<'a>> {
    let Tried::Locked(shared) = FolderLock::try_shared(image.folder())? else {
        return Err(BranchError::ImageGone);
    };
    control.emit(&Event::Step { name: "clone the image".to_owned() });
    let method = method_for(&image.data(), data.parent().unwrap_or(data))?;
    // A snapshot has everything in one step.
    let folders = match method {
        Method::Snapshot => Vec::new(),
        _ => server.late_folders(&image.data(), &image.record().database, &shape.settings)?,
    };
    let late = Late { image, data, folders, method, owner: server.owner(), _shared: shared };
    let skip = |path: &Path| late.folders.iter().any(|folder| folder == path);
    clone_tree(&image.data(), data, &CloneOptions { skip: &skip, ..late.options() }, control)?;
    Ok(Begun { method, late })
}

impl Late<'_> {
    /// Lets the rest come while something else is done; returns when both are through.
    ///
    /// # Errors
    /// `Clone`, `Cancelled`: the clone is not whole, whatever became of the other.
    pub fn beside<T>(self, other: impl FnOnce() -> T, control: &Control) -> Result<T> {
        let (came, done) = both(|| self.come(control), other);
        came.map(|()| done)
    }

    /// Each folder appears whole: it is made beside the clone, of which a server may be looking at every name.
    fn come(&self, control: &Control) -> Result<()> {
        if self.folders.is_empty() {
            return Ok(());
        }
        let beside = self.data.with_extension("late");
        // Of a killed process.
        remove_tree(&beside)?;
        let skip =
            |path: &Path| !self.folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path));
        clone_tree(&self.image.data(), &beside, &CloneOptions { skip: &skip, ..self.options() }, control)?;
        graft(&beside, self.data, &self.folders)?;
        Ok(remove_tree(&beside)?)
    }

    fn options(&self) -> CloneOptions<'static> {
        CloneOptions { owner: self.owner, ..CloneOptions::new(self.method) }
    }
}
