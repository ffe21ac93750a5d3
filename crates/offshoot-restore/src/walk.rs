//! What files a data directory has.

use crate::branch::{BranchError, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// How much a tree is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub files: u64,
    /// Sum of the sizes of its files.
    pub bytes: u64,
}

/// The files below a folder that is no symbolic link, by their paths within it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(within) = pending.pop() {
        let path = folder.join(&within);
        for entry in fs::read_dir(&path).map_err(BranchError::io("reading", &path))? {
            let entry = entry.map_err(BranchError::io("reading", &path))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let list = if is_folder { &mut pending } else { &mut found };
            list.push(within.join(entry.file_name()));
        }
    }
    Ok(found)
}

/// Files below a folder, and their bytes.
pub(crate) fn sizes(folder: &Path) -> Result<Sizes> {
    let files = files(folder)?;
    let bytes = files.iter().filter_map(|path| fs::symlink_metadata(folder.join(path)).ok()).map(|found| found.len());
    Ok(Sizes { files: files.len() as u64, bytes: bytes.sum() })
}
