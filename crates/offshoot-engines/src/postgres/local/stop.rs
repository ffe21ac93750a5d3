//! Stopping a server, and waiting until all its processes have ended.
//!
//! An orderly stop sends its sessions home and writes everything; it may take as long as writing takes. What does not end
//! is ended by force after a limit, so that no caller waits for ever, and then an orderly stop has failed.

use super::error::LocalError;
use super::hold::Look;
use super::owner::Owner;
use super::process::{all, postmaster, signal};
use super::segment;
use offshoot_restore::server::Stop;
use rustix::process::Signal;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long writing everything may take.
const ORDERLY_PATIENCE: Duration = Duration::from_secs(300);
/// How long ending at once may.
const AT_ONCE_PATIENCE: Duration = Duration::from_secs(10);
/// How long the kernel may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Where `pg_control` says what state the data directory is in, since long before version 12: after two words of 64 and 32
/// bits and another of 32 (`ControlFileData`). A server that was stopped in order leaves 1, a standby 2.
const STATE_OFFSET: usize = 16;
const SHUT_DOWN: [i32; 2] = [1, 2];

/// Stops the server of a data directory.
pub(super) fn stop(data: &Path, how: Stop, owner: Owner) -> Result<(), LocalError> {
    let look = Look::at(data);
    let began = Instant::now();
    let (how_signal, patience) = match how {
        Stop::Orderly => (Signal::INT, ORDERLY_PATIENCE),
        Stop::AtOnce => (Signal::QUIT, AT_ONCE_PATIENCE),
    };
    let mut told = None;
    let mut has_run = false;
    while began.elapsed() < patience {
        let is_held = look.is_held();
        let server = postmaster(data, owner, is_held).map(|found| found.pid);
        match server {
            Some(pid) if told != Some(pid) => {
                has_run = true;
                signal(pid, how_signal);
                told = Some(pid);
            }
            Some(_) => {}
            None if !is_held => {
                segment::remove(data, owner);
                return ended(data, how, has_run);
            }
            // Its first process is gone, and what it left does not end by itself; or it has not written who it is yet.
            None if began.elapsed() > AT_ONCE_PATIENCE => break,
            None => {}
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    kill_all(data, owner, &look)?;
    segment::remove(data, owner);
    ended(data, how, has_run)
}

/// Ends all processes by force.
fn kill_all(data: &Path, owner: Owner, look: &Look) -> Result<(), LocalError> {
    let began = Instant::now();
    loop {
        let pids = all(data, owner);
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

fn ended(data: &Path, how: Stop, has_run: bool) -> Result<(), LocalError> {
    if how == Stop::Orderly && has_run && !is_shut_down(data)? {
        return Err(LocalError::NotOrderly { data: data.to_path_buf() });
    }
    Ok(())
}

/// Whether the data directory is as a server leaves it that was stopped in order.
fn is_shut_down(data: &Path) -> Result<bool, LocalError> {
    let path = data.join("global/pg_control");
    let mut head = [0; STATE_OFFSET + 4];
    File::open(&path).and_then(|mut file| file.read_exact(&mut head)).map_err(LocalError::io("reading", &path))?;
    let state = head.last_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes));
    Ok(state.is_some_and(|state| SHUT_DOWN.contains(&state)))
}
