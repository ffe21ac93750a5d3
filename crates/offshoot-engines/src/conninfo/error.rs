//! What can be wrong with a connection string, said without repeating it: it may hold a password, and a mistake may have
//! moved the password into any other part.

use std::fmt;
use std::path::PathBuf;

/// Why a connection string, or what stands behind it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnInfoError {
    /// A keyword that does not exist.
    #[error("there is no connection setting \"{name}\"{}. {}", SuggestionText(*.nearest), if .nearest.is_some() { "Correct the name." } else { "Remove it, or see \"Parameter Key Words\" in PostgreSQL's libpq documentation." })]
    UnknownKeyword {
        /// The keyword, shortened; or a place holder where it may be part of a password.
        name: String,
        /// The known keyword that is closest.
        nearest: Option<&'static str>,
    },
    /// Another kind of URL.
    #[error(
        "the connection URL starts with \"{scheme}:\", which is neither PostgreSQL nor MySQL. Use postgresql://user@host:port/database, or mysql:// for MySQL and MariaDB."
    )]
    WrongScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The keyword=value text is malformed.
    #[error("the connection string is malformed at character {position}: {problem}. {remedy}")]
    Syntax {
        /// Counted from 1, in characters.
        position: usize,
        /// What is wrong there.
        problem: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The URL is malformed.
    #[error(
        "the connection URL is malformed: it has {problem}. The form is postgresql://user:password@host:port/database?setting=value; other characters in a part are percent-encoded."
    )]
    Uri {
        /// What is wrong.
        problem: &'static str,
    },
    /// The password, user or database seems to hold a character that a URL gives a meaning.
    #[error(
        "the connection URL has an \"@\" where none can be, as if a user name or password held \"@\", \"/\" or \"#\" unescaped. Write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25, or leave the password to PGPASSWORD or ~/.pgpass."
    )]
    UnescapedCredentials,
    /// A value outside what the setting takes.
    #[error("{setting} cannot be {value}. It takes {takes}.")]
    InvalidValue {
        /// The keyword or variable.
        setting: String,
        /// The value, quoted and shortened.
        value: String,
        /// What is allowed.
        takes: &'static str,
    },
    /// Settings that exclude each other.
    #[error("{first} does not go with {second}: {why}.")]
    Conflict {
        /// One setting.
        first: String,
        /// The other.
        second: String,
        /// The reason, and what to use.
        why: &'static str,
    },
    /// Lists of hosts, addresses or ports of different lengths.
    #[error("{left_count} {left} do not match {right_count} {right}. Give as many of each, or a single port for all.")]
    Mismatch {
        /// What is counted first.
        left: &'static str,
        /// How many there are.
        left_count: usize,
        /// What is counted second.
        right: &'static str,
        /// How many there are.
        right_count: usize,
    },
    /// A setting that libpq has, that matters, and that is not supported.
    #[error("{setting} is not supported, and ignoring it would not be safe: {why}.")]
    Unsupported {
        /// The keyword or variable.
        setting: String,
        /// What it would have done and what to do instead.
        why: &'static str,
    },
    /// A variable of the environment is not UTF-8.
    #[error("the environment variable {name} is not valid UTF-8. Set it to text in UTF-8, or unset it.")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// No user is named, and the operating system names none.
    #[error(
        "no user is named and the operating system's user has no name. Name one: postgresql://USER@host/database, or set PGUSER."
    )]
    NoUser,
    /// The service is in no service file.
    #[error("the service \"{service}\" is not defined in {searched}. Add a section [{service}], or correct the name.")]
    ServiceNotFound {
        /// The name asked for.
        service: String,
        /// The files that were read or missing.
        searched: String,
    },
    /// A service file cannot be read or understood.
    #[error("the service file {path} {problem}{}. Correct the file, or leave the service out.", AtLine(*.line))]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// Counted from 1; 0 when the whole file is meant.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Something that does not stop a connection, and that its user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnInfoWarning {
    /// The password file can be read by others, and was not used.
    PassfileLoose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The password file is a directory, pipe or device, and was not used.
    PassfileNotRegular {
        /// The file.
        path: PathBuf,
    },
    /// The password file exists and could not be read.
    PassfileUnreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
}

impl fmt::Display for ConnInfoWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassfileLoose { path, mode } => write!(
                f,
                "the password file {0} was not used: others can read it (mode {mode:04o}). Run: chmod 600 {0}",
                path.display()
            ),
            Self::PassfileNotRegular { path } => {
                write!(f, "the password file {} was not used: it is not a plain file.", path.display())
            }
            Self::PassfileUnreadable { path, reason } => {
                write!(f, "the password file {} was not used: {reason}.", path.display())
            }
        }
    }
}

/// A value in quotes, without control characters, at most 40 characters of it.
pub(super) fn shown(value: &str) -> String {
    let short: String = value.chars().take(40).collect();
    let dots = if short.len() < value.len() { "..." } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

struct SuggestionText(Option<&'static str>);

impl fmt::Display for SuggestionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; \"{nearest}\" is the nearest"),
            None => Ok(()),
        }
    }
}

struct AtLine(usize);

impl fmt::Display for AtLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            line => write!(f, " (line {line})"),
        }
    }
}
