//! Subvolumes and snapshots of btrfs, by its own program: there is no call for them that is safe to make from here.
//!
//! They are removed as any folder is: emptied, then by rmdir, which since Linux 4.18 asks for no rights of root.

use super::error::{CloneError, Result};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// The number of the folder that stands in a snapshot where the original has another subvolume.
const NESTED_INODE: u64 = 2;
/// The number of a subvolume's own folder.
const ROOT_INODE: u64 = 256;

/// Makes an empty subvolume of mode 0700.
pub(super) fn create(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(CloneError::Exists { path: path.to_owned() });
    }
    run(Command::new("btrfs").args(["subvolume", "create", "--"]).arg(path), path)?;
    rustix::fs::chmod(path, rustix::fs::Mode::RWXU).map_err(CloneError::of("setting the mode of", path))
}

/// Makes a writable snapshot of a subvolume at a place where nothing is.
pub(super) fn snapshot(from: &Path, to: &Path) -> Result<()> {
    let stat = rustix::fs::lstat(from).map_err(CloneError::of("looking at", from))?;
    if stat.st_ino != ROOT_INODE {
        let said = format!("{} is a plain folder, not a subvolume", from.display());
        return Err(CloneError::Subvolume { path: to.to_owned(), said });
    }
    run(Command::new("btrfs").args(["subvolume", "snapshot", "--"]).arg(from).arg(to), to)
}

/// Refuses another subvolume inside a tree: a snapshot would have an empty folder in its place.
pub(super) fn refuse_nested(folder: &OwnedFd, path: &Path) -> Result<()> {
    let stat = rustix::fs::fstat(folder).map_err(CloneError::of("looking at", path))?;
    if stat.st_ino == ROOT_INODE || stat.st_ino == NESTED_INODE {
        return Err(CloneError::Special { path: path.to_owned(), what: "a subvolume of its own" });
    }
    Ok(())
}

fn run(command: &mut Command, path: &Path) -> Result<()> {
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C").output();
    let output = output.map_err(CloneError::of_io("starting btrfs (package btrfs-progs) to make", path))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CloneError::Subvolume { path: path.to_owned(), said })
}
