//! The few operations of a file system that a store in a directory makes, as a trait.
//!
//! The trait is here so that tests can record, cut, reorder and refuse operations; [`OsVfs`] is the real one. It is no
//! general file system: no seeking, no writing in the middle, no mapping. A map of a file that somebody truncates
//! kills the process that touches it, and an embedder must not be killed; `pread` gives an error.

use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A file that can be read at any place, from several threads.
pub trait ReadAt: Send + Sync {
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before; whatever the system says.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A new file that is being written.
pub trait VfsFile: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// Whatever the system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable. After an error they may be gone, and nobody can know which.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync(&mut self) -> io::Result<()>;

    /// A reader of the file, which goes on working when the file is renamed or removed.
    fn reader(&self) -> Arc<dyn ReadAt>;
}

/// What is in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// Whether it is a file; else it is a folder or something stranger.
    pub is_file: bool,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in milliseconds since 1970 UTC.
    pub modified_unix_ms: u64,
}

/// A file system.
pub trait Vfs: Send + Sync + fmt::Debug {
    /// Creates a file that only its owner may read; it must not be there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadAt>>;

    /// Length of a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system says.
    fn len(&self, path: &Path) -> io::Result<u64>;

    /// Renames a file over whatever is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file to a name that is free.
    ///
    /// # Errors
    /// `AlreadyExists` if it is not, or whatever the system says.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// What is in a folder.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Makes durable which names a folder holds.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes a folder that only its owner may enter; one that is there stays.
    ///
    /// # Errors
    /// Whatever the system says.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// Waits until this caller alone holds the lock that the file stands for, until the answer is dropped. Locks end
    /// with the process that holds them.
    ///
    /// # Errors
    /// Whatever the system says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsVfs;

struct OsFile {
    file: Arc<File>,
}

impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl VfsFile for OsFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn reader(&self) -> Arc<dyn ReadAt> {
        self.file.clone()
    }
}

impl Vfs for OsVfs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(OsFile { file: Arc::new(file) }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(File::open(path)?))
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(std::fs::metadata(path)?.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        // A hard link refuses a name that is taken, on every Unix. Where a file system has none, a look before the
        // rename must do; two writers of one name then write equal bytes, or hold the store's lock.
        match std::fs::hard_link(from, to) {
            Ok(()) => std::fs::remove_file(from),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            Err(_) if std::fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => std::fs::rename(from, to),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let found = match entry.metadata() {
                Ok(found) => found,
                // It was removed while the folder was read.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let modified = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let Ok(name) = entry.file_name().into_string() else { continue };
            entries.push(Entry {
                name,
                is_file: found.is_file(),
                bytes: found.len(),
                modified_unix_ms: modified.as_millis() as u64,
            });
        }
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            answer => answer,
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Box::new(file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
