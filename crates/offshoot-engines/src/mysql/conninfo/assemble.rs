//! From the parts of a connection string to a whole one: what the URL says, then option files, then variables.

use super::error::{ConnInfoError, shown};
use super::settings::Settings;
use super::{Compression, ConnInfo, Password, Place, SslMode, TlsSettings, option_file, uri};
use crate::conninfo::Environment;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one place may take where nothing says how long.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a server's socket is looked for when no host is named: Debian's place, Red Hat's, then MySQL's own.
const SOCKETS: [&str; 3] = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", OPEN_SOCKET];

/// Anybody could put a socket here, and be given a password: it counts if it is root's or the user's own.
const OPEN_SOCKET: &str = "/tmp/mysql.sock";

const VARIABLES: [(&str, &str); 4] =
    [("MYSQL_HOST", "host"), ("MYSQL_TCP_PORT", "port"), ("MYSQL_UNIX_PORT", "socket"), ("MYSQL_PWD", "password")];

pub(super) fn conninfo(text: &str, environment: &Environment) -> Result<ConnInfo, ConnInfoError> {
    let rest = uri::strip_prefix(text).ok_or(ConnInfoError::Uri { problem: "another beginning than mysql://" })?;
    let mut settings = uri::parse(rest)?;
    let mut warnings = Vec::new();
    // A host of a URL is not sought at the port or socket of another.
    let is_local_name = settings.filled("host").is_some_and(|host| host.eq_ignore_ascii_case("localhost"));
    if settings.filled("socket").is_some() {
        settings.give_if_unset("host", "");
    } else if settings.filled("host").is_some() {
        settings.give_if_unset("port", "0");
        if !is_local_name || settings.filled("port") != Some("0") {
            settings.give_if_unset("socket", "");
        }
    }
    option_file::fill(&mut settings, environment, &mut warnings)?;
    for (variable, name) in VARIABLES {
        if environment.is_not_utf8(variable) {
            return Err(ConnInfoError::NotUtf8 { name: variable.to_owned() });
        }
        if let Some(value) = environment.variable(variable) {
            settings.give_if_unset(name, value);
        }
    }
    let user = settings.filled("user").or_else(|| environment.os_user());
    let timeout = number::<u64>(&settings, "connect-timeout", "a number of seconds; 0 waits for ever")?;
    let timeout = timeout.map_or(CONNECT_TIMEOUT, Duration::from_secs);
    Ok(ConnInfo {
        places: places(&settings)?,
        user: user.ok_or(ConnInfoError::NoUser)?.to_owned(),
        password: settings.filled("password").map(Password::new),
        database: settings.filled("database").unwrap_or_default().to_owned(),
        connect_timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
        tls: tls(&settings, environment)?,
        compression: compression(&settings)?,
        get_server_public_key: settings.is_on("get-server-public-key").unwrap_or(false),
        warnings,
    })
}

fn places(settings: &Settings) -> Result<Vec<Place>, ConnInfoError> {
    let host = settings.filled("host");
    let port = number::<u16>(settings, "port", "a number from 1 to 65535")?.filter(|port| *port != 0);
    let tcp = |host: &str| Place::Tcp { host: host.to_owned(), port: port.unwrap_or(3306) };
    let socket = settings.filled("socket").map(PathBuf::from);
    let protocol = settings.filled("protocol").map(str::to_ascii_uppercase);
    match protocol.as_deref() {
        Some("TCP") => return Ok(vec![tcp(host.unwrap_or("localhost"))]),
        Some("SOCKET") | None => {}
        Some(other) => return Err(invalid("protocol", other, "TCP or SOCKET")),
    }
    let is_localhost = host.is_none_or(|host| host.eq_ignore_ascii_case("localhost"));
    if !is_localhost && protocol.is_none() {
        return Ok(vec![tcp(host.unwrap_or("localhost"))]);
    }
    if let Some(socket) = socket {
        return Ok(vec![Place::Socket(socket)]);
    }
    if port.is_some() && protocol.is_none() {
        return Ok(vec![tcp(host.unwrap_or("localhost"))]);
    }
    let is_trusted = |path: &&&str| **path != OPEN_SOCKET || is_own(Path::new(OPEN_SOCKET));
    let mut places: Vec<Place> = SOCKETS.iter().filter(is_trusted).map(|path| Place::Socket(path.into())).collect();
    if protocol.is_none() {
        places.push(tcp("localhost"));
    }
    Ok(places)
}

/// Whether a file is root's or the user's own.
fn is_own(path: &Path) -> bool {
    let owner = std::fs::symlink_metadata(path).map(|metadata| metadata.uid());
    owner.is_ok_and(|owner| owner == 0 || owner == rustix::process::geteuid().as_raw())
}

fn tls(settings: &Settings, environment: &Environment) -> Result<TlsSettings, ConnInfoError> {
    let path = |name: &str| settings.filled(name).map(PathBuf::from);
    let mode = match settings.filled("ssl-mode") {
        Some(word) => {
            let upper = word.to_ascii_uppercase().replace('-', "_");
            let known = SslMode::WORDS.iter().find(|(known, _)| *known == upper);
            let takes = "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY";
            Some(known.ok_or_else(|| invalid("ssl-mode", word, takes))?.1)
        }
        // MariaDB's own words.
        None if settings.is_on("ssl-verify-server-cert") == Some(true) => Some(SslMode::VerifyIdentity),
        None => match settings.is_on("ssl") {
            Some(true) => Some(SslMode::Required),
            Some(false) => Some(SslMode::Disabled),
            None => None,
        },
    };
    let system_roots = environment.system_roots();
    Ok(TlsSettings { mode, ca: path("ssl-ca"), system_roots, cert: path("ssl-cert"), key: path("ssl-key") })
}

fn compression(settings: &Settings) -> Result<Vec<Compression>, ConnInfoError> {
    let Some(words) = settings.filled("compression-algorithms") else {
        return Ok(if settings.is_on("compress") == Some(true) { vec![Compression::Zlib] } else { Vec::new() });
    };
    let mut wanted = Vec::new();
    for word in words.split(',').map(str::trim) {
        match word {
            "zlib" => wanted.push(Compression::Zlib),
            "zstd" => wanted.push(Compression::Zstd),
            "uncompressed" => break,
            other => return Err(invalid("compression-algorithms", other, "a list of zlib, zstd and uncompressed")),
        }
    }
    Ok(wanted)
}

fn number<T: std::str::FromStr>(
    settings: &Settings,
    name: &str,
    takes: &'static str,
) -> Result<Option<T>, ConnInfoError> {
    let value = settings.filled(name);
    value.map(|value| value.parse().map_err(|_| invalid(name, value, takes))).transpose()
}

fn invalid(setting: &str, value: &str, takes: &'static str) -> ConnInfoError {
    ConnInfoError::InvalidValue { setting: setting.to_owned(), value: shown(value), takes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_anybody_could_have_made_is_not_trusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(is_own(file.path()) && is_own(Path::new("/")));
        assert!(!is_own(&file.path().with_extension("missing")));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(file.path(), Some(12_345), None).unwrap();
            assert!(!is_own(file.path()));
        }
    }
}
