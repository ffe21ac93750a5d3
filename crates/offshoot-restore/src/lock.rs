//! Locks on folders: held by a process while it works there, and let go by the system when it ends, however it ends. So who
//! gets the lock of something half done knows that nobody does it any more.
//!
//! The lock is on the folder itself (flock), so nothing is left of it when the folder goes. Children do not inherit it.

use crate::branch::{BranchError, Result};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a lock that another process holds is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A lock on a folder that is there, held until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _folder: OwnedFd,
}

/// What came of trying to lock.
#[derive(Debug)]
pub(crate) enum Tried {
    /// Locked.
    Locked(FolderLock),
    /// Another process holds it.
    Held,
    /// There is no such folder.
    Gone,
}

impl FolderLock {
    /// Locks for this process alone.
    pub(crate) fn try_exclusive(folder: &Path) -> Result<Tried> {
        Self::try_as(folder, FlockOperation::NonBlockingLockExclusive)
    }

    /// Locks beside others that do the same.
    pub(crate) fn try_shared(folder: &Path) -> Result<Tried> {
        Self::try_as(folder, FlockOperation::NonBlockingLockShared)
    }

    /// Locks for this process alone; waits for others up to a limit. None after that, or where there is no such folder.
    pub(crate) fn exclusive_within(folder: &Path, limit: Duration) -> Result<Option<Self>> {
        let deadline = Instant::now() + limit;
        loop {
            match Self::try_exclusive(folder)? {
                Tried::Locked(lock) => return Ok(Some(lock)),
                Tried::Gone => return Ok(None),
                Tried::Held if Instant::now() >= deadline => return Ok(None),
                Tried::Held => std::thread::sleep(RETRY_INTERVAL),
            }
        }
    }

    fn try_as(folder: &Path, operation: FlockOperation) -> Result<Tried> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = match open(folder, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(Tried::Gone),
            Err(errno) => return Err(BranchError::io("opening", folder)(errno.into())),
        };
        match flock(&opened, operation) {
            Ok(()) if is_still(&opened, folder) => Ok(Tried::Locked(Self { _folder: opened })),
            // It was renamed or replaced between the two calls.
            Ok(()) => Ok(if folder.exists() { Tried::Held } else { Tried::Gone }),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(Tried::Held),
            Err(errno) => Err(BranchError::io("locking", folder)(errno.into())),
        }
    }
}

fn is_still(opened: &OwnedFd, folder: &Path) -> bool {
    let (Ok(opened), Ok(there)) = (rustix::fs::fstat(opened), rustix::fs::stat(folder)) else { return false };
    (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn is_locked(folder: &Path) -> bool {
        matches!(FolderLock::try_exclusive(folder).unwrap(), Tried::Held)
    }

    #[test]
    fn a_lock_is_one_process_wide_thing_that_ends_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let Tried::Locked(lock) = FolderLock::try_exclusive(folder.path()).unwrap() else { panic!("free") };
        assert!(is_locked(folder.path()));
        assert!(FolderLock::exclusive_within(folder.path(), Duration::ZERO).unwrap().is_none());
        drop(lock);
        let (Tried::Locked(one), Tried::Locked(other)) =
            (FolderLock::try_shared(folder.path()).unwrap(), FolderLock::try_shared(folder.path()).unwrap())
        else {
            panic!("shared")
        };
        assert!(is_locked(folder.path()));
        drop((one, other));
        assert!(!is_locked(folder.path()));
    }

    #[test]
    fn a_folder_that_went_has_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(matches!(FolderLock::try_exclusive(&path).unwrap(), Tried::Gone));
        fs::create_dir(&path).unwrap();
        let Tried::Locked(_lock) = FolderLock::try_exclusive(&path).unwrap() else { panic!("free") };
        fs::rename(&path, folder.path().join("y")).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(!is_locked(&path), "another folder of the same name is free");
    }
}
