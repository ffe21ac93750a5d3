//! A store as an embedder sees it: made, opened, and asked for the names of its snapshots.

use crate::{Error, ErrorKind, Result, Snapshot, Summary};
use offshoot_core::memory::MemoryPlan;
use offshoot_core::store::{DirStore, OpenOptions, OpenStore};
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::Manifest;
use offshoot_format::record::{Ref, Tag};
use offshoot_format::refname::RefName;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most snapshots of one lineage that are listed.
const LINEAGE_MAX: usize = 100_000;

/// What a new store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InitOptions {
    /// Whether rows may enter as they are at the source. Cannot be changed later.
    pub raw: bool,
}

/// An open store: the directory that holds snapshots and what they share. Clones share what is loaded.
#[derive(Clone)]
pub struct Store {
    open: OpenStore,
    path: PathBuf,
}

impl Store {
    /// Makes a store in a directory that is empty or does not exist, and opens it.
    ///
    /// ```
    /// use offshoot::{ErrorKind, InitOptions, Store};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let store = Store::init(folder.path().join("store"), InitOptions { raw: true })?;
    /// assert!(store.log(None)?.is_empty());
    /// assert_eq!(store.snapshot("prod").unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Conflict` if there is a store; `Failed` if it cannot be written.
    pub fn init(path: impl AsRef<Path>, options: InitOptions) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        Ok(Self { open: OpenStore::init(Arc::new(DirStore::new(&path)), options.raw)?, path })
    }

    /// Opens a store.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Damaged`; `Unsupported` if a newer program made it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        Ok(Self { open: OpenStore::open(Arc::new(DirStore::new(&path)))?, path })
    }

    /// Where the store is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.open.place()
    }

    /// Whether rows may enter as they are at the source.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.open.is_raw()
    }

    /// A snapshot by its address: `prod`, `prod~2`, `prod@{2026-11-22 10:05}`, a tag, or the first digits of its hash.
    ///
    /// # Errors
    /// `NotFound`, with names that are near as the hint; `Ambiguous`; `Damaged`.
    pub fn snapshot(&self, address: &str) -> Result<Snapshot> {
        let id = self.resolve(address)?;
        Ok(Snapshot { id, manifest: self.open.manifest(&id)? })
    }

    /// The snapshot that an address means.
    ///
    /// # Errors
    /// `NotFound`, with names that are near as the hint; `Ambiguous`; `Damaged`.
    pub fn resolve(&self, address: &str) -> Result<SnapshotId> {
        Ok(self.open.resolve(address)?)
    }

    /// The snapshots of a lineage, or of the whole store, newest first.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn log(&self, address: Option<&str>) -> Result<Vec<Summary>> {
        let names = Names::load(&self.open)?;
        let ids = match address {
            Some(address) => self.open.lineage(&self.open.resolve(address)?, LINEAGE_MAX)?,
            None => self.open.snapshots()?,
        };
        let mut log: Vec<Summary> =
            ids.into_iter().map(|id| Ok(names.summary(id, &self.open.manifest(&id)?))).collect::<Result<_>>()?;
        if address.is_none() {
            log.sort_by_key(|entry| (std::cmp::Reverse(entry.taken_unix_ms), entry.id));
        }
        Ok(log)
    }

    /// The names of all refs.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn refs(&self) -> Result<Vec<String>> {
        Ok(self.open.refs()?.iter().map(|found| found.name.to_string()).collect())
    }

    /// The ref that is meant where none is named: the only one.
    ///
    /// # Errors
    /// `NotFound` if there is none, `Ambiguous` with all of them if there are several.
    pub fn only_ref(&self) -> Result<String> {
        match self.refs()?.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Error::new(
                ErrorKind::NotFound,
                "the store has no snapshot yet",
                "take one: `offshoot capture URL`",
            )),
            several => {
                let message = format!("the store has several refs: {}", several.join(", "));
                Err(Error::new(ErrorKind::Ambiguous, message, "name one with --from"))
            }
        }
    }

    /// A snapshot as [`Self::log`] lists it.
    ///
    /// # Errors
    /// If the names cannot be read.
    pub fn summary(&self, snapshot: &Snapshot) -> Result<Summary> {
        Ok(Names::load(&self.open)?.summary(snapshot.id, &snapshot.manifest))
    }

    /// Gives a snapshot a fixed name.
    ///
    /// # Errors
    /// `Usage` for what cannot be a name; `Conflict` if the name is taken; as [`Self::resolve`].
    pub fn tag(&self, address: &str, name: &str) -> Result<SnapshotId> {
        let name: RefName = name.parse()?;
        let id = self.resolve(address)?;
        self.open.tag(&name, &id)?;
        Ok(id)
    }

    /// Removes a tag. The snapshot stays, but `gc` may take it once nothing names it.
    ///
    /// # Errors
    /// `NotFound` if there is no such tag.
    pub fn untag(&self, name: &str) -> Result<SnapshotId> {
        let snapshot = self.tagged(name)?;
        if self.open.untag(&name.parse()?)? { Ok(snapshot) } else { Err(no_tag(name)) }
    }

    /// The snapshot that a tag names.
    ///
    /// # Errors
    /// `NotFound` if there is no such tag.
    pub fn tagged(&self, name: &str) -> Result<SnapshotId> {
        let tag = self.open.read_tag(&name.parse()?)?;
        tag.map(|tag| tag.snapshot).ok_or_else(|| no_tag(name))
    }

    /// Where files may be that are nothing when they are left behind.
    pub(crate) fn scratch_dir(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// The store anew, with what it keeps in memory within a plan.
    pub(crate) fn open_within(&self, plan: &MemoryPlan) -> Result<OpenStore> {
        Ok(OpenStore::open_with(self.open.backend().clone(), plan.store(OpenOptions::default()))?)
    }

    pub(crate) fn open_store(&self) -> &OpenStore {
        &self.open
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place())
    }
}

fn no_tag(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no tag {name}"), "`offshoot log` lists the tags")
}

/// The names that there are at one time.
struct Names {
    refs: Vec<Ref>,
    tags: Vec<Tag>,
}

impl Names {
    fn load(open: &OpenStore) -> Result<Self> {
        Ok(Self { refs: open.refs()?, tags: open.tags()? })
    }

    fn summary(&self, id: SnapshotId, manifest: &Manifest) -> Summary {
        let newest = |name: &&Ref| name.newest().is_some_and(|entry| entry.snapshot == id);
        let refs = self.refs.iter().filter(newest).map(|found| found.name.to_string());
        let tags = self.tags.iter().filter(|tag| tag.snapshot == id).map(|tag| tag.name.to_string());
        Summary::new(id, refs.collect(), tags.collect(), manifest)
    }
}
