//! Why a server on this machine could not be had or used.
//!
//! Paths, ports, names of settings and lines in which a server says why it did not start are told; a value never.

use crate::error::Refusal;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// A folder of programs that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The folder.
    pub folder: PathBuf,
    /// The version that it holds, or why it cannot be used.
    pub found: Result<String, String>,
}

/// Why a server on this machine could not be had or used, by what the user can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// No server of the snapshot's major version.
    #[error(
        "the snapshot is of {product} {wanted}, and no server of version {series} was found ({}). {mend}",
        places(looked_at, candidates)
    )]
    NoServer {
        /// Whose server: `PostgreSQL`.
        product: &'static str,
        /// The snapshot's version.
        wanted: String,
        /// The part of it that must be the same.
        series: Box<str>,
        /// What was found instead, or is broken.
        candidates: Vec<Candidate>,
        /// Where it was looked.
        looked_at: Vec<PathBuf>,
        /// How to get one on this system.
        mend: Box<str>,
    },
    /// The programs that a record names cannot be run.
    #[error("there is no usable {product} server in {} any more: {why}. Install it again, or build the image anew", programs.display())]
    Gone {
        /// Whose server.
        product: &'static str,
        /// Where they were.
        programs: PathBuf,
        /// What happened instead.
        why: String,
    },
    /// A program of the system is missing.
    #[error("the program {name} was not found; servers are started with it. {mend}")]
    NoProgram {
        /// Its name.
        name: &'static str,
        /// How to get it.
        mend: &'static str,
    },
    /// Root without anybody to run a server as.
    #[error(
        "servers refuse to run as root, and this machine has neither a user {user} nor nobody. Make one (useradd --system {user}), \
         or run offshoot as another user"
    )]
    NoOwner {
        /// Who servers of this kind run as.
        user: &'static str,
    },
    /// The snapshot's locale is not on this machine.
    #[error(
        "the snapshot's database has the {provider} locale \"{locale}\" in {encoding}, which this machine does not have. {mend}"
    )]
    NoLocale {
        /// `libc`, `icu` or `builtin`.
        provider: String,
        /// Its name.
        locale: String,
        /// The encoding.
        encoding: String,
        /// How to get it.
        mend: &'static str,
    },
    /// A program of the server ran and failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it wrote.
        message: String,
    },
    /// Another program has the port.
    #[error("port {port} on this machine's loopback address is in use by another program. Choose another port")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// A server runs on the data directory already.
    #[error("a server runs on {} already{}. Stop it first", data.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Runs {
        /// The data directory.
        data: PathBuf,
        /// Its first process, where that can be seen.
        pid: Option<u32>,
    },
    /// The server ended while it was started.
    #[error("the server did not start on {}: {}", data.display(), if said.is_empty() { "it left no reason in its log" } else { said })]
    NotStarted {
        /// The data directory.
        data: PathBuf,
        /// Its last words.
        said: String,
    },
    /// The server gave no answer in time.
    #[error("the server on {} did not answer a query within {seconds} s, and was stopped. See its log, {}", data.display(), log.display())]
    Slow {
        /// The data directory.
        data: PathBuf,
        /// Its log.
        log: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The data directory is of another version.
    #[error("the data directory {} is of {product} {found}, and the server in use is {server}. Build it anew", data.display())]
    OtherMajor {
        /// Whose server.
        product: &'static str,
        /// The data directory.
        data: PathBuf,
        /// Its version.
        found: String,
        /// The server's.
        server: String,
    },
    /// A folder is not as servers need it.
    #[error("{} {why}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and how to mend it.
        why: String,
    },
    /// The system has a limit for the names of sockets.
    #[error(
        "the socket {} would have a name of {} bytes, and this system takes {bytes_max}. Use a shorter folder (OFFSHOOT_RUNTIME)",
        path.display(), path.as_os_str().len()
    )]
    SocketPath {
        /// The socket.
        path: PathBuf,
        /// The limit.
        bytes_max: usize,
    },
    /// The kernel gives no network of its own.
    #[error(
        "the server could not be put into a network of its own: {why}. Unprivileged user namespaces may be turned off \
         (kernel.unprivileged_userns_clone, AppArmor, a container); start it without isolation, or as root"
    )]
    NotIsolated {
        /// What the system said.
        why: String,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full. Free some space, or grow the pool", path.display())]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
    },
    /// A server that could not be ended.
    #[error("processes of the server on {} could not be ended: {}", data.display(), pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    NotStopped {
        /// The data directory.
        data: PathBuf,
        /// What still runs, as far as it can be seen.
        pids: Vec<u32>,
    },
    /// An orderly stop that was none.
    #[error("the server on {} ended, but not in order: its data directory is as after a crash, and is no image. Try again", data.display())]
    NotOrderly {
        /// The data directory.
        data: PathBuf,
    },
    /// A setting that a branch cannot have.
    #[error("the setting \"{name}\" {why}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The role that a branch's user was to be is not there.
    #[error("there is no role \"{role}\" in the branch. Name one of the snapshot's roles, or none for the superuser")]
    NoRole {
        /// Its name.
        role: String,
    },
    /// A script of the team's own failed.
    #[error("{name}, line {line} (statement {statement}): {refusal}")]
    Script {
        /// The file.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// The statement's number, counted from 1.
        statement: usize,
        /// The server's answer.
        refusal: Refusal,
    },
    /// A script that is no SQL.
    #[error("{name}, line {line}: {why}")]
    NotSql {
        /// The file.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("{operation} {} failed", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl LocalError {
    /// Of the system's answer, for `map_err`. A full disk is told apart.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { operation, path, source },
        }
    }
}

impl From<LocalError> for offshoot_core::CoreError {
    fn from(error: LocalError) -> Self {
        crate::EngineError::from(error).into()
    }
}

fn places(folders: &[PathBuf], candidates: &[Candidate]) -> String {
    let mut text = String::from("looked in ");
    for (at, folder) in folders.iter().enumerate() {
        let _ = write!(text, "{}{}", if at == 0 { "" } else { ", " }, folder.display());
    }
    for candidate in candidates {
        let _ = match &candidate.found {
            Ok(version) => write!(text, "; {} is {version}", candidate.folder.display()),
            Err(why) => write!(text, "; {} is broken: {why}", candidate.folder.display()),
        };
    }
    text
}
