//! Making a tree durable before something says that it is there.

use super::error::{CloneError, Result};
use super::{folder, walk};
use std::os::fd::AsFd;
use std::path::Path;

/// Writes everything in a folder to the disk, and the folder itself. The name of the folder is not part of it: whoever
/// renames it syncs the folder above.
///
/// On Linux the whole file system is synced at once, which for many files is much faster than asking for each; what others
/// have not yet written there is written along. An error of writing is told once only, so it is never tried again.
///
/// # Errors
/// `Full` or `Io`, after which nothing in the tree may be trusted.
pub fn sync_tree(path: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    if tells_errors() {
        let folder = folder::open(path)?;
        rustix::fs::syncfs(&folder).map_err(CloneError::of("syncing the file system of", path))?;
        return rustix::fs::fsync(&folder).map_err(CloneError::of("syncing", path));
    }
    walk::each(path, &|opened, path| flush(&opened).map_err(CloneError::of("syncing", path)))?;
    flush(folder::open(path)?).map_err(CloneError::of("syncing", path))
}

/// Writes a file to the disk, through the disk's own memory too: on Apple's systems another call does that.
#[cfg(target_vendor = "apple")]
fn flush(opened: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::fcntl_fullfsync(opened)
}

/// Writes a file to the disk.
#[cfg(not(target_vendor = "apple"))]
fn flush(opened: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::fsync(opened)
}

/// Whether syncing a file system tells of its errors: Linux does since 5.8.
#[cfg(target_os = "linux")]
fn tells_errors() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}
