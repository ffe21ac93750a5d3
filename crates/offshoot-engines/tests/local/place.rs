//! A folder with a data directory and a site, and what the tests ask of it. Dropping it ends the server and removes all.

use offshoot_core::{Control, Result};
use offshoot_engines::postgres::local::{LocalServers, Places};
use offshoot_format::manifest::Environment;
use offshoot_restore::NeutralizeChoices;
use offshoot_restore::server::{Purpose, Running, Secret, Server, Servers, Site, Stop};
use offshoot_testkit::place::scratch_dir;
use offshoot_testkit::postgres::Binaries;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A data directory and where its server lives.
pub struct Place {
    pub server: Arc<dyn Server>,
    pub site: Site,
    pub environment: Environment,
    // Removed at last.
    pub dir: TempDir,
}

impl Place {
    /// A fresh data directory, made by these programs.
    pub fn new(binaries: &Binaries) -> Self {
        Self::with(binaries, environment("C"))
    }

    pub fn with(binaries: &Binaries, environment: Environment) -> Self {
        Self::filled(Self::empty(binaries, environment))
    }

    /// The same in a folder.
    pub fn below(binaries: &Binaries, folder: &Path) -> Self {
        Self::filled(Self::empty_below(binaries, environment("C"), folder))
    }

    fn filled(place: Self) -> Self {
        place.init(&NeutralizeChoices::default()).unwrap_or_else(|error| panic!("{error}"));
        place
    }

    /// The same without a data directory.
    pub fn empty(binaries: &Binaries, environment: Environment) -> Self {
        Self::empty_below(binaries, environment, &scratch_dir().unwrap())
    }

    fn empty_below(binaries: &Binaries, environment: Environment, folder: &Path) -> Self {
        let server = server(binaries);
        let dir = tempfile::Builder::new().prefix("l-").tempdir_in(folder).unwrap();
        // As the homes of branches will be: everybody may pass, nobody may look.
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        let site = site(dir.path(), "data");
        Self { server, site, environment, dir }
    }

    pub fn init(&self, choices: &NeutralizeChoices) -> Result<()> {
        self.server.init(&self.site.data, &self.environment, choices).map(drop)
    }

    pub fn start(&self) -> Running {
        self.try_start(&branch()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_start(&self, purpose: &Purpose) -> Result<Running> {
        self.server.start(&self.site, purpose, &Control::default())
    }

    pub fn stop(&self, how: Stop) {
        servers().stop(&self.site.data, how).unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn running(&self) -> Option<Running> {
        servers().running(&self.site.data)
    }

    /// Asks over TCP as a client does, and gives the rows.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let password = Secret::new("correct horse".to_owned());
        let access = self.server.admit(&self.site, database, None, &password).unwrap_or_else(|error| panic!("{error}"));
        psql(access.url.expose(), sql)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.site.data.exists() {
            let _ = servers().stop(&self.site.data, Stop::AtOnce);
        }
    }
}

pub fn site(dir: &Path, data: &str) -> Site {
    Site {
        data: dir.join(data),
        sockets: dir.join(format!("{data}-s")),
        log: dir.join(format!("{data}.log")),
        port: free_port(),
        isolated: false,
    }
}

pub fn branch() -> Purpose {
    Purpose::Branch { durable: true, settings: Vec::new() }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub fn places(binaries: &Binaries) -> Places {
    Places { bin: Some(binaries.dir().to_path_buf()), ..Places::default() }
}

/// For what needs no programs: stopping and finding.
pub fn servers() -> LocalServers {
    LocalServers::new(Places::default())
}

pub fn server(binaries: &Binaries) -> Arc<dyn Server> {
    let wanted = Environment { server_version_num: binaries.major_version() * 10_000, ..Environment::default() };
    LocalServers::new(places(binaries)).find("postgres", &wanted).unwrap_or_else(|error| panic!("{error}"))
}

pub fn environment(locale: &str) -> Environment {
    Environment {
        encoding: "UTF8".into(),
        collate: locale.into(),
        ctype: locale.into(),
        locale_provider: "libc".into(),
        ..Environment::default()
    }
}

/// What psql prints, from outside: no variable of ours and no password file helps it.
pub fn psql(url: &str, sql: &str) -> String {
    try_psql(url, sql).unwrap_or_else(|error| panic!("{error}\nin: {sql}"))
}

pub fn try_psql(url: &str, sql: &str) -> std::result::Result<String, String> {
    let program = Binaries::installed().map_or_else(|_| PathBuf::from("psql"), |installed| installed.psql());
    let mut command = Command::new(program);
    command.args(["-XAt", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}
