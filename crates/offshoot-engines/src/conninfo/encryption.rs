//! The settings of encryption, and which of them do not go together.

use super::assemble::Reader;
use super::{
    ConnInfoError, Environment, FileChoice, Host, RootCert, SslCertMode, SslMode, SslNegotiation, TlsSettings,
    TlsVersion,
};

impl Reader<'_> {
    pub(super) fn tls(&self, environment: &Environment, hosts: &[Host]) -> Result<TlsSettings, ConnInfoError> {
        let in_home = |name: &str| Some(environment.home()?.join(".postgresql").join(name));
        let file = |keyword: &'static str, name: &str| match self.0.filled(keyword) {
            Some(path) => Some(FileChoice::Named(path.into())),
            None => in_home(name).map(FileChoice::IfExists),
        };
        let root_cert = match self.0.filled("sslrootcert") {
            Some("system") => RootCert::System,
            Some(path) => RootCert::File(path.into()),
            None => RootCert::Default(in_home("root.crt")),
        };
        let mode = self.ssl_mode(environment, &root_cert)?;
        let negotiation = self.choice("sslnegotiation")?.unwrap_or_default();
        self.check_direct(negotiation, mode, hosts)?;
        let system_roots = environment.system_roots();
        Ok(TlsSettings {
            mode,
            negotiation,
            root_cert,
            system_roots,
            crl: file("sslcrl", "root.crl"),
            cert: file("sslcert", "postgresql.crt"),
            key: file("sslkey", "postgresql.key"),
            cert_mode: self.choice("sslcertmode")?.unwrap_or(SslCertMode::Allow),
            sni: self.0.filled("sslsni") != Some("0"),
            version_min: self.version_min()?,
            version_max: self.version_max()?,
        })
    }

    fn ssl_mode(&self, environment: &Environment, root_cert: &RootCert) -> Result<Option<SslMode>, ConnInfoError> {
        let mode = self.choice("sslmode")?;
        let requires = environment.variable("PGREQUIRESSL").is_some_and(|value| value.starts_with('1'));
        let mode = mode.or(requires.then_some(SslMode::Require));
        match (root_cert, mode) {
            (RootCert::System, None) => Ok(Some(SslMode::VerifyFull)),
            (RootCert::System, Some(mode)) if mode != SslMode::VerifyFull => Err(ConnInfoError::Conflict {
                first: format!("sslmode={}", mode.word()),
                second: "sslrootcert=system".to_owned(),
                why: "a public issuer certifies anyone, so that the host must be checked. Use sslmode=verify-full",
            }),
            _ => Ok(mode),
        }
    }

    fn check_direct(
        &self,
        negotiation: SslNegotiation,
        mode: Option<SslMode>,
        hosts: &[Host],
    ) -> Result<(), ConnInfoError> {
        if negotiation == SslNegotiation::Postgres {
            return Ok(());
        }
        let weak = match mode {
            Some(mode) => mode < SslMode::Require,
            None => hosts.iter().any(Host::is_local),
        };
        if !weak {
            return Ok(());
        }
        Err(ConnInfoError::Conflict {
            first: format!("sslmode={}", mode.unwrap_or(SslMode::Prefer).word()),
            second: "sslnegotiation=direct".to_owned(),
            why: "without asking first there is no plain text to fall back to. Use sslmode=require or stronger",
        })
    }

    fn version_min(&self) -> Result<TlsVersion, ConnInfoError> {
        let name = "ssl_min_protocol_version";
        match self.version(name)? {
            Some(Version::Obsolete) | None => Ok(TlsVersion::V1_2),
            Some(Version::Known(version)) => Ok(version),
        }
    }

    fn version_max(&self) -> Result<TlsVersion, ConnInfoError> {
        let name = "ssl_max_protocol_version";
        let max = match self.version(name)? {
            None => TlsVersion::V1_3,
            Some(Version::Known(version)) => version,
            Some(Version::Obsolete) => {
                return Err(ConnInfoError::Unsupported {
                    setting: self.0.origin(name),
                    why: "TLS before 1.2 is broken and not spoken here. Remove it, or enable TLS 1.2 on the server",
                });
            }
        };
        if max < self.version_min()? {
            return Err(ConnInfoError::Conflict {
                first: "ssl_min_protocol_version=TLSv1.3".to_owned(),
                second: "ssl_max_protocol_version=TLSv1.2".to_owned(),
                why: "no version lies between. Raise the maximum or lower the minimum",
            });
        }
        Ok(max)
    }

    fn version(&self, name: &'static str) -> Result<Option<Version>, ConnInfoError> {
        let Some(value) = self.0.filled(name) else {
            return Ok(None);
        };
        match value.to_ascii_lowercase().as_str() {
            "tlsv1" | "tlsv1.1" => Ok(Some(Version::Obsolete)),
            "tlsv1.2" => Ok(Some(Version::Known(TlsVersion::V1_2))),
            "tlsv1.3" => Ok(Some(Version::Known(TlsVersion::V1_3))),
            _ => Err(self.invalid(name, value, "TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")),
        }
    }
}

enum Version {
    /// Before 1.2.
    Obsolete,
    Known(TlsVersion),
}
