//! The engines, and for each a data directory with a place for its server. Dropping it ends the server and removes all.

use offshoot_core::{Control, Result};
use offshoot_engines::local::Places;
use offshoot_engines::{mysql, postgres};
use offshoot_format::manifest::Environment;
use offshoot_restore::NeutralizeChoices;
use offshoot_restore::server::{Access, EveryEngine, Purpose, Running, Secret, Server, Servers, Site, Stop};
use offshoot_testkit::place::scratch_dir;
use offshoot_testkit::{mysql as mysql_kit, postgres as postgres_kit};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// What differs from engine to engine.
pub struct Engine {
    pub name: &'static str,
    pub servers: Arc<dyn Servers>,
    pub environment: Environment,
    /// The client program and what it is told, the statement being the last word.
    client: (PathBuf, Vec<&'static str>),
    /// A setting, and a statement that shows it.
    pub setting: (&'static str, &'static str, &'static str),
    /// A setting that decides who comes in.
    pub decided: &'static str,
    /// A statement that gives how many sessions wait in it for 600 s.
    pub sleep: &'static str,
}

/// All engines that are here.
pub fn engines() -> Vec<Engine> {
    let binaries = postgres_kit::Binaries::installed().unwrap();
    let places = Places { bin: Some(binaries.dir().to_path_buf()), ..Places::default() };
    let environment = Environment {
        server_version_num: binaries.major_version() * 10_000,
        encoding: "UTF8".into(),
        collate: "C".into(),
        ctype: "C".into(),
        locale_provider: "libc".into(),
        ..Environment::default()
    };
    let mut found = vec![Engine {
        name: "postgres",
        servers: Arc::new(postgres::local::LocalServers::new(places)),
        environment,
        client: (binaries.psql(), vec!["-XAtq", "-v", "ON_ERROR_STOP=1", "-c"]),
        setting: ("work_mem", "5MB", "SHOW work_mem"),
        decided: "listen_addresses",
        sleep: "SELECT pg_sleep(600)",
    }];
    for binaries in mysql_kit::Binaries::wanted() {
        let folder = binaries.server().parent().unwrap().to_path_buf();
        let version = binaries.version().split_once("Ver ").unwrap().1;
        let environment = Environment {
            server_version: version.split(' ').next().unwrap().to_owned(),
            encoding: "utf8mb4".into(),
            collate: "utf8mb4_bin".into(),
            ..Environment::default()
        };
        found.push(Engine {
            name: binaries.family().name(),
            servers: Arc::new(mysql::local::LocalServers::new(Places { bin: Some(folder), ..Places::default() })),
            environment,
            client: (binaries.client(), vec!["--batch", "--skip-column-names", "-e"]),
            setting: ("max_connections", "33", "SELECT @@max_connections"),
            decided: "bind-address",
            sleep: "SELECT SLEEP(600)",
        });
    }
    found
}

/// All of them as one, as a program has them that does not know which it will need.
pub fn every(engines: &[Engine]) -> EveryEngine {
    let folder =
        |engine: &Engine| engine.servers.find(engine.name, &engine.environment).unwrap().build().programs.clone();
    let path = engines.iter().filter(|engine| engine.name != "postgres").map(folder).collect();
    let mysql = mysql::local::LocalServers::new(Places { path, ..Places::default() });
    EveryEngine::new(engines[0].servers.clone(), vec![Arc::new(mysql)])
}

/// A data directory and where its server lives.
pub struct Place<'e> {
    pub engine: &'e Engine,
    pub server: Arc<dyn Server>,
    pub site: Site,
    // Removed at last.
    pub dir: TempDir,
}

impl<'e> Place<'e> {
    /// With a fresh data directory.
    pub fn new(engine: &'e Engine) -> Self {
        let place = Self::empty(engine);
        let made = place.server.init(&place.site.data, &engine.environment, &NeutralizeChoices::default());
        made.unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        place
    }

    /// With a database of a table, as an image has it.
    pub fn with_database(engine: &'e Engine, database: &str) -> Self {
        let place = Self::new(engine);
        place.try_start(&Purpose::Load).unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        place.server.create_database(&place.site, database, &engine.environment).unwrap();
        place.script(database, "CREATE TABLE t (a int PRIMARY KEY);\nINSERT INTO t VALUES (7);").unwrap();
        let choices = NeutralizeChoices::default();
        place.server.neutralize(&place.site, database, &choices).unwrap_or_else(|error| panic!("{error}"));
        place.stop(Stop::Orderly);
        place
    }

    /// Without a data directory.
    pub fn empty(engine: &'e Engine) -> Self {
        let server = engine.servers.find(engine.name, &engine.environment);
        let server = server.unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        let dir = tempfile::Builder::new().prefix("v-").tempdir_in(scratch_dir().unwrap()).unwrap();
        // As the homes of branches will be: everybody may pass, nobody may look.
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o711)).unwrap();
        let path = |name: &str| dir.path().join(name);
        let site =
            Site { data: path("data"), sockets: path("s"), log: path("log"), port: free_port(), isolated: false };
        Self { engine, server, site, dir }
    }

    pub fn start(&self) -> Running {
        self.try_start(&branch()).unwrap_or_else(|error| panic!("{}: {error}", self.engine.name))
    }

    pub fn try_start(&self, purpose: &Purpose) -> Result<Running> {
        self.server.start(&self.site, purpose, &Control::default())
    }

    pub fn stop(&self, how: Stop) {
        let stopped = self.engine.servers.stop(&self.site.data, how);
        stopped.unwrap_or_else(|error| panic!("{}: {error}", self.engine.name));
    }

    pub fn running(&self) -> Option<Running> {
        self.engine.servers.running(&self.site.data)
    }

    pub fn script(&self, database: &str, sql: &str) -> Result<()> {
        self.server.run_script(&self.site, database, "script.sql", sql, &Control::default())
    }

    pub fn admit(&self, database: &str, password: &str) -> Access {
        let admitted = self.server.admit(&self.site, database, None, &Secret::new(password.to_owned()));
        admitted.unwrap_or_else(|error| panic!("{}: {error}", self.engine.name))
    }

    /// Asks as a client does, by the variables of an access, and gives the rows or what the client complains of.
    pub fn ask(&self, access: &Access, database: &str, sql: &str) -> std::result::Result<String, String> {
        let output = self.client(access, database, sql).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    pub fn client(&self, access: &Access, database: &str, sql: &str) -> Command {
        let client = self.server.client(&self.site, database, None);
        let mut command = Command::new(&self.engine.client.0);
        command.args(client.arguments).args(&self.engine.client.1).arg(sql);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(access.variables.iter().map(|(name, value)| (name, value.expose())));
        command
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.engine.servers.stop(&self.site.data, Stop::AtOnce);
    }
}

pub fn branch() -> Purpose {
    Purpose::Branch { durable: true, settings: Vec::new() }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
