//! Where a repository is. A copy of a repository has a copy of what is remembered of it, and must not take that for its own; one
//! that was moved is the same one.

use crate::error::{ProjectError, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder that all checkouts of a repository share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// How a repository came to be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It was there.
    Stayed,
    /// It was moved, or is seen under another path.
    Moved,
    /// The one that it is a copy of is still there.
    Copied,
}

impl Place {
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let path = folder.canonicalize().map_err(ProjectError::io("find", folder))?;
        let metadata = fs::metadata(&path).map_err(ProjectError::io("find", folder))?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// How a repository came here that was at another place when it was last looked at.
    pub(super) fn since(&self, before: &Self) -> Came {
        let is_same = self.device == before.device && self.inode == before.inode;
        match self.path == before.path {
            // Another disk with the same content is still the only one here; another folder on the same one is a copy, whose
            // original may be anywhere.
            true if is_same || self.device != before.device => Came::Stayed,
            false if is_same || !before.path.try_exists().unwrap_or(true) => Came::Moved,
            _ => Came::Copied,
        }
    }

    /// What a path in the repository of before, or in its checkout, is here.
    pub(super) fn rebased(&self, path: &Path, before: &Self) -> Option<PathBuf> {
        let within = |from: &Path, to: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
        let parents = || within(before.path.parent()?, self.path.parent()?);
        within(&before.path, &self.path).or_else(parents).filter(|new| new != path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_from_what_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("here"), dir.path().join("there"));
        fs::create_dir_all(here.join(".git/hooks")).unwrap();
        let before = Place::of(&here.join(".git")).unwrap();
        assert_eq!(before.since(&before), Came::Stayed);
        let mounted = Place { device: before.device + 1, inode: before.inode + 1, ..before.clone() };
        assert_eq!(mounted.since(&before), Came::Stayed, "devices have other numbers after a restart");
        fs::create_dir_all(there.join(".git")).unwrap();
        let copy = Place::of(&there.join(".git")).unwrap();
        assert_eq!(copy.since(&before), Came::Copied);
        assert_eq!(copy.rebased(&here.join(".git/hooks"), &before), Some(copy.path.join("hooks")));
        assert_eq!(copy.rebased(&before.path.with_file_name("x"), &before), Some(copy.path.with_file_name("x")));
        assert_eq!(copy.rebased(Path::new("/elsewhere"), &before), None);
        fs::remove_dir_all(&there).unwrap();
        fs::rename(&here, &there).unwrap();
        let moved = Place::of(&there.join(".git")).unwrap();
        assert_eq!(moved.since(&before), Came::Moved);
        // The original was moved away, and a copy is where it was.
        fs::create_dir_all(here.join(".git")).unwrap();
        assert_eq!(Place::of(&here.join(".git")).unwrap().since(&before), Came::Copied);
        assert_eq!(moved.since(&before), Came::Moved);
    }
}
