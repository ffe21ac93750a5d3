//! Leases: files that say which branches belong to a running command, locked for as long as its owner lives.
//!
//! The lock, not a process number, says who lives: the kernel gives it back however a process ends, and no other process ever
//! has it by accident. A lease appears under its name locked, because it is made under another one.

use crate::DatabaseBranches;
use crate::error::{BranchError, ProjectError, Result};
use crate::file;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const ENDING: &str = "lease";
/// What a lease is called before it is locked.
const UNBORN: &str = ".new-";
/// When a lease that nobody has locked yet was given up by its maker.
const UNBORN_MAX: Duration = Duration::from_secs(60);

/// The right to a branch, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lease {
    path: PathBuf,
    branch: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    branch: String,
}

impl Lease {
    /// A lease of a branch with a new name.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        file::make_folder(folder)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let branch = format!("run-{:x}-{:x}", std::process::id(), since.as_nanos() & 0xffff_ffff);
        let path = folder.join(format!("{branch}.{ENDING}"));
        let text = serde_json::to_vec(&Content { version: 1, branch: branch.clone() }).unwrap_or_default();
        let take = || {
            let mut file = tempfile::Builder::new().prefix(UNBORN).tempfile_in(folder)?;
            file.as_file().lock()?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map_err(|error| error.error)
        };
        let lock = take().map_err(ProjectError::io("make", &path))?;
        Ok(Self { path, branch, _lock: lock })
    }

    pub(super) fn branch(&self) -> &str {
        &self.branch
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the lease, when the branch is gone.
    pub(super) fn end(self) -> Result<()> {
        file::remove(&self.path)
    }
}

/// Waits until the owner of a lease has ended, and deletes the branch if that was left over. `open` is called only then.
///
/// # Errors
/// When the branch cannot be deleted; the lease stays, and [`reconcile`] tries again.
pub fn watch<B: DatabaseBranches>(
    lease: &Path,
    open: impl FnOnce() -> std::result::Result<B, BranchError>,
) -> Result<()> {
    // A terminal that is closed, and Ctrl-C, must not end this process with its owner.
    let _ = rustix::process::setsid();
    let file = match File::open(lease) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(ProjectError::io("open", lease))?,
    };
    file.lock().map_err(ProjectError::io("wait for", lease))?;
    if is_ended(&file, lease) {
        return Ok(());
    }
    clear(lease, &open().map_err(ProjectError::Branches)?)
}

/// Deletes the branches of commands whose owner has ended without doing so. Returns their names.
///
/// # Errors
/// When one cannot be deleted; those before it are gone.
pub fn reconcile(leases: &Path, branches: &dyn DatabaseBranches) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    let entries = match fs::read_dir(leases) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(gone),
        entries => entries.map_err(ProjectError::io("list", leases))?,
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_unborn = name.starts_with(UNBORN);
        if !is_unborn && path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) if is_ended(&file, &path) => {}
            Ok(()) if is_unborn => {
                let age = file.metadata().ok().and_then(|metadata| metadata.modified().ok()?.elapsed().ok());
                if age.is_some_and(|age| age > UNBORN_MAX) {
                    file::remove(&path)?;
                }
            }
            Ok(()) => {
                clear(&path, branches)?;
                gone.push(name.trim_end_matches(".lease").to_owned());
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(ProjectError::io("lock", &path)(error)),
        }
    }
    gone.sort();
    Ok(gone)
}

/// Whether a lease has been ended since it was opened.
fn is_ended(file: &File, path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    !matches!((file.metadata(), fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

fn clear(lease: &Path, branches: &(impl DatabaseBranches + ?Sized)) -> Result<()> {
    let text = file::read(lease)?.unwrap_or_default();
    let damaged = |what: String| ProjectError::Damaged { path: lease.to_owned(), what };
    let content: Content = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if content.version != 1 {
        return Err(ProjectError::Newer { path: lease.to_owned(), version: content.version });
    }
    branches.delete(&content.branch).map_err(ProjectError::Branches)?;
    file::remove(lease)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::tests::Remembered;

    #[test]
    fn who_lives_keeps_the_branch() {
        let dir = tempfile::tempdir().unwrap();
        let branches = Remembered::default();
        assert_eq!(reconcile(&dir.path().join("none"), &branches).unwrap(), Vec::<String>::new());
        let (one, two) = (Lease::take(dir.path()).unwrap(), Lease::take(dir.path()).unwrap());
        for lease in [&one, &two] {
            branches.create(lease.branch(), None, true).unwrap();
        }
        assert!(reconcile(dir.path(), &branches).unwrap().is_empty());
        let (name, path) = (one.branch().to_owned(), one.path().to_owned());
        drop(one);
        assert_eq!(reconcile(dir.path(), &branches).unwrap(), [name]);
        assert_eq!(branches.names(), [two.branch()]);
        watch(&path, || -> std::result::Result<Remembered, BranchError> { panic!("it is gone") }).unwrap();
        two.end().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_lease_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes"), "").unwrap();
        fs::write(dir.path().join(".new-x"), "").unwrap();
        assert!(reconcile(dir.path(), &Remembered::default()).unwrap().is_empty());
        fs::write(dir.path().join("x.lease"), "{").unwrap();
        assert!(matches!(reconcile(dir.path(), &Remembered::default()), Err(ProjectError::Damaged { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
