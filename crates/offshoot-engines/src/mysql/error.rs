//! Why MySQL or MariaDB did not do what was asked, by what a caller can do about it.
//!
//! What a server says can quote a row: its message is kept only for the numbers of errors whose text cannot.

use super::connect::ConnectError;
use offshoot_format::FormatError;
use std::fmt;

/// Result of this module.
pub type Result<T, E = MysqlError> = std::result::Result<T, E>;

/// Why it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MysqlError {
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
    #[error("the user {user} may not read {}. Grant it:\n{}", missing.join(", "), grants.join("\n"))]
    Privileges {
        /// The user of the session.
        user: String,
        /// What cannot be read.
        missing: Vec<String>,
        /// Statements that mend it.
        grants: Vec<String>,
    },
    /// A server that is too old, or of another kind.
    #[error("the server is {server}; offshoot reads and writes MySQL 8.0, MariaDB 10.5 and newer. Upgrade the server")]
    Unsupported {
        /// What it says that it is.
        server: String,
    },
    /// No database is named.
    #[error(
        "no database is named, and a snapshot is one database. Name it at the end of the URL: mysql://host/DATABASE"
    )]
    NoDatabase,
    /// A lock was not to be had in time.
    #[error(
        "{what} could not be locked for reading within {waited_ms} ms, {tries} times: other sessions hold it. Wait for them to \
         end, or allow more with --lock-wait"
    )]
    LockWait {
        /// What was to be locked.
        what: String,
        /// How long each try took, in milliseconds.
        waited_ms: u64,
        /// How often it was tried.
        tries: u32,
    },
    /// The capture stood in the way of an application and gave its locks up.
    #[error(
        "another session waited behind this capture for more than {waited_ms} ms ({what}), so the capture gave up. Try again \
         later, or allow more with --max-block"
    )]
    Blocking {
        /// What is waited for.
        what: String,
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
    /// Something changed while it was read.
    #[error("the schema changed while it was read ({what}). Try again when it is quiet")]
    Unstable {
        /// What changed.
        what: String,
    },
    /// What the server sent is not what its protocol says.
    #[error(
        "{what} is not as the server's protocol has it: {why}. Nothing was stored; is something between here and the server?"
    )]
    Protocol {
        /// What was read.
        what: &'static str,
        /// What is wrong, without any value.
        why: &'static str,
    },
    /// Something that cannot be read here.
    #[error("{what}. {mend}")]
    NotReadable {
        /// What, and why.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// The target is not as the restore needs it.
    #[error("{what}. {mend}")]
    Target {
        /// What is wrong.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// The schema is longer than the memory of the capture allows.
    #[error("the schema takes more than {} MiB, which the memory of a capture allows for. Give it more", max_bytes >> 20)]
    SchemaTooLarge {
        /// The limit.
        max_bytes: u64,
    },
}

/// What a server answered: its number and SQLSTATE, and its message where that cannot hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the error: 1412.
    pub number: u16,
    /// The five characters of SQLSTATE.
    pub state: String,
    /// The message.
    pub message: Option<String>,
}

/// The most that is shown of a message; names have at most 64 characters.
const MESSAGE_CHARACTERS_MAX: usize = 512;

/// Numbers of the server's errors that are decided by.
pub mod number {
    /// Too many connections.
    pub const TOO_MANY_CONNECTIONS: u16 = 1040;
    /// The user may not use the database.
    pub const NO_DATABASE_ACCESS: u16 = 1044;
    /// The password is wrong.
    pub const ACCESS_DENIED: u16 = 1045;
    /// There is no such database.
    pub const NO_SUCH_DATABASE: u16 = 1049;
    /// The user may not do this to the table.
    pub const TABLE_ACCESS_DENIED: u16 = 1142;
    /// There is no such table.
    pub const NO_SUCH_TABLE: u16 = 1146;
    /// A value is longer than `max_allowed_packet`: NULL is given in its place, with this as a warning.
    pub const ABOVE_PACKET: u16 = 1301;
    /// Nobody comes in without TLS. MariaDB says the same by `ACCESS_DENIED`.
    pub const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
    /// A lock was not to be had in time.
    pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
    /// Two sessions waited for each other.
    pub const DEADLOCK: u16 = 1213;
    /// A privilege of the whole server is missing.
    pub const PRIVILEGE_MISSING: u16 = 1227;
    /// The statement was ended from outside.
    pub const INTERRUPTED: u16 = 1317;
    /// A MariaDB was started with `event_scheduler = DISABLED`.
    pub const EVENTS_DISABLED: u16 = 1577;
    /// The table's definition is newer than the snapshot.
    pub const DEFINITION_CHANGED: u16 = 1412;
}

impl Refusal {
    /// Of an answer's parts.
    #[must_use]
    pub fn new(number: u16, state: &str, message: &str) -> Self {
        let first_line = message.lines().next().unwrap_or_default();
        let shown = || first_line.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARACTERS_MAX).collect();
        let message = is_about_objects(number, state).then(shown);
        Self { number, state: state.to_owned(), message }
    }
}

/// Whether the message names objects, settings and privileges alone: everything else could quote a value.
fn is_about_objects(number: u16, state: &str) -> bool {
    // Texts of a statement, and values of columns, stand in these although they are of classes that name objects.
    // SIGNAL says what a routine or trigger wants to say.
    let quotes = [1064, 1065, 1149, 1367, 1291, 1067, 1644];
    // HY000 is the class of everything: the tables, engines, locks and settings in it.
    let general = [
        1004..=1038,
        1041..=1043,
        1053..=1053,
        1077..=1085,
        1114..=1119,
        1129..=1130,
        1150..=1161,
        1194..=1195,
        1205..=1206,
        1210..=1213,
        1215..=1217,
        1220..=1223,
        1227..=1229,
        1231..=1238,
        1271..=1276,
        1286..=1290,
        1317..=1317,
        1346..=1360,
        1412..=1412,
        1418..=1419,
        1449..=1449,
        1548..=1549,
        1812..=1834,
        3024..=3024,
        3098..=3098,
        3159..=3159,
        3161..=3161,
        3170..=3170,
        // No keys to encrypt a table with.
        3184..=3185,
        3678..=3678,
        3730..=3734,
        3780..=3780,
        3948..=3948,
        4000..=4199,
    ];
    let by_class = ["42", "08", "28", "40", "70"].iter().any(|class| state.starts_with(class));
    !quotes.contains(&number) && (by_class || state == "HY000" && general.iter().any(|range| range.contains(&number)))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            _ if self.number == number::LOCK_WAIT_TIMEOUT => write!(
                f,
                "another session holds what it needs locked (error {}). Wait for that to end, or allow a capture more with \
                 --lock-wait",
                self.number
            ),
            Some(message) => write!(f, "{message} (error {})", self.number),
            None => write!(
                f,
                "error {} (SQLSTATE {}); the message may quote a row and is not shown",
                self.number, self.state
            ),
        }
    }
}

impl MysqlError {
    /// Whether the same work may succeed when it is begun again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::LockWait { .. } | Self::Blocking { .. } | Self::Unstable { .. } => true,
            Self::Connect(error) => error.is_transient(),
            Self::Refused { refusal, .. } => is_retryable_number(refusal.number),
            _ => false,
        }
    }

    /// The number of the server's error, if a server said no.
    #[must_use]
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.number),
            _ => None,
        }
    }
}

/// Locks that were not to be had, shutdowns, too many connections, and tables that were dropped or altered meanwhile.
fn is_retryable_number(number: u16) -> bool {
    use self::number as n;
    let numbers = [
        n::TOO_MANY_CONNECTIONS,
        n::NO_SUCH_TABLE,
        n::LOCK_WAIT_TIMEOUT,
        n::DEADLOCK,
        n::INTERRUPTED,
        n::DEFINITION_CHANGED,
        // A column that is gone, a connection that was killed, a server that stops.
        1054,
        1053,
        1927,
    ];
    numbers.contains(&number)
}

/// A value that a column does not take: its length is not that of its type.
impl From<FormatError> for MysqlError {
    fn from(_: FormatError) -> Self {
        Self::Protocol { what: "a value", why: "its length is not that of its type" }
    }
}

impl From<MysqlError> for offshoot_core::CoreError {
    fn from(error: MysqlError) -> Self {
        crate::EngineError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_may_quote_a_row_are_not_kept() {
        for (number, state) in
            [(1644, "42000"), (1062, "23000"), (1366, "HY000"), (1292, "22007"), (1064, "42000"), (3140, "22032")]
        {
            let refusal = Refusal::new(number, state, "Incorrect value: 'secret'");
            assert_eq!(refusal.message, None, "{number}");
            assert!(!refusal.to_string().contains("secret"));
        }
        assert!(Refusal::new(1142, "42000", "SELECT command denied").message.is_some());
        assert!(Refusal::new(1412, "HY000", "Table definition has changed").message.is_some());
    }

    #[test]
    fn a_changed_definition_is_worth_another_try() {
        let error = |number| MysqlError::Refused { doing: "read".into(), refusal: Refusal::new(number, "HY000", "") };
        assert!(error(1412).is_retryable() && error(1205).is_retryable());
        assert!(!error(1142).is_retryable());
    }
}
