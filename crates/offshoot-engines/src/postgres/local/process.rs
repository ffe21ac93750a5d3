//! Processes of a server, told from others: never by a number alone.
//!
//! A server's processes work in its data directory, and belong to its owner. Where the system has /proc, both are looked
//! at before a process is taken for the server's, and before it gets a signal: a data directory's files can be written by
//! whoever the server runs as, and must not lead a signal of root's to somebody else. Elsewhere the lock has to do.

use super::error::LocalError;
use super::hold::{self, Look};
use super::owner::Owner;
use super::pid_file::{self, PidFile};
use offshoot_restore::server::Running;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::MetadataExt;
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
            return Some(Running { pid: found.pid, port: found.port });
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
    let text = fs::read_to_string(&lock).unwrap_or_default();
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

/// All processes that work in a data directory or hold its lock, as far as they can be seen.
pub(super) fn all(data: &Path, owner: Owner) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return PidFile::read(data).map(|found| found.pid).filter(|_| Look::at(data).is_held()).into_iter().collect();
    };
    let lock = identity(&hold::path_in(data));
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds_lock = |pid: u32| lock.is_some() && identity(&proc(pid, "fd/0")) == lock && is_owned(pid, owner);
    pids.filter(|&pid| pid != std::process::id() && (is_of_server(pid, data, owner) || holds_lock(pid))).collect()
}

/// Sends a signal; a process that has ended meanwhile needs none.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ended = kill_process(pid, signal);
    }
}

fn is_of_server(pid: u32, data: &Path, owner: Owner) -> bool {
    let folder = identity(data);
    folder.is_some() && identity(&proc(pid, "cwd")) == folder && is_owned(pid, owner) && !is_over(pid)
}

fn is_owned(pid: u32, owner: Owner) -> bool {
    fs::metadata(proc(pid, "")).is_ok_and(|found| found.uid() == owner.uid())
}

/// Ended, and only waiting to be collected.
fn is_over(pid: u32) -> bool {
    let stat = fs::read_to_string(proc(pid, "stat")).unwrap_or_default();
    // The name, in parentheses, can hold anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, None | Some('Z' | 'X'))
}

fn has_proc() -> bool {
    Path::new("/proc/self/cwd").exists()
}

fn proc(pid: u32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// What a path leads to, whatever it is called.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This process has a number that a file can name, and works elsewhere.
    #[test]
    fn another_process_is_not_taken_for_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::of_this_process().unwrap();
        let claim = format!("{}\n{}\n1\n5432\n/\n127.0.0.1\n\nready\n", std::process::id(), dir.path().display());
        fs::write(dir.path().join("postmaster.pid"), claim).unwrap();
        assert_eq!(running(dir.path(), owner), None);
        assert!(all(dir.path(), owner).is_empty());
    }
}
