//! Ending a server, and waiting until all its processes have ended.
//!
//! An orderly stop sends its sessions home and writes everything; it may take as long as writing takes. What does not end
//! is ended by force after a limit, so that no caller waits for ever.

use super::error::LocalError;
use super::hold::Look;
use super::owner::Owner;
use super::process::{all, signal};
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long writing everything may take.
pub(crate) const ORDERLY_PATIENCE: Duration = Duration::from_secs(300);
/// How long ending at once may.
pub(crate) const AT_ONCE_PATIENCE: Duration = Duration::from_secs(10);
/// How long the kernel may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Tells the first process of a server to end, waits for all of them, and ends by force what is left. Says whether there
/// was a server. `first` finds that process, told whether the lock is held.
pub(crate) fn end(
    data: &Path,
    owner: Owner,
    how: Signal,
    patience: Duration,
    first: impl Fn(bool) -> Option<u32>,
) -> Result<bool, LocalError> {
    let look = Look::at(data);
    let began = Instant::now();
    let mut told = None;
    while began.elapsed() < patience {
        let is_held = look.is_held();
        match first(is_held) {
            Some(pid) if told != Some(pid) => {
                signal(pid, how);
                told = Some(pid);
            }
            Some(_) => {}
            None if !is_held => return Ok(told.is_some()),
            // Its first process is gone, and what it left does not end by itself; or it has not written who it is yet.
            None if began.elapsed() > AT_ONCE_PATIENCE => break,
            None => {}
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    kill_all(data, owner, &look, told)?;
    Ok(told.is_some())
}

/// Ends all processes by force.
pub(crate) fn kill_all(data: &Path, owner: Owner, look: &Look, claimed: Option<u32>) -> Result<(), LocalError> {
    let began = Instant::now();
    loop {
        let pids = all(data, owner, claimed);
        if pids.is_empty() && !look.is_held() {
            return Ok(());
        }
        if began.elapsed() > KILL_PATIENCE {
            return Err(LocalError::NotStopped { data: data.to_path_buf(), pids });
        }
        pids.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        std::thread::sleep(POLL_INTERVAL);
    }
}
