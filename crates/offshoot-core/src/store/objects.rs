//! What a backend implements: named objects, created once, read by ranges, listed, removed; and a few small ones that
//! move by compare-and-swap.
//!
//! The rules that all backends keep are in [`Store`]'s methods, and the conformance suite of the testkit checks them.

use crate::Result;
use offshoot_format::ids::{PackId, SnapshotId};
use offshoot_format::refname::RefName;
use std::fmt;
use std::sync::Arc;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// What the store is; there is one. Published last when a store is made.
    Config,
    /// The secret that ids are keyed with; there is one.
    Key,
    /// A file of chunks.
    Pack,
    /// A segment of the index.
    Index,
    /// A snapshot.
    Manifest,
    /// The newest snapshot of a lineage. Moves.
    Ref,
    /// A fixed name. Moves only from nothing to something and back.
    Tag,
    /// Somebody writes. Moves.
    Lease,
    /// Packs that are going to be deleted.
    Condemned,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Config,
        Self::Key,
        Self::Pack,
        Self::Index,
        Self::Manifest,
        Self::Ref,
        Self::Tag,
        Self::Lease,
        Self::Condemned,
    ];

    /// Whether objects of the kind move by compare-and-swap; all others are created once.
    #[must_use]
    pub fn moves(self) -> bool {
        matches!(self, Self::Ref | Self::Tag | Self::Lease)
    }
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectName {
    /// The config.
    Config,
    /// The key.
    Key,
    /// A pack.
    Pack(PackId),
    /// An index segment, by the BLAKE3 of its bytes up to the footer.
    Index([u8; 32]),
    /// A manifest.
    Manifest(SnapshotId),
    /// A ref.
    Ref(RefName),
    /// A tag.
    Tag(RefName),
    /// A lease, by a random number.
    Lease([u8; 32]),
    /// A condemned list, by a random number.
    Condemned([u8; 32]),
}

impl ObjectName {
    /// The kind of the object.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Config => ObjectKind::Config,
            Self::Key => ObjectKind::Key,
            Self::Pack(_) => ObjectKind::Pack,
            Self::Index(_) => ObjectKind::Index,
            Self::Manifest(_) => ObjectKind::Manifest,
            Self::Ref(_) => ObjectKind::Ref,
            Self::Tag(_) => ObjectKind::Tag,
            Self::Lease(_) => ObjectKind::Lease,
            Self::Condemned(_) => ObjectKind::Condemned,
        }
    }

    /// The part of the name after its kind, in letters that any file system and bucket takes; empty for the objects
    /// of which there is one.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Config | Self::Key => String::new(),
            Self::Pack(id) => id.to_string(),
            Self::Manifest(id) => id.to_string(),
            Self::Ref(name) | Self::Tag(name) => name.escaped(),
            Self::Index(digest) | Self::Lease(digest) | Self::Condemned(digest) => hex(digest),
        }
    }

    /// The inverse of [`Self::key`]; `None` for a key that no object of the kind has.
    #[must_use]
    pub fn from_key(kind: ObjectKind, key: &str) -> Option<Self> {
        let digest = || key.parse().map(|id: PackId| *id.as_bytes()).ok();
        Some(match kind {
            ObjectKind::Config => key.is_empty().then_some(Self::Config)?,
            ObjectKind::Key => key.is_empty().then_some(Self::Key)?,
            ObjectKind::Pack => Self::Pack(key.parse().ok()?),
            ObjectKind::Index => Self::Index(digest()?),
            ObjectKind::Manifest => Self::Manifest(key.parse().ok()?),
            ObjectKind::Ref => Self::Ref(RefName::from_escaped(key)?),
            ObjectKind::Tag => Self::Tag(RefName::from_escaped(key)?),
            ObjectKind::Lease => Self::Lease(digest()?),
            ObjectKind::Condemned => Self::Condemned(digest()?),
        })
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Key => f.write_str("id key"),
            Self::Pack(id) => write!(f, "pack {id}"),
            Self::Index(digest) => write!(f, "index segment {}", hex(digest)),
            Self::Manifest(id) => write!(f, "snapshot {id}"),
            Self::Ref(name) => write!(f, "ref {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Lease(digest) => write!(f, "lease {}", hex(digest)),
            Self::Condemned(digest) => write!(f, "condemned list {}", hex(digest)),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// Its length.
    pub bytes: u64,
    /// When it was written, by the backend's clock, in milliseconds since 1970 UTC.
    pub modified_unix_ms: u64,
}

/// What is left of an upload that was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The backend's own word for it.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in milliseconds since 1970 UTC.
    pub modified_unix_ms: u64,
}

/// Answer to a compare-and-swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// Moved.
    Done,
    /// Not moved, because the object is something else.
    Lost {
        /// What it is.
        current: Option<Vec<u8>>,
    },
}

/// A backend.
pub trait Store: Send + Sync + fmt::Debug {
    /// Where the store is, for messages. Holds no secret.
    fn place(&self) -> String;

    /// Makes room for a new store. Does nothing where there is one.
    ///
    /// # Errors
    /// If the place cannot be made, or holds something else.
    fn prepare(&self) -> Result<()>;

    /// Creates an object durably; when this returns, a crash does not lose it. An object that is there already stays
    /// as it is, is made durable, and the answer is false.
    ///
    /// # Errors
    /// If it cannot be written; then it is not there.
    fn put(&self, name: &ObjectName, bytes: &[u8]) -> Result<bool>;

    /// Begins an object that is written piece by piece. Dropped before it is published, it leaves nothing.
    ///
    /// # Errors
    /// If nothing can be written.
    fn upload(&self) -> Result<Box<dyn Upload>>;

    /// A small object whole; `None` if it is not there.
    ///
    /// # Errors
    /// If it cannot be read, or is longer than a small object is.
    fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>>;

    /// Fills `buffer` from an object.
    ///
    /// # Errors
    /// `Missing` if the object is not there; `Damaged` if it ends before the buffer is full.
    fn read_at(&self, name: &ObjectName, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Length of an object; `None` if it is not there.
    ///
    /// # Errors
    /// If the backend cannot say.
    fn len(&self, name: &ObjectName) -> Result<Option<u64>>;

    /// All objects of a kind, in no order.
    ///
    /// # Errors
    /// If the backend cannot say.
    fn list(&self, kind: ObjectKind) -> Result<Vec<Listed>>;

    /// Makes durable that the objects of a kind that can be listed now are there, also those that others wrote.
    ///
    /// # Errors
    /// If the backend refuses.
    fn settle(&self, kind: ObjectKind) -> Result<()>;

    /// Removes an object; false if it was not there.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, name: &ObjectName) -> Result<bool>;

    /// Moves an object from one content to another, durably, if nobody else moved it; `None` stands for its absence.
    /// For kinds that [move](ObjectKind::moves) only.
    ///
    /// # Errors
    /// If it cannot be written. Then it may have moved or not; a reader sees one or the other.
    fn swap(&self, name: &ObjectName, expected: Option<&[u8]>, new: Option<&[u8]>) -> Result<Swap>;

    /// What is left of uploads, also of those that are under way.
    ///
    /// # Errors
    /// If the backend cannot say.
    fn unfinished(&self) -> Result<Vec<Unfinished>>;

    /// Removes what is left of an upload.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove_unfinished(&self, unfinished: &Unfinished) -> Result<()>;
}

/// An object that is being written.
pub trait Upload: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// If they cannot be written; the upload is then of no more use.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// A reader of what has been written, which goes on working after publishing.
    fn reader(&self) -> Arc<dyn super::ReadAt>;

    /// Makes the bytes durable and then visible under a name, durably.
    ///
    /// # Errors
    /// If any of this fails. It is never tried again, because a failed fsync may have dropped what it failed to write.
    fn publish(self: Box<Self>, name: &ObjectName) -> Result<()>;
}
