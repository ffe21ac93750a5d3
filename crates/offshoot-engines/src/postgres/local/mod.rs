//! PostgreSQL servers on this machine: those that images are built with, and those that branches are.
//!
//! It finds installed programs, makes data directories, starts servers that go on without this process, finds them again,
//! stops them, and says to them what an engine's server is asked for ([`offshoot_restore::server`]). Where things live, how
//! long, and what is remembered of them is decided there and not here.

use crate::local::{error, files, hold, owner};

mod access;
mod advice;
mod clones;
mod init;
mod late;
mod launch;
mod memory;
mod pid_file;
mod places;
mod platform;
mod process;
mod programs;
mod ready;
mod script;
mod segment;
mod settings;
mod spare;
mod statements;
mod stop;

use self::memory::Memory;
use self::owner::Owner;
use self::programs::Programs;
use super::connect::ConnectOptions;
use super::restore::PostgresTarget;
use super::session::Version;
use crate::error::{EngineError, retry_absent};
use crate::local::network::can_isolate;
use crate::postgres::neutralize;
use crate::postgres::observe::observe;
use offshoot_core::target::Target;
use offshoot_core::{Control, CoreError};
use offshoot_format::manifest::Environment;
use offshoot_restore::server::{Access, Build, Client, Purpose, Result, Running, Secret, Server, Servers, Site, Stop};
use offshoot_restore::{NeutralizeChoices, Neutralized};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::local::{Candidate, LocalError, Places};

/// As a snapshot's origin names the engine.
const ENGINE: &str = "postgres";

/// Whose servers these are, in messages.
const PRODUCT: &str = "PostgreSQL";

/// Who they run as, where this is root.
const USER: &str = "postgres";

/// The socket of a server.
fn socket(site: &Site) -> PathBuf {
    site.sockets.join(format!(".s.PGSQL.{}", site.port))
}

/// The servers that are installed on this machine.
#[derive(Debug)]
pub struct LocalServers {
    places: Places,
    memory: Memory,
}

impl LocalServers {
    /// Those at these places. Looks at none of them yet.
    #[must_use]
    pub fn new(places: Places) -> Self {
        let memory = Memory::new(places.memory.clone());
        Self { places, memory }
    }

    fn server(&self, programs: Programs, owner: Owner) -> Result<Arc<dyn Server>> {
        let build = Build {
            engine: ENGINE.to_owned(),
            version: programs.text.clone(),
            version_num: programs.version.0,
            platform: self.memory.platform(&programs, owner)?,
            programs: programs.folder.clone(),
        };
        Ok(Arc::new(LocalServer { programs, owner, build }))
    }
}

impl Servers for LocalServers {
    fn serves(&self, engine: &str) -> bool {
        engine == ENGINE
    }

    fn has_programs(&self, programs: &Path) -> bool {
        programs.join("postgres").exists()
    }

    fn has_data(&self, data: &Path) -> bool {
        data.join("PG_VERSION").exists()
    }

    fn find(&self, _engine: &str, environment: &Environment) -> Result<Arc<dyn Server>> {
        let owner = Owner::of_this_process(USER)?;
        let wanted = Version(environment.server_version_num);
        self.server(Programs::find(&self.places, &self.memory, wanted, owner)?, owner)
    }

    fn at(&self, programs: &Path) -> Result<Arc<dyn Server>> {
        let owner = Owner::of_this_process(USER)?;
        let found = self.memory.programs(programs, owner);
        self.server(
            found.map_err(|why| LocalError::Gone { product: PRODUCT, programs: programs.to_path_buf(), why })?,
            owner,
        )
    }

    fn stop(&self, data: &Path, how: Stop) -> Result<()> {
        Ok(stop::stop(data, how, Owner::of_this_process(USER)?)?)
    }

    fn running(&self, data: &Path) -> Option<Running> {
        process::running(data, Owner::of_this_process(USER).ok()?)
    }
}

/// One installed server.
#[derive(Debug)]
struct LocalServer {
    programs: Programs,
    owner: Owner,
    build: Build,
}

impl Server for LocalServer {
    fn build(&self) -> &Build {
        &self.build
    }

    fn owner(&self) -> Option<(u32, u32)> {
        self.owner.other()
    }

    fn init(&self, data: &Path, environment: &Environment, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
        Ok(init::init(&self.programs, self.owner, data, environment, choices)?)
    }

    fn start(&self, site: &Site, purpose: &Purpose, control: &Control) -> Result<Running> {
        launch::start(&self.programs, self.owner, site, purpose, control)
    }

    fn isolates(&self, choices: &NeutralizeChoices) -> bool {
        choices.is_on(neutralize::FDW) && can_isolate(self.owner)
    }

    fn is_port_taken(&self, error: &CoreError) -> bool {
        let CoreError::Source { source, .. } = error else { return false };
        matches!(source.downcast_ref(), Some(EngineError::Local(LocalError::PortTaken { .. })))
    }

    fn create_database(&self, site: &Site, database: &str, environment: &Environment) -> Result<()> {
        Ok(statements::create_database(site, self.programs.version, database, environment)?)
    }

    fn target(&self, site: &Site, database: &str) -> Result<Box<dyn Target>> {
        Ok(Box::new(PostgresTarget::new(statements::conninfo(site, database)?, ConnectOptions::default())))
    }

    fn neutralize(&self, site: &Site, database: &str, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
        Ok(neutralize::neutralize(&statements::conninfo(site, database)?, choices)?)
    }

    fn neutralize_digest(&self, choices: &NeutralizeChoices) -> String {
        let mut hasher = Sha256::new();
        hasher.update(choices.digest(neutralize::LIST_VERSION));
        for (name, value) in settings::all_known() {
            hasher.update(format!("{name}={value}\n"));
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_spare_file(&self, path: &Path) -> bool {
        spare::is_spare(path)
    }

    fn late_folders(&self, data: &Path, database: &str, settings: &[(String, String)]) -> Result<Vec<PathBuf>> {
        Ok(late::folders(data, database, settings)?)
    }

    fn admit(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Result<Access> {
        // One that a killed process has started may not be there yet.
        statements::admit(site, database, role, password).map_err(|error| retry_absent(error.into()))?;
        Ok(access::access(site, database, role, password))
    }

    fn access(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access {
        access::access(site, database, role, password)
    }

    fn client(&self, _site: &Site, _database: &str, _role: Option<&str>) -> Client {
        Client {
            programs: vec![self.programs.program("psql"), PathBuf::from("psql")],
            // It reads everything from the variables.
            arguments: Vec::new(),
            mend: "install PostgreSQL's client programs, such as by `apt-get install postgresql-client`",
        }
    }

    fn clones_databases(&self) -> bool {
        self.programs.version.at_least(18)
    }

    fn make_template(&self, site: &Site, database: &str) -> Result<()> {
        Ok(clones::make_template(site, database)?)
    }

    fn clone_database(&self, site: &Site, from: &str, database: &str, role: &str, password: &Secret) -> Result<()> {
        Ok(clones::clone_database(site, from, database, role, password)?)
    }

    fn swap_databases(&self, site: &Site, new: &str, database: &str, old: &str) -> Result<()> {
        Ok(clones::swap_databases(site, new, database, old)?)
    }

    fn drop_databases(&self, site: &Site, databases: &[String], role: Option<&str>) -> Result<()> {
        Ok(clones::drop_databases(site, databases, role)?)
    }

    fn database_folder(&self, site: &Site, database: &str) -> Result<PathBuf> {
        let oid = clones::database_oid(site, database)?;
        Ok(site.data.join("base").join(oid.to_string()))
    }

    fn flush(&self, site: &Site, database: &str) -> Result<()> {
        Ok(statements::flush(site, database)?)
    }

    fn hosting_settings(&self) -> Vec<(String, String)> {
        // Pools of many branches must not keep out who deletes one. A slot costs memory when it is used.
        vec![("max_connections".to_owned(), "1000".to_owned())]
    }

    fn connections(&self, site: &Site, database: &str) -> Result<u32> {
        Ok(statements::connections(site, database)?)
    }

    fn observe(&self, site: &Site, database: &str) -> Result<Environment> {
        Ok(observe(&statements::conninfo(site, database)?)?.environment)
    }

    fn run_script(&self, site: &Site, database: &str, name: &str, sql: &str, control: &Control) -> Result<()> {
        let ran = script::run(site, database, name, sql, control);
        control.check()?;
        Ok(ran?)
    }
}
