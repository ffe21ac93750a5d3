//! A command with a database branch of its own, which is gone when the command is.
//!
//! The command runs in the process group of whoever started it, so that a terminal's keys reach it as they would without
//! this: it may read, it is stopped and continued, and Ctrl-C is its own affair. What arrives from elsewhere is passed on.
//! Its exit code is what comes back.
//!
//! However the owner ends, the branch does. Another process holds the other end of a pipe ([`watch`]): that it is closed
//! without a word means that the owner was killed. Should both be killed, the branch is one whose owner is gone, which
//! whoever looks after branches deletes at the next command. The command itself is not ended when its owner is killed
//! outright: it finds its database gone.

mod signals;

pub use signals::ignored as ignored_signals;

use crate::error::{BranchError, ProjectError, Result};
use crate::{Access, DatabaseBranches, Owner, env};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use signals::Forwarding;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::SystemTime;

/// The exit code of a failure of our own, as `env`, `timeout` and others have it.
pub const FAILED: u8 = 125;
/// The exit code of a command that is there and cannot be run.
const NOT_RUNNABLE: u8 = 126;
/// The exit code of a command that is not there.
const NOT_FOUND: u8 = 127;
/// What is added to the number of a signal that ended a command.
const SIGNALLED: i32 = 128;

/// What to run, and with what.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions<'a> {
    /// The command and its arguments.
    pub command: &'a [OsString],
    /// The snapshot; none for the one that the configuration means.
    pub from: Option<&'a str>,
    /// A program and its arguments that call [`watch`] for the branch whose name is added to them; none where nobody watches.
    pub watcher: Option<(&'a Path, &'a [OsString])>,
}

/// What came of it.
#[derive(Debug)]
pub struct Finished {
    /// The branch that the command had.
    pub branch: String,
    /// The exit code.
    pub code: u8,
    /// Why the command could not be started, if so.
    pub refusal: Option<io::Error>,
    /// Why the branch could not be deleted, if so. The next command tries again.
    pub leftover: Option<BranchError>,
}

/// Runs a command with a branch of its own, and deletes that. A signal that comes before the command is started calls
/// `cancel`, which should make the creation of the branch end soon.
///
/// # Errors
/// [`ProjectError::Interrupted`] when a signal came before the command was started, and what kept the branch from being made.
pub fn run(
    options: RunOptions<'_>,
    branches: &dyn DatabaseBranches,
    cancel: impl Fn() + Send + 'static,
) -> Result<Finished> {
    let forwarding = Forwarding::start(cancel)?;
    let branch = new_name();
    let watcher =
        options.watcher.map(|(program, arguments)| Watcher::start(program, arguments, &branch)).transpose()?;
    let made = branches.create(&branch, options.from, Owner::Process);
    let made = made.and_then(|made| made.ok_or_else(|| format!("the name {branch} is taken").into()));
    let started = made
        .map_err(ProjectError::Branches)
        .and_then(|made| forwarding.spawn(&mut command(options.command, &made.access)));
    let ended = started.map(|child| child.map(|child| wait(child, &forwarding)));
    // A branch that is left over is tried again by the watcher, who is told nothing.
    let leftover = branches.delete(&branch, None).err();
    if let Some(watcher) = watcher.filter(|_| leftover.is_none()) {
        watcher.dismiss();
    }
    let (code, refusal) = match ended {
        Err(ProjectError::Branches(_)) if forwarding.signal().is_some() => {
            return Err(ProjectError::Interrupted { signal: forwarding.signal().unwrap_or_default() });
        }
        Err(error) => return Err(error),
        Ok(Err(refusal)) if refusal.kind() == io::ErrorKind::NotFound => (NOT_FOUND, Some(refusal)),
        Ok(Err(refusal)) => (NOT_RUNNABLE, Some(refusal)),
        Ok(Ok(code)) => (code, None),
    };
    Ok(Finished { branch, code, refusal, leftover })
}

/// The exit code of the whole.
#[must_use]
pub fn exit_code(outcome: &Result<Finished>) -> u8 {
    match outcome {
        Ok(finished) => finished.code,
        Err(ProjectError::Interrupted { signal }) => u8::try_from(SIGNALLED + signal).unwrap_or(FAILED),
        Err(_) => FAILED,
    }
}

/// The command with the variables of its branch, and without those that would lead elsewhere.
fn command(words: &[OsString], access: &Access) -> Command {
    let program = words.first().map_or(OsStr::new(""), OsString::as_os_str);
    let mut command = Command::new(program);
    command.args(words.iter().skip(1));
    env::lead(&mut command, access);
    command
}

/// Waits for the command. Returns its exit code.
fn wait(mut child: Child, forwarding: &Forwarding) -> u8 {
    // The command has ended but its number is still its own when forwarding stops: no signal goes astray.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let look = || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        while look().is_err_and(|error| error == rustix::io::Errno::INTR) {}
    }
    forwarding.stop();
    let Ok(status) = child.wait() else { return FAILED };
    let signalled = status.signal().map(|signal| SIGNALLED + signal);
    status.code().or(signalled).and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED)
}

/// A name that no other command has: no two processes have a number at one time.
fn new_name() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("run-{:x}-{:x}", std::process::id(), since.as_nanos() & 0xffff_ffff)
}

/// The process that deletes the branch if this one cannot.
struct Watcher {
    pipe: ChildStdin,
}

/// What a watcher that is not needed any more is told.
const ALL_IS_WELL: &[u8] = b".";

impl Watcher {
    fn start(program: &Path, arguments: &[OsString], branch: &str) -> Result<Self> {
        let mut command = Command::new(program);
        // In a group of its own, so that what ends the owner's group, such as Ctrl-C, does not end it.
        command
            .process_group(0)
            .args(arguments)
            .arg(branch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = command.spawn().and_then(|mut child| child.stdin.take().ok_or(io::ErrorKind::BrokenPipe.into()));
        Ok(Self { pipe: started.map_err(ProjectError::io("start", program))? })
    }

    fn dismiss(mut self) {
        // One that is gone needs not be told.
        let _ = self.pipe.write_all(ALL_IS_WELL);
    }
}

/// Waits, as the watcher that a run has started, until the owner says through `pipe` that all is well, or has ended without:
/// then `delete` is called.
///
/// # Errors
/// What `delete` fails with. The branch is then left to the next command.
pub fn watch(
    mut pipe: impl Read,
    delete: impl FnOnce() -> std::result::Result<(), BranchError>,
) -> std::result::Result<(), BranchError> {
    let mut told = Vec::new();
    // An error is an end as well: nothing more will come.
    let _ = pipe.read_to_end(&mut told);
    if told == ALL_IS_WELL { Ok(()) } else { delete() }
}
