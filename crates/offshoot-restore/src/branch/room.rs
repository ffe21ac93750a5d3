//! Room that a server of branches keeps on the disk for dropping databases. PostgreSQL writes while it drops one, and ends, with the
//! sessions of all branches, where it cannot write its log: so deleting would need what it is to make.

use super::{BranchError, Result};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What dropping may write: pieces of the log, and pages of other branches that share their blocks yet.
const ROOM_BYTES: u64 = 16 << 20;
const FILE: &str = "room";

/// Sees to it that a server's folder has the room, and that a database more does not take what is left.
///
/// # Errors
/// `Full`.
pub(super) fn take(folder: &Path) -> Result<()> {
    if is_scarce(folder) {
        return Err(BranchError::io("writing", folder)(io::ErrorKind::StorageFull.into()));
    }
    keep(folder)
}

/// Lets others have the room where there is no other.
pub(super) fn give(folder: &Path) {
    if is_scarce(folder) {
        // There may be none, and then this is as good.
        let _ = fs::remove_file(folder.join(FILE));
    }
}

/// Takes the room, if it is not taken.
///
/// # Errors
/// `Full`.
pub(super) fn keep(folder: &Path) -> Result<()> {
    let path = folder.join(FILE);
    // One that was killed may have left less.
    if fs::metadata(&path).is_ok_and(|found| found.len() >= ROOM_BYTES) {
        return Ok(());
    }
    let kept = File::create(&path).and_then(|file| Ok(fallocate(file, FallocateFlags::empty(), 0, ROOM_BYTES)?));
    kept.map_err(|error| {
        let _ = fs::remove_file(&path);
        BranchError::io("writing", &path)(error)
    })
}

fn is_scarce(folder: &Path) -> bool {
    statvfs(folder).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < ROOM_BYTES)
}
