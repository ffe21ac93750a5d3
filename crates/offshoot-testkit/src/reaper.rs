//! A small shell that outlives the test process by a moment and cleans up after it.
//!
//! Destructors do not run in a killed process, nor for what is in a static. So a shell waits on a pipe that only the test
//! process holds open; when it closes, however the process ended, the shell runs its script. (A parent-death signal would
//! fire when the *thread* that started the shell ends.) It has a process group of its own, so that Ctrl-C and a test runner's
//! kill reach the tests and not the one that cleans up.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The shell; dropping it lets it do its work, and waits for that.
#[derive(Debug)]
pub(crate) struct Reaper(Child);

impl Reaper {
    /// Starts a shell that will run `script` with `dir` as `$1`.
    pub(crate) fn start(script: &str, dir: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("read -r _ignored\n{script}"), "reaper"]).arg(dir);
        shell.process_group(0).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self)
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}
