//! The place in which a clone is made before it gets its name: a hidden folder beside it, locked as long as somebody works.
//!
//! Who is killed leaves the folder without the lock, be it empty; the next one for the same clone removes it.

use super::error::{CloneError, Result};
use super::{folder, remove};
use rustix::fs::{AtFlags, FlockOperation, Mode};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The name inside the hidden folder.
const TREE: &CStr = c"tree";

/// How often the folder may go between two looks at it, each time because another one is done.
const ROUNDS: usize = 64;

/// A clone in the making; dropped without [`Self::publish`], nothing of it remains.
pub(super) struct Partial {
    parent: OwnedFd,
    name: CString,
    hidden: CString,
    to: PathBuf,
    path: PathBuf,
    holder: OwnedFd,
    threads: usize,
}

impl Partial {
    /// Makes the hidden folder for `to`, which may not be there yet.
    pub(super) fn begin(to: &Path, threads: usize) -> Result<Self> {
        let (parent, name) = folder::open_parent(to)?;
        let hidden = CString::new([b".", name.as_bytes(), b".partial"].concat());
        let hidden = hidden.map_err(|_| CloneError::of("naming", to)(Errno::INVAL))?;
        let path = to.with_file_name(OsStr::from_bytes(hidden.as_bytes()));
        // What another one removed meanwhile is made anew; whoever locks the folder that is there has the place.
        for _ in 0..ROUNDS {
            match rustix::fs::mkdirat(&parent, &hidden, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(CloneError::of("creating", &path)(errno)),
            }
            let holder = match folder::open_in(&parent, &hidden) {
                Ok(holder) => holder,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(CloneError::of("opening folder", &path)(errno)),
            };
            match rustix::fs::flock(&holder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => break,
                Err(errno) => return Err(CloneError::of("locking", &path)(errno)),
            }
            if is_at(&holder, &parent, &hidden) {
                let made = Self { parent, name, hidden, to: to.to_owned(), path, holder, threads };
                // Of a killed process.
                remove::remove_in(&made.holder, TREE, &made.tree_path(), threads)?;
                return made.refuse_existing();
            }
        }
        Err(CloneError::Busy { path: to.to_owned() })
    }

    /// Only once the hidden folder is there and locked: so what a killed process left is removed in any case.
    fn refuse_existing(self) -> Result<Self> {
        match rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(self),
            Ok(_) => Err(CloneError::Exists { path: self.to.clone() }),
            Err(errno) => Err(CloneError::of("looking at", &self.to)(errno)),
        }
    }

    /// The open hidden folder.
    pub(super) fn holder(&self) -> BorrowedFd<'_> {
        self.holder.as_fd()
    }

    /// The name that the tree has in the hidden folder.
    pub(super) fn tree_name(&self) -> &'static CStr {
        TREE
    }

    /// The path of the tree in the making, for programs that want one.
    pub(super) fn tree_path(&self) -> PathBuf {
        folder::joined(&self.path, TREE)
    }

    /// Gives the tree its name: only now it can be seen.
    pub(super) fn publish(self) -> Result<()> {
        // A folder is never put in the place of one that holds something.
        match rustix::fs::renameat(&self.holder, TREE, &self.parent, &self.name) {
            Ok(()) => Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Err(CloneError::Exists { path: self.to.clone() }),
            Err(errno) => Err(CloneError::of("renaming to", &self.to)(errno)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Best effort: what stays is without a lock, and removed by the next clone to the same place.
        let _removed = remove::remove_in(&self.parent, &self.hidden, &self.path, self.threads);
    }
}

/// Whether the open folder is still the one of that name: another process may have removed it before it was locked.
fn is_at(holder: &OwnedFd, parent: &OwnedFd, name: &CString) -> bool {
    match (rustix::fs::fstat(holder), rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
        (Ok(open), Ok(named)) => (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino),
        _ => false,
    }
}
