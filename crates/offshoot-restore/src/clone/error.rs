//! The error of cloning, by what a caller can do about it. Names of files are all that it tells of them.

use std::io;
use std::path::{Path, PathBuf};

/// Result of cloning.
pub type Result<T> = std::result::Result<T, CloneError>;

/// Why a tree of files was not cloned, removed or looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloneError {
    /// The caller asked to stop. Nothing is left behind.
    #[error("interrupted while cloning; nothing is left of it")]
    Cancelled,
    /// The file system is full. Nothing is left behind.
    #[error(
        "no room is left for {}. Delete branches or images that nobody needs, or enlarge the file system that it is on (a pool: \
         `offshoot pool create --size`)",
        path.display()
    )]
    Full {
        /// What was being written.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file cannot share its blocks with its clone.
    #[error(
        "{} cannot be reflinked: {source}. Clone and original must be on one file system with reflink, and the file may not \
         be locked for that (swap files, files without copy-on-write); or choose copying",
        path.display()
    )]
    NotShared {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A symbolic link leads out of the tree, so that a clone would share what it points to.
    #[error(
        "{} is a symbolic link that leads out of the folder (to {}), so a clone would write into the same files. Tablespaces \
         and linked folders cannot be cloned: have everything below the folder itself",
        path.display(),
        target.display()
    )]
    LeadsOut {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Neither a file, a folder nor a symbolic link.
    #[error("{} is {what}, which cannot be cloned. Remove it, or have the program end that made it", path.display())]
    Special {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The file became shorter while it was copied.
    #[error("{} changed while it was cloned. Nothing may write into a tree that is cloned", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// What was to be made is there.
    #[error("{} is there already and is not replaced. Remove it, or choose another place", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// Another process makes the same clone, or writes into what is removed.
    #[error("{} is being worked on by another process. Wait for it to end, or end it", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// Something is mounted inside, whose files are not the tree's.
    #[error("{} is a mount and is not removed with the tree around it. Unmount it first", path.display())]
    Mount {
        /// The folder.
        path: PathBuf,
    },
    /// The program that makes snapshots failed.
    #[error("btrfs could not make {}: {said}. Choose reflinks in place of snapshots", path.display())]
    Subvolume {
        /// What was to be made.
        path: PathBuf,
        /// What it said.
        said: String,
    },
    /// Anything else that the system says.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl CloneError {
    /// Makes an error of what the system said when something was done to `path`.
    pub(crate) fn of(action: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::of_io(action, path)(errno.into())
    }

    /// As [`Self::of`], for the standard library's errors.
    pub(crate) fn of_io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned(), source },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }
}
