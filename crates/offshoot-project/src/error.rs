//! The error of this crate, by what a caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, ProjectError>;

/// What an operation on database branches failed with; its text says what to do, and holds no password.
pub type BranchError = Box<dyn std::error::Error + Send + Sync>;

/// Why something of a checkout could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The folder is in no Git repository.
    #[error("{} is in no Git repository. Run this in a checkout, or make one with `git init`", folder.display())]
    NoRepository {
        /// The folder.
        folder: PathBuf,
    },
    /// Git said no, or is not there.
    #[error("`git {command}` failed: {what}")]
    Git {
        /// What it was asked.
        command: String,
        /// What it answered.
        what: String,
    },
    /// A file is somebody else's, and is left alone.
    #[error("{} is left alone: {why}. {advice}", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Whose it seems to be.
        why: String,
        /// What to do.
        advice: String,
    },
    /// A file of ours cannot be read.
    #[error("{} cannot be read: {what}. Mend it, or remove it and install the hooks again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        what: String,
    },
    /// A file of ours was written by a newer program.
    #[error("{} is of version {version}, which this program does not know. Use the program that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file of the project is no YAML.
    #[error("{}:{line}:{column}: this is no YAML that can be read. Correct it; what the project declares is not known without it", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// An operation on database branches failed.
    #[error("{0}")]
    Branches(#[source] BranchError),
    /// A signal came before the command was started.
    #[error("interrupted by signal {signal}")]
    Interrupted {
        /// The signal's number.
        signal: i32,
    },
}

impl ProjectError {
    /// The system's refusal to do something with a file, for `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
