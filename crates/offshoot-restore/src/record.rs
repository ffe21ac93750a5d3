//! Small files that say what is there: written whole or not at all, and on the disk before anybody relies on them.

use crate::branch::{BranchError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Larger files are none of ours.
const RECORD_BYTES_MAX: u64 = 16 << 20;

/// When a record must be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before the call returns.
    Now,
    /// When the system likes: should the machine go down before, what the record said before is as good.
    Later,
}

/// Writes a record in place of what is there. The caller holds the lock of its folder.
pub(crate) fn save<T: Serialize>(path: &Path, record: &T, when: When) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(record).map_err(|error| BranchError::io("writing", path)(error.into()))?;
    text.push(b'\n');
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_extension("new");
    // A password may be in it.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let written = file.and_then(|mut file| {
        file.write_all(&text)?;
        if when == When::Now { file.sync_all() } else { Ok(()) }
    });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = renamed {
        // What is left of it would be overwritten next time.
        let _ = fs::remove_file(&temporary);
        return Err(BranchError::io("writing", path)(error));
    }
    if when == When::Now { sync_folder(folder) } else { Ok(()) }
}

/// Reads a record; none where there is none. One without content is none either: it was never on the disk when the machine
/// went down, and so nobody relied on it.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::metadata(path).and_then(|found| {
        if found.len() > RECORD_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { fs::read(path) }
    }) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(BranchError::io("reading", path)(error)),
    };
    if text.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    let read = serde_json::from_slice(&text);
    // What the parser says may quote the file.
    read.map(Some).map_err(|_| BranchError::BadRecord { path: path.to_path_buf() })
}

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BranchError::io("syncing", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_saved_is_loaded_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert_eq!(load::<Vec<u8>>(&path).unwrap(), None);
        save(&path, &vec![1, 2], When::Now).unwrap();
        save(&path, &vec![3], When::Later).unwrap();
        assert_eq!(load(&path).unwrap(), Some(vec![3]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_never_was_on_the_disk_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        for left in [&b""[..], &[0; 100]] {
            fs::write(&path, left).unwrap();
            assert_eq!(load::<String>(&path).unwrap(), None);
        }
    }

    #[test]
    fn a_torn_record_is_named_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        fs::write(&path, "\"geheim").unwrap();
        let error = load::<String>(&path).unwrap_err().to_string();
        assert!(error.contains("x.json") && !error.contains("geheim"), "{error}");
    }
}
