//! How a command fails: what, why, what to do next, and the exit code.

use offshoot::ErrorKind;
use std::fmt;
use std::io;
use std::path::Path;

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure of the command line's own.
    pub fn new(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: Some(hint.into()) }
    }

    /// A failure whose text says what to do next.
    pub fn plain(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// The operating system refused.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot {doing} {}", path.display());
        Self {
            kind: ErrorKind::Failed,
            message,
            causes: vec![error.to_string()],
            hint: Some(io_hint(error).to_owned()),
        }
    }

    /// What went wrong below.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same in a word for programs.
    pub fn word(&self) -> &'static str {
        match self.kind {
            ErrorKind::Usage => "usage",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Ambiguous => "ambiguous",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Refused => "refused",
            ErrorKind::Damaged => "damaged",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Unreachable => "unreachable",
            ErrorKind::Interrupted => "interrupted",
            _ => "failed",
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => code::USAGE,
            ErrorKind::Refused => code::REFUSED,
            ErrorKind::Damaged => code::FOUND,
            ErrorKind::Interrupted => code::INTERRUPTED,
            _ => code::FAILED,
        }
    }
}

/// Exit codes.
pub mod code {
    /// Done.
    pub const DONE: u8 = 0;
    /// Failed.
    pub const FAILED: u8 = 1;
    /// The command line or the configuration cannot be meant so.
    pub const USAGE: u8 = 2;
    /// Done, but something named was not carried.
    pub const NOT_CARRIED: u8 = 3;
    /// Refused for safety.
    pub const REFUSED: u8 = 4;
    /// Damage or a difference was found.
    pub const FOUND: u8 = 5;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// What to do when the operating system refuses.
fn io_hint(error: &io::Error) -> &'static str {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => "look whether the path is typed right; nothing is there",
        Io::PermissionDenied => "run as a user who may do this, or give this one access",
        Io::AlreadyExists => "name another path, or move away what is there",
        Io::DirectoryNotEmpty => "name an empty folder, or one that is not there yet",
        Io::NotADirectory => "name a path whose folders are folders",
        Io::IsADirectory => "name a file; this is a folder",
        Io::StorageFull | Io::QuotaExceeded => "free some space there and try again",
        Io::ReadOnlyFilesystem => "mount the file system writable, or name a path elsewhere",
        Io::InvalidData => "the file must be UTF-8 text; save it as that",
        _ => "mend what the system names, and try again",
    }
}

impl From<offshoot::Error> for Failure {
    fn from(error: offshoot::Error) -> Self {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(&error);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        Self { kind: error.kind(), message: error.to_string(), causes, hint: error.hint().map(str::to_owned) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
