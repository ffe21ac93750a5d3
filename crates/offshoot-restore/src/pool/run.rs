//! Running the commands of a plan.

use super::error::{PoolError, Result};
use super::{Plan, Pool, Step};
use crate::program;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// How commands of root can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rights {
    /// This is root.
    Root,
    /// sudo asks for no password.
    Sudo,
    /// Somebody else has to.
    None,
}

impl Rights {
    /// What this process can do.
    #[must_use]
    pub fn find() -> Self {
        if rustix::process::geteuid().is_root() {
            return Self::Root;
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if sudo.status().is_ok_and(|status| status.success()) { Self::Sudo } else { Self::None }
    }
}

/// Keeps other processes from working on a pool while what is there is looked at and changed; it ends with the process.
pub(super) struct Lock(OwnedFd);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a program that another thread is starting has the folder open until it is loaded.
        let _unlocked = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Takes the lock, or says that somebody has it.
pub(super) fn lock(pool: &Pool) -> Result<Lock> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let locked = rustix::fs::open(&pool.folder, flags, Mode::empty())
        .and_then(|folder| rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).map(|()| folder));
    locked.map(Lock).map_err(|errno| match errno {
        rustix::io::Errno::WOULDBLOCK => PoolError::Busy { folder: pool.folder.clone() },
        errno => PoolError::of("locking", &pool.folder)(errno.into()),
    })
}

/// Runs the commands one after the other, up to the first that fails.
pub(super) fn carry_out(plan: &Plan, rights: Rights) -> Result<()> {
    if !plan.is_empty() && rights == Rights::None {
        return Err(PoolError::NeedsRoot { commands: plan.commands() });
    }
    plan.steps().iter().try_for_each(|step| run(step, rights))
}

fn run(step: &Step, rights: Rights) -> Result<()> {
    let Some((program, arguments)) = step.words.split_first() else { return Ok(()) };
    let mut command = match rights {
        Rights::Root => Command::new(program::find(program).unwrap_or_else(|| program.into())),
        // sudo has a search path of its own.
        _ => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "--", program]);
            sudo
        }
    };
    command.args(arguments).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    tracing::debug!(command = %step, why = step.why, "pool");
    let failed = |said: String| PoolError::Command { command: step.to_string(), said };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(if said.is_empty() { output.status.to_string() } else { said }))
}
