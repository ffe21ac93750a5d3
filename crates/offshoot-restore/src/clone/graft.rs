//! Moving folders from one tree into another one, at their places.

use super::error::{CloneError, Result};
use super::folder;
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Moves folders, named by their paths below both trees, out of `from` into `to`, where there is nothing of that name, but what they
/// are in. Nobody who may write into a tree leads this elsewhere by a symbolic link.
///
/// # Errors
/// `Exists`; `Io` where a path has another part than names of folders, or what it leads through is a link.
pub fn graft(from: &Path, to: &Path, folders: &[PathBuf]) -> Result<()> {
    let (source, target) = (folder::open(from)?, folder::open(to)?);
    for path in folders {
        let (above, name) = parts(path, from)?;
        let (out_of, into) = (descend(&source, &above, from)?, descend(&target, &above, to)?);
        match renameat_with(&out_of, &name, &into, &name, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(CloneError::Exists { path: to.join(path) }),
            // A file system that cannot promise it: over a folder that holds something, a rename does nothing.
            Err(Errno::INVAL) => rustix::fs::renameat(&out_of, &name, &into, &name)
                .map_err(CloneError::of("moving", &from.join(path)))?,
            Err(errno) => return Err(CloneError::of("moving", &from.join(path))(errno)),
        }
    }
    Ok(())
}

/// The folders above the last part of a path, and that part.
fn parts(path: &Path, tree: &Path) -> Result<(Vec<CString>, CString)> {
    let bad = || CloneError::of("naming", &tree.join(path))(Errno::INVAL);
    let name = |component| match component {
        Component::Normal(name) => CString::new(name.as_bytes()).map_err(|_| bad()),
        _ => Err(bad()),
    };
    let mut names = path.components().map(name).collect::<Result<Vec<_>>>()?;
    let last = names.pop().ok_or_else(bad)?;
    Ok((names, last))
}

fn descend(tree: &OwnedFd, names: &[CString], shown: &Path) -> Result<OwnedFd> {
    let failed = |errno| CloneError::of("opening a folder of", shown)(errno);
    let mut at = tree.try_clone().map_err(CloneError::of_io("opening a folder of", shown))?;
    for name in names {
        at = folder::open_in(&at, name).map_err(failed)?;
    }
    Ok(at)
}
