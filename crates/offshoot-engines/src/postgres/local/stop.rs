//! Stopping a server, and whether it ended in order.

use super::error::LocalError;
use super::files;
use super::owner::Owner;
use super::process::postmaster;
use super::segment;
use crate::local::stop::{AT_ONCE_PATIENCE, ORDERLY_PATIENCE, end};
use offshoot_restore::server::Stop;
use rustix::process::Signal;
use std::io::Read;
use std::path::Path;

/// Where `pg_control` says what state the data directory is in, since long before version 12: after two words of 64 and 32
/// bits and another of 32 (`ControlFileData`). A server that was stopped in order leaves 1, a standby 2.
const STATE_OFFSET: usize = 16;
const SHUT_DOWN: [i32; 2] = [1, 2];

/// Stops the server of a data directory.
pub(super) fn stop(data: &Path, how: Stop, owner: Owner) -> Result<(), LocalError> {
    let (signal, patience) = match how {
        Stop::Orderly => (Signal::INT, ORDERLY_PATIENCE),
        Stop::AtOnce => (Signal::QUIT, AT_ONCE_PATIENCE),
    };
    let has_run = end(data, owner, signal, patience, |is_held| Some(postmaster(data, owner, is_held)?.pid))?;
    segment::remove(data, owner);
    if how == Stop::Orderly && has_run && !is_shut_down(data)? {
        return Err(LocalError::NotOrderly { data: data.to_path_buf() });
    }
    Ok(())
}

/// Whether the data directory is as a server leaves it that was stopped in order.
fn is_shut_down(data: &Path) -> Result<bool, LocalError> {
    let path = data.join("global/pg_control");
    let mut head = [0; STATE_OFFSET + 4];
    files::open(&path).and_then(|mut file| file.read_exact(&mut head)).map_err(LocalError::io("reading", &path))?;
    let state = head.last_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes));
    Ok(state.is_some_and(|state| SHUT_DOWN.contains(&state)))
}
