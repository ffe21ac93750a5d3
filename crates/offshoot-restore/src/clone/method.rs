//! How trees are cloned in a folder: found by trying.

use super::error::{CloneError, Result};
use super::{file, file_system, remove, subvolume};
use rustix::io::Errno;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
#[cfg(target_vendor = "apple")]
use std::os::fd::AsFd;
use std::path::Path;

/// How a tree of files is cloned, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// A snapshot of a btrfs subvolume: one step whatever the number of files.
    Snapshot,
    /// Each file shares its blocks with the original until one of the two is written.
    Reflink,
    /// Every byte is copied.
    Copy,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snapshot => "snapshot",
            Self::Reflink => "reflink",
            Self::Copy => "copy",
        })
    }
}

/// What cloning is like in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// The best that works.
    pub method: Method,
    /// The file system's name, such as `xfs`.
    pub file_system: String,
    /// One line: what is in use, what it costs, and what would be better.
    pub why: String,
}

/// What sharing blocks costs, and what would have them shared; how long it takes was measured on Linux alone.
#[cfg(not(target_vendor = "apple"))]
const REFLINKS: &str = "reflinks: a clone takes some 0.1 ms a file and no room until it is written";
#[cfg(not(target_vendor = "apple"))]
const CHEAPER: &str = "A file system with reflinks (XFS, btrfs) makes it nearly free: `offshoot pool create`";
#[cfg(target_vendor = "apple")]
const REFLINKS: &str = "reflinks: a clone takes no room until it is written";
#[cfg(target_vendor = "apple")]
const CHEAPER: &str = "On APFS it is nearly free: have images and branches there (OFFSHOOT_HOME)";

/// Bytes that are cloned for a trial: more than what file systems keep beside the name.
const TRIAL_BYTES: usize = 256 << 10;

/// Finds out how trees are cloned in a folder, by cloning a file there and, on btrfs, by making and removing a
/// snapshot. It takes a few milliseconds, on btrfs some fifty.
///
/// # Errors
/// `Full`, and `Io` where nothing can be written. That a method does not work is no error.
pub fn probe(folder: &Path) -> Result<Ladder> {
    let file_system = file_system::name(folder)?;
    let refused = match try_reflink(folder)? {
        Some(refused) => refused,
        None if file_system == "btrfs" => {
            return Ok(match try_snapshot(folder) {
                Ok(()) => told(
                    Method::Snapshot,
                    file_system,
                    "snapshots of subvolumes: a clone is one step and takes no room until it is written",
                ),
                Err(error) => told(
                    Method::Reflink,
                    file_system,
                    &format!(
                        "reflinks: a clone takes some 0.1 ms a file and no room until it is written. Snapshots would be faster, but {error}"
                    ),
                ),
            });
        }
        None => return Ok(told(Method::Reflink, file_system, REFLINKS)),
    };
    let why = format!(
        "copying, because {file_system} here cannot share blocks ({refused}): a clone takes as long and as much room as the \
         database has bytes. {CHEAPER}"
    );
    Ok(told(Method::Copy, file_system, &why))
}

fn told(method: Method, file_system: String, why: &str) -> Ladder {
    Ladder { method, file_system, why: why.to_owned() }
}

/// How a tree that is there is cloned into a folder, without making a snapshot for a trial: [`create_tree`](super::create_tree)
/// made a subvolume only where snapshots work.
///
/// # Errors
/// As those of [`probe`].
pub fn method_for(tree: &Path, folder: &Path) -> Result<Method> {
    if subvolume::is_one(tree)? && subvolume::can_snapshot() {
        return Ok(Method::Snapshot);
    }
    Ok(if try_reflink(folder)?.is_none() { Method::Reflink } else { Method::Copy })
}

/// Why files cannot share blocks in a folder; none if they can, and the clone was seen to have what the original has.
fn try_reflink(folder: &Path) -> Result<Option<String>> {
    let failed = |error| CloneError::of_io("trying to clone in", folder)(error);
    let bytes: Vec<u8> = (0..TRIAL_BYTES).map(|at| (at % 251) as u8).collect();
    let (mut original, shared) = cloned_in(folder, &bytes).map_err(failed)?;
    let mut clone = match shared {
        Ok(clone) => clone,
        Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => return Err(failed(errno.into())),
        Err(errno) => return Ok(Some(errno.to_string())),
    };
    original.rewind().map_err(failed)?;
    original.write_all(&[0xff; 4096]).map_err(failed)?;
    let mut seen = Vec::new();
    clone.rewind().and_then(|()| clone.read_to_end(&mut seen)).map_err(failed)?;
    Ok((seen != bytes).then(|| "a clone did not have the bytes of its original".to_owned()))
}

/// A file of these bytes, and its clone or why there is none: both without a name, so that whoever is killed here leaves
/// nothing.
#[cfg(not(target_vendor = "apple"))]
fn cloned_in(folder: &Path, bytes: &[u8]) -> io::Result<(File, rustix::io::Result<File>)> {
    let (mut original, clone) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
    original.write_all(bytes)?;
    let shared = file::share(&original, &clone).map(|()| clone);
    Ok((original, shared))
}

/// A file of these bytes, and its clone or why there is none. The call that clones makes a file with a name; both are in a
/// folder of their own, which is gone when they are given back.
#[cfg(target_vendor = "apple")]
fn cloned_in(folder: &Path, bytes: &[u8]) -> io::Result<(File, rustix::io::Result<File>)> {
    let trial = trial_folder(folder)?;
    let mut original = File::create_new(trial.path().join("original"))?;
    original.write_all(bytes)?;
    let shared = file::share(&original, File::open(&trial)?.as_fd(), c"clone").map(File::from);
    Ok((original, shared))
}

/// A hidden folder for a trial, gone when dropped.
fn trial_folder(folder: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(".offshoot-trial-").tempdir_in(folder)
}

/// Makes a subvolume, a snapshot of it, and removes both.
fn try_snapshot(folder: &Path) -> Result<()> {
    let trial = trial_folder(folder).map_err(CloneError::of_io("trying a snapshot in", folder))?;
    let (original, clone) = (trial.path().join("original"), trial.path().join("clone"));
    let tried = subvolume::create(&original).and_then(|()| subvolume::snapshot(&original, &clone));
    tried.and(remove::remove_tree(&clone)).and(remove::remove_tree(&original)).and(remove::remove_tree(trial.path()))
}
