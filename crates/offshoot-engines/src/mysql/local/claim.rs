//! What a server says of itself: its number in a file that it writes and removes, and its port in one that we wrote for it.
//!
//! Both can be left over from a server that was killed, and anybody who can write to the folder can write them: claims, which
//! [`crate::local::process`] checks.

use super::settings::PURPOSE_FILE;
use crate::local::LocalError;
use crate::local::files;
use crate::local::hold::Look;
use crate::local::owner::Owner;
use crate::local::process::{all, has_proc, is_of_server};
use offshoot_restore::server::Running;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file of the number. A server that ends in order removes it.
pub(super) const PID_FILE: &str = "offshoot.pid";

/// The start of the line of the port, which a server takes for a comment.
const PORT_LINE: &str = "# port ";

/// How long a server that is being launched may take until it says who it is.
const LAUNCH_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LAUNCH_INTERVAL: Duration = Duration::from_millis(1);

/// The line that says on which port a server is started.
pub(super) fn port_line(port: u16) -> String {
    format!("{PORT_LINE}{port}\n")
}

/// The server that runs on a data directory, if one does.
pub(super) fn running(data: &Path, owner: Owner) -> Option<Running> {
    let look = Look::at(data);
    let began = Instant::now();
    loop {
        // Before the file is read, so that a server that ends in between is not missed.
        let is_held = look.is_held();
        if let Some(pid) = first(data, owner, is_held) {
            return Some(Running { pid, port: port(data).unwrap_or(0), is_ending: false });
        }
        // One that is being launched holds the lock before it has written its file.
        if !is_held || began.elapsed() > LAUNCH_PATIENCE {
            return None;
        }
        std::thread::sleep(LAUNCH_INTERVAL);
    }
}

/// The process of the server, if it lives: the one that it names; else, before it has written its name, one that has the lock.
pub(super) fn first(data: &Path, owner: Owner, is_held: bool) -> Option<u32> {
    let claimed = claimed(data);
    if !has_proc() {
        return claimed.filter(|_| is_held);
    }
    claimed.filter(|&pid| is_of_server(pid, data, owner)).or_else(|| {
        let is_its = |pid: &u32| is_of_server(*pid, data, owner);
        is_held.then(|| all(data, owner, None).into_iter().find(is_its)).flatten()
    })
}

/// The number that the file names.
pub(super) fn claimed(data: &Path) -> Option<u32> {
    text(&data.join(PID_FILE))?.trim().parse().ok().filter(|&pid| pid > 1)
}

/// Whether the server that ran last ended in order.
pub(super) fn is_shut_down(data: &Path) -> bool {
    fs::symlink_metadata(data.join(PID_FILE)).is_err()
}

/// Removes what a killed server left to say who it was. Only for who has the lock, and has seen that none runs: a server that
/// starts asks for no more than whether its predecessor's number is somebody's.
pub(super) fn forget_dead(data: &Path, socket: &Path) -> Result<(), LocalError> {
    let mut lock = socket.as_os_str().to_owned();
    lock.push(".lock");
    [data.join(PID_FILE), PathBuf::from(lock), socket.to_path_buf()].iter().try_for_each(|path| {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LocalError::io("removing", path)(error)),
            _ => Ok(()),
        }
    })
}

fn port(data: &Path) -> Option<u16> {
    text(&data.join(PURPOSE_FILE))?.lines().find_map(|line| line.strip_prefix(PORT_LINE)?.trim().parse().ok())
}

fn text(path: &Path) -> Option<String> {
    files::read(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This process has a number that a file can name, and works elsewhere.
    #[test]
    fn another_process_is_not_taken_for_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::of_this_process("mysql").unwrap();
        fs::write(dir.path().join(PID_FILE), format!("{}\n", std::process::id())).unwrap();
        fs::write(dir.path().join(PURPOSE_FILE), format!("# x\n{}[mysqld]\n", port_line(3307))).unwrap();
        assert_eq!((claimed(dir.path()), port(dir.path())), (Some(std::process::id()), Some(3307)));
        assert_eq!(running(dir.path(), owner), None);
        assert!(!is_shut_down(dir.path()));
        forget_dead(dir.path(), &dir.path().join("socket")).unwrap();
        assert!(is_shut_down(dir.path()));
    }
}
