//! MariaDB and MySQL servers on this machine: those that images are built with, and those that branches are.
//!
//! It finds installed programs, makes data directories, starts servers that go on without this process, finds them again,
//! stops them, and says to them what an engine's server is asked for ([`offshoot_restore::server`]). Where things live, how
//! long, and what is remembered of them is decided there and not here. Neither server clones a database inside itself, so
//! each branch has a server of its own.

mod access;
mod claim;
mod init;
mod launch;
mod memory;
mod places;
mod programs;
mod script;
mod settings;
mod spare;
mod statements;
mod stop;
mod zones;

use self::init::MARK_FILE;
use self::memory::Memory;
use self::places::KIND;
use self::programs::{Programs, product};
use crate::error::{EngineError, Result as EngineResult, retry_absent};
use crate::local::network::can_isolate;
use crate::local::owner::Owner;
use crate::local::{LocalError, Places};
use crate::mysql::neutralize;
use crate::mysql::restore::MysqlTarget;
use crate::mysql::session::{Family, Flavor};
use offshoot_core::target::Target;
use offshoot_core::{Control, CoreError};
use offshoot_format::manifest::Environment;
use offshoot_restore::server::{Access, Build, Client, Purpose, Result, Running, Secret, Server, Servers, Site, Stop};
use offshoot_restore::{NeutralizeChoices, Neutralized};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who servers run as, where this is root.
const USER: &str = "mysql";

/// The socket of a server.
fn socket(site: &Site) -> PathBuf {
    site.sockets.join("mysql.sock")
}

/// The MariaDB and MySQL servers that are installed on this machine.
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

    fn server(programs: Programs, owner: Owner) -> Arc<dyn Server> {
        let build = Build {
            engine: programs.flavor.family.word().to_owned(),
            version: programs.flavor.text.clone(),
            version_num: programs.flavor.number,
            // The server brings the order of texts with it.
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            programs: programs.folder.clone(),
        };
        Arc::new(LocalServer { programs, owner, build })
    }
}

impl Servers for LocalServers {
    fn serves(&self, engine: &str) -> bool {
        [Family::MariaDb, Family::MySql].iter().any(|family| family.word() == engine)
    }

    fn has_programs(&self, programs: &Path) -> bool {
        KIND.servers.iter().any(|name| programs.join(name).exists())
    }

    fn has_data(&self, data: &Path) -> bool {
        data.join(MARK_FILE).exists()
    }

    fn find(&self, engine: &str, environment: &Environment) -> Result<Arc<dyn Server>> {
        let owner = Owner::of_this_process(USER)?;
        let mut wanted = Flavor::parse(&environment.server_version)?;
        // What a server prints of its version need not name its family.
        wanted.family = if engine == Family::MariaDb.word() { Family::MariaDb } else { Family::MySql };
        Ok(Self::server(Programs::find(&self.places, &self.memory, &wanted, owner)?, owner))
    }

    fn at(&self, programs: &Path) -> Result<Arc<dyn Server>> {
        let owner = Owner::of_this_process(USER)?;
        let found = Programs::in_folder(programs, &self.memory, owner);
        let gone = |why| LocalError::Gone { product: "MySQL or MariaDB", programs: programs.to_path_buf(), why };
        Ok(Self::server(found.map_err(gone)?, owner))
    }

    fn stop(&self, data: &Path, how: Stop) -> Result<()> {
        Ok(stop::stop(data, how, Owner::of_this_process(USER)?)?)
    }

    fn running(&self, data: &Path) -> Option<Running> {
        claim::running(data, Owner::of_this_process(USER).ok()?)
    }
}

/// One installed server.
#[derive(Debug)]
struct LocalServer {
    programs: Programs,
    owner: Owner,
    build: Build,
}

impl LocalServer {
    /// What it cannot do, and is never asked for: [`Server::clones_databases`] says so.
    fn clones_nothing<T>(&self) -> Result<T> {
        let what = format!("{} does not clone a database inside a server", product(self.programs.flavor.family));
        let mend = "Leave out isolation = \"database\": each branch gets a server of its own".to_owned();
        Err(EngineError::Target { what, mend }.into())
    }
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

    fn isolates(&self, _choices: &NeutralizeChoices) -> bool {
        can_isolate(self.owner)
    }

    fn is_port_taken(&self, error: &CoreError) -> bool {
        let CoreError::Source { source, .. } = error else { return false };
        matches!(source.downcast_ref(), Some(EngineError::Local(LocalError::PortTaken { .. })))
    }

    fn create_database(&self, site: &Site, database: &str, environment: &Environment) -> Result<()> {
        zones::load(&self.programs, self.owner, site, environment)?;
        Ok(statements::create_database(site, database, environment)?)
    }

    fn target(&self, site: &Site, database: &str) -> Result<Box<dyn Target>> {
        Ok(Box::new(MysqlTarget::new(statements::conninfo(site, database)).of_own_server()))
    }

    fn neutralize(&self, site: &Site, database: &str, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
        let done = || -> EngineResult<_> {
            let mut session = statements::session(site, database)?;
            let done = neutralize::neutralize(&mut session, choices)?;
            statements::shrink_log(&mut session)?;
            Ok(done)
        };
        Ok(done()?)
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

    fn admit(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Result<Access> {
        // One that a killed process has started may not be there yet.
        statements::admit(site, role, password).map_err(|error| retry_absent(error.into()))?;
        Ok(access::access(site, database, role, password))
    }

    fn access(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access {
        access::access(site, database, role, password)
    }

    fn client(&self, site: &Site, database: &str, role: Option<&str>) -> Client {
        let (name, mend) = match self.programs.flavor.family {
            Family::MariaDb => {
                ("mariadb", "install MariaDB's client programs, such as by `apt-get install mariadb-client`")
            }
            Family::MySql => ("mysql", "install MySQL's client programs, such as by `apt-get install mysql-client`"),
        };
        let programs = self.programs.program(name).into_iter().chain([PathBuf::from(name)]).collect();
        Client { programs, arguments: access::client_arguments(site, database, role), mend }
    }

    fn clones_databases(&self) -> bool {
        false
    }

    fn make_template(&self, _site: &Site, _database: &str) -> Result<()> {
        self.clones_nothing()
    }

    fn clone_database(&self, _: &Site, _from: &str, _database: &str, _role: &str, _: &Secret) -> Result<()> {
        self.clones_nothing()
    }

    fn swap_databases(&self, _site: &Site, _new: &str, _database: &str, _old: &str) -> Result<()> {
        self.clones_nothing()
    }

    fn drop_databases(&self, _site: &Site, _databases: &[String], _role: Option<&str>) -> Result<()> {
        self.clones_nothing()
    }

    fn database_folder(&self, _site: &Site, _database: &str) -> Result<PathBuf> {
        self.clones_nothing()
    }

    fn flush(&self, site: &Site, _database: &str) -> Result<()> {
        Ok(statements::flush(site)?)
    }

    fn connections(&self, site: &Site, database: &str) -> Result<u32> {
        Ok(statements::connections(site, database)?)
    }

    fn observe(&self, site: &Site, database: &str) -> Result<Environment> {
        Ok(statements::observe(site, database)?)
    }

    fn run_script(&self, site: &Site, database: &str, name: &str, sql: &str, control: &Control) -> Result<()> {
        let ran = script::run(site, database, name, sql, control);
        control.check()?;
        Ok(ran?)
    }
}
