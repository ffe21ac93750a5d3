//! What can be wrong with a connection string, said without repeating it: it may hold a password, and a mistake may have
//! moved the password into any other part.

use std::fmt;
use std::path::PathBuf;

/// Why a connection string, or what stands behind it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnInfoError {
    /// The URL is malformed.
    #[error(
        "the connection URL is malformed: it has {problem}. The form is mysql://user:password@host:port/database?setting=value; other characters in a part are percent-encoded."
    )]
    Uri {
        /// What is wrong.
        problem: &'static str,
    },
    /// The password, user or database seems to hold a character that a URL gives a meaning.
    #[error(
        "the connection URL has an \"@\" where none can be, as if a user name or password held \"@\", \"/\" or \"#\" unescaped. Write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25, or leave the password to ~/.my.cnf."
    )]
    UnescapedCredentials,
    /// A setting that does not exist.
    #[error("there is no connection setting \"{name}\" for MySQL. Remove it, or use one of: {known}.")]
    UnknownSetting {
        /// The setting, or a place holder where it may be part of a password.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A value outside what the setting takes.
    #[error("{setting} cannot be {value}. It takes {takes}.")]
    InvalidValue {
        /// The setting or variable.
        setting: String,
        /// The value, quoted and shortened.
        value: String,
        /// What is allowed.
        takes: &'static str,
    },
    /// A variable of the environment is not UTF-8.
    #[error("the environment variable {name} is not valid UTF-8. Set it to text in UTF-8, or unset it.")]
    NotUtf8 {
        /// The variable.
        name: String,
    },
    /// No user is named, and the operating system names none.
    #[error("no user is named and the operating system's user has no name. Name one: mysql://USER@host/database.")]
    NoUser,
    /// No database is named.
    #[error("no database is named. A snapshot is of one database: mysql://user@host:port/DATABASE.")]
    NoDatabase,
    /// An option file that was named cannot be read or understood.
    #[error("the option file {path} {problem}. Correct the file, or leave it out.")]
    OptionFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// Something that does not stop a connection, and that its user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnInfoWarning {
    /// An option file that others can write was not read.
    FileWritable {
        /// The file.
        path: PathBuf,
    },
    /// The option files of a folder that others can write were not read.
    FolderWritable {
        /// The folder.
        path: PathBuf,
    },
    /// The password of an option file that others can read was not used.
    FileReadable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// An option file exists and could not be read.
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
}

impl fmt::Display for ConnInfoWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileWritable { path } => {
                write!(
                    f,
                    "the option file {0} was not read: everybody can write it. Run: chmod 600 {0}",
                    path.display()
                )
            }
            Self::FolderWritable { path } => write!(
                f,
                "the option files of the folder {0} were not read: everybody can add to it. Run: chmod o-w {0}",
                path.display()
            ),
            Self::FileReadable { path, mode } => write!(
                f,
                "the password in the option file {0} was not used: others can read it (mode {mode:04o}). Run: chmod 600 {0}",
                path.display()
            ),
            Self::FileUnreadable { path, reason } => {
                write!(f, "the option file {} was not read: {reason}.", path.display())
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
