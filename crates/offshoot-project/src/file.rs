//! Small files that are replaced whole: whoever reads one sees the old or the new, and none but its owner reads it.

use crate::error::{ProjectError, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// A file of this crate's is small; a larger one is something else.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Replaces a file, mode 0600: written beside it, synced, renamed, the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".offshoot-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(ProjectError::io("write", path))
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
