//! Talking to a throwaway server through its client program and its addresses.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Family, MysqlError, Server};
use crate::program::{self, percent_encoded, plain};

/// What loading a script whose errors are expected came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// The lines of the client's standard error that report an error.
    pub errors: Vec<String>,
}

impl Server {
    /// The address over TCP, as root, without a password.
    #[must_use]
    pub fn url(&self, db: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{}", self.port(), percent_encoded(db))
    }

    /// The address over the unix socket, as root.
    #[must_use]
    pub fn socket_url(&self, db: &str) -> String {
        let socket = self.socket().to_string_lossy();
        format!("mysql://root@localhost/{}?socket={}", percent_encoded(db), percent_encoded(&socket))
    }

    /// Runs SQL with the client and gives its rows, fields split by tabs; panics when any statement fails. `db` may be
    /// empty. Tabs, newlines and backslashes in values come as `\t`, `\n`, `\\`, and NULL as `NULL`.
    #[track_caller]
    pub fn sql(&self, db: &str, sql: &str) -> String {
        match self.try_sql(db, sql) {
            Ok(text) => text,
            Err(error) => panic!("{error}\nin: {}", sql.chars().take(2000).collect::<String>()),
        }
    }

    /// As [`Server::sql`], with the failure as a value.
    pub fn try_sql(&self, db: &str, sql: &str) -> Result<String, MysqlError> {
        text_of(run_with_input(self.client_command(db), sql.as_bytes())?)
    }

    /// As [`Server::try_sql`], with a line of the columns' names before each result.
    pub fn try_sql_with_names(&self, db: &str, sql: &str) -> Result<String, MysqlError> {
        let mut command = self.client_command(db);
        command.arg("--column-names");
        text_of(run_with_input(command, sql.as_bytes())?)
    }

    /// Runs a script file to its end, whatever fails in it, under the lenient sql_mode that applications load theirs with.
    #[track_caller]
    pub fn load_file(&self, db: &str, script: &Path) -> Loaded {
        match std::fs::read(script) {
            Ok(text) => self.load(db, &text),
            Err(error) => panic!("reading {}: {error}", script.display()),
        }
    }

    /// The same for the text of a script.
    #[track_caller]
    pub fn load_text(&self, db: &str, script: &str) -> Loaded {
        self.load(db, script.as_bytes())
    }

    #[track_caller]
    fn load(&self, db: &str, script: &[u8]) -> Loaded {
        let mut command = self.client_command(db);
        // A comment before it would keep the client's own DELIMITER from being seen.
        command.args(["--force", "--skip-comments", "--init-command=SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'"]);
        let output = match run_with_input(command, script) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        Loaded { errors: stderr.lines().filter(|line| line.starts_with("ERROR")).map(str::to_owned).collect() }
    }

    /// Makes a database; `extra` is what follows in CREATE DATABASE, such as `CHARACTER SET latin1`.
    #[track_caller]
    pub fn createdb(&self, name: &str, extra: &str) {
        self.sql("", &format!("CREATE DATABASE {} {extra}", quoted(name)));
    }

    /// Removes a database, if it is there.
    #[track_caller]
    pub fn dropdb(&self, name: &str) {
        self.sql("", &format!("DROP DATABASE IF EXISTS {}", quoted(name)));
    }

    /// Makes an empty database in utf8mb4 with a name that no other test uses, and gives the name.
    #[must_use]
    #[track_caller]
    pub fn fresh_db(&self, prefix: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{prefix}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.createdb(&name, "CHARACTER SET utf8mb4");
        name
    }

    /// What the server's own program writes of a database as SQL; panics when it fails.
    #[must_use]
    #[track_caller]
    pub fn dump(&self, db: &str, arguments: &[&str]) -> String {
        let mut command = plain(&self.binaries().dump());
        self.say_where(&mut command);
        command.args(arguments).arg("--").arg(db);
        match run_with_input(command, &[]).and_then(text_of) {
            Ok(text) => text,
            Err(error) => panic!("{error}"),
        }
    }

    /// The client for `db`, quiet, without the user's own settings.
    pub(super) fn client_command(&self, db: &str) -> Command {
        let mut command = plain(&self.binaries().client());
        self.say_where(&mut command);
        command.args(["--batch", "--skip-column-names", "--comments"]);
        if !db.is_empty() {
            command.arg(format!("--database={db}"));
        }
        command
    }

    fn say_where(&self, command: &mut Command) {
        command.args(["--no-defaults", "--user=root", "--default-character-set=utf8mb4"]);
        let mut socket = std::ffi::OsString::from("--socket=");
        socket.push(self.socket());
        command.arg(socket);
        if self.binaries().family() == Family::MySql {
            command.arg("--ssl-mode=DISABLED");
        }
    }
}

fn run_with_input(command: Command, input: &[u8]) -> Result<Output, MysqlError> {
    let name = command.get_program().to_string_lossy().into_owned();
    program::run_with_input(command, input).map_err(MysqlError::io(format!("running {name}")))
}

fn text_of(output: Output) -> Result<String, MysqlError> {
    let failed = |output| MysqlError::Program { program: "the client program".to_owned(), output };
    program::text_of(output).map_err(failed)
}

/// An SQL identifier in quotes.
#[must_use]
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An SQL text in quotes, under any sql_mode.
#[must_use]
pub(super) fn literal(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    if digits.is_empty() { "''".to_owned() } else { format!("_utf8mb4 0x{digits}") }
}
