//! One running throwaway server, from folder to process to removal.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Binaries, PostgresError, ServerOptions, template, wire};
use crate::place;
use crate::reaper::Reaper;

/// How often the socket of a starting server is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a server may take to start or to stop; generous, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many ports are tried when another process takes the free one first.
const PORT_TRIES_MAX: u32 = 20;
/// What the reaper does when the test process has ended: stops the server of a folder, and removes the folder.
const STOP_AND_REMOVE: &str = r#"
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null; then
    tries=0
    while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
fi
rm -rf -- "$1"
"#;

/// A running server in a folder of its own. Dropping it stops the server and removes the folder.
#[derive(Debug)]
pub struct Server {
    process: Mutex<Option<Child>>,
    binaries: Binaries,
    port: u16,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    log_path: PathBuf,
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
    pub fn try_start(options: ServerOptions) -> Result<Self, PostgresError> {
        Self::start_with(&options, |data_dir, binaries| template::copy_to(data_dir, binaries, &options))
    }

    /// Starts a server on a copy of a data directory that a stopped server of the same binaries has left.
    #[expect(clippy::needless_pass_by_value, reason = "options are built in place and used once")]
    pub fn try_start_on_copy(template: &Path, options: ServerOptions) -> Result<Self, PostgresError> {
        Self::start_with(&options, |data_dir, _| template::copy_dir(template, data_dir))
    }

    /// Starts a server on the data directory that `fill` makes.
    pub(super) fn start_with(
        options: &ServerOptions,
        fill: impl FnOnce(&Path, &Binaries) -> Result<(), PostgresError>,
    ) -> Result<Self, PostgresError> {
        let binaries = options.resolved_binaries()?;
        let dir = place::new_server_dir().map_err(PostgresError::io("making the folder of a throwaway server"))?;
        let reaper =
            Reaper::start(STOP_AND_REMOVE, &dir).map_err(PostgresError::io("starting the shell that cleans up"))?;
        let data_dir = dir.join("data");
        fill(&data_dir, &binaries)?;
        append(&data_dir.join("postgresql.conf"), &options.conf())?;
        if let Some(hba) = &options.hba {
            let path = data_dir.join("pg_hba.conf");
            fs::write(&path, hba).map_err(PostgresError::io(format!("writing {}", path.display())))?;
        }
        let short_dir =
            place::short_socket_dir(&dir).map_err(PostgresError::io("making a folder for the socket in /tmp"))?;
        let socket_dir = short_dir.as_ref().map_or_else(|| dir.clone(), |short| short.path().to_path_buf());
        let mut server = Self {
            process: Mutex::new(None),
            binaries,
            port: 0,
            data_dir,
            socket_dir,
            log_path: dir.join("server.log"),
            _reaper: reaper,
            _short_dir: short_dir,
        };
        for _try in 0..PORT_TRIES_MAX {
            server.port = place::free_port().map_err(PostgresError::io("looking for a free port"))?;
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

    /// The folder of the unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The programs it runs from.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The process id of the postmaster; None while stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// All that the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log_path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Stops the server in an orderly way (fast shutdown); its folder stays. Does nothing when stopped.
    pub fn stop(&self) {
        self.end(Signal::INT);
    }

    /// Stops the server as a crash would (immediate shutdown): the next start recovers.
    pub fn crash(&self) {
        self.end(Signal::QUIT);
    }

    /// Stops the server in an orderly way, if it runs, and starts it on the same port.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        if let Err(error) = self.launch() {
            panic!("{error}");
        }
    }

    /// Makes the server read its configuration files again.
    pub fn reload(&self) {
        if let Some(child) = self.lock().as_ref() {
            signal(child, Signal::HUP);
        }
    }

    /// Adds settings to postgresql.conf; [`Server::reload`] or [`Server::restart`] makes them count.
    #[track_caller]
    pub fn add_settings(&self, lines: &str) {
        if let Err(error) = append(&self.data_dir.join("postgresql.conf"), lines) {
            panic!("{error}");
        }
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

    fn launch(&self) -> Result<(), PostgresError> {
        let log_start = self.log().len();
        let log = File::options().create(true).append(true).open(&self.log_path);
        let log = log.map_err(PostgresError::io(format!("opening {}", self.log_path.display())))?;
        let mut command = place::unprivileged(&self.binaries.program("postgres"));
        command.arg("-D").arg(&self.data_dir).arg("-p").arg(self.port.to_string());
        command.arg("-k").arg(&self.socket_dir).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(PostgresError::io("starting postgres"))?;
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

    fn wait_until_ready(&self, child: &mut Child, log_start: usize) -> Result<(), PostgresError> {
        let socket = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if wire::accepts_clients(&socket).unwrap_or(false) {
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

    fn ended_early(&self, status: ExitStatus, log_start: usize) -> PostgresError {
        let log = self.log().split_off(log_start);
        PostgresError::NotReady { reason: format!("it ended early, {status}"), log }
    }

    fn not_ready(&self, reason: String) -> PostgresError {
        PostgresError::NotReady { reason, log: self.log() }
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

fn append(path: &Path, text: &str) -> Result<(), PostgresError> {
    let file = File::options().append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(PostgresError::io(format!("writing {}", path.display())))
}

fn port_was_taken(error: &PostgresError) -> bool {
    matches!(error, PostgresError::NotReady { log, .. }
        if log.contains("Address already in use") || log.contains("could not create any TCP/IP sockets"))
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error means that it has ended by itself.
        let _ended = kill_process(pid, signal);
    }
}
