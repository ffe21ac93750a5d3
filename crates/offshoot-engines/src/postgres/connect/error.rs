//! Why there is no session, told apart by what its user can do about it.
//!
//! No message holds a password or a whole connection string. What the server says is repeated shortened and without
//! control characters: before a session exists it speaks of users, databases and addresses, not of rows.

use std::fmt;
use std::path::PathBuf;

use crate::conninfo::SslMode;

/// Why connecting failed. `host` is the place as it stands in a URL, with its port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name of the host means nothing.
    #[error(
        "the host name of {host} cannot be resolved: {reason}. Check the spelling and the network, or give the address with hostaddr."
    )]
    NameNotResolved {
        /// The place.
        host: String,
        /// The resolver's reason.
        reason: String,
    },
    /// There is no socket there.
    #[error("no server listens on the socket {path}. Start the server, or name the right host and port.")]
    NoSocket {
        /// The socket.
        path: PathBuf,
    },
    /// Nobody listens at the port.
    #[error(
        "no server listens at {host}: the connection was refused. Start the server, or correct the host and port; a server for others than its own machine needs listen_addresses."
    )]
    Refused {
        /// The place.
        host: String,
    },
    /// The place cannot be reached.
    #[error(
        "{host} cannot be reached: {reason}. Check the address, the network and its firewalls, or the permissions of the socket."
    )]
    Unreachable {
        /// The place.
        host: String,
        /// The operating system's reason.
        reason: String,
    },
    /// The place did not answer in time.
    #[error(
        "{host} did not answer within {seconds} s. Check the address, the network and its firewalls, or raise connect_timeout."
    )]
    Timeout {
        /// The place.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection was closed before there was a session.
    #[error("{host} closed the connection: {reason}. If this is PostgreSQL, its log says why.")]
    Closed {
        /// The place.
        host: String,
        /// The reason, if any is known.
        reason: String,
    },
    /// Something else listens there.
    #[error("{host} is not a PostgreSQL server: {guess}. Check the port; PostgreSQL's usual one is 5432.")]
    NotPostgres {
        /// The place.
        host: String,
        /// What it seems to be.
        guess: &'static str,
    },
    /// The password was not accepted.
    #[error("{host} did not accept the password of user \"{user}\"{}. Correct it in the URL, PGPASSWORD or ~/.pgpass; a user that does not exist gets the same answer.", PasswordFrom(.password_file))]
    WrongPassword {
        /// The place.
        host: String,
        /// The role.
        user: String,
        /// The password file that it came from.
        password_file: Option<PathBuf>,
    },
    /// The server wants a password.
    #[error(
        "{host} asks for a password for user \"{user}\", and there is none. Give one in ~/.pgpass (mode 0600), PGPASSWORD or the URL."
    )]
    PasswordMissing {
        /// The place.
        host: String,
        /// The role.
        user: String,
    },
    /// The server's pg_hba.conf does not let us in.
    #[error(
        "{host} does not let this connection in: {message}. Add a line for it to the server's pg_hba.conf, or use the user, database and sslmode that have one."
    )]
    NotAllowed {
        /// The place.
        host: String,
        /// What the server said.
        message: String,
    },
    /// There is no such user, or it may not log in.
    #[error(
        "{host} has no user \"{user}\" that may log in: {message}. Correct the user, or create it: CREATE ROLE ... LOGIN."
    )]
    RoleMissing {
        /// The place.
        host: String,
        /// The role.
        user: String,
        /// What the server said.
        message: String,
    },
    /// There is no such database.
    #[error("{host} has no database \"{dbname}\". Correct the name, or create it: createdb.")]
    NoSuchDatabase {
        /// The place.
        host: String,
        /// The database.
        dbname: String,
    },
    /// The user may not connect to the database.
    #[error(
        "user \"{user}\" may not connect to database \"{dbname}\" at {host}. Grant it: GRANT CONNECT ON DATABASE ... TO ..."
    )]
    NoConnectPrivilege {
        /// The place.
        host: String,
        /// The role.
        user: String,
        /// The database.
        dbname: String,
    },
    /// All connections are taken.
    #[error(
        "{host} has no free connection: {message}. Close some, wait, or raise max_connections or the limit of the role or database."
    )]
    TooManyConnections {
        /// The place.
        host: String,
        /// What the server said.
        message: String,
    },
    /// The server starts, stops or recovers.
    #[error("{host} does not accept connections now: {message}. Wait until it is up and try again.")]
    NotReady {
        /// The place.
        host: String,
        /// What the server said.
        message: String,
    },
    /// The server has no TLS and the mode demands it.
    #[error("{host} does not offer TLS, and {}. Turn on ssl at the server, or set sslmode=disable if the network is trusted.", Demand(*.mode, *.mode_is_default))]
    TlsNotOffered {
        /// The place.
        host: String,
        /// The mode.
        mode: SslMode,
        /// Whether the mode holds because none was set.
        mode_is_default: bool,
    },
    /// The handshake failed for another reason than the certificate.
    #[error(
        "the TLS handshake with {host} failed: {reason}. Check the TLS versions, ciphers and certificates of both sides."
    )]
    TlsFailed {
        /// The place.
        host: String,
        /// The reason.
        reason: String,
    },
    /// The connection was lost in the handshake.
    #[error(
        "{host} closed the connection in the TLS handshake. If this is PostgreSQL, its log says why; if it happens again, check the TLS versions and ciphers of both sides."
    )]
    TlsClosed {
        /// The place.
        host: String,
    },
    /// Nobody we trust has signed the server's certificate.
    #[error("the certificate of {host} is not trusted: {reason}; {}. Name the file with its issuer's certificate: sslrootcert=FILE; sslmode=require encrypts without this check.", Demand(*.mode, *.mode_is_default))]
    CertificateNotTrusted {
        /// The place.
        host: String,
        /// What is wrong with it.
        reason: String,
        /// The mode.
        mode: SslMode,
        /// Whether the mode holds because none was set.
        mode_is_default: bool,
    },
    /// The certificate is for another host.
    #[error("the certificate of {host} is for another host{}; {}. Connect by a name that is in it (hostaddr=ADDRESS can say where it is), or use sslmode=verify-ca if that issuer certifies only your servers.", Presented(.presented), Demand(*.mode, *.mode_is_default))]
    HostNameMismatch {
        /// The place.
        host: String,
        /// The names in the certificate.
        presented: Vec<String>,
        /// The mode.
        mode: SslMode,
        /// Whether the mode holds because none was set.
        mode_is_default: bool,
    },
    /// A file of certificates or keys cannot be used.
    #[error("the file {path} cannot be used for TLS: {problem}.")]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No server of those named is what was wanted.
    #[error(
        "{host} is not what target_session_attrs={wanted} wants: {found}. Name the right hosts, or another target_session_attrs."
    )]
    TargetNotMet {
        /// The place.
        host: String,
        /// What was wanted.
        wanted: &'static str,
        /// What the server is.
        found: &'static str,
    },
    /// The server asks who we are in a way that is not supported or not allowed.
    #[error("{host} asks for a way of authentication that {why}. Change the line in its pg_hba.conf, for instance to scram-sha-256{}.", if *.limited { ", or the setting that forbids it" } else { "" })]
    AuthNotPossible {
        /// The place.
        host: String,
        /// Why it cannot be.
        why: String,
        /// Whether a setting of ours is the reason.
        limited: bool,
    },
    /// The server could not prove that it knows the password, or broke the exchange.
    #[error("{host} failed to authenticate itself: {reason}. Something may stand between, or the server is damaged.")]
    ServerNotAuthentic {
        /// The place.
        host: String,
        /// The reason.
        reason: String,
    },
    /// Any other answer of the server.
    #[error("{host} refused the connection: {message} (SQLSTATE {code}). Its log may say more.")]
    Rejected {
        /// The place.
        host: String,
        /// The SQLSTATE.
        code: String,
        /// What the server said.
        message: String,
    },
    /// None of several places gave a session; at least two, in the order tried.
    #[error("none of {} places gave a connection: {}", .0.len(), Attempts(.0))]
    AllFailed(Vec<ConnectError>),
}

impl ConnectError {
    /// Every failure, in the order of trying: several after [`ConnectError::AllFailed`], else this one.
    pub fn attempts(&self) -> &[ConnectError] {
        match self {
            Self::AllFailed(attempts) => attempts,
            one => std::slice::from_ref(one),
        }
    }

    /// Whether the same may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        use ConnectError::{Closed, NotReady, Timeout, TlsClosed, TooManyConnections};
        self.attempts().iter().any(|error| {
            matches!(
                error,
                NotReady { .. } | TooManyConnections { .. } | Timeout { .. } | Closed { .. } | TlsClosed { .. }
            )
        })
    }

    /// Whether nobody listens there: passing where somebody did a moment ago, else most likely a wrong place.
    pub fn is_absence(&self) -> bool {
        use ConnectError::{NoSocket, Refused, Unreachable};
        self.attempts().iter().any(|error| matches!(error, Refused { .. } | NoSocket { .. } | Unreachable { .. }))
    }
}

struct PasswordFrom<'a>(&'a Option<PathBuf>);

impl fmt::Display for PasswordFrom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, ", which came from {}", path.display()),
            None => Ok(()),
        }
    }
}

struct Demand(SslMode, bool);

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.0.word();
        match self.1 {
            true => write!(f, "without an sslmode, connections to other machines use {mode}"),
            false => write!(f, "sslmode={mode} checks it"),
        }
    }
}

struct Presented<'a>(&'a [String]);

impl fmt::Display for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            names => write!(f, " ({})", clean(&names.join(", "))),
        }
    }
}

struct Attempts<'a>(&'a [ConnectError]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, error)| write!(f, "\n  {}. {error}", index + 1))
    }
}

/// Foreign text for a message: short, without control characters.
pub(super) fn clean(text: &str) -> String {
    let short = text.chars().take(300);
    short.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
