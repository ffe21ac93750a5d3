//! Why there is no session, told apart by what its user can do about it.
//!
//! No message holds a password or a whole connection string. What the server says is repeated shortened and without
//! control characters: before a session exists it speaks of users, databases and addresses, not of rows.

use crate::mysql::conninfo::SslMode;
use std::fmt;
use std::path::PathBuf;

/// Why connecting failed. `place` is the place as it stands in a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name of the host means nothing.
    #[error("the host name of {place} cannot be resolved: {reason}. Check the spelling and the network")]
    NameNotResolved {
        /// The place.
        place: String,
        /// The resolver's reason.
        reason: String,
    },
    /// There is no socket there.
    #[error("no server listens on the socket {path}. Start the server, or name the right host and port")]
    NoSocket {
        /// The socket.
        path: PathBuf,
    },
    /// Nobody listens, or the place cannot be reached.
    #[error("{place} cannot be reached: {reason}. Check the address, the server and the firewalls in between")]
    Unreachable {
        /// The place.
        place: String,
        /// The operating system's reason.
        reason: String,
    },
    /// The connection was closed before there was a session.
    #[error("{place} closed the connection: {reason}. If this is MySQL, its log says why")]
    Closed {
        /// The place.
        place: String,
        /// The reason, if any is known.
        reason: String,
    },
    /// Something else listens there.
    #[error("{place} is not a MySQL server: {guess}. Check the port; MySQL's usual one is 3306")]
    NotMysql {
        /// The place.
        place: String,
        /// What it seems to be.
        guess: &'static str,
    },
    /// The password was not accepted.
    #[error(
        "{place} did not let the user \"{user}\" in: {message}. Correct the user or password in the URL or ~/.my.cnf{hint}"
    )]
    AccessDenied {
        /// The place.
        place: String,
        /// The user.
        user: String,
        /// What the server said.
        message: String,
        /// What else the account may demand, which a server does not say: begins with a semicolon.
        hint: &'static str,
    },
    /// There is no such database, or the user may not use it.
    #[error(
        "the database \"{database}\" cannot be used at {place}: {message}. Correct its name, or create or grant it"
    )]
    NoDatabase {
        /// The place.
        place: String,
        /// The database.
        database: String,
        /// What the server said.
        message: String,
    },
    /// The server refuses connections now.
    #[error("{place} does not accept connections now: {message}. Wait and try again")]
    NotReady {
        /// The place.
        place: String,
        /// What the server said.
        message: String,
    },
    /// Any other refusal.
    #[error(
        "{place} refused the connection: {message} (error {number}). See the server's documentation for the number"
    )]
    Refused {
        /// The place.
        place: String,
        /// The number of the error.
        number: u16,
        /// What the server said.
        message: String,
    },
    /// The way in which the server asks for the password is not supported or not safe.
    #[error("{place} asks for the password of \"{user}\" by {plugin}, {why}")]
    Authentication {
        /// The place.
        place: String,
        /// The user.
        user: String,
        /// The server's plugin.
        plugin: String,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// The server lets nobody in without TLS.
    #[error("{place} takes encrypted connections alone: {message}. Choose ssl-mode=REQUIRED or a stronger one")]
    TlsDemanded {
        /// The place.
        place: String,
        /// What the server said.
        message: String,
    },
    /// A socket is not encrypted, and the mode demands it.
    #[error("the socket {path} is not encrypted, which ssl-mode={} demands. It leads nowhere but to this machine: choose ssl-mode=PREFERRED, or name the host 127.0.0.1 with its port for TLS", mode.word())]
    SocketNotEncrypted {
        /// The socket.
        path: PathBuf,
        /// The mode that holds.
        mode: SslMode,
    },
    /// The server does not encrypt, and the mode demands it.
    #[error("{place} does not offer TLS, which ssl-mode={}{} demands. Turn it on at the server, or choose ssl-mode=PREFERRED where the network can be trusted", mode.word(), ModeFrom(*mode_is_default))]
    TlsNotOffered {
        /// The place.
        place: String,
        /// The mode that holds.
        mode: SslMode,
        /// Whether nobody set it.
        mode_is_default: bool,
    },
    /// The server's certificate was not accepted.
    #[error("the certificate of {place} was not accepted under ssl-mode={}{}: {reason}. {mend}, or choose ssl-mode=REQUIRED where the network can be trusted", mode.word(), ModeFrom(*mode_is_default))]
    Certificate {
        /// The place.
        place: String,
        /// What is wrong with it.
        reason: String,
        /// What would make it good.
        mend: &'static str,
        /// The mode that holds.
        mode: SslMode,
        /// Whether nobody set it.
        mode_is_default: bool,
    },
    /// The server did not accept our certificate, or wants one.
    #[error(
        "{place} did not accept the certificate of this side: {reason}. Name one that its ssl_ca has signed with ssl-cert, and its key with ssl-key"
    )]
    OwnCertificate {
        /// The place.
        place: String,
        /// The reason.
        reason: String,
    },
    /// TLS failed.
    #[error("TLS with {place} failed: {reason}. Check the versions and settings of TLS on both sides")]
    TlsFailed {
        /// The place.
        place: String,
        /// The reason.
        reason: String,
    },
    /// The connection was lost in the handshake.
    #[error(
        "{place} closed the connection in the TLS handshake. Its log says why; if it happens again, check the versions and settings of TLS on both sides"
    )]
    TlsClosed {
        /// The place.
        place: String,
    },
    /// A file that TLS needs cannot be used.
    #[error("the file {path} cannot be used: {problem}")]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Several places were tried.
    #[error("none of {} places gave a connection:{}", .0.len(), Listed(.0))]
    AllFailed(Vec<ConnectError>),
}

impl ConnectError {
    /// Whether the same may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Closed { .. } | Self::NotReady { .. } | Self::TlsClosed { .. } => true,
            Self::AllFailed(all) => all.iter().any(Self::is_transient),
            _ => false,
        }
    }

    /// Whether nobody listens there: passing where somebody did a moment ago, else most likely a wrong place.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoSocket { .. } => true,
            Self::AllFailed(all) => all.iter().any(Self::is_absence),
            _ => false,
        }
    }

    /// Whether another place may be tried after this.
    pub(super) fn leads_to_next(&self) -> bool {
        matches!(self, Self::NameNotResolved { .. } | Self::NoSocket { .. } | Self::Unreachable { .. })
    }
}

struct ModeFrom(bool);

impl fmt::Display for ModeFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 { f.write_str(", the default for a server on another machine,") } else { Ok(()) }
    }
}

struct Listed<'a>(&'a [ConnectError]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(place, error)| write!(f, "\n  {}. {error}", place + 1))
    }
}

/// A text of a server, shortened and without control characters.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
