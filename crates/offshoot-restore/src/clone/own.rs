//! What a clone occupies by itself.

use super::error::{CloneError, Result};
use super::walk;
use rustix::fs::FileType;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a tree's files on the disk that no other file shares: what deleting the tree would free at once.
///
/// The file system is asked, extent by extent, which blocks are shared (FIEMAP), so a block that was written over counts and
/// its neighbours do not. When the image is gone and one clone is left, all is the clone's own. Where the file system cannot
/// say it, nothing is shared as far as anyone can tell, and it is all that the files occupy. Folders are not counted, and
/// compressed blocks with their size when read.
///
/// # Errors
/// `Io`. What vanishes meanwhile is left out.
pub fn own_bytes(path: &Path) -> Result<u64> {
    let total = AtomicU64::new(0);
    walk::each(path, &|opened, path| {
        let stat = rustix::fs::fstat(&opened).map_err(CloneError::of("looking at", path))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_blocks > 0 {
            let all = || u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
            total.fetch_add(unshared(&opened, path)?.unwrap_or_else(all), Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(total.into_inner())
}

/// Bytes of a file's extents that are its own; none where the file system does not tell.
#[cfg(target_os = "linux")]
fn unshared(opened: &OwnedFd, path: &Path) -> Result<Option<u64>> {
    let mut bytes = 0;
    for extent in fiemap::Fiemap::new(opened) {
        match extent {
            Ok(extent) if extent.fe_flags.contains(fiemap::FiemapExtentFlags::SHARED) => {}
            Ok(extent) => bytes += extent.fe_length,
            Err(error) if is_unsupported(&error) => return Ok(None),
            Err(error) => return Err(CloneError::of_io("looking at the blocks of", path)(error)),
        }
    }
    Ok(Some(bytes))
}

#[cfg(not(target_os = "linux"))]
fn unshared(_: &OwnedFd, _: &Path) -> Result<Option<u64>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
fn is_unsupported(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let told = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(told, Some(Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS | Errno::INVAL))
}
