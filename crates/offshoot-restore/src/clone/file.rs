//! One file: its blocks shared with a new file, or its bytes copied, holes kept.

use super::error::{CloneError, Result};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Bytes that one call copies: a cancelled clone ends within one of them.
const PIECE_BYTES: u64 = 64 << 20;

/// Makes a new file in a folder; whatever has its name already is an error.
fn create(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)
}

/// Makes a new file of 0600 that shares all blocks of `from`.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn reflink(from: &OwnedFd, bytes: u64, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<OwnedFd> {
    let to = create(folder, name).map_err(CloneError::of("creating clone of", path))?;
    if bytes > 0 {
        share(from, &to).map_err(|errno| not_shared(errno, path))?;
    }
    Ok(to)
}

/// Makes a new file of 0600 that shares all blocks of `from`.
#[cfg(target_vendor = "apple")]
pub(super) fn reflink(from: &OwnedFd, _: u64, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<OwnedFd> {
    share(from, folder, name).map_err(|errno| not_shared(errno, path))
}

/// Gives an empty file all blocks of another one.
#[cfg(target_os = "linux")]
pub(super) fn share(from: impl AsFd, to: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::ioctl_ficlone(to, from)
}

/// Gives an empty file all blocks of another one: there is no such call here.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn share(_: impl AsFd, _: impl AsFd) -> rustix::io::Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Makes a new file with all blocks of another one, which is open for reading. The call makes the file itself, with the other's
/// mode, times and attributes; it is one's own at once, and of 0600 before it is opened.
#[cfg(target_vendor = "apple")]
pub(super) fn share(from: impl AsFd, folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{AtFlags, CloneFlags};
    rustix::fs::fclonefileat(from, folder, name, CloneFlags::NOOWNERCOPY)?;
    rustix::fs::chmodat(folder, name, Mode::RUSR | Mode::WUSR, AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::openat(folder, name, OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// An error of sharing: no room, or a name that is taken, is an error of its own, for it says nothing about the file system's
/// abilities.
fn not_shared(errno: Errno, path: &Path) -> CloneError {
    match errno {
        Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::EXIST => CloneError::of("sharing blocks of", path)(errno),
        _ => CloneError::NotShared { path: path.to_owned(), source: errno.into() },
    }
}

/// Makes a new file of 0600 with the bytes and the holes of `from`. `check` is asked between pieces.
pub(super) fn copy(
    from: &OwnedFd,
    bytes: u64,
    folder: BorrowedFd<'_>,
    name: &CStr,
    path: &Path,
    check: &dyn Fn() -> Result<()>,
) -> Result<OwnedFd> {
    let to = create(folder, name).map_err(CloneError::of("creating copy of", path))?;
    let mut at = 0;
    while at < bytes {
        // A file system that knows no holes says that all is data.
        let begin = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(begin) => begin.min(bytes),
            Err(Errno::NXIO) => break,
            Err(errno) => return Err(CloneError::of("seeking in", path)(errno)),
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(begin)).map_err(CloneError::of("seeking in", path))?;
        at = begin;
        while at < end.min(bytes) {
            check()?;
            let length = (end.min(bytes) - at).min(PIECE_BYTES);
            match copy_piece(from, &to, at, length).map_err(CloneError::of("copying", path))? {
                0 => return Err(CloneError::Changed { path: path.to_owned() }),
                copied => at += copied,
            }
        }
    }
    rustix::fs::ftruncate(&to, bytes).map_err(CloneError::of("copying", path))?;
    Ok(to)
}

/// Copies up to `length` bytes at `at`; zero at the end of the file.
fn copy_piece(from: &OwnedFd, to: &OwnedFd, at: u64, length: u64) -> rustix::io::Result<u64> {
    #[cfg(target_os = "linux")]
    {
        let (mut here, mut there) = (at, at);
        match rustix::fs::copy_file_range(from, Some(&mut here), to, Some(&mut there), length as usize) {
            // Not between these two file systems, not on this one, not for this kernel: read and write.
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(Errno::INTR) => return copy_piece(from, to, at, length),
            copied => return copied.map(|copied| copied as u64),
        }
    }
    let mut buffer = vec![0; length.min(1 << 20) as usize];
    let read = rustix::io::retry_on_intr(|| rustix::io::pread(from, &mut buffer, at))?;
    let mut written = 0;
    while written < read {
        let rest = &buffer[written..read];
        written += rustix::io::retry_on_intr(|| rustix::io::pwrite(to, rest, at + written as u64))?;
    }
    Ok(read as u64)
}
