//! Connection strings as libpq takes them: URIs, `keyword=value` text, a bare database name, or nothing at all; completed
//! by a service file, the `PG*` variables and `~/.pgpass`.
//!
//! Pure and synchronous: what surrounds the string comes in as an [`Environment`], and nothing is looked up in the
//! network. Certificates are named here and read when connecting.
//!
//! Differences to libpq, all on the safe side:
//!
//! - Where no `sslmode` is set and the host is not this machine, the mode is `verify-full`, against the system's roots
//!   unless `sslrootcert` or `~/.postgresql/root.crt` says otherwise; libpq would take `prefer`, which anyone in between
//!   can turn into plain text. An `sslmode` that is set means what it means to libpq.
//! - Under `require`, a file named by `sslrootcert` must exist; libpq would go on without checking the certificate.
//! - An unescaped `@` in the host or database of a URL is refused: it is nearly always a piece of a password.
//! - Where no host is named, several socket directories are tried, then `localhost`.

mod assemble;
mod choices;
mod encryption;
mod environment;
mod error;
mod keyvalue;
mod keywords;
mod passfile;
mod password;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod uri;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use choices::{
    AuthMethod, ChannelBinding, LoadBalanceHosts, RequireAuth, SslCertMode, SslMode, SslNegotiation,
    TargetSessionAttrs, TlsVersion,
};
pub use environment::{Environment, FileContent, FolderContent, ReadFile};
pub use error::{ConnInfoError, ConnInfoWarning};
pub use keyvalue::quote_value;
pub use keywords::libpq_variables;
pub use password::Password;

/// Everything that connecting needs to know, complete and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnInfo {
    /// The hosts to try, at least one.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// Run-time settings for the server, as in `-c work_mem=64MB`.
    pub options: Option<String>,
    /// What the server shows for the session.
    pub application_name: Option<String>,
    /// How long one host may take.
    pub connect_timeout: ConnectTimeout,
    /// What keeps an idle TCP connection from being forgotten.
    pub keepalives: Keepalives,
    /// Encryption.
    pub tls: TlsSettings,
    /// Whether the password exchange is tied to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// How the server may ask who we are.
    pub require_auth: RequireAuth,
    /// Which server of several will do.
    pub target_session_attrs: TargetSessionAttrs,
    /// The order of trying.
    pub load_balance_hosts: LoadBalanceHosts,
    /// What the user should know although connecting can go on.
    pub warnings: Vec<ConnInfoWarning>,
}

/// One place where the server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// Its address.
    pub address: Address,
    /// Its port; for a socket, the number in the socket's name.
    pub port: u16,
    /// The password for this place, from the settings or the password file.
    pub password: Option<Password>,
    /// The password file that the password comes from.
    pub password_file: Option<PathBuf>,
}

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The directory of a Unix socket; a leading `@` means the abstract name space.
    Socket(String),
    /// Over TCP.
    Tcp {
        /// The name, which certificates and the password file know it by.
        name: Option<String>,
        /// The address, where it is given so that no name is resolved.
        ip: Option<IpAddr>,
    },
}

/// How long one host may take to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectTimeout {
    /// Not said.
    Unset,
    /// As long as it takes.
    Never,
    /// At least two seconds, as in libpq.
    After(Duration),
}

/// TCP keep-alive. None means the operating system's own value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalives {
    /// Whether they are sent at all.
    pub enabled: bool,
    /// How long the connection is idle before the first.
    pub idle: Option<Duration>,
    /// How long until one is repeated.
    pub interval: Option<Duration>,
    /// After how many the connection is given up.
    pub count: Option<u32>,
    /// How long data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// Encryption, with the files it needs. The files are read when connecting.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The mode, where it was set; see [`ConnInfo::ssl_mode`] for what holds.
    pub mode: Option<SslMode>,
    /// How encryption is begun.
    pub negotiation: SslNegotiation,
    /// Who is trusted.
    pub root_cert: RootCert,
    /// Files that may hold the system's roots; the first that exists is used.
    pub system_roots: Vec<PathBuf>,
    /// Revoked certificates.
    pub crl: Option<FileChoice>,
    /// Our certificate.
    pub cert: Option<FileChoice>,
    /// Its private key.
    pub key: Option<FileChoice>,
    /// Whether our certificate is sent.
    pub cert_mode: SslCertMode,
    /// Whether the host's name is sent in the clear, for servers that need it.
    pub sni: bool,
    /// The oldest version that will do.
    pub version_min: TlsVersion,
    /// The newest version that will do.
    pub version_max: TlsVersion,
}

/// Who is trusted to sign a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootCert {
    /// The roots that the operating system trusts.
    System,
    /// A file that must exist.
    File(PathBuf),
    /// `~/.postgresql/root.crt` if it exists. Otherwise nothing, or the system's roots where no `sslmode` was set.
    Default(Option<PathBuf>),
}

/// A file that was named, or is looked for at its usual place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChoice {
    /// It was named and must exist.
    Named(PathBuf),
    /// It is used if it exists.
    IfExists(PathBuf),
}

impl ConnInfo {
    /// Reads a connection string; an empty one is complete too. Never panics, whatever the text.
    ///
    /// # Errors
    ///
    /// [`ConnInfoError`], which never repeats a password or the whole text.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, ConnInfoError> {
        assemble::conninfo(assemble::gather(text, environment)?, environment)
    }

    /// The same at one host alone, so that all sessions meet at the same server.
    #[must_use]
    pub fn pinned(&self, host: &Host) -> Self {
        Self { hosts: vec![host.clone()], ..self.clone() }
    }

    /// The mode that holds for a host: the one that was set; else `prefer` on this machine and `verify-full` elsewhere.
    pub fn ssl_mode(&self, host: &Host) -> SslMode {
        match self.tls.mode {
            Some(mode) => mode,
            None if host.is_local() => SslMode::Prefer,
            None => SslMode::VerifyFull,
        }
    }

    /// The connection as a URL without password and settings, for messages.
    pub fn redacted(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("postgresql://{}@{}/{}", percent_encode(&self.user), hosts.join(","), percent_encode(&self.dbname))
    }
}

impl Host {
    /// Whether it is this machine: a socket, a loopback address, or `localhost`.
    pub fn is_local(&self) -> bool {
        match &self.address {
            Address::Socket(_) => true,
            Address::Tcp { ip: Some(ip), .. } => is_loopback(*ip),
            Address::Tcp { name, ip: None } => name.as_deref().is_none_or(is_local_name),
        }
    }
}

/// The host as it stands in a URL, with its port.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Socket(directory) => f.write_str(&percent_encode(directory))?,
            Address::Tcp { name: Some(name), .. } if name.contains(':') => {
                write!(f, "[{}]", percent_encode_but_colon(name))?
            }
            Address::Tcp { name: Some(name), .. } => f.write_str(&percent_encode(name))?,
            Address::Tcp { name: None, ip: Some(IpAddr::V6(ip)) } => write!(f, "[{ip}]")?,
            Address::Tcp { name: None, ip: Some(IpAddr::V4(ip)) } => write!(f, "{ip}")?,
            Address::Tcp { name: None, ip: None } => f.write_str("localhost")?,
        }
        write!(f, ":{}", self.port)
    }
}

fn is_local_name(name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(ip) => is_loopback(ip),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn percent_encode(text: &str) -> String {
    encode_but(text, b"-._~")
}

fn percent_encode_but_colon(text: &str) -> String {
    encode_but(text, b"-._~:")
}

fn encode_but(text: &str, plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
