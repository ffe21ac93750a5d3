//! A store in a local directory: one file an object.
//!
//! A file appears under its name only when its bytes are durable: it is written in `tmp/`, synced, renamed, and the
//! folder is synced. So a file under its name is whole, and a file in `tmp/` is nothing. A failed sync is never tried
//! again: the kernel may have dropped the bytes and forgotten that it did.

use super::objects::{Listed, ObjectKind, ObjectName, Store, Swap, Unfinished, Upload, hex};
use super::open::Entropy;
use super::vfs::{OsVfs, ReadAt, Vfs, VfsFile};
use crate::{CoreError, Result};
use offshoot_format::FormatError;
use offshoot_format::envelope;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that are kept open for reading.
const OPEN_FILES_MAX: usize = 128;
/// Longest small object.
/// How often a small object may be replaced while it is read.
const MOVES_MAX: usize = 100;
const SMALL_BYTES_MAX: u64 = (envelope::HEADER_BYTES + envelope::BODY_BYTES_MAX as usize) as u64;
const TMP: &str = "tmp";
const LOCK: &str = "lock";

/// A store in a directory.
pub struct DirStore {
    root: PathBuf,
    vfs: Arc<dyn Vfs>,
    open: Mutex<HashMap<ObjectName, Arc<dyn ReadAt>>>,
}

impl DirStore {
    /// The store in the directory `root`. Nothing is looked at yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::with_vfs(root, Arc::new(OsVfs))
    }

    /// The store in the directory `root` of another file system.
    pub fn with_vfs(root: impl Into<PathBuf>, vfs: Arc<dyn Vfs>) -> Self {
        Self { root: root.into(), vfs, open: Mutex::default() }
    }

    fn dir(&self, kind: ObjectKind) -> PathBuf {
        folder(kind).map_or_else(|| self.root.clone(), |folder| self.root.join(folder))
    }

    fn path(&self, name: &ObjectName) -> PathBuf {
        match name {
            ObjectName::Config => self.root.join("config"),
            ObjectName::Key => self.root.join("key"),
            _ => self.dir(name.kind()).join(name.key()),
        }
    }

    /// A durable file in `tmp/` with these bytes.
    fn write_tmp(&self, bytes: &[u8]) -> Result<Tmp> {
        let mut tmp = self.new_tmp()?;
        tmp.append(bytes)?;
        tmp.sync()?;
        Ok(tmp)
    }

    fn new_tmp(&self) -> Result<Tmp> {
        let path = self.root.join(TMP).join(hex(&Entropy::default().random::<16>()?));
        let file = self.vfs.create(&path).map_err(failed("create", &path))?;
        Ok(Tmp { vfs: self.vfs.clone(), path, file: Some(file) })
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.vfs.sync_dir(dir).map_err(failed("fsync", dir))
    }

    fn reader(&self, name: &ObjectName) -> Result<Arc<dyn ReadAt>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(file.clone());
        }
        let path = self.path(name);
        let file = match self.vfs.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(name)),
            answer => answer.map_err(failed("open", &path))?,
        };
        if open.len() >= OPEN_FILES_MAX {
            open.clear();
        }
        open.insert(name.clone(), file.clone());
        Ok(file)
    }

    fn forget_reader(&self, name: &ObjectName) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// The folder of a kind; none for the objects of which there is one.
fn folder(kind: ObjectKind) -> Option<&'static str> {
    Some(match kind {
        ObjectKind::Config | ObjectKind::Key => return None,
        ObjectKind::Pack => "packs",
        ObjectKind::Index => "index",
        ObjectKind::Manifest => "snapshots",
        ObjectKind::Ref => "refs",
        ObjectKind::Tag => "tags",
        ObjectKind::Lease => "leases",
        ObjectKind::Condemned => "condemned",
    })
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CoreError {
    let path = path.to_owned();
    move |source| CoreError::Io { operation, path, source }
}

fn missing(name: &ObjectName) -> CoreError {
    CoreError::Missing { object: name.to_string() }
}

impl Store for DirStore {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn prepare(&self) -> Result<()> {
        let make = |dir: &Path| self.vfs.make_dir(dir).map_err(failed("make", dir));
        make(&self.root)?;
        let entries = self.vfs.list(&self.root).map_err(failed("list", &self.root))?;
        let folders = ObjectKind::ALL.into_iter().filter_map(folder).chain([TMP]);
        let own: Vec<&str> = folders.chain(["config", "key", LOCK]).collect();
        if let Some(foreign) = entries.iter().find(|entry| !own.contains(&entry.name.as_str())) {
            let why = format!("it holds {}, which is no part of a store", foreign.name);
            let source = io::Error::new(ErrorKind::DirectoryNotEmpty, why);
            return Err(failed("make a store in", &self.root)(source));
        }
        make(&self.root.join(TMP))?;
        for kind in ObjectKind::ALL {
            make(&self.dir(kind))?;
        }
        self.sync_dir(&self.root)?;
        match self.root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent),
            _ => self.sync_dir(Path::new(".")),
        }
    }

    fn put(&self, name: &ObjectName, bytes: &[u8]) -> Result<bool> {
        let path = self.path(name);
        let created = match self.vfs.len(&path) {
            Ok(_) => false,
            Err(_) => self.write_tmp(bytes)?.rename_new(&path)?,
        };
        // Somebody else's rename may not be durable yet.
        self.sync_dir(&self.dir(name.kind()))?;
        Ok(created)
    }

    fn upload(&self) -> Result<Box<dyn Upload>> {
        let tmp = self.new_tmp()?;
        let reader = tmp.reader()?;
        Ok(Box::new(DirUpload { tmp, reader, root: self.root.clone() }))
    }

    fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        let read = || -> io::Result<Option<Vec<u8>>> {
            let length = self.vfs.len(&path)?;
            if length > SMALL_BYTES_MAX {
                return Err(io::Error::new(ErrorKind::InvalidData, "it is longer than any such object"));
            }
            let file = self.vfs.open(&path)?;
            let mut bytes = vec![0; length as usize];
            // A small object is replaced and never changed: another length means that this is not the file whose length was asked.
            match (file.read_exact_at(&mut bytes, 0), file.read_exact_at(&mut [0], length)) {
                (Ok(()), Err(end)) if end.kind() == ErrorKind::UnexpectedEof => Ok(Some(bytes)),
                (Err(short), _) if short.kind() != ErrorKind::UnexpectedEof => Err(short),
                (Ok(()), Err(error)) => Err(error),
                _ => Ok(None),
            }
        };
        let moving = || Err(io::Error::new(ErrorKind::InvalidData, "it changed each time that it was read"));
        let read = (0..MOVES_MAX).find_map(|_| read().transpose()).unwrap_or_else(moving);
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    fn read_at(&self, name: &ObjectName, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match self.reader(name)?.read_exact_at(buffer, offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.forget_reader(name);
                let source = FormatError::Truncated {
                    what: "file",
                    offset: usize::try_from(offset).unwrap_or(usize::MAX),
                    needed: buffer.len(),
                    available: 0,
                };
                Err(CoreError::Damaged { object: name.to_string(), source })
            }
            answer => answer.map_err(failed("read", &self.path(name))),
        }
    }

    fn len(&self, name: &ObjectName) -> Result<Option<u64>> {
        let path = self.path(name);
        match self.vfs.len(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            answer => answer.map(Some).map_err(failed("stat", &path)),
        }
    }

    fn list(&self, kind: ObjectKind) -> Result<Vec<Listed>> {
        let dir = self.dir(kind);
        let entries = self.vfs.list(&dir).map_err(failed("list", &dir))?;
        let listed = |entry: super::vfs::Entry| {
            let name = match (kind, entry.name.as_str()) {
                (ObjectKind::Config, "config") => ObjectName::Config,
                (ObjectKind::Key, "key") => ObjectName::Key,
                (ObjectKind::Config | ObjectKind::Key, _) => return None,
                (_, key) => ObjectName::from_key(kind, key)?,
            };
            Some(Listed { name, bytes: entry.bytes, modified_unix_ms: entry.modified_unix_ms })
        };
        Ok(entries.into_iter().filter(|entry| entry.is_file).filter_map(listed).collect())
    }

    fn settle(&self, kind: ObjectKind) -> Result<()> {
        self.sync_dir(&self.dir(kind))
    }

    fn remove(&self, name: &ObjectName) -> Result<bool> {
        self.forget_reader(name);
        let path = self.path(name);
        match self.vfs.remove(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            answer => {
                answer.map_err(failed("remove", &path))?;
                self.sync_dir(&self.dir(name.kind()))?;
                Ok(true)
            }
        }
    }

    fn swap(&self, name: &ObjectName, expected: Option<&[u8]>, new: Option<&[u8]>) -> Result<Swap> {
        debug_assert!(name.kind().moves());
        let lock = self.root.join(LOCK);
        let _held = self.vfs.lock(&lock).map_err(failed("lock", &lock))?;
        let current = self.get(name)?;
        if current.as_deref() != expected {
            return Ok(Swap::Lost { current });
        }
        match new {
            Some(bytes) => {
                self.write_tmp(bytes)?.rename(&self.path(name))?;
                self.sync_dir(&self.dir(name.kind()))?;
            }
            None => {
                self.remove(name)?;
            }
        }
        Ok(Swap::Done)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        let dir = self.root.join(TMP);
        let entries = self.vfs.list(&dir).map_err(failed("list", &dir))?;
        let unfinished = |entry: super::vfs::Entry| Unfinished {
            name: entry.name,
            bytes: entry.bytes,
            modified_unix_ms: entry.modified_unix_ms,
        };
        Ok(entries.into_iter().filter(|entry| entry.is_file).map(unfinished).collect())
    }

    fn remove_unfinished(&self, unfinished: &Unfinished) -> Result<()> {
        let path = self.root.join(TMP).join(&unfinished.name);
        match self.vfs.remove(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            answer => answer.map_err(failed("remove", &path)),
        }
    }
}

impl fmt::Debug for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirStore").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A file in `tmp/`, which is removed when it is dropped before it was renamed.
struct Tmp {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    /// None after the file was renamed.
    file: Option<Box<dyn VfsFile>>,
}

impl Tmp {
    fn file(&mut self) -> Result<&mut Box<dyn VfsFile>> {
        self.file.as_mut().ok_or(CoreError::Poisoned)
    }

    fn reader(&self) -> Result<Arc<dyn ReadAt>> {
        self.file.as_ref().map(|file| file.reader()).ok_or(CoreError::Poisoned)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let answer = self.file()?.append(bytes);
        answer.map_err(failed("write", &self.path))
    }

    fn sync(&mut self) -> Result<()> {
        let answer = self.file()?.sync();
        answer.map_err(failed("fsync", &self.path))
    }

    fn rename(mut self, to: &Path) -> Result<()> {
        self.vfs.rename(&self.path, to).map_err(failed("rename", to))?;
        self.file = None;
        Ok(())
    }

    /// False if the name was taken.
    fn rename_new(mut self, to: &Path) -> Result<bool> {
        match self.vfs.rename_new(&self.path, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            answer => {
                answer.map_err(failed("rename", to))?;
                self.file = None;
                Ok(true)
            }
        }
    }
}

impl Drop for Tmp {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing depends on it; what cannot be removed now is removed by gc.
            let _ = self.vfs.remove(&self.path);
        }
    }
}

struct DirUpload {
    tmp: Tmp,
    reader: Arc<dyn ReadAt>,
    root: PathBuf,
}

impl Upload for DirUpload {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.tmp.append(bytes)
    }

    fn reader(&self) -> Arc<dyn ReadAt> {
        self.reader.clone()
    }

    fn publish(mut self: Box<Self>, name: &ObjectName) -> Result<()> {
        self.tmp.sync()?;
        let dir = folder(name.kind()).map_or_else(|| self.root.clone(), |folder| self.root.join(folder));
        let vfs = self.tmp.vfs.clone();
        self.tmp.rename_new(&dir.join(name.key()))?;
        vfs.sync_dir(&dir).map_err(failed("fsync", &dir))
    }
}
