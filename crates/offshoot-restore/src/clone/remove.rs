//! Removing a tree, in parallel; begun again after an interruption it goes on where it was.
//!
//! It follows no link and goes into no mount. Folders that their owner made unreadable are opened up first.

use super::error::{CloneError, Result};
use super::{crew, folder};
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one folder that a thread takes at once.
const BATCH_FILES: usize = 64;
/// Threads; more of them wait for each other in the file system.
const THREADS: usize = 2;
/// How often it is tried while others write into the tree: a server that is ending makes a file or two.
const ROUNDS: usize = 5;

/// Removes a folder and all that is in it, a file, or a symbolic link; what is not there is removed already. It is not
/// synced: after a power cut some of it can be back.
///
/// # Errors
/// `Mount`, before anything in the mount is touched; `Busy` where something goes on writing into the tree.
pub fn remove_tree(path: &Path) -> Result<()> {
    match folder::open_parent(path) {
        Ok((parent, name)) => remove_in(&parent, &name, path, THREADS),
        Err(CloneError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes what has this name in an open folder; `path` is for messages.
pub(super) fn remove_in(parent: &OwnedFd, name: &CStr, path: &Path, threads: usize) -> Result<()> {
    for _ in 0..ROUNDS {
        let root = match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // What is said of a folder: by Linux the one, by POSIX the other.
            Err(Errno::ISDIR | Errno::PERM) => match Doomed::open(parent.as_fd(), name, path.to_owned(), None)? {
                Some(root) => root,
                None => return Ok(()),
            },
            Err(errno) => return Err(CloneError::of("removing", path)(errno)),
        };
        crew::run(threads, |crew| descend(root, crew).map(|_| ()), &|batch: Batch| {
            batch.files.iter().try_for_each(|file| unlink(&batch.folder, file))?;
            finish(batch.folder)
        })?;
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            Err(errno) => return Err(CloneError::of("removing", path)(errno)),
        }
    }
    Err(CloneError::Busy { path: path.to_owned() })
}

/// An open folder that is removed when all in it is; the topmost one is left to [`remove_in`].
struct Doomed {
    fd: OwnedFd,
    name: CString,
    path: PathBuf,
    parent: Option<Arc<Doomed>>,
}

/// Files of one folder.
struct Batch {
    folder: Arc<Doomed>,
    files: Vec<CString>,
}

impl Doomed {
    /// Opens a folder that may be read, emptied and is no mount; none if it is gone.
    fn open(
        parent: BorrowedFd<'_>,
        name: &CStr,
        path: PathBuf,
        above: Option<Arc<Doomed>>,
    ) -> Result<Option<Arc<Self>>> {
        let opened = match folder::open_in(parent, name) {
            Err(Errno::ACCESS) => {
                let opened_up = rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty());
                opened_up.and_then(|()| folder::open_in(parent, name))
            }
            opened => opened,
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(CloneError::of("opening folder", &path)(errno)),
        };
        if is_mount(&fd) {
            return Err(CloneError::Mount { path });
        }
        let stat = rustix::fs::fstat(&fd).map_err(CloneError::of("looking at", &path))?;
        if !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU) {
            // Not one's own: then emptying it says what is in the way.
            let _opened_up = rustix::fs::fchmod(&fd, Mode::RWXU);
        }
        Ok(Some(Arc::new(Self { fd, name: name.to_owned(), path, parent: above })))
    }
}

#[cfg(target_os = "linux")]
fn is_mount(fd: &OwnedFd) -> bool {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    // A kernel that cannot say it is older than 5.8; there removing the mount's folder itself fails.
    statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount(_: &OwnedFd) -> bool {
    false
}

/// Hands out the files of a folder and goes into the folders in it. False once a thread has failed.
fn descend(folder: Arc<Doomed>, crew: &crew::Crew<'_, Batch>) -> Result<bool> {
    let (folders, mut files): (Vec<_>, Vec<_>) =
        folder::entries(&folder.fd, &folder.path)?.into_iter().partition(|(_, kind)| *kind == FileType::Directory);
    while !files.is_empty() {
        let batch = files.split_off(files.len().saturating_sub(BATCH_FILES));
        let files = batch.into_iter().map(|(name, _)| name).collect();
        if !crew.give(Batch { folder: Arc::clone(&folder), files })? {
            return Ok(false);
        }
    }
    for (name, _) in folders {
        let path = folder::joined(&folder.path, &name);
        let below = Doomed::open(folder.fd.as_fd(), &name, path, Some(Arc::clone(&folder)))?;
        if let Some(below) = below
            && !descend(below, crew)?
        {
            return Ok(false);
        }
    }
    finish(folder).map(|()| true)
}

fn unlink(folder: &Doomed, name: &CStr) -> Result<()> {
    match rustix::fs::unlinkat(&folder.fd, name, AtFlags::empty()) {
        // A folder by now: the next round has it.
        Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
        Err(errno) => Err(CloneError::of("removing", &folder::joined(&folder.path, name))(errno)),
    }
}

/// Whoever is the last to work in a folder removes it, and the one above if that was the last in there.
fn finish(folder: Arc<Doomed>) -> Result<()> {
    let mut last = Arc::into_inner(folder);
    while let Some(Doomed { fd, name, path, parent: Some(parent) }) = last {
        drop(fd);
        match rustix::fs::unlinkat(&parent.fd, &name, AtFlags::REMOVEDIR) {
            // Not empty again: the next round has it.
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
            Err(errno) => return Err(CloneError::of("removing", &path)(errno)),
        }
        last = Arc::into_inner(parent);
    }
    Ok(())
}
