//! Talking to a throwaway server through psql and its addresses.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Binaries, PostgresError, Server};
use crate::program::{self, percent_encoded, plain};

/// What loading a script whose errors are expected came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// The lines of psql's standard error that report an error.
    pub errors: Vec<String>,
}

impl Server {
    /// The address over TCP, as user postgres, without a password.
    #[must_use]
    pub fn url(&self, db: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{}", self.port(), percent_encoded(db))
    }

    /// The address over the unix socket, as user postgres.
    #[must_use]
    pub fn socket_url(&self, db: &str) -> String {
        let dir = self.socket_dir().to_string_lossy();
        format!("postgresql://postgres@{}:{}/{}", percent_encoded(&dir), self.port(), percent_encoded(db))
    }

    /// Runs SQL with psql and gives its rows, unaligned, fields split by `|`; panics when any statement fails.
    #[track_caller]
    pub fn psql(&self, db: &str, sql: &str) -> String {
        match self.try_psql(db, sql) {
            Ok(text) => text,
            Err(error) => panic!("{error}\nin: {}", sql.chars().take(2000).collect::<String>()),
        }
    }

    /// As [`Server::psql`], with the failure as a value.
    pub fn try_psql(&self, db: &str, sql: &str) -> Result<String, PostgresError> {
        let mut command = self.psql_command(db);
        command.args(["-v", "ON_ERROR_STOP=1", "-f", "-"]).stdin(Stdio::piped());
        text_of(run_with_input(command, sql.as_bytes())?)
    }

    /// Runs a script file with psql; the first error stops it and panics.
    #[track_caller]
    pub fn psql_file(&self, db: &str, script: &Path) -> String {
        let mut command = self.psql_command(db);
        command.args(["-v", "ON_ERROR_STOP=1", "-f"]).arg(script);
        match run_with_input(command, &[]).and_then(text_of) {
            Ok(text) => text,
            Err(error) => panic!("{error}\nin: {}", script.display()),
        }
    }

    /// Runs a script file with psql to its end, whatever fails in it.
    #[track_caller]
    pub fn load_file(&self, db: &str, script: &Path) -> Loaded {
        self.load(db, script, &[])
    }

    /// Runs a script with psql to its end, whatever fails in it.
    #[track_caller]
    pub fn load_text(&self, db: &str, script: &str) -> Loaded {
        self.load(db, Path::new("-"), script.as_bytes())
    }

    #[track_caller]
    fn load(&self, db: &str, script: &Path, input: &[u8]) -> Loaded {
        let mut command = self.psql_command(db);
        command.args(["-v", "ON_ERROR_STOP=0", "-f"]).arg(script);
        let output = match run_with_input(command, input) {
            Ok(output) => output,
            Err(error) => panic!("{error}\nin: {}", script.display()),
        };
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_error =
            |line: &&str| line.contains("ERROR:") || line.contains("FATAL:") || line.starts_with("psql: error");
        Loaded { errors: stderr.lines().filter(is_error).map(str::to_owned).collect() }
    }

    /// Makes a database; `extra` is what follows in CREATE DATABASE, such as `ENCODING 'LATIN1' TEMPLATE template0`.
    #[track_caller]
    pub fn createdb(&self, name: &str, extra: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {} {extra}", quoted(name)));
    }

    /// Removes a database, throwing out whoever is connected to it.
    #[track_caller]
    pub fn dropdb(&self, name: &str) {
        let literal = name.replace('\'', "''");
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{literal}';");
        self.psql("postgres", &format!("{end}\nDROP DATABASE IF EXISTS {};", quoted(name)));
    }

    /// Makes an empty database with a name that no other test uses, and gives the name.
    #[must_use]
    #[track_caller]
    pub fn fresh_db(&self, prefix: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{prefix}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.createdb(&name, "TEMPLATE template0");
        name
    }

    /// What `pg_dump` of this server's version or newer writes of a database; panics when it fails.
    #[must_use]
    #[track_caller]
    pub fn pg_dump(&self, db: &str, arguments: &[&str]) -> String {
        self.pg_dump_by(self.binaries(), db, arguments)
    }

    /// The same by the pg_dump that fits other binaries, so that databases of two servers compare.
    #[must_use]
    #[track_caller]
    pub fn pg_dump_by(&self, binaries: &Binaries, db: &str, arguments: &[&str]) -> String {
        let dumped = binaries.pg_dump().and_then(|program| {
            let mut command = plain(&program);
            command.args(arguments).arg("--dbname").arg(self.socket_url(db));
            run_with_input(command, &[]).and_then(text_of)
        });
        match dumped {
            Ok(text) => text,
            Err(error) => panic!("{error}"),
        }
    }

    /// psql for `db`, quiet, without the user's own settings.
    pub(super) fn psql_command(&self, db: &str) -> Command {
        let mut command = plain(&self.binaries().psql());
        command.env("PGCLIENTENCODING", "UTF8").env("PGOPTIONS", "-c client_min_messages=warning");
        command.args(["-X", "-A", "-t", "-q", "-d"]).arg(self.socket_url(db));
        command
    }
}

fn run_with_input(command: Command, input: &[u8]) -> Result<Output, PostgresError> {
    let name = command.get_program().to_string_lossy().into_owned();
    program::run_with_input(command, input).map_err(PostgresError::io(format!("running {name}")))
}

fn text_of(output: Output) -> Result<String, PostgresError> {
    let failed = |output| PostgresError::Program { program: "the client program".to_owned(), output };
    program::text_of(output).map_err(failed)
}

/// An SQL identifier in quotes.
#[must_use]
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_survive_sql() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
