//! The error of this crate, by what a caller can do about it.
//!
//! What a server says can quote a row: details, hints and contexts are never kept, and the message itself only where
//! it is one of the server's own of a kind that cannot hold a value. Code of a user raises any kind, so no message of a function, nor of
//! what goes over rows, is kept at all. No type of the client library goes out through it.

use crate::postgres::connect::ConnectError;
use crate::postgres::session::Version;
use offshoot_core::CoreError;
use offshoot_format::FormatError;
use std::fmt;
use tokio_postgres::error::DbError;

/// Result of this crate.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Why an engine failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection ended.
    #[error("the connection to the server was lost while it was to {doing}. See that the server is up, then try again")]
    Lost {
        /// What the server was asked to do.
        doing: String,
    },
    /// The server said no.
    #[error("the server could not {doing}: {refusal}")]
    Refused {
        /// What the server was asked to do.
        doing: String,
        /// Its answer.
        refusal: Refusal,
    },
    /// Rights that reading everything needs are missing.
    #[error("the role \"{role}\" may not read {}. Grant it:\n{}", missing.join(", "), grants.join("\n"))]
    Privileges {
        /// The role of the session.
        role: String,
        /// Objects that cannot be read.
        missing: Vec<String>,
        /// Statements that mend it.
        grants: Vec<String>,
    },
    /// Names in a database that takes any bytes for one.
    #[error(
        "{count} names and texts of this database, which is in SQL_ASCII, are not UTF-8: {}{}. Rename them (psql with \
         PGCLIENTENCODING=SQL_ASCII takes the bytes as they are), then try again",
        objects.join(", "), if *count > objects.len() { " ..." } else { "" }
    )]
    NotUnicode {
        /// The first of them, with bytes escaped.
        objects: Vec<String>,
        /// All of them.
        count: usize,
    },
    /// A server that is too old.
    #[error("the server is PostgreSQL {version}; offshoot reads and writes {} and newer. Upgrade the server", Version::OLDEST.major())]
    TooOld {
        /// Its version.
        version: Version,
    },
    /// Not a PostgreSQL server.
    #[error("the server speaks PostgreSQL's protocol but gives no PostgreSQL version. Connect to the server itself")]
    NotPostgres,
    /// A lock was not to be had in time.
    #[error(
        "tables could not be locked for reading: {tables} stayed locked by another session for {waited_ms} ms, {tries} times. Wait \
         for the schema change to end, or allow more with --lock-wait"
    )]
    LockWait {
        /// The tables, as far as they are known.
        tables: String,
        /// How long each try took, in milliseconds.
        waited_ms: u64,
        /// How often it was tried.
        tries: u32,
    },
    /// The capture stood in the way of an application and gave its locks up.
    #[error(
        "another session waited behind this capture for more than {waited_ms} ms (a schema change of {table} is queued on its \
         lock), so the capture gave up. Try again after the change, or allow more with --max-block"
    )]
    Blocking {
        /// The table whose lock is wanted, if it is known.
        table: String,
        /// How long it was, in milliseconds.
        waited_ms: u64,
    },
    /// The snapshot became too old.
    #[error(
        "the capture held its snapshot for more than {limit_ms} ms and gave up. Allow more with --max-age, or use more --jobs"
    )]
    TooLong {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The schema changed between listing and locking, and went on to, or while it was read.
    #[error("the schema changed while it was captured ({what}; attempts: {tries}). Try again when it is quiet")]
    Unstable {
        /// What changed last.
        what: String,
        /// How often it was tried.
        tries: u32,
    },
    /// No pg_dump that can read the server.
    #[error("{why}. Install the PostgreSQL client programs of version {} or newer", wanted.major())]
    NoPgDump {
        /// What was found.
        why: String,
        /// The server's version.
        wanted: Version,
    },
    /// pg_dump ran and failed.
    #[error("pg_dump could not write the schema: {message}")]
    PgDump {
        /// The first error line.
        message: String,
        /// Whether it may pass by itself.
        retryable: bool,
    },
    /// What the server sent is not what its protocol says.
    #[error(
        "{what} is not as PostgreSQL sends it: {why}. Nothing was stored; is something between here and the server?"
    )]
    Protocol {
        /// What was read.
        what: &'static str,
        /// What is wrong, without any value.
        why: &'static str,
    },
    /// A limit that protects memory.
    #[error("{what} takes more than {max_bytes} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        max_bytes: u64,
    },
    /// The schema is longer than the memory of the capture allows.
    #[error("the schema takes more than {} MiB, which the memory of a capture allows for. Give it more", max_bytes >> 20)]
    SchemaTooLarge {
        /// The limit.
        max_bytes: u64,
    },
    /// The target is not as the restore needs it.
    #[error("{what}. {mend}")]
    Target {
        /// What is wrong.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A server on this machine could not be had or used.
    #[cfg(any(feature = "schema", feature = "mysql"))]
    #[error(transparent)]
    Local(#[from] crate::local::LocalError),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    #[error(transparent)]
    Mysql(#[from] crate::mysql::MysqlError),
    /// The operating system refused.
    #[error("{operation} failed")]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

/// What a server answered: its code, and its message where that cannot hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The five characters of SQLSTATE.
    pub code: String,
    /// The message.
    pub message: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            // Its message shows the bytes.
            None if self.code == "22021" => f.write_str(
                "a text there has bytes that its encoding does not have (SQLSTATE 22021), as a database in SQL_ASCII can hold in names, \
                 comments and definitions. Make them UTF-8, then try again",
            ),
            Some(message) => write!(f, "{message} (SQLSTATE {})", self.code),
            None => match meaning(&self.code) {
                Some(meaning) => {
                    write!(f, "{meaning} (SQLSTATE {}); the message may quote a row and is not shown", self.code)
                }
                None => write!(f, "SQLSTATE {}; the message may quote a row and is not shown", self.code),
            },
        }
    }
}

/// What a code stands for, where a server's own message is not shown.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "22001" => "a value is too long for its type",
        "22P02" | "22P03" => "a value is not of its type",
        "23502" => "a value is NULL that must not be",
        "23503" => "a foreign key refers to a row that is not there",
        "23505" => "a value is there twice that must be unique",
        "23514" => "a row does not satisfy a check",
        "23P01" => "two rows do not satisfy an exclusion constraint",
        "40P01" => "deadlock detected",
        "42501" => "permission denied",
        "42883" => "a function or operator does not exist",
        "42P01" => "a relation does not exist",
        "53100" => "No space left on device",
        "53200" => "the server is out of memory",
        LOCK_NOT_AVAILABLE => "a lock was not to be had in time",
        "57014" => "the statement was canceled",
        "57P01" => "the server ended the session",
        "P0001" => "a function raised an error",
        _ => return None,
    })
}

/// SQLSTATE of a lock that was not to be had in time.
pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Classes of answers in whose messages the server itself puts names and places, and no value: of connections, rights, the state of
/// transactions, what is not there or not supported, limits, resources, what operators do, and files.
const WITHOUT_VALUES: &[&str] = &[
    "08", "0A", "0B", "0L", "0P", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "40", "42", "53", "54", "55", "57",
    "58", "F0",
];

impl Refusal {
    /// Of the code and message of an answer of the server itself.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        let has_no_value = WITHOUT_VALUES.iter().any(|class| code.starts_with(class));
        let message = has_no_value.then(|| message.lines().next().unwrap_or_default().to_owned());
        Self { code: code.to_owned(), message }
    }

    /// Of an answer. One that says where it comes from comes out of a function, whoever has written that, or from a row of a COPY.
    #[must_use]
    pub(crate) fn of(error: &DbError) -> Self {
        match error.where_() {
            None => Self::new(error.code().code(), error.message()),
            Some(_) => Self::without_message(error.code().code()),
        }
    }

    /// Of the code alone.
    #[must_use]
    pub fn without_message(code: &str) -> Self {
        Self { code: code.to_owned(), message: None }
    }
}

impl EngineError {
    /// Whether the same work may succeed when it is begun again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::LockWait { .. } | Self::Blocking { .. } | Self::Unstable { .. } => true,
            Self::Connect(error) => error.is_transient(),
            Self::PgDump { retryable, .. } => *retryable,
            #[cfg(feature = "mysql")]
            Self::Mysql(error) => error.is_retryable(),
            Self::Refused { refusal, .. } => is_retryable_code(&refusal.code),
            _ => false,
        }
    }

    /// Whether no server is where it was looked for.
    fn is_absence(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_absence(),
            #[cfg(feature = "mysql")]
            Self::Mysql(crate::mysql::MysqlError::Connect(error)) => error.is_absence(),
            _ => false,
        }
    }

    /// SQLSTATE, if a server said no.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => Some(&refusal.code),
            _ => None,
        }
    }
}

/// An error of somebody who had a session before, or knows that the server is being started: one that is not there is waited for.
pub(crate) fn retry_absent(error: CoreError) -> CoreError {
    match error {
        CoreError::Source { source, .. }
            if source.downcast_ref::<EngineError>().is_some_and(EngineError::is_absence) =>
        {
            CoreError::Source { retryable: true, source }
        }
        error => error,
    }
}

/// Serialization and recovery conflicts, locks that were not to be had, shutdowns, too many connections, and tables
/// that were dropped or rewritten meanwhile.
fn is_retryable_code(code: &str) -> bool {
    let codes = [
        "40001",
        "40P01",
        LOCK_NOT_AVAILABLE,
        "57014",
        "57P01",
        "57P02",
        "57P03",
        "57P05",
        "53300",
        "25P03",
        "25P04",
        "42P01",
        "42703",
        "08006",
        "08003",
        "3F000",
    ];
    codes.contains(&code)
}

/// Turns a client's error into this crate's, for `map_err`.
pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> EngineError {
    move |error| {
        let doing = doing.into();
        match error.as_db_error() {
            Some(db) => EngineError::Refused { doing, refusal: Refusal::of(db) },
            None => EngineError::Lost { doing },
        }
    }
}

/// As [`refused`] of what goes over rows, whose messages are not kept: code of a user, or a cast of a value to a name, may have made them.
pub(crate) fn refused_on_rows(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> EngineError {
    move |error| match refused(doing)(error) {
        EngineError::Refused { doing, refusal } => {
            EngineError::Refused { doing, refusal: Refusal::without_message(&refusal.code) }
        }
        error => error,
    }
}

/// A value that a column does not take: its length is not that of its type.
impl From<FormatError> for EngineError {
    fn from(_: FormatError) -> Self {
        Self::Protocol { what: "a value", why: "its length is not that of its type" }
    }
}

impl From<EngineError> for CoreError {
    fn from(error: EngineError) -> Self {
        Self::Source { retryable: error.is_retryable(), source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_may_quote_a_row_are_not_kept() {
        assert_eq!(Refusal::new("22P02", "invalid input syntax for type integer: \"secret\"").message, None);
        // Codes of the server's own and of a user's making.
        for code in ["P0001", "U0001", "23514", "XX000", "01000", "99999", ""] {
            assert_eq!(Refusal::new(code, "secret").message, None, "{code}");
        }
        assert!(!Refusal::without_message("42501").to_string().contains("secret"));
        assert_eq!(
            Refusal::new("42501", "permission denied for table t").message.unwrap(),
            "permission denied for table t"
        );
    }

    #[test]
    fn conflicts_are_worth_another_try() {
        let error = |code: &str| EngineError::Refused { doing: "read".into(), refusal: Refusal::new(code, "") };
        assert!(error("40001").is_retryable() && error("57014").is_retryable());
        assert!(!error("42501").is_retryable());
    }
}
