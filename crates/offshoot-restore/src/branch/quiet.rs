//! A moment in which nobody works: what is left to the background would be in the way of the next command.
//!
//! Each command that leaves something there starts a process for it. Of these one waits until no other has come for a moment,
//! or until it has waited long enough; the others leave it to that one.

use super::{BranchError, Branches, Result, try_lock};
use offshoot_core::Control;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How long nobody has to come.
const QUIET: Duration = Duration::from_millis(500);
/// How long is waited for that at most: what waits takes up room, and is not on the disk.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How often it is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

impl Branches {
    /// Waits for a quiet moment. False if another process waits for it already, and does what there is to do.
    ///
    /// # Errors
    /// If the folder that says so cannot be made; `Cancelled`.
    pub fn wait_for_quiet(&self, control: &Control) -> Result<bool> {
        let folder = self.home.tending()?;
        let came = |source| BranchError::io("touching", &folder)(source);
        // Who waits sees that somebody came.
        File::open(&folder).and_then(|opened| opened.set_modified(SystemTime::now())).map_err(came)?;
        let Some(_waiting) = try_lock(&folder)? else { return Ok(false) };
        let began = Instant::now();
        while began.elapsed() < WAIT_MAX && since_somebody_came(&folder) < QUIET {
            control.check()?;
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(true)
    }
}

fn since_somebody_came(folder: &Path) -> Duration {
    // A clock that was put back, or a folder that is gone, is no reason to wait.
    let came = std::fs::metadata(folder).and_then(|found| found.modified());
    came.ok().and_then(|came| came.elapsed().ok()).unwrap_or(QUIET)
}
