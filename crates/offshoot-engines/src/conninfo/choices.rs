//! The settings that take one of a few words.

/// How much a connection must be protected. Ordered from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SslMode {
    /// Never encrypt.
    Disable,
    /// Encrypt only if the server wants nothing else.
    Allow,
    /// Encrypt if the server can.
    Prefer,
    /// Encrypt or fail. Checks the certificate's issuer if there is a root certificate file, as libpq does.
    Require,
    /// Encrypt, and the certificate must come from a trusted issuer.
    VerifyCa,
    /// Encrypt, and the certificate must come from a trusted issuer and name the host.
    VerifyFull,
}

/// How encryption is begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SslNegotiation {
    /// Ask first, in PostgreSQL's own way.
    #[default]
    Postgres,
    /// Begin TLS at once; servers from 17.
    Direct,
}

/// Whether a client certificate is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SslCertMode {
    /// Never.
    Disable,
    /// If there is one and the server asks.
    #[default]
    Allow,
    /// The server must ask for one.
    Require,
}

/// A version of TLS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Whether the password exchange is tied to the TLS connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server can.
    #[default]
    Prefer,
    /// Or fail.
    Require,
}

/// Which server of several will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TargetSessionAttrs {
    /// Any.
    #[default]
    Any,
    /// One that accepts writes by default.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
}

/// The order in which several hosts are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LoadBalanceHosts {
    /// As given.
    #[default]
    Disable,
    /// At random.
    Random,
}

/// How a server may ask who we are, as `require_auth` limits it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequireAuth {
    pub(super) allowed: u8,
    pub(super) none_allowed: bool,
}

/// A way for a server to ask who we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthMethod {
    /// The password in plain text.
    Password,
    /// The old password hash.
    Md5,
    /// Kerberos.
    Gss,
    /// Windows' own.
    Sspi,
    /// The password by proof.
    ScramSha256,
    /// A token of OAuth.
    OAuth,
}

impl RequireAuth {
    /// What holds without the setting.
    pub(super) const ANY: Self = Self { allowed: u8::MAX, none_allowed: true };

    /// Whether the server may ask in this way.
    pub fn allows(self, method: AuthMethod) -> bool {
        self.allowed & method.bit() != 0
    }

    /// Whether the server may let us in without asking, as it does for `trust` and `cert`.
    pub fn allows_none(self) -> bool {
        self.none_allowed
    }
}

impl AuthMethod {
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A setting that takes one of a few words.
pub(super) trait Choice: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
    const TAKES: &'static str;
}

macro_rules! choice {
    ($type:ty, $takes:literal, [$($word:literal => $value:expr),* $(,)?]) => {
        impl Choice for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),*];
            const TAKES: &'static str = $takes;
        }
    };
}

choice!(SslMode, "disable, allow, prefer, require, verify-ca or verify-full", [
    "disable" => Self::Disable, "allow" => Self::Allow, "prefer" => Self::Prefer,
    "require" => Self::Require, "verify-ca" => Self::VerifyCa, "verify-full" => Self::VerifyFull,
]);
choice!(SslNegotiation, "postgres or direct", ["postgres" => Self::Postgres, "direct" => Self::Direct]);
choice!(SslCertMode, "disable, allow or require", [
    "disable" => Self::Disable, "allow" => Self::Allow, "require" => Self::Require,
]);
choice!(ChannelBinding, "disable, prefer or require", [
    "disable" => Self::Disable, "prefer" => Self::Prefer, "require" => Self::Require,
]);
choice!(TargetSessionAttrs, "any, read-write, read-only, primary, standby or prefer-standby", [
    "any" => Self::Any, "read-write" => Self::ReadWrite, "read-only" => Self::ReadOnly,
    "primary" => Self::Primary, "standby" => Self::Standby, "prefer-standby" => Self::PreferStandby,
]);
choice!(LoadBalanceHosts, "disable or random", ["disable" => Self::Disable, "random" => Self::Random]);
choice!(AuthMethod, "a list of password, md5, gss, sspi, scram-sha-256, oauth and none, all or none of them with a \"!\" before, each once", [
    "password" => Self::Password, "md5" => Self::Md5, "gss" => Self::Gss, "sspi" => Self::Sspi,
    "scram-sha-256" => Self::ScramSha256, "oauth" => Self::OAuth,
]);

pub(super) fn word_of<T: Choice>(word: &str) -> Option<T> {
    let found = T::WORDS.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value)
}

impl SslMode {
    /// The word for it in a connection string.
    pub fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.map_or("verify-full", |(name, _)| name)
    }
}
