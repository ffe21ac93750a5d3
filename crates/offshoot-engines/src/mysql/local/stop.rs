//! Stopping a server, and whether it ended in order.

use super::claim::{first, is_shut_down};
use crate::local::LocalError;
use crate::local::owner::Owner;
use crate::local::stop::{AT_ONCE_PATIENCE, ORDERLY_PATIENCE, end};
use offshoot_restore::server::Stop;
use rustix::process::Signal;
use std::path::Path;

/// Stops the server of a data directory.
pub(super) fn stop(data: &Path, how: Stop, owner: Owner) -> Result<(), LocalError> {
    let (signal, patience) = match how {
        Stop::Orderly => (Signal::TERM, ORDERLY_PATIENCE),
        // It has no other process, and what it runs on is thrown away.
        Stop::AtOnce => (Signal::KILL, AT_ONCE_PATIENCE),
    };
    let has_run = end(data, owner, signal, patience, |is_held| first(data, owner, is_held))?;
    if how == Stop::Orderly && has_run && !is_shut_down(data) {
        return Err(LocalError::NotOrderly { data: data.to_path_buf() });
    }
    Ok(())
}
