//! The error of this crate, by what a caller can do about it.

use offshoot_format::FormatError;
use offshoot_format::ids::SnapshotId;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, CoreError>;

/// Why an operation of the engine failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The caller asked to stop.
    #[error("interrupted; nothing was published")]
    Cancelled,
    /// Stored bytes are not what they should be.
    #[error("{object} in the store is damaged. Run `offshoot verify` to see what it affects")]
    Damaged {
        /// What was being read: a pack, an index, a chunk of a table and column.
        object: String,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// Written by a newer program.
    #[error("{object} has version {found}; this offshoot reads up to {supported}. Update offshoot")]
    Newer {
        /// What was being read.
        object: String,
        /// Its version.
        found: u16,
        /// The newest version that can be read.
        supported: u16,
    },
    /// Something that should be stored is not there.
    #[error("{object} is missing from the store. Run `offshoot verify` to see what it affects")]
    Missing {
        /// What was being read.
        object: String,
    },
    /// A value could not be encoded.
    #[error("encoding failed")]
    Format(#[from] FormatError),
    /// The operating system refused.
    #[error("{operation} {path} failed")]
    Io {
        /// What was being done: `write`, `fsync`, `rename`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// There is a store already.
    #[error("{place} is a store already")]
    StoreExists {
        /// Where.
        place: String,
    },
    /// There is no store.
    #[error("{place} is no store. Make one with `offshoot init`")]
    NoStore {
        /// Where.
        place: String,
    },
    /// Raw rows for a store that takes scrubbed ones only.
    #[error("{place} takes scrubbed rows only. Name a policy, or use a store made with `offshoot init --raw`")]
    Domain {
        /// Where the store is.
        place: String,
    },
    /// An address that means no snapshot.
    #[error("there is no snapshot {address}: {why}{}", proposals(near))]
    UnknownSnapshot {
        /// What was typed.
        address: String,
        /// Why it means none.
        why: String,
        /// Names that could have been meant, nearest first.
        near: Vec<String>,
    },
    /// The first digits of several snapshots.
    #[error("several snapshots begin with {prefix}: {}. Type more digits", list(candidates))]
    AmbiguousSnapshot {
        /// What was typed.
        prefix: String,
        /// Some of the snapshots.
        candidates: Vec<SnapshotId>,
    },
    /// A name that is in use.
    #[error("{name} names something else already. Choose another name, or remove that one first")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Somebody else moved the ref in the meantime.
    #[error("{name} was moved by somebody else in the meantime; nothing was published. Try again")]
    Conflict {
        /// The ref or tag.
        name: String,
    },
    /// Another gc runs.
    #[error(
        "another gc runs in {place}, or was killed on another machine less than half an hour ago. Wait until it has ended"
    )]
    Busy {
        /// Where the store is.
        place: String,
    },
    /// A budget of memory that what was asked for does not fit into.
    #[error(
        "{} of memory are too little for {}: at least {} are needed. Give it that, or {}",
        mebibytes(*budget_bytes), jobs_text(*jobs), mebibytes(*bytes_min), fewer(*jobs_fitting)
    )]
    Memory {
        /// The budget, in bytes.
        budget_bytes: u64,
        /// The jobs that were asked for.
        jobs: usize,
        /// The smallest budget for them, in bytes.
        bytes_min: u64,
        /// How many jobs the budget is enough for.
        jobs_fitting: Option<NonZeroUsize>,
    },
    /// The session was taken for dead, because it did not renew its lease in time, and gc may have gone on without it.
    #[error("the session slept too long and was taken for dead; nothing was published. Try again")]
    LeaseLost,
    /// The source broke a rule of the protocol between source and engine.
    #[error("{0}")]
    Protocol(&'static str),
    /// A worker thread ended early; the operation is poisoned.
    #[error("a worker ended early, so the operation was given up; nothing was published")]
    Poisoned,
    /// The transform refused the tables, a value, or the snapshot.
    #[error("{0}")]
    Transform(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The source failed.
    #[error("{source}")]
    Source {
        /// Whether the same capture may succeed when it is tried again.
        retryable: bool,
        /// The engine's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CoreError {
    /// What it means that the bytes of an object are not as they should be.
    pub(crate) fn damaged(object: impl Into<String>, source: FormatError) -> Self {
        let object = object.into();
        match source {
            FormatError::Version { found, supported, .. } => Self::Newer { object, found, supported },
            source => Self::Damaged { object, source },
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn jobs_text(jobs: usize) -> String {
    if jobs == 1 { "one job".to_owned() } else { format!("{jobs} jobs") }
}

fn fewer(jobs_fitting: Option<NonZeroUsize>) -> String {
    match jobs_fitting {
        Some(jobs) => format!("take {}", jobs_text(jobs.get())),
        None => "leave the limit out".to_owned(),
    }
}

fn proposals(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(". Did you mean {}?", near.join(" or ")) }
}

fn list(snapshots: &[SnapshotId]) -> String {
    snapshots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
