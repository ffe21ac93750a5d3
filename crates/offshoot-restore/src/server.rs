//! What a database engine implements so that its servers can run on this machine: images are made with them, and branches
//! are such servers.
//!
//! The engine knows programs, data directories and statements; which directory a server runs on, on which port and for how
//! long, and what is remembered of it, is decided here. A server is not a child of the process that started it: it goes on
//! when that ends, and is found again by its data directory alone.
//!
//! Calls block, and are made from plain threads.

use crate::neutralize::{NeutralizeChoices, Neutralized};
use offshoot_core::Control;
use offshoot_core::target::Target;
use offshoot_format::manifest::Environment;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Result of what an engine does here: its error is told by the core's.
pub type Result<T> = offshoot_core::Result<T>;

/// Where servers of an engine come from.
pub trait Servers: Send + Sync {
    /// Whether snapshots of an engine, as their origin names it, are for these servers.
    fn serves(&self, engine: &str) -> bool;

    /// Whether a folder holds programs of these servers.
    fn has_programs(&self, programs: &Path) -> bool;

    /// Whether a data directory is of these servers.
    fn has_data(&self, data: &Path) -> bool;

    /// The server that fits a snapshot of an engine: of its major version, the nearest minor one.
    ///
    /// # Errors
    /// If there is none, with how to get it.
    fn find(&self, engine: &str, environment: &Environment) -> Result<Arc<dyn Server>>;

    /// The server whose programs are in this folder, as a record names it.
    ///
    /// # Errors
    /// If it is not there any more.
    fn at(&self, programs: &Path) -> Result<Arc<dyn Server>>;

    /// Stops the server of a data directory, whichever it is, and returns when it has ended, with all its processes. Does
    /// nothing where none runs.
    ///
    /// # Errors
    /// If it cannot be ended.
    fn stop(&self, data: &Path, stop: Stop) -> Result<()>;

    /// The server that runs on a data directory. Never mistakes another process for it.
    fn running(&self, data: &Path) -> Option<Running>;
}

/// Servers of several engines, each asked for what is its own; the first for what is nobody's.
pub struct EveryEngine(Vec<Arc<dyn Servers>>);

impl EveryEngine {
    /// Those of a first engine and of others.
    #[must_use]
    pub fn new(first: Arc<dyn Servers>, others: Vec<Arc<dyn Servers>>) -> Self {
        Self(std::iter::once(first).chain(others).collect())
    }

    fn of(&self, is_its: impl Fn(&dyn Servers) -> bool) -> &dyn Servers {
        let found = self.0.iter().find(|servers| is_its(&***servers));
        &**found.unwrap_or(&self.0[0])
    }
}

impl Servers for EveryEngine {
    fn serves(&self, engine: &str) -> bool {
        self.0.iter().any(|servers| servers.serves(engine))
    }

    fn has_programs(&self, programs: &Path) -> bool {
        self.0.iter().any(|servers| servers.has_programs(programs))
    }

    fn has_data(&self, data: &Path) -> bool {
        self.0.iter().any(|servers| servers.has_data(data))
    }

    fn find(&self, engine: &str, environment: &Environment) -> Result<Arc<dyn Server>> {
        match self.0.iter().find(|servers| servers.serves(engine)) {
            Some(servers) => servers.find(engine, environment),
            None => {
                let why =
                    format!("this build of offshoot runs no servers for snapshots of \"{}\"", engine.escape_debug());
                Err(offshoot_core::CoreError::Source { retryable: false, source: why.into() })
            }
        }
    }

    fn at(&self, programs: &Path) -> Result<Arc<dyn Server>> {
        self.of(|servers| servers.has_programs(programs)).at(programs)
    }

    fn stop(&self, data: &Path, stop: Stop) -> Result<()> {
        self.of(|servers| servers.has_data(data)).stop(data, stop)
    }

    fn running(&self, data: &Path) -> Option<Running> {
        self.of(|servers| servers.has_data(data)).running(data)
    }
}

/// One installation of a database server.
pub trait Server: Send + Sync {
    /// What it is.
    fn build(&self) -> &Build;

    /// The user and group that it must run as, where that is not the one of this process. Its folders belong to them.
    fn owner(&self) -> Option<(u32, u32)>;

    /// Makes a data directory without databases of users, with encoding and locale of a snapshot, and with settings under
    /// which its server reaches nobody. The folder is there, empty, and belongs to the server's user. Returns what of the
    /// source its server does not do.
    ///
    /// # Errors
    /// If the server's programs refuse, such as for a locale that this machine does not have.
    fn init(&self, data: &Path, environment: &Environment, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>>;

    /// Starts a server on a data directory, and returns when it answers a query. It listens as the site says, on no other
    /// place, and with what was written for the purpose.
    ///
    /// # Errors
    /// `PortTaken` inside the engine's error where another program has the port ([`Server::is_port_taken`] tells); if it ends
    /// before it answers, with what its log says; after [`Control::cancel`].
    fn start(&self, site: &Site, purpose: &Purpose, control: &Control) -> Result<Running>;

    /// Whether a server can be in a network of its own here. Images are loaded in one where that is so: what a snapshot
    /// does while it is restored, such as refreshing a view over another server, comes before it is neutralized. The
    /// choices may say that it is to reach out.
    fn isolates(&self, _choices: &NeutralizeChoices) -> bool {
        false
    }

    /// Whether an error of [`Server::start`] means that another program has the port.
    fn is_port_taken(&self, error: &offshoot_core::CoreError) -> bool;

    /// Makes the database that a snapshot is restored into.
    ///
    /// # Errors
    /// If the server refuses.
    fn create_database(&self, site: &Site, database: &str, environment: &Environment) -> Result<()>;

    /// A database of a running server as a target. Does not connect yet.
    ///
    /// # Errors
    /// If the site has a name that no address can hold.
    fn target(&self, site: &Site, database: &str) -> Result<Box<dyn Target>>;

    /// Switches off what could reach out of the copy, and says what that was.
    ///
    /// # Errors
    /// If the server refuses.
    fn neutralize(&self, site: &Site, database: &str, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>>;

    /// Digest of what [`Server::neutralize`] and the settings of [`Purpose`] would do: a part of an image's key.
    fn neutralize_digest(&self, choices: &NeutralizeChoices) -> String;

    /// Files of a stopped server's data directory that a clone does not need, such as its log; paths within it.
    fn is_spare_file(&self, path: &Path) -> bool;

    /// Folders of a stopped server's data directory that a start does not look into, so that a clone may get them while its server
    /// starts with these settings; paths within it. Each comes whole, and before anybody is told how to get in.
    ///
    /// # Errors
    /// If the directory cannot be read.
    fn late_folders(&self, _data: &Path, _database: &str, _settings: &[(String, String)]) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Lets a branch's user in with this password, and says how to get there.
    ///
    /// # Errors
    /// If the server refuses.
    fn admit(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Result<Access>;

    /// How to get into a branch: pure.
    fn access(&self, site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access;

    /// The engine's own client program, as it gets into a branch.
    fn client(&self, site: &Site, database: &str, role: Option<&str>) -> Client;

    /// Whether this server can clone a database inside itself by sharing its blocks, on a file system that shares blocks.
    fn clones_databases(&self) -> bool;

    /// Makes a database of a running server one that others are cloned from, and that nobody enters.
    ///
    /// # Errors
    /// If the server refuses.
    fn make_template(&self, site: &Site, database: &str) -> Result<()>;

    /// Clones such a database, and lets a role in with this password, made where it is missing. It may do there what the user of a
    /// server of their own may, and so is not kept out of other clones; nobody else is let into this one. Once this returns, both
    /// outlive the server's being killed.
    ///
    /// # Errors
    /// If the server refuses; there may be a clone then that nobody enters.
    fn clone_database(&self, site: &Site, from: &str, database: &str, role: &str, password: &Secret) -> Result<()>;

    /// Puts a clone in the place of another database at one moment; that one is called `old` from then on. Whoever is in it is sent
    /// out. Does nothing where there is no `new`.
    ///
    /// # Errors
    /// If the server refuses: nothing has changed then.
    fn swap_databases(&self, site: &Site, new: &str, database: &str, old: &str) -> Result<()>;

    /// Drops databases, whoever is in them, and with a role all that belong to it. Does nothing for what is not there.
    ///
    /// # Errors
    /// If the server refuses.
    fn drop_databases(&self, site: &Site, databases: &[String], role: Option<&str>) -> Result<()>;

    /// The folder of a database's files.
    ///
    /// # Errors
    /// If the server refuses.
    fn database_folder(&self, site: &Site, database: &str) -> Result<PathBuf>;

    /// Writes what was committed to the disk, also where commits do not wait for it.
    ///
    /// # Errors
    /// If the server refuses.
    fn flush(&self, site: &Site, database: &str) -> Result<()>;

    /// Settings of a server that many branches are databases of, where they are others than a branch's own.
    fn hosting_settings(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Sessions of users that are open in a database.
    ///
    /// # Errors
    /// If the server does not answer.
    fn connections(&self, site: &Site, database: &str) -> Result<u32>;

    /// The environment as it is in a branch, for comparing it with the snapshot's.
    ///
    /// # Errors
    /// If the server refuses.
    fn observe(&self, site: &Site, database: &str) -> Result<Environment>;

    /// Runs SQL statements of the team's own in a branch, such as hooks.
    ///
    /// # Errors
    /// If the server refuses one; the text names the file and the statement's number, never a value. `Cancelled`: what ran then is
    /// ended.
    fn run_script(&self, site: &Site, database: &str, name: &str, sql: &str, control: &Control) -> Result<()>;
}

/// What a data directory depends on: another build's server may not start on it, or may order texts otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// As a snapshot's origin names it: `postgres`.
    pub engine: String,
    /// Version as the program prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// Version as a number: 150018.
    pub version_num: u32,
    /// Architecture, system, block sizes and the versions of the libraries that order texts.
    pub platform: String,
    /// The folder of its programs.
    pub programs: PathBuf,
}

/// Where a server runs and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The data directory.
    pub data: PathBuf,
    /// The folder of its socket, which nobody else may enter.
    pub sockets: PathBuf,
    /// The file of its log.
    pub log: PathBuf,
    /// The port on the loopback address; the number of the socket too.
    pub port: u16,
    /// Whether it is in a network of its own, and so reached by its socket alone.
    pub isolated: bool,
}

/// What a server is started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Loading an image: nothing need survive a crash, and nobody but offshoot comes in.
    Load,
    /// A branch.
    Branch {
        /// Whether what is written survives the machine's going down.
        durable: bool,
        /// Settings of the user's own, which win.
        settings: Vec<(String, String)>,
    },
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended and everything is written.
    Orderly,
    /// At once; what it runs on is thrown away.
    AtOnce,
}

/// A server that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its first process.
    pub pid: u32,
    /// Its port.
    pub port: u16,
    /// Whether it says that it is about to end.
    pub is_ending: bool,
}

/// A password. Its Debug shows nothing, and its memory is wiped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A program with which people look into a database, run with the variables of an [`Access`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Where it may be, the preferred first; at last its name alone, for PATH.
    pub programs: Vec<PathBuf>,
    /// What it is told before the user's own arguments.
    pub arguments: Vec<OsString>,
    /// How to get it where it is missing.
    pub mend: &'static str,
}

/// How to get into a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// As a URL, with the password.
    pub url: Secret,
    /// As variables of the engine's own programs: `PGHOST` and so on.
    pub variables: Vec<(String, Secret)>,
}
