//! The first process of a server, as its own file names it: a claim, which is checked ([`crate::local::process`]).

use super::error::LocalError;
use super::files;
use super::hold::Look;
use super::owner::Owner;
use super::pid_file::{self, PidFile};
use crate::local::process::{has_proc, is_of_server};
use offshoot_restore::server::Running;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server that is being launched may take until it says who it is.
const LAUNCH_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LAUNCH_INTERVAL: Duration = Duration::from_millis(1);

/// The server that runs on a data directory, if one does.
pub(super) fn running(data: &Path, owner: Owner) -> Option<Running> {
    let look = Look::at(data);
    let began = Instant::now();
    loop {
        // Before the file is read, so that a server that ends in between is not missed.
        let is_held = look.is_held();
        if let Some(found) = postmaster(data, owner, is_held) {
            return Some(Running { pid: found.pid, port: found.port, is_ending: found.is_ending });
        }
        // One that is being launched holds the lock before it has written its file.
        if !is_held || began.elapsed() > LAUNCH_PATIENCE {
            return None;
        }
        std::thread::sleep(LAUNCH_INTERVAL);
    }
}

/// What the first process of the server says of itself, if it lives.
pub(super) fn postmaster(data: &Path, owner: Owner, is_held: bool) -> Option<PidFile> {
    PidFile::read(data).filter(|found| if has_proc() { is_of_server(found.pid, data, owner) } else { is_held })
}

/// Removes what a killed server left to say who it was: beside the data, and beside its socket. Only for who has the lock,
/// and has seen that none runs: a server that starts asks for no more than whether its predecessor's number is somebody's,
/// and that can be anybody's, or of one that is over and was not collected.
pub(super) fn forget_dead(data: &Path, socket: &Path, owner: Owner) -> Result<(), LocalError> {
    // Where processes cannot be looked at, the server may know more.
    if !has_proc() {
        return Ok(());
    }
    remove(&data.join(pid_file::FILE))?;
    let mut lock = socket.as_os_str().to_owned();
    lock.push(".lock");
    let lock = PathBuf::from(lock);
    // It names a data directory, which is another one when sites were mixed up: then its server goes on.
    let text = files::read(&lock).unwrap_or_default();
    let mut lines = text.lines();
    let (pid, folder) = (lines.next().and_then(|line| line.trim().parse().ok()), lines.next().map(Path::new));
    match (pid, folder) {
        (Some(pid), Some(folder)) if is_of_server(pid, folder, owner) => Ok(()),
        _ => remove(&lock),
    }
}

fn remove(path: &Path) -> Result<(), LocalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LocalError::io("removing", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::process::all;
    use crate::postgres::local::USER;

    /// This process has a number that a file can name, and works elsewhere.
    #[test]
    fn another_process_is_not_taken_for_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::of_this_process(USER).unwrap();
        let claim = format!("{}\n{}\n1\n5432\n/\n127.0.0.1\n\nready\n", std::process::id(), dir.path().display());
        fs::write(dir.path().join("postmaster.pid"), claim).unwrap();
        assert_eq!(running(dir.path(), owner), None);
        assert!(all(dir.path(), owner, None).is_empty());
    }
}
