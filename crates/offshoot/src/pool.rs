//! The pool of a home, for machines whose file systems only copy: see [`offshoot_restore::pool`].
//!
//! A home has at most one. Where it is mounted, images and branches are in it and nowhere else; where it is there and not
//! mounted, there are no branches until it is: made elsewhere meanwhile, they would be hidden afterwards.

use crate::{Error, ErrorKind, Result};
use offshoot_restore::clone::remove_tree;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub use offshoot_restore::pool::{BYTES_MIN, CreateOptions, Plan, Pool, PoolError, Rights, State, Status, Step};

/// The pool of a home, whether it is there or not; the home's folder is made where it is missing.
///
/// # Errors
/// `Failed` if that cannot be done; `Refused` for a folder whose name no mount table could hold.
pub fn of_home(home: &Path) -> Result<Pool> {
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    let made = DirBuilder::new().recursive(true).mode(mode).create(home);
    made.map_err(|error| {
        let hint = "name another folder with OFFSHOOT_HOME, or `home` in offshoot.toml";
        Error::new(ErrorKind::Failed, format!("{} cannot be made: {error}", home.display()), hint)
    })?;
    Ok(Pool::at(home)?)
}

/// The folder of images and branches: a home's own, or in its pool.
pub(crate) fn folder_of_branches(home: &Path) -> Result<PathBuf> {
    if !cfg!(target_os = "linux") || !home.exists() {
        return Ok(home.to_owned());
    }
    let (pool, status) = match Pool::at(home).and_then(|pool| pool.status().map(|status| (pool, status))) {
        Ok(found) => found,
        // Not a pool of ours, then, nor a place for one.
        Err(PoolError::Foreign { .. } | PoolError::Folder { .. }) => return Ok(home.to_owned()),
        Err(error) => return Err(error.into()),
    };
    match status.state {
        State::Absent => Ok(home.to_owned()),
        State::Half => {
            let hint = "`offshoot pool create` or `offshoot pool destroy` goes on";
            Err(Error::new(ErrorKind::Failed, "the pool is half made, or half removed", hint))
        }
        _ => Ok(pool.user_folder()?),
    }
}

/// The folders of branches that are in a home and not in its pool. Once there is a pool they are out of sight.
///
/// # Errors
/// `Failed` if the home cannot be read.
pub fn branches_outside(home: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for store in entries(home)?.into_iter().filter(|folder| !folder.ends_with("pool")) {
        found.extend(entries(&store.join("branches"))?.into_iter().filter(|path| path.is_dir()));
    }
    Ok(found)
}

/// Removes this user's images from a mounted pool in which this user has no branches: a cache keeps no pool alive.
///
/// # Errors
/// `Refused` while there are branches, `Conflict` while an image is being made.
pub fn remove_images(pool: &Pool) -> Result<()> {
    let stores = entries(&pool.user_folder()?)?;
    for store in &stores {
        let branches = entries(&store.join("branches"))?.into_iter().filter(|path| path.is_dir()).count();
        if branches > 0 {
            let message =
                format!("the pool is in use and is not destroyed: there are branches in it, or spares ({branches})");
            let hint = "delete them first: `offshoot branch delete`; spares go once `spares = 0` is configured";
            return Err(Error::new(ErrorKind::Refused, message, hint));
        }
        let is_being_made = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "building");
        if entries(&store.join("images"))?.iter().any(is_being_made) {
            return Err(Error::new(ErrorKind::Conflict, "an image is being made in the pool", "wait until it is done"));
        }
    }
    stores.iter().try_for_each(|store| remove_tree(store).map_err(|error| Error::retell(ErrorKind::Failed, error)))
}

/// What is in a folder; nothing if there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    use std::io::ErrorKind as Io;
    let listed = fs::read_dir(folder).and_then(|all| all.map(|entry| entry.map(|entry| entry.path())).collect());
    match listed {
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(Vec::new()),
        listed => listed.map_err(|error| {
            let message = format!("{} cannot be read: {error}", folder.display());
            Error::new(ErrorKind::Failed, message, "run as the user that it belongs to")
        }),
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        let kind = match &error {
            PoolError::TooSmall { .. } | PoolError::CannotShrink { .. } => ErrorKind::Usage,
            PoolError::InUse { .. } | PoolError::Folder { .. } => ErrorKind::Refused,
            PoolError::Busy { .. } | PoolError::Foreign { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Failed,
        };
        Self::retell(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_without_a_pool_is_used_itself() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(folder_of_branches(home.path()).unwrap(), home.path());
        let absent = home.path().join("a/b");
        assert_eq!(folder_of_branches(&absent).unwrap(), absent);
        assert!(!absent.exists());
        of_home(&absent).unwrap();
        assert!(absent.is_dir());
    }

    #[test]
    fn a_pool_that_is_not_mounted_is_not_passed_over() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("pool.xfs"), "x").unwrap();
        let error = folder_of_branches(home.path()).unwrap_err();
        assert!(error.to_string().contains("is not mounted"), "{error}");
        assert!(error.hint().unwrap().contains("mount -t xfs"), "{error:?}");
        fs::rename(home.path().join("pool.xfs"), home.path().join("pool.xfs.new")).unwrap();
        let error = folder_of_branches(home.path()).unwrap_err();
        assert!(error.hint().unwrap().contains("offshoot pool"), "{error:?}");
    }

    #[test]
    fn branches_beside_a_pool_are_found() {
        let home = tempfile::tempdir().unwrap();
        assert!(branches_outside(home.path()).unwrap().is_empty());
        assert!(branches_outside(&home.path().join("absent")).unwrap().is_empty());
        let branch = home.path().join("0123/branches/ab");
        fs::create_dir_all(&branch).unwrap();
        fs::create_dir_all(home.path().join("pool/branches/cd")).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        assert_eq!(branches_outside(home.path()).unwrap(), [branch]);
    }
}
