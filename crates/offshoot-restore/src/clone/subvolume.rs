//! Subvolumes and snapshots of btrfs, by its own program: there is no call for them that is safe to make from here.
//!
//! They are removed as any folder is: emptied, then by rmdir, which since Linux 4.18 asks for no rights of root.

use super::error::{CloneError, Result};
use super::file_system;
use crate::program;
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
    run(btrfs(path)?.args(["subvolume", "create", "--"]).arg(path), path)?;
    rustix::fs::chmod(path, rustix::fs::Mode::RWXU).map_err(CloneError::of("setting the mode of", path))
}

/// Whether a folder is a subvolume, which a snapshot can be made of.
pub(super) fn is_one(folder: &Path) -> Result<bool> {
    let stat = rustix::fs::lstat(folder).map_err(CloneError::of("looking at", folder))?;
    Ok(stat.st_ino == ROOT_INODE && file_system::name(folder)? == "btrfs")
}

/// Whether the program that makes snapshots is there.
pub(super) fn can_snapshot() -> bool {
    program::find("btrfs").is_some()
}

/// Makes a writable snapshot of a subvolume at a place where nothing is.
pub(super) fn snapshot(from: &Path, to: &Path) -> Result<()> {
    if !is_one(from)? {
        let said = format!("{} is a plain folder, not a subvolume", from.display());
        return Err(CloneError::Subvolume { path: to.to_owned(), said });
    }
    run(btrfs(to)?.args(["subvolume", "snapshot", "--"]).arg(from).arg(to), to)
}

/// Refuses another subvolume inside a tree: a snapshot would have an empty folder in its place.
pub(super) fn refuse_nested(folder: &OwnedFd, path: &Path) -> Result<()> {
    let stat = rustix::fs::fstat(folder).map_err(CloneError::of("looking at", path))?;
    if stat.st_ino == ROOT_INODE || stat.st_ino == NESTED_INODE {
        return Err(CloneError::Special { path: path.to_owned(), what: "a subvolume of its own" });
    }
    Ok(())
}

fn btrfs(path: &Path) -> Result<Command> {
    let missing = || CloneError::Subvolume {
        path: path.to_owned(),
        said: "it is not installed (apt-get install btrfs-progs)".to_owned(),
    };
    program::find("btrfs").map(Command::new).ok_or_else(missing)
}

fn run(command: &mut Command, path: &Path) -> Result<()> {
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C").output();
    let output = output.map_err(CloneError::of_io("starting btrfs to make", path))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CloneError::Subvolume { path: path.to_owned(), said })
}
