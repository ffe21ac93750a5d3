//! The mark of a server that lives: a lock on a file in its data directory, which all its processes hold.
//!
//! The file is the server's standard input (empty, as it should be), or another descriptor that it inherits. The lock belongs to the open file, so that it is handed
//! on to every process that the server starts, from the first program of the launch on, and is free exactly when the last
//! of them has ended, whatever ended it. A number of a process can be that of another one by now; this cannot.
//!
//! Who only looks takes the lock for a moment; so who wants it tries more than once.

use super::error::LocalError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The descriptors that a server has it at: its input, or, where a server closes that one, the ninth.
pub(crate) const DESCRIPTORS: [u32; 2] = [0, 9];

/// The file's name within a data directory.
pub(crate) const FILE: &str = "offshoot.lock";

/// How often, and how long apart, the lock is tried by who wants to keep it.
const TRIES: u32 = 20;
const TRY_INTERVAL: Duration = Duration::from_millis(1);

/// The file of a data directory.
pub(crate) fn path_in(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Takes the lock, for a server to be started with it as its input. None if a server has it.
pub(crate) fn take(data: &Path) -> Result<Option<File>, LocalError> {
    let path = path_in(data);
    let file = open(&path, true).map_err(LocalError::io("opening", &path))?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(TRY_INTERVAL),
            Err(errno) => return Err(LocalError::io("locking", &path)(errno.into())),
        }
    }
    Ok(None)
}

/// Looks at the lock without keeping it.
#[derive(Debug)]
pub(crate) struct Look(Option<File>);

impl Look {
    /// At the lock of a data directory; one that never had a server of ours has none.
    pub(crate) fn at(data: &Path) -> Self {
        Self(open(&path_in(data), false).ok())
    }

    /// Whether some process of a server lives.
    pub(crate) fn is_held(&self) -> bool {
        let Some(file) = &self.0 else { return false };
        match flock(file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                // It is free again when the file is closed, at the latest.
                let _ = flock(file, FlockOperation::Unlock);
                false
            }
            Err(_) => true,
        }
    }
}

/// Never through a link: what is in the folder belongs to whoever the server runs as.
fn open(path: &Path, create: bool) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let mut options = OpenOptions::new();
    options.read(true).mode(0o600).custom_flags(i32::try_from(flags).unwrap_or(0));
    if create {
        // Made if it is missing; never written.
        options.write(true).create(true);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn it_is_held_as_long_as_any_process_has_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!Look::at(dir.path()).is_held());
        let file = take(dir.path()).unwrap().unwrap();
        let look = Look::at(dir.path());
        assert!(look.is_held());
        assert!(take(dir.path()).unwrap().is_none());
        // The shell ends at once; what it started holds the lock.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec 3<&0; sleep 600 <&3 & echo $!"]).stdin(file).stderr(Stdio::null());
        let mut shell = command.stdout(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        shell.wait().unwrap();
        assert!(look.is_held());
        Command::new("kill").args(["-9", line.trim()]).status().unwrap();
        while look.is_held() {
            std::thread::sleep(TRY_INTERVAL);
        }
        assert!(take(dir.path()).unwrap().is_some());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path_in(dir.path())).unwrap();
        assert!(take(dir.path()).is_err());
        assert!(!Look::at(dir.path()).is_held());
    }
}
