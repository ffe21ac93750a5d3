//! Looking at everything in a tree, on several threads; links are not followed, and not looked at.

use super::error::{CloneError, Result};
use super::{crew, folder};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one folder that a thread takes at once.
const BATCH_FILES: usize = 32;
/// Threads.
const THREADS: usize = 2;

/// An open folder with its path, and files in it.
struct Batch {
    folder: Arc<(OwnedFd, PathBuf)>,
    files: Vec<CString>,
}

/// Opens each file and each folder of a tree for reading and hands it over with its path. What vanishes meanwhile is left
/// out: a tree with a running server in it is never still.
pub(super) fn each(path: &Path, visit: &(dyn Fn(OwnedFd, &Path) -> Result<()> + Sync)) -> Result<()> {
    let root = Arc::new((folder::open(path)?, path.to_owned()));
    crew::run(THREADS, |crew| descend(&root, crew).map(|_| ()), &|batch: Batch| {
        batch.files.iter().try_for_each(|name| open(&batch.folder, name, visit))
    })
}

fn descend(above: &Arc<(OwnedFd, PathBuf)>, crew: &crew::Crew<'_, Batch>) -> Result<bool> {
    let (mut folders, mut files) = (Vec::new(), vec![c".".to_owned()]);
    for (name, kind) in folder::entries(&above.0, &above.1)? {
        match kind {
            FileType::Directory => folders.push(name),
            FileType::RegularFile => files.push(name),
            _ => {}
        }
    }
    while !files.is_empty() {
        let files = files.split_off(files.len().saturating_sub(BATCH_FILES));
        if !crew.give(Batch { folder: Arc::clone(above), files })? {
            return Ok(false);
        }
    }
    for name in folders {
        let path = folder::joined(&above.1, &name);
        let below = match folder::open_in(&above.0, &name) {
            Ok(below) => Arc::new((below, path)),
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(CloneError::of("opening folder", &path)(errno)),
        };
        if !descend(&below, crew)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn open(folder: &(OwnedFd, PathBuf), name: &CStr, visit: &(dyn Fn(OwnedFd, &Path) -> Result<()> + Sync)) -> Result<()> {
    let path = folder::joined(&folder.1, name);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(&folder.0, name, flags, Mode::empty()) {
        Ok(opened) => visit(opened, &path),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(CloneError::of("opening", &path)(errno)),
    }
}
