//! Connection strings of MySQL and MariaDB: `mysql://user:password@host:port/database?setting=value`, completed by option
//! files (`~/.my.cnf`) and the `MYSQL_*` variables, as the servers' own clients complete their command lines.
//!
//! Pure and synchronous: what surrounds the string comes in as an [`Environment`], and nothing is looked up in the
//! network. Certificates are named here and read when connecting.
//!
//! Differences to the servers' own clients, all on the safe side:
//!
//! - Where no `ssl-mode` is set and the host is not this machine, the mode is `VERIFY_IDENTITY`, against the system's roots
//!   unless `ssl-ca` says otherwise; the clients would take `PREFERRED`, which anyone in between can turn into plain text.
//! - A password in an option file that others can read is not used.
//! - `localhost` with a port is TCP: a URL that names a port means it. Without one it is the socket.

mod assemble;
mod error;
mod option_file;
mod settings;
#[cfg(test)]
mod tests;
mod uri;

pub use self::error::{ConnInfoError, ConnInfoWarning};
pub use crate::conninfo::{Environment, Password};

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that connecting needs to know, complete and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The places to try in order, at least one.
    pub places: Vec<Place>,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Option<Password>,
    /// The database; empty if none is named.
    pub database: String,
    /// How long one place may take to answer; none waits for ever.
    pub connect_timeout: Option<Duration>,
    /// Encryption.
    pub tls: TlsSettings,
    /// How what is sent may be compressed, in order of preference; empty for not at all.
    pub compression: Vec<Compression>,
    /// Whether the server's public key may be asked for over a connection that is not encrypted.
    pub get_server_public_key: bool,
    /// What the user should know although connecting can go on.
    pub warnings: Vec<ConnInfoWarning>,
}

/// One place where the server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The path of a Unix socket.
    Socket(PathBuf),
    /// Over TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Encryption, with the files it needs. The files are read when connecting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The mode, where it was set; see [`ConnInfo::ssl_mode`] for what holds.
    pub mode: Option<SslMode>,
    /// The file of trusted certificates.
    pub ca: Option<PathBuf>,
    /// Files that may hold the system's roots; the first that exists is used where no file is named.
    pub system_roots: Vec<PathBuf>,
    /// Our certificate.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

/// How much a connection must be protected. Ordered from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SslMode {
    /// Never encrypt.
    Disabled,
    /// Encrypt if the server can.
    Preferred,
    /// Encrypt or fail.
    Required,
    /// Encrypt, and the certificate must come from a trusted issuer.
    VerifyCa,
    /// Encrypt, and the certificate must come from a trusted issuer and name the host.
    VerifyIdentity,
}

impl SslMode {
    const WORDS: [(&str, Self); 5] = [
        ("DISABLED", Self::Disabled),
        ("PREFERRED", Self::Preferred),
        ("REQUIRED", Self::Required),
        ("VERIFY_CA", Self::VerifyCa),
        ("VERIFY_IDENTITY", Self::VerifyIdentity),
    ];

    /// The word for it in a connection string.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("VERIFY_IDENTITY", |(word, _)| word)
    }
}

/// How what is sent is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// By zlib, which every server has.
    Zlib,
    /// By zstd, which MySQL has.
    Zstd,
}

impl ConnInfo {
    /// Whether a text is a connection string of this engine.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        uri::strip_prefix(text).is_some()
    }

    /// Reads a connection string. Never panics, whatever the text.
    ///
    /// # Errors
    /// [`ConnInfoError`], which never repeats a password or the whole text.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, ConnInfoError> {
        assemble::conninfo(text, environment)
    }

    /// A connection over a socket of this machine, as somebody who started the server knows it.
    #[must_use]
    pub fn over_socket(socket: PathBuf, user: &str, password: Option<Password>, database: &str) -> Self {
        Self {
            places: vec![Place::Socket(socket)],
            user: user.to_owned(),
            password,
            database: database.to_owned(),
            connect_timeout: Some(assemble::CONNECT_TIMEOUT),
            tls: TlsSettings { mode: None, ca: None, system_roots: Vec::new(), cert: None, key: None },
            compression: Vec::new(),
            get_server_public_key: false,
            warnings: Vec::new(),
        }
    }

    /// The mode that holds for a place: the one that was set; else `PREFERRED` on this machine and `VERIFY_IDENTITY`
    /// elsewhere, or over TCP with a file of trusted certificates at least `VERIFY_CA`.
    #[must_use]
    pub fn ssl_mode(&self, place: &Place) -> SslMode {
        match (self.tls.mode, place.is_local(), &self.tls.ca) {
            (Some(mode), _, _) => mode,
            (None, true, None) => SslMode::Preferred,
            (None, true, Some(_)) if matches!(place, Place::Socket(_)) => SslMode::Preferred,
            (None, true, Some(_)) => SslMode::VerifyCa,
            (None, false, _) => SslMode::VerifyIdentity,
        }
    }

    /// The connection as a URL without password and settings, for messages.
    #[must_use]
    pub fn redacted(&self) -> String {
        let place = self.places.first().map(ToString::to_string).unwrap_or_default();
        format!("mysql://{}@{place}/{}", percent_encode(&self.user), percent_encode(&self.database))
    }
}

impl Place {
    /// Whether it is this machine: a socket, a loopback address, or `localhost`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp { host, .. } => match host.parse::<IpAddr>() {
                Ok(ip) => ip.to_canonical().is_loopback(),
                Err(_) => host.eq_ignore_ascii_case("localhost"),
            },
        }
    }
}

/// The place as it stands in a URL.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => f.write_str(&percent_encode(&path.to_string_lossy())),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{}:{port}", percent_encode(host)),
        }
    }
}

fn percent_encode(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}
