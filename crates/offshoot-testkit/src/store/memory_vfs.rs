//! A file system in memory that remembers, operation by operation, what was done to it.

use super::memory::read;
use offshoot_core::store::{Clock, Entry, ReadAt, Vfs, VfsFile};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One change of the file system, or a note of the test between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A folder appeared.
    MakeDir(PathBuf),
    /// A name appeared for a new, empty file.
    Create(PathBuf, u64),
    /// A file grew.
    Append(u64, Arc<Vec<u8>>),
    /// What a file holds is durable.
    Sync(u64),
    /// A name of the first path became one of the second.
    Rename(PathBuf, PathBuf, u64),
    /// A name went.
    Remove(PathBuf),
    /// Which names a folder holds is durable.
    SyncDir(PathBuf),
    /// The test says what has been promised by now.
    Note(String),
}

/// A file system in memory. Clones share everything.
#[derive(Clone, Default)]
pub struct MemoryVfs {
    disk: Arc<Mutex<Disk>>,
    unlocked: Arc<Condvar>,
    clock: Clock,
}

#[derive(Default)]
struct Disk {
    files: HashMap<u64, Vec<u8>>,
    names: BTreeMap<PathBuf, (u64, u64)>,
    dirs: BTreeSet<PathBuf>,
    locked: BTreeSet<PathBuf>,
    next: u64,
    log: Vec<Operation>,
}

impl MemoryVfs {
    /// A file system with these folders and files.
    #[must_use]
    pub fn with(dirs: BTreeSet<PathBuf>, files: BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let vfs = Self::default();
        let mut disk = vfs.disk();
        disk.dirs = dirs;
        for (path, bytes) in files {
            disk.next += 1;
            let number = disk.next;
            disk.files.insert(number, bytes);
            disk.names.insert(path, (number, 0));
        }
        drop(disk);
        vfs
    }

    /// Adds a note to the record.
    pub fn note(&self, note: impl Into<String>) {
        self.disk().log.push(Operation::Note(note.into()));
    }

    /// Everything that was done.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.disk().log.clone()
    }

    /// The files and what they hold.
    #[must_use]
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let disk = self.disk();
        disk.names.iter().map(|(path, (number, _))| (path.clone(), disk.files[number].clone())).collect()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        if parent == Path::new("/") || self.dirs.contains(parent) { Ok(()) } else { Err(ErrorKind::NotFound.into()) }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.parent_exists(to)?;
        let found = self.names.remove(from).ok_or(ErrorKind::NotFound)?;
        self.names.insert(to.to_owned(), found);
        self.log.push(Operation::Rename(from.to_owned(), to.to_owned(), found.0));
        Ok(())
    }
}

impl Vfs for MemoryVfs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let now = self.clock.now_unix_ms();
        let mut disk = self.disk();
        disk.parent_exists(path)?;
        if disk.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        disk.next += 1;
        let number = disk.next;
        disk.files.insert(number, Vec::new());
        disk.names.insert(path.to_owned(), (number, now));
        disk.log.push(Operation::Create(path.to_owned(), number));
        drop(disk);
        Ok(Box::new(MemoryFile { vfs: self.clone(), number }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadAt>> {
        let (number, _) = *self.disk().names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile { vfs: self.clone(), number }))
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        let disk = self.disk();
        let (number, _) = disk.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(disk.files[number].len() as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk().rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        if disk.names.contains_key(to) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.names.remove(path).ok_or(ErrorKind::NotFound)?;
        disk.log.push(Operation::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let disk = self.disk();
        if !disk.dirs.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = |path: &Path| path.parent() == Some(dir);
        let files = disk.names.iter().filter(|(path, _)| inside(path)).map(|(path, (number, modified))| Entry {
            name: name(path),
            is_file: true,
            bytes: disk.files[number].len() as u64,
            modified_unix_ms: *modified,
        });
        let folders = disk.dirs.iter().filter(|path| inside(path)).map(|path| Entry {
            name: name(path),
            is_file: false,
            bytes: 0,
            modified_unix_ms: 0,
        });
        Ok(files.chain(folders).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk().log.push(Operation::SyncDir(dir.to_owned()));
        Ok(())
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.parent_exists(dir)?;
        if disk.dirs.insert(dir.to_owned()) {
            disk.log.push(Operation::MakeDir(dir.to_owned()));
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        let mut disk = self.disk();
        while !disk.locked.insert(path.to_owned()) {
            disk = self.unlocked.wait(disk).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Box::new(Held { vfs: self.clone(), path: path.to_owned() }))
    }
}

struct Held {
    vfs: MemoryVfs,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.vfs.disk().locked.remove(&self.path);
        self.vfs.unlocked.notify_all();
    }
}

struct MemoryFile {
    vfs: MemoryVfs,
    number: u64,
}

impl ReadAt for MemoryFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read(&self.vfs.disk().files[&self.number], offset, buffer)
    }
}

impl VfsFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.vfs.disk();
        disk.log.push(Operation::Append(self.number, Arc::new(bytes.to_vec())));
        disk.files.entry(self.number).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.vfs.disk().log.push(Operation::Sync(self.number));
        Ok(())
    }

    fn reader(&self) -> Arc<dyn ReadAt> {
        Arc::new(Self { vfs: self.vfs.clone(), number: self.number })
    }
}

impl fmt::Debug for MemoryVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryVfs")
    }
}
