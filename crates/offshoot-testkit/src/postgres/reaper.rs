//! A small shell beside each server that outlives the test process by a moment and cleans up after it.
//!
//! Destructors do not run in a killed process, nor for a server in a static. So a shell waits on a pipe that
//! only the test process holds open; when it closes, however the process ended, the shell stops the server
//! and removes its folder. (A parent-death signal would fire when the *thread* that started the server ends,
//! which for a shared server is the first test.) It has a process group of its own, so that Ctrl-C and a
//! test runner's kill reach the tests and not the one that cleans up.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = r#"
read -r _ignored
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null; then
    tries=0
    while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
fi
rm -rf -- "$1"
"#;

/// The shell; dropping it lets it do its work, and waits for that.
#[derive(Debug)]
pub(super) struct Reaper(Child);

impl Reaper {
    /// Starts the shell that will remove `server_dir` and stop the server whose data directory is in it.
    pub(super) fn start(server_dir: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "reaper"]).arg(server_dir).process_group(0).current_dir("/");
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
