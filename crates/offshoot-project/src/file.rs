//! Small files that are replaced whole: whoever reads one sees the old or the new, and none but its owner reads it.

use crate::error::{ProjectError, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// A file of this crate's is small; a larger one is something else.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What the names of files begin with that are being written.
pub(crate) const TEMPORARY: &str = ".offshoot-new-";
/// One that is older was left by a writer that was killed.
const TEMPORARY_AGE_MAX: Duration = Duration::from_secs(60);

/// Replaces a file, mode 0600: written beside it, synced, renamed, the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = temporary(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(ProjectError::io("write", path))
}

/// A file to be written in a folder and then renamed, mode 0600. Those that killed writers left there are removed.
pub(crate) fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    sweep(folder);
    tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)
}

/// Removes what killed writers left in a folder; a file that cannot be looked at or removed stays.
pub(crate) fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        let Some(metadata) = is_temporary.then(|| entry.metadata().ok()).flatten() else { continue };
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        if metadata.is_file() && age.is_some_and(|age| age > TEMPORARY_AGE_MAX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The bytes of a file; none where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| match error {
        error if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(None),
        error => Err(ProjectError::io("read", path)(error)),
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => failed(io::ErrorKind::FileTooLarge.into()),
        Ok(_) => fs::read(path).map(Some).or_else(failed),
        Err(error) => failed(error),
    }
}

/// Removes a file; none that is not there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ProjectError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder and those above it, for its owner alone.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(ProjectError::io("make", path))
}
