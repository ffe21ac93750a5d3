//! Small files that say what is there: written whole or not at all, and on the disk before anybody relies on them.
//!
//! A file that takes another one's place can be without content when the machine goes down before it was on the disk: some file
//! systems have the name there first. So what was on the disk stays beside it, under another name, until the new one is.

use crate::branch::{BranchError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    let kept = written.and_then(|()| if when == When::Later { keep(path) } else { Ok(()) });
    let renamed = kept.and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = renamed {
        // What is left of it would be overwritten next time.
        let _ = fs::remove_file(&temporary);
        return Err(BranchError::io("writing", path)(error));
    }
    if when == When::Later {
        return Ok(());
    }
    sync_folder(folder)?;
    forget_kept(path)
}

/// Sees to it that a record is on the disk as [`load`] reads it. Needs no room.
pub(crate) fn sync(path: &Path) -> Result<()> {
    if read(path)?.is_some_and(|text| is_empty(&text)) && kept(path).exists() {
        fs::rename(kept(path), path).map_err(BranchError::io("renaming", path))?;
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(BranchError::io("syncing", path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    forget_kept(path)
}

/// Whether a record was written and nobody waited for the disk.
pub(crate) fn is_behind(path: &Path) -> bool {
    kept(path).exists()
}

fn kept(path: &Path) -> PathBuf {
    path.with_extension("kept")
}

/// Keeps what is on the disk beside what takes its place. Where there is such a file, that is what was there last.
fn keep(path: &Path) -> io::Result<()> {
    match fs::hard_link(path, kept(path)) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => Err(error),
        _ => Ok(()),
    }
}

fn forget_kept(path: &Path) -> Result<()> {
    match fs::remove_file(kept(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BranchError::io("removing", &kept(path))(error)),
        _ => Ok(()),
    }
}

/// Reads a record; none where there is none. One without content was never on the disk when the machine went down: then what
/// was there before counts, if anything was, and nobody relied on more.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read(path)? {
        Some(text) if is_empty(&text) => Ok(match read(&kept(path))? {
            Some(text) if !is_empty(&text) => Some(parse(&text, path)?),
            _ => None,
        }),
        Some(text) => parse(&text, path).map(Some),
        None => Ok(None),
    }
}

fn is_empty(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte == 0)
}

fn parse<T: DeserializeOwned>(text: &[u8], path: &Path) -> Result<T> {
    // What the parser says may quote the file.
    serde_json::from_slice(text).map_err(|_| BranchError::BadRecord { path: path.to_path_buf() })
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path).and_then(|found| {
        if found.len() > RECORD_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { fs::read(path) }
    }) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(BranchError::io("reading", path)(error)),
    }
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
        save(&path, &vec![4], When::Now).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_on_the_disk_counts_until_something_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        // The machine goes down, and of the file only its name was on the disk.
        let goes_down = |path: &Path| File::create(path).unwrap();
        save(&path, &1, When::Later).unwrap();
        goes_down(&path);
        assert_eq!(load::<u32>(&path).unwrap(), None, "nobody relied on it");
        save(&path, &2, When::Now).unwrap();
        save(&path, &3, When::Later).unwrap();
        save(&path, &4, When::Later).unwrap();
        assert_eq!(load(&path).unwrap(), Some(4));
        goes_down(&path);
        assert_eq!(load(&path).unwrap(), Some(2));
        sync(&path).unwrap();
        assert_eq!(load(&path).unwrap(), Some(2), "what counts is what is kept for good");
        save(&path, &5, When::Later).unwrap();
        assert_eq!(load(&path).unwrap(), Some(5));
        sync(&path).unwrap();
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
