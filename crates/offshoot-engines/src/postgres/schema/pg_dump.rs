//! The program pg_dump: which one, how it is run, and what its failure means.
//!
//! It takes ACCESS SHARE locks of its own. Behind a schema change that is queued on a lock of the capture it would wait
//! for ever, in a deadlock that the server cannot see: so it waits a little and the whole capture is tried again.

use crate::error::{EngineError, Result};
use crate::postgres::capture::options::CaptureOptions;
use crate::postgres::capture::stop::Stop;
use crate::postgres::session::Version;
use offshoot_core::CoreError;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a running pg_dump is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How much of its error output is read.
const ERROR_BYTES_MAX: u64 = 64 << 10;
/// How much of a message is shown.
const MESSAGE_CHARS_MAX: usize = 300;

/// A pg_dump that can read the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgDump {
    path: PathBuf,
    /// Its major and minor version.
    version: (u32, u32),
}

/// What it reads.
#[derive(Debug, Clone, Copy)]
pub struct Dumped<'d> {
    /// Variables that lead it to the server.
    pub environment: &'d [(&'static str, OsString)],
    /// What its session is called on the server.
    pub name: &'d str,
    /// The server's version.
    pub version: Version,
    /// The exported snapshot that it joins.
    pub snapshot: &'d str,
}

impl PgDump {
    /// The first of the candidates that is at least as new as the server.
    ///
    /// # Errors
    /// `NoPgDump`, with the newest that was found.
    pub fn find(candidates: &[PathBuf], server: Version) -> Result<Self> {
        let mut newest: Option<Self> = None;
        for path in candidates {
            let Some(version) = version_of(path) else { continue };
            let found = Self { path: path.clone(), version };
            if version.0 >= server.major() {
                return Ok(found);
            }
            if newest.as_ref().is_none_or(|newest| newest.version < version) {
                newest = Some(found);
            }
        }
        let why = match newest {
            Some(found) => format!(
                "the schema of a server of version {server} cannot be read by pg_dump {}.{} ({})",
                found.version.0,
                found.version.1,
                found.path.display()
            ),
            None => "the program pg_dump was not found; it reads the schema".to_owned(),
        };
        Err(EngineError::NoPgDump { why, wanted: server })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it, and gives what it wrote.
    ///
    /// # Errors
    /// `PgDump` with its first error line; `SchemaTooLarge`; that the capture is given up.
    pub fn run(&self, source: &Dumped<'_>, options: &CaptureOptions, stop: &Stop) -> Result<String, CoreError> {
        let io = |source| EngineError::Io { operation: "running pg_dump", source };
        let mut child = self.command(source, options).spawn().map_err(io)?;
        let (out, errors) = (child.stdout.take(), child.stderr.take());
        let limit = options.schema_bytes_max;
        std::thread::scope(|scope| {
            let out = scope.spawn(move || read_up_to(out, limit + 1));
            let errors = scope.spawn(move || read_up_to(errors, ERROR_BYTES_MAX));
            let status = wait(&mut child, stop, || out.is_finished());
            let text = out.join().unwrap_or_default();
            if text.len() as u64 > limit {
                end(&mut child);
                return Err(EngineError::SchemaTooLarge { max_bytes: limit }.into());
            }
            let errors = errors.join().unwrap_or_default();
            if !status?.success() {
                return Err(failure(&String::from_utf8_lossy(&errors)).into());
            }
            String::from_utf8(text).map_err(|_| {
                let message = "the schema holds text that is not in the database's encoding".to_owned();
                EngineError::PgDump { message, retryable: false }.into()
            })
        })
    }

    fn command(&self, source: &Dumped<'_>, options: &CaptureOptions) -> Command {
        let Dumped { environment, name, version, snapshot } = source;
        let mut command = Command::new(&self.path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Packaged pg_dumps can be scripts that look for their interpreter.
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("HOME", "/nonexistent");
        command.envs(environment.iter().map(|(variable, value)| (variable, value))).env("PGAPPNAME", name);
        command.args(["--schema-only", "--no-password", "--encoding=UTF8", "--no-publications", "--no-subscriptions"]);
        command.args(["--no-tablespaces", "--no-security-labels"]);
        command.arg(format!("--snapshot={snapshot}"));
        let wait = options.lock_wait.clamp(Duration::from_millis(1), Duration::from_secs(2));
        command.arg(format!("--lock-wait-timeout={}", wait.as_millis()));
        if self.has_restrict() {
            command.arg("--restrict-key=offshoot");
        }
        if self.version.0 >= 18 {
            command.arg("--no-statistics");
        }
        tracing::debug!(program = %self.path.display(), server = %version, "running pg_dump");
        command
    }

    /// Whether it knows `--restrict-key`, which came with minor versions.
    fn has_restrict(&self) -> bool {
        let (major, minor) = self.version;
        let since = [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)];
        major >= 18 || since.iter().any(|&(of, first)| of == major && minor >= first)
    }
}

/// `pg_dump (PostgreSQL) 15.18 (Debian ...)`.
fn version_of(path: &Path) -> Option<(u32, u32)> {
    let output = Command::new(path)
        .arg("--version")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = number.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next().and_then(|part| part.parse().ok()).unwrap_or(0)))
}

fn read_up_to(from: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error is judged with the exit status.
        let _ = from.take(limit).read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the end, or makes one when the capture is given up or nobody reads its output any more.
fn wait(child: &mut Child, stop: &Stop, is_read: impl Fn() -> bool) -> Result<std::process::ExitStatus, CoreError> {
    let mut polls_after_read = 0;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(source) => return Err(EngineError::Io { operation: "waiting for pg_dump", source }.into()),
        }
        if let Err(stopped) = stop.check() {
            end(child);
            return Err(stopped);
        }
        // It writes until the end, so that an output that is closed or over its limit ends soon, or by force.
        polls_after_read += u32::from(is_read());
        if polls_after_read > 1000 {
            end(child);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

/// What its error output means. Only the first error line is kept: what follows quotes statements.
fn failure(errors: &str) -> EngineError {
    let line =
        errors.lines().find(|line| line.contains("error:")).or_else(|| errors.lines().next()).unwrap_or_default();
    let line = line.split_once("error: ").map_or(line, |(_, message)| message);
    let passing = [
        "statement timeout",
        "lock timeout",
        "could not obtain lock",
        "conflict with recovery",
        "terminating connection",
        "server closed the connection",
        "connection to server",
        // A connection that is lost under TLS, or in the middle of what is sent.
        "SSL SYSCALL error",
        "SSL error",
        "SSL connection has been closed",
        "could not receive data from server",
        "could not send data to server",
        // No server refuses this one: it is lost while it is told.
        "invalid client encoding \"UTF8\"",
        "could not open relation with OID",
        "cache lookup failed",
        // What it had listed was renamed: nothing keeps a schema, a type or a function as a lock keeps a table.
        "\" does not exist",
        "the database system is",
        "too many clients",
    ];
    let retryable = passing.iter().any(|words| errors.contains(words));
    let message: String =
        line.escape_debug().to_string().replace("\\\"", "\"").chars().take(MESSAGE_CHARS_MAX).collect();
    EngineError::PgDump { message, retryable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_what_they_know() {
        assert_eq!(parse_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(parse_version("pg_dump (PostgreSQL) 19devel"), Some((19, 0)));
        let of = |version| PgDump { path: PathBuf::new(), version };
        assert!(of((15, 14)).has_restrict() && of((18, 0)).has_restrict() && !of((16, 9)).has_restrict());
    }

    #[test]
    fn the_first_error_line_counts() {
        let errors = "pg_dump: warning: x\npg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\npg_dump: detail: Query was: LOCK TABLE secret\n";
        let EngineError::PgDump { message, retryable } = failure(errors) else { panic!() };
        assert!(retryable && message.starts_with("query failed") && !message.contains("secret"));
    }

    #[test]
    fn lost_connections_are_passing() {
        for said in [
            "query failed: SSL SYSCALL error: EOF detected",
            "query failed: server closed the connection unexpectedly",
            "query failed: SSL connection has been closed unexpectedly",
            "query failed: could not receive data from server: Connection reset by peer",
            "invalid client encoding \"UTF8\" specified",
            "query failed: ERROR:  schema \"a\" does not exist",
        ] {
            let error = failure(&format!("pg_dump: error: {said}\npg_dump: detail: Query was: SELECT 1\n"));
            assert!(matches!(error, EngineError::PgDump { retryable: true, .. }), "{said}");
        }
        let error = failure("pg_dump: error: query failed: ERROR:  permission denied for table t\n");
        assert!(matches!(error, EngineError::PgDump { retryable: false, .. }));
    }

    #[test]
    fn nothing_found_is_said_so() {
        let error = PgDump::find(&[PathBuf::from("/nonexistent/pg_dump")], Version(150_000)).unwrap_err();
        assert!(error.to_string().contains("was not found"));
    }
}
