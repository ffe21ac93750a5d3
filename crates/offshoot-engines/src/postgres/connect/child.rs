//! The variables with which a program of PostgreSQL's own, such as pg_dump, connects to the very server that a session
//! is connected to. The password goes by environment, never by argument.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::Session;
use crate::conninfo::{Address, ChannelBinding, FileChoice, SslCertMode, SslMode, SslNegotiation, TlsVersion};

impl Session {
    /// Variables for a libpq program. Those of [`libpq_variables`](crate::conninfo::libpq_variables) must be removed
    /// from its environment first. For any libpq from version 12; the password is among them.
    pub fn libpq_environment(&self) -> Vec<(&'static str, OsString)> {
        let conninfo = &self.conninfo;
        let mut variables: Vec<(&'static str, OsString)> = vec![
            ("PGPORT", self.host.port.to_string().into()),
            ("PGUSER", conninfo.user.clone().into()),
            ("PGDATABASE", conninfo.dbname.clone().into()),
            // No other file or service has a say.
            ("PGPASSFILE", "/nonexistent/pgpass".into()),
            ("PGGSSENCMODE", "disable".into()),
            ("PGTARGETSESSIONATTRS", "any".into()),
        ];
        match &self.host.address {
            Address::Socket(directory) => variables.push(("PGHOST", directory.into())),
            Address::Tcp { name, ip } => {
                let ip = ip.map(|ip| ip.to_string());
                variables.extend(name.clone().or(ip.clone()).map(|name| ("PGHOST", name.into())));
                variables.extend(ip.map(|ip| ("PGHOSTADDR", ip.into())));
            }
        }
        if let Some(password) = &self.host.password {
            variables.push(("PGPASSWORD", OsString::from_vec(password.expose().to_vec())));
        }
        if let Some(options) = &conninfo.options {
            variables.push(("PGOPTIONS", options.into()));
        }
        self.push_tls(&mut variables);
        variables
    }

    fn push_tls(&self, variables: &mut Vec<(&'static str, OsString)>) {
        let tls = &self.conninfo.tls;
        // A session that found TLS keeps it, whatever was allowed.
        let mode = match self.ssl_mode {
            SslMode::Allow | SslMode::Prefer if self.is_encrypted => SslMode::Require,
            mode => mode,
        };
        variables.push(("PGSSLMODE", mode.word().into()));
        // A file, also for the system's roots: "system" is known only from version 16. Where nothing was checked, a file
        // that does not exist keeps a file at libpq's own place from being found.
        let root = self.root_file.clone().unwrap_or_else(|| "/nonexistent/root.crt".into());
        variables.push(("PGSSLROOTCERT", root.into()));
        // sslcertmode, too, is known only from version 16.
        let no_cert = Some(FileChoice::Named("/nonexistent/postgresql.crt".into()));
        let cert = if tls.cert_mode == SslCertMode::Disable { &no_cert } else { &tls.cert };
        for (name, file) in [("PGSSLCERT", cert), ("PGSSLKEY", &tls.key), ("PGSSLCRL", &tls.crl)] {
            if let Some(FileChoice::Named(path) | FileChoice::IfExists(path)) = file {
                variables.push((name, path.into()));
            }
        }
        if tls.negotiation == SslNegotiation::Direct {
            variables.push(("PGSSLNEGOTIATION", "direct".into()));
        }
        if !tls.sni {
            variables.push(("PGSSLSNI", "0".into()));
        }
        if tls.version_min == TlsVersion::V1_3 {
            variables.push(("PGSSLMINPROTOCOLVERSION", "TLSv1.3".into()));
        }
        if tls.version_max == TlsVersion::V1_2 {
            variables.push(("PGSSLMAXPROTOCOLVERSION", "TLSv1.2".into()));
        }
        let binding = match self.conninfo.channel_binding {
            ChannelBinding::Disable => "disable",
            ChannelBinding::Prefer => "prefer",
            ChannelBinding::Require => "require",
        };
        variables.push(("PGCHANNELBINDING", binding.into()));
    }
}
