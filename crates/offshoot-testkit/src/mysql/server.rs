//! One running throwaway server, from folder to process to removal.

use std::fs;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Binaries, MysqlError, ServerOptions, template};
use crate::place;
use crate::reaper::Reaper;

/// How often the socket of a starting server is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a server may take to start or to stop; generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many ports are tried when another process takes the free one first.
const PORT_TRIES_MAX: u32 = 20;
/// What the reaper does when the test process has ended: ends the server of a folder, and removes the folder.
const STOP_AND_REMOVE: &str = r#"
if pid=$(head -n 1 "$1/server.pid" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null; then
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
fi
rm -rf -- "$1"
"#;

/// A running server in a folder of its own. Dropping it ends the server and removes the folder.
#[derive(Debug)]
pub struct Server {
    process: Mutex<Option<Child>>,
    binaries: Binaries,
    port: u16,
    dir: PathBuf,
    socket: PathBuf,
    // Fields drop in this order: the reaper waits until the folder is gone.
    _reaper: Reaper,
    _short_dir: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts a server, or panics with its log.
    #[must_use]
    #[track_caller]
    pub fn start(options: ServerOptions) -> Self {
        match Self::try_start(options) {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a server and waits until it lets clients in.
    #[expect(clippy::needless_pass_by_value, reason = "options are built in place and used once")]
    pub fn try_start(options: ServerOptions) -> Result<Self, MysqlError> {
        Self::start_with(&options, |data_dir, binaries| {
            template::copy_to(data_dir, binaries, options.made_with().as_deref())
        })
    }

    /// Starts a server on a copy of a data directory that a stopped server of the same binaries has left.
    #[expect(clippy::needless_pass_by_value, reason = "options are built in place and used once")]
    pub fn try_start_on_copy(template: &Path, options: ServerOptions) -> Result<Self, MysqlError> {
        Self::start_with(&options, |data_dir, _| template::copy_dir(template, data_dir))
    }

    fn start_with(
        options: &ServerOptions,
        fill: impl FnOnce(&Path, &Binaries) -> Result<(), MysqlError>,
    ) -> Result<Self, MysqlError> {
        let binaries = options.resolved_binaries()?;
        let dir = place::new_server_dir().map_err(MysqlError::io("making the folder of a throwaway server"))?;
        let reaper =
            Reaper::start(STOP_AND_REMOVE, &dir).map_err(MysqlError::io("starting the shell that cleans up"))?;
        fill(&dir.join("data"), &binaries)?;
        place::make_private_dir(&dir.join("tmp")).map_err(MysqlError::io("making a folder of temporary files"))?;
        let short_dir =
            place::short_socket_dir(&dir).map_err(MysqlError::io("making a folder for the socket in /tmp"))?;
        let socket = short_dir.as_ref().map_or(dir.as_path(), |short| short.path()).join("server.sock");
        let mut server =
            Self { process: Mutex::new(None), binaries, port: 0, dir, socket, _reaper: reaper, _short_dir: short_dir };
        server.append_settings(&options.conf(server.binaries.family()))?;
        for _try in 0..PORT_TRIES_MAX {
            server.port = place::free_port().map_err(MysqlError::io("looking for a free port"))?;
            match server.launch() {
                Err(error) if port_was_taken(&error) => {}
                other => return other.map(|()| server),
            }
        }
        Err(server.not_ready(format!("no free port in {PORT_TRIES_MAX} tries")))
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// The programs it runs from.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The process id; None while stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// All that the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Stops the server in an orderly way; its folder stays. Does nothing when stopped.
    pub fn stop(&self) {
        self.end(Signal::TERM);
    }

    /// Ends the server as a crash would: the next start recovers.
    pub fn crash(&self) {
        self.end(Signal::KILL);
    }

    /// Stops the server in an orderly way, if it runs, and starts it on the same port.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        if let Err(error) = self.launch() {
            panic!("{error}");
        }
    }

    /// Adds lines to the server's group of the option file; [`Server::restart`] makes them count.
    #[track_caller]
    pub fn add_settings(&self, lines: &str) {
        if let Err(error) = self.append_settings(lines) {
            panic!("{error}");
        }
    }

    fn append_settings(&self, lines: &str) -> Result<(), MysqlError> {
        let path = self.conf_path();
        let text = fs::read_to_string(&path).unwrap_or_else(|_| "[mysqld]\n".to_owned());
        fs::write(&path, format!("{text}{lines}")).map_err(MysqlError::io(format!("writing {}", path.display())))
    }

    fn conf_path(&self) -> PathBuf {
        self.dir.join("server.cnf")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    fn end(&self, how: Signal) {
        let Some(mut child) = self.lock().take() else { return };
        signal(&child, how);
        let deadline = Instant::now() + PATIENCE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                signal(&child, Signal::KILL);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn launch(&self) -> Result<(), MysqlError> {
        let log_start = self.log().len();
        let log_path = self.log_path();
        let log = fs::File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(MysqlError::io(format!("opening {}", log_path.display())))?;
        let mut command = place::unprivileged(self.binaries.server());
        let option = |name: &str, path: &Path| {
            let mut word = std::ffi::OsString::from(name);
            word.push(path);
            word
        };
        command.arg(option("--defaults-file=", &self.conf_path()));
        command.arg(option("--datadir=", &self.data_dir())).arg(option("--tmpdir=", &self.dir.join("tmp")));
        command.arg(option("--socket=", &self.socket)).arg(option("--pid-file=", &self.dir.join("server.pid")));
        command.arg(format!("--port={}", self.port)).current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(MysqlError::io("starting the server"))?;
        let mut process = self.lock();
        let child = process.insert(child);
        match self.wait_until_ready(child, log_start) {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(process);
                self.crash();
                Err(error)
            }
        }
    }

    fn wait_until_ready(&self, child: &mut Child, log_start: usize) -> Result<(), MysqlError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if greets(&self.socket) {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.ended_early(status, log_start));
            }
            if Instant::now() > deadline {
                return Err(self.not_ready(format!("no answer within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn ended_early(&self, status: ExitStatus, log_start: usize) -> MysqlError {
        let log = self.log().split_off(log_start);
        MysqlError::NotReady { reason: format!("it ended early, {status}"), log }
    }

    fn not_ready(&self, reason: String) -> MysqlError {
        MysqlError::NotReady { reason, log: self.log() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
        // The reaper removes the folder, now that nothing runs in it.
    }
}

/// Whether a server behind the socket says the first word: the length of its greeting, its number, the protocol's version.
fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut head = [0_u8; 5];
    let is_read = stream.set_read_timeout(Some(Duration::from_secs(10))).and_then(|()| stream.read_exact(&mut head));
    is_read.is_ok() && head[4] == 10
}

fn port_was_taken(error: &MysqlError) -> bool {
    matches!(error, MysqlError::NotReady { log, .. } if log.contains("Address already in use"))
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error means that it has ended by itself.
        let _ended = kill_process(pid, signal);
    }
}
