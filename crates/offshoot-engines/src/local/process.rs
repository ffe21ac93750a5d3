//! Processes of a server, told from others: never by a number alone.
//!
//! A server's processes work in its data directory, and belong to its owner. Where the system has /proc, both are looked
//! at before a process is taken for the server's, and before it gets a signal: a data directory's files can be written by
//! whoever the server runs as, and must not lead a signal of root's to somebody else. Elsewhere the lock has to do.

use super::hold::{self, Look};
use super::owner::Owner;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// All processes that work in a data directory or hold its lock, as far as they can be seen.
/// `claimed` is the one that a file names, for a system that does not show its processes.
pub(crate) fn all(data: &Path, owner: Owner, claimed: Option<u32>) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return claimed.filter(|_| Look::at(data).is_held()).into_iter().collect();
    };
    let lock = identity(&hold::path_in(data));
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has_lock = |pid: u32, at: u32| identity(&proc(pid, &format!("fd/{at}"))) == lock;
    let holds_lock =
        |pid: u32| lock.is_some() && hold::DESCRIPTORS.iter().any(|&at| has_lock(pid, at)) && is_owned(pid, owner);
    pids.filter(|&pid| pid != std::process::id() && (is_of_server(pid, data, owner) || holds_lock(pid))).collect()
}

/// Sends a signal; a process that has ended meanwhile needs none.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ended = kill_process(pid, signal);
    }
}

/// Whether a process works in a data directory, and is its owner's.
pub(crate) fn is_of_server(pid: u32, data: &Path, owner: Owner) -> bool {
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

/// Whether the system shows its processes.
pub(crate) fn has_proc() -> bool {
    Path::new("/proc/self/cwd").exists()
}

fn proc(pid: u32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// What a path leads to, whatever it is called.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
