//! A file system that refuses.

use offshoot_core::store::{Entry, ReadAt, Vfs, VfsFile};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One operation fails: a bad sector, a cable.
    Once,
    /// All that need space fail from there on: a full disk. A write puts half of its bytes down first.
    DiskFull,
    /// All that change anything fail from there on: the disk was taken away from under a mounted file system.
    Gone,
}

/// A file system whose Nth change fails. Clones share the count.
#[derive(Clone)]
pub struct FaultyVfs {
    inner: Arc<dyn Vfs>,
    shared: Arc<Shared>,
}

struct Shared {
    fault: Fault,
    at: usize,
    done: AtomicUsize,
}

impl FaultyVfs {
    /// The change number `at`, counted from 0, fails.
    pub fn new(inner: Arc<dyn Vfs>, fault: Fault, at: usize) -> Self {
        Self { inner, shared: Arc::new(Shared { fault, at, done: AtomicUsize::new(0) }) }
    }

    /// Whether it has come to the fault.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.done.load(Ordering::SeqCst) > self.shared.at
    }
}

impl Shared {
    fn check(&self, needs_space: bool) -> io::Result<()> {
        let number = self.done.fetch_add(1, Ordering::SeqCst);
        let (fails, error) = match self.fault {
            Fault::Once => (number == self.at, rustix::io::Errno::IO),
            Fault::DiskFull => (number >= self.at && needs_space, rustix::io::Errno::NOSPC),
            Fault::Gone => (number >= self.at, rustix::io::Errno::IO),
        };
        if fails { Err(error.into()) } else { Ok(()) }
    }
}

impl Vfs for FaultyVfs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.shared.check(true)?;
        Ok(Box::new(FaultyFile { inner: self.inner.create(path)?, shared: self.shared.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadAt>> {
        self.inner.open(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        self.inner.len(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.check(false)?;
        self.inner.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.shared.check(false)?;
        self.inner.rename_new(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.shared.check(false)?;
        self.inner.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.shared.check(false)?;
        self.inner.sync_dir(dir)
    }

    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.shared.check(true)?;
        self.inner.make_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send>> {
        self.inner.lock(path)
    }
}

struct FaultyFile {
    inner: Box<dyn VfsFile>,
    shared: Arc<Shared>,
}

impl VfsFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.shared.check(true) {
            self.inner.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.inner.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.shared.check(true)?;
        self.inner.sync()
    }

    fn reader(&self) -> Arc<dyn ReadAt> {
        self.inner.reader()
    }
}

impl fmt::Debug for FaultyVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyVfs({:?} at {})", self.shared.fault, self.shared.at)
    }
}
