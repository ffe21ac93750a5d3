//! Why something about an image or a branch was not done, by what a caller can do about it.

use crate::RestoreError;
use crate::clone::CloneError;
use offshoot_core::CoreError;
use std::io;
use std::path::{Path, PathBuf};

/// Result of images and branches.
pub type Result<T> = std::result::Result<T, BranchError>;

/// Why something about an image or a branch was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError {
    /// There is no branch of this name.
    #[error("there is no branch {name}{}. `offshoot branch list` lists them", did_you_mean(near))]
    NoBranch {
        /// What was typed.
        name: String,
        /// Names that could have been meant.
        near: Vec<String>,
    },
    /// There is a branch of this name already.
    #[error(
        "there is a branch {name} already. Reset it with `offshoot branch reset`, delete it, or choose another name"
    )]
    Taken {
        /// The name.
        name: String,
    },
    /// A text that cannot be the name of a branch.
    #[error("{name:?} cannot be the name of a branch: {why}. Choose another name")]
    BadName {
        /// The text.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// The branch is not ready.
    #[error("the branch {name} is {state}. {next}")]
    NotReady {
        /// Its name.
        name: String,
        /// What it is.
        state: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Another process works on it.
    #[error("another offshoot works on {what}. Wait until it is done, and try again")]
    Busy {
        /// What it works on.
        what: String,
    },
    /// The rows were not scrubbed, and nobody said that this is known.
    #[error(
        "the snapshot is raw: its rows were not scrubbed. Branch from a scrubbed one, or say --raw to take it as it is"
    )]
    Raw,
    /// It has no server of its own.
    #[error(
        "the branch {name} is a database of a server that others share, which cannot be stopped for it alone. Delete the \
         branch, or make one with a server of its own"
    )]
    Shared {
        /// Its name.
        name: String,
    },
    /// Branches cannot be databases of one server here.
    #[error(
        "branches cannot be databases of one server here: {why}. Leave out `isolation` in offshoot.toml: each is a server \
         of its own then"
    )]
    NoDatabaseClones {
        /// Why not.
        why: &'static str,
    },
    /// The image was removed by somebody else in this moment.
    #[error("the image was removed in this moment. Try again: it is made anew")]
    ImageGone,
    /// A folder belongs to somebody else.
    #[error("{} is no folder of this user. Name another place for branches (OFFSHOOT_HOME, OFFSHOOT_RUNTIME), or remove it", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// A record cannot be read.
    #[error("{} is not a record that this offshoot can read. Update offshoot; or end the server that runs in that folder, if one does, and delete the folder", path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
    },
    /// All ports that were tried are taken.
    #[error("no port between {first} and {last} is free. Delete branches, or end what uses these ports")]
    NoPort {
        /// The first that was looked at.
        first: u16,
        /// The last.
        last: u16,
    },
    /// An image could not be loaded.
    #[error("the image could not be made: {source}")]
    Load {
        /// Why.
        #[source]
        source: RestoreError,
    },
    /// The server did not do what it should.
    #[error("{source}")]
    Server {
        /// The engine's error.
        #[source]
        source: CoreError,
    },
    /// Files could not be cloned or removed.
    #[error("{source}")]
    Clone {
        /// Why.
        #[source]
        source: CloneError,
    },
    /// The caller asked to stop. Nothing is left of what was begun.
    #[error("interrupted; nothing is left of what was begun")]
    Cancelled,
    /// The disk is full.
    #[error(
        "no room is left for {}. Delete branches or images that nobody needs, or enlarge the file system that it is on (a pool: \
         `offshoot pool create --size`)",
        path.display()
    )]
    Full {
        /// What was being written.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BranchError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_path_buf(), source }
            }
            _ => Self::Io { action, path: path.to_path_buf(), source },
        }
    }
}

impl From<CoreError> for BranchError {
    fn from(source: CoreError) -> Self {
        match source {
            CoreError::Cancelled => Self::Cancelled,
            source => Self::Server { source },
        }
    }
}

impl From<CloneError> for BranchError {
    fn from(source: CloneError) -> Self {
        match source {
            CloneError::Cancelled => Self::Cancelled,
            source => Self::Clone { source },
        }
    }
}

impl From<RestoreError> for BranchError {
    fn from(source: RestoreError) -> Self {
        match source {
            RestoreError::Cancelled { .. } => Self::Cancelled,
            source => Self::Load { source },
        }
    }
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}
