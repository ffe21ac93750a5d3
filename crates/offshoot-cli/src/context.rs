//! What a command has around it: the store that is meant, the connection strings' environment, the controls.

use crate::args::Globals;
use crate::failure::Failure;
use crate::output::Style;
use crate::{config, interrupt, progress, surroundings};
use offshoot::{Connection, Control, Store};
use std::path::PathBuf;

/// What a command has around it.
pub struct Context {
    /// Options of all commands.
    pub globals: Globals,
    /// How stdout may be dressed.
    pub style: Style,
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
            None => config::store_path(self.globals.config.as_deref())?,
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

    /// A control that shows progress and that Ctrl-C cancels.
    pub fn control(&self) -> Control {
        let shows = !self.globals.quiet && self.globals.verbose == 0;
        let control = Control::new(progress::watcher(shows));
        interrupt::cancels(&control);
        control
    }
}
