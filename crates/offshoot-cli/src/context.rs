//! What a command has around it: the store that is meant, the connection strings' environment, the controls.

use crate::args::Globals;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::output::Style;
use crate::{interrupt, journal, key, lists, progress, surroundings};
use offshoot::scrub::{Policy, Scrub};
use offshoot::{BranchPlace, Branches, Connection, Control, Store};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a command has around it.
pub struct Context {
    /// Options of all commands.
    pub globals: Globals,
    /// How stdout may be dressed.
    pub style: Style,
}

/// What a command says of the branches that it works on, beside the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct BranchWish {
    /// Whether raw snapshots are taken as they are.
    pub raw: bool,
    /// Whether new ones have a network of their own.
    pub isolated: bool,
    /// Whether those that drift are refused.
    pub strict: bool,
    /// Whether more is done with new ones before they are ready.
    pub finishes: bool,
}

impl Context {
    /// For these options.
    pub fn new(globals: Globals) -> Self {
        let style = Style::of_stdout();
        Self { globals, style }
    }

    /// Where the store is, or will be.
    pub fn store_path(&self) -> Result<PathBuf, Failure> {
        let path = match &self.globals.store {
            Some(path) => path.clone(),
            None => self.config()?.store_path()?,
        };
        match path.to_str() {
            Some(text) if text.contains("://") => Err(Failure::new(
                offshoot::ErrorKind::Unsupported,
                "a store at a URL is not supported yet",
                "name a folder: --store PATH",
            )),
            _ if path.as_os_str().is_empty() => Err(Failure::new(
                offshoot::ErrorKind::Usage,
                "the store's path is empty",
                "name a folder: --store PATH",
            )),
            _ => Ok(path),
        }
    }

    /// The store that is meant.
    pub fn open_store(&self) -> Result<Store, Failure> {
        let path = self.store_path()?;
        tracing::info!(store = %path.display(), "open");
        Ok(Store::open(path)?)
    }

    /// A database by its connection string. Warnings about the password file go to stderr.
    pub fn connection(&self, text: &str) -> Result<Connection, Failure> {
        let connection = Connection::parse(text, &surroundings::environment())?;
        for warning in connection.warnings() {
            crate::output::warn(&warning);
        }
        tracing::info!(database = %connection.redacted(), "connect to");
        Ok(connection)
    }

    /// What the configuration says.
    pub fn config(&self) -> Result<Config, Failure> {
        config::load(self.globals.config.as_deref())
    }

    /// The policy in a file, or in the project's configuration if that has one, with the key that goes with it.
    pub fn scrub(&self, policy: Option<&Path>) -> Result<Option<Scrub>, Failure> {
        let config = self.config()?;
        let (file, text) = match (policy, &config.project, &config.project_text) {
            (Some(file), ..) => (file, config::read_text(file)?),
            (None, Some(file), Some(text)) if Policy::is_in(text) => (file.as_path(), text.clone()),
            _ => return Ok(None),
        };
        let policy = Policy::parse(&text).map_err(|error| {
            let message = format!("{}:{}:{}: {}", file.display(), error.line, error.column, error.what);
            Failure::new(offshoot::ErrorKind::Usage, message, "docs/policy.md describes the language and every rule")
        })?;
        let policy = lists::read(policy, file)?;
        Ok(Some(Scrub::new(policy, key::require(&config)?)))
    }

    /// The folder of images and branches, or of the pool that they are in.
    pub fn home(&self) -> Result<PathBuf, Failure> {
        Ok(surroundings::branch_home(self.config()?.home.as_deref()))
    }

    /// The branches of the store that is meant.
    pub fn branches(&self, raw: bool) -> Result<Branches, Failure> {
        self.branches_of(&self.open_store()?, BranchWish { raw, ..BranchWish::default() })
    }

    /// The branches of a store.
    pub fn branches_of(&self, store: &Store, wish: BranchWish) -> Result<Branches, Failure> {
        let config = self.config()?;
        let mut shape = config.branch.shape.clone();
        shape.isolated |= wish.isolated;
        let place = BranchPlace {
            home: surroundings::branch_home(config.home.as_deref()),
            runtime: surroundings::runtime(),
            programs: surroundings::postgres_programs().or_else(|| config.branch.pg_bin.clone()),
            mysql_programs: surroundings::mysql_programs().or_else(|| config.branch.mysql_bin.clone()),
            search: surroundings::search_path(),
            user_home: surroundings::user_home(),
            neutralize: config.branch.neutralize.clone(),
            shape,
            raw: wish.raw,
            leaves_old_data: true,
            finishes: wish.finishes || wish.strict || !config.branch.after.is_empty(),
        };
        let branches = store.branches(place)?;
        let healed = branches.healed();
        for failure in &healed.failures {
            crate::output::warn(&format!("what a killed process left could not be removed: {failure}"));
        }
        for name in healed.expired.iter().chain(&healed.ownerless) {
            journal::deleted(self, name.as_str());
        }
        Ok(branches)
    }

    /// The snapshot to branch from: the one that is named, else the configuration's, else the only ref.
    pub fn from(&self, store: &Store, named: Option<&str>) -> Result<String, Failure> {
        let said = named.map(str::to_owned).or_else(surroundings::from);
        match said.or(self.config()?.branch.from) {
            Some(from) => Ok(from),
            None => Ok(store.only_ref()?),
        }
    }

    /// How long a branch is kept: as long as was said, else as the configuration says.
    pub fn ttl(&self, said: Option<Duration>) -> Result<Option<Duration>, Failure> {
        Ok(said.or(self.config()?.branch.ttl))
    }

    /// A control that shows progress and that Ctrl-C cancels.
    pub fn control(&self) -> Control {
        let control = self.control_without_signals();
        interrupt::cancels(&control);
        control
    }

    /// A control that shows progress, for who handles signals.
    pub fn control_without_signals(&self) -> Control {
        let shows = !self.globals.quiet && self.globals.verbose == 0;
        Control::new(progress::watcher(shows))
    }

    /// The arguments by which another process of this program means the same store.
    pub fn store_arguments(&self) -> Vec<OsString> {
        let pair =
            |(name, path): (&str, &Option<PathBuf>)| path.as_ref().map(|path| [OsString::from(name), path.into()]);
        let named = [("--store", &self.globals.store), ("--config", &self.globals.config)];
        named.into_iter().filter_map(pair).flatten().collect()
    }
}
