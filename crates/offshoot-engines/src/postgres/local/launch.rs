//! Starting a server that goes on when this process ends.
//!
//! It gets a session of its own, so that no terminal and no signal to this process's group reaches it, and the lock of
//! its data directory as its input ([`super::hold`]): whenever this process is killed, either nothing holds that lock, or
//! what holds it is found by it. It is ready when it says so and answers; that it ended is seen at once, as the lock is free.

use super::error::LocalError;
use super::hold::{self, Look};
use super::owner::{Owner, system_program};
use super::programs::Programs;
use super::stop::stop;
use super::{PRODUCT, files, process, ready, settings, socket};
use crate::local::machine::memory_bytes;
use crate::local::network::{free_addresses, in_own_network};
use offshoot_core::{Control, CoreError};
use offshoot_restore::server::{Purpose, Running, Site, Stop};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How often a starting server is looked at.
const POLL_INTERVAL: Duration = Duration::from_micros(500);
/// How long it may take: one that recovers from a crash reads all that it wrote since its last checkpoint.
const PATIENCE: Duration = Duration::from_secs(600);
/// How much of the end of a log is read for its last words.
const LOG_BYTES_MAX: u64 = 64 << 10;

/// Memory for building indexes where the machine does not say how much it has, and the limits of it.
const MAINTENANCE_BYTES: std::ops::RangeInclusive<u64> = 64 << 20..=1 << 30;

/// Starts a server and waits until it answers.
pub(super) fn start(
    programs: &Programs,
    owner: Owner,
    site: &Site,
    purpose: &Purpose,
    control: &Control,
) -> Result<Running, CoreError> {
    control.check()?;
    check_data(programs, owner, site)?;
    files::private_sockets(&socket(site), owner)?;
    let Some(lock) = hold::take(&site.data)? else {
        let pid = process::running(&site.data, owner).map(|running| running.pid);
        return Err(LocalError::Runs { data: site.data.clone(), pid }.into());
    };
    // One that was started by other means has no lock.
    if let Some(running) = process::postmaster(&site.data, owner, false) {
        return Err(LocalError::Runs { data: site.data.clone(), pid: Some(running.pid) }.into());
    }
    process::forget_dead(&site.data, &socket(site), owner)?;
    let addresses = if site.isolated || *purpose == Purpose::Load { Vec::new() } else { free_addresses(site.port)? };
    let conf = settings::purpose(purpose, programs.version, maintenance_bytes())?;
    files::put(&site.data.join(settings::PURPOSE_FILE), &conf, owner)?;
    let log = files::open_log(&site.log)?;
    let log_start = log.metadata().map_err(LocalError::io("looking at", &site.log))?.len();
    launch(programs, owner, site, &addresses, lock, log)?;
    let started = wait(owner, site, !addresses.is_empty(), control);
    started.map_err(|ended| {
        if !matches!(ended, Ended::Early) {
            // The first error is what counts; a server that cannot be ended is found by its lock.
            let _ = stop(&site.data, Stop::AtOnce, owner);
        }
        why_ended(ended, site, log_start)
    })
}

/// Why no server answers.
enum Ended {
    Early,
    PortTaken,
    Slow,
    Cancelled,
}

/// A data directory of this server's major version and of its owner.
fn check_data(programs: &Programs, owner: Owner, site: &Site) -> Result<(), LocalError> {
    let data = &site.data;
    let found = fs::metadata(data).map_err(LocalError::io("looking at", data))?;
    if found.uid() != owner.uid() {
        let why = format!(
            "belongs to the user {}, and servers run as {}. Change its owner, or build it anew",
            found.uid(),
            owner.uid()
        );
        return Err(LocalError::Folder { path: data.clone(), why });
    }
    let path = data.join("PG_VERSION");
    let version = files::read(&path).map_err(LocalError::io("reading", &path))?;
    if version.trim() != programs.version.major().to_string() {
        let found = version.trim().escape_debug().to_string();
        return Err(LocalError::OtherMajor {
            product: PRODUCT,
            data: data.clone(),
            found,
            server: programs.version.major().to_string(),
        });
    }
    Ok(())
}

/// Runs the programs that end in a server.
fn launch(
    programs: &Programs,
    owner: Owner,
    site: &Site,
    addresses: &[&str],
    lock: File,
    log: File,
) -> Result<(), LocalError> {
    let postgres = programs.program("postgres");
    let setsid = system_program("setsid").ok();
    let mut command = match &setsid {
        Some(setsid) => {
            let mut command = owner.command(setsid)?;
            command.arg("--fork").arg(&postgres);
            command
        }
        None => owner.command(&postgres)?,
    };
    command.arg("-D").arg(&site.data).args(["-p", &site.port.to_string()]);
    for (name, value) in [
        ("listen_addresses", addresses.join(",")),
        ("unix_socket_directories", format!("\"{}\"", site.sockets.display().to_string().replace('"', "\"\""))),
        ("unix_socket_permissions", "0700".to_owned()),
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        ("ssl", "off".to_owned()),
    ] {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    if site.isolated {
        command = in_own_network(command, owner)?;
    }
    command.stdin(lock).stdout(Stdio::null()).stderr(log).process_group(0);
    let failed = |source| LocalError::io("starting", &postgres)(source);
    let mut child = command.spawn().map_err(failed)?;
    // Its copies of the lock and the log are this process's.
    drop(command);
    if setsid.is_some() {
        // What fails before there is a server is in the log.
        child.wait().map(drop).map_err(failed)
    } else {
        // Somebody has to collect it when it ends.
        let waiter = std::thread::Builder::new().name("server".to_owned());
        waiter.spawn(move || drop(child.wait())).map(drop).map_err(failed)
    }
}

/// Polls until it answers or has ended.
fn wait(owner: Owner, site: &Site, over_tcp: bool, control: &Control) -> Result<Running, Ended> {
    let look = Look::at(&site.data);
    let socket = socket(site);
    let began = Instant::now();
    loop {
        // Before the rest, so that one that ends in between is seen the next time.
        let is_held = look.is_held();
        if !is_held {
            return Err(Ended::Early);
        }
        let found = process::postmaster(&site.data, owner, is_held).filter(|found| found.is_ready);
        if let Some(found) = found
            && ready::answers(&socket).unwrap_or(false)
        {
            // It starts with the addresses that it gets; without the first the port leads to somebody else.
            if over_tcp && found.address != "127.0.0.1" {
                return Err(Ended::PortTaken);
            }
            return Ok(Running { pid: found.pid, port: found.port, is_ending: found.is_ending });
        }
        if control.is_cancelled() {
            return Err(Ended::Cancelled);
        }
        if began.elapsed() > PATIENCE {
            return Err(Ended::Slow);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn why_ended(ended: Ended, site: &Site, log_start: u64) -> CoreError {
    let data = site.data.clone();
    let error = match ended {
        Ended::Cancelled => return CoreError::Cancelled,
        Ended::Slow => LocalError::Slow { data, log: site.log.clone(), seconds: PATIENCE.as_secs() },
        Ended::PortTaken => LocalError::PortTaken { port: site.port },
        Ended::Early => {
            let said = last_words(&site.log, log_start);
            let is_taken = || !site.isolated && free_addresses(site.port).is_err();
            if said.iter().any(|line| line.contains("No space left on device")) || files::is_disk_full(&data) {
                LocalError::DiskFull { path: data }
            } else if let Some(why) = said.iter().find(|line| line.starts_with("unshare: ")) {
                LocalError::NotIsolated { why: why.clone() }
            } else if said.iter().any(|line| line.contains("TCP/IP sockets")) && is_taken() {
                LocalError::PortTaken { port: site.port }
            } else {
                LocalError::NotStarted { data, said: said.join("; ") }
            }
        }
    };
    error.into()
}

/// Why it ended, from what was written into the log since: lines of the programs before the server, and of the server those
/// that say why it does not start. No session has been let in yet, so that none can quote a row.
fn last_words(log: &Path, start: u64) -> Vec<String> {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(LOG_BYTES_MAX))))?;
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)
    });
    if read.is_err() {
        return Vec::new();
    }
    let mut said = Vec::new();
    let mut goes_on = false;
    for line in String::from_utf8_lossy(&bytes).lines() {
        // The server's own lines begin with the time. What it says before it has a log goes on over several.
        goes_on = match goes_on && !line.starts_with(|c: char| c.is_ascii_digit()) {
            true => true,
            false => OF_PROGRAMS.iter().any(|program| line.starts_with(program)),
        };
        let reason = || REASONS.iter().find_map(|reason| line.find(reason.word).map(|at| reason.of(line, at)));
        let line = if goes_on { Some(line) } else { reason() };
        said.extend(line.map(|line| line.trim().escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")));
    }
    said
}

/// How lines begin that do not come from a server that has its log.
const OF_PROGRAMS: [&str; 5] = ["setsid: ", "setpriv: ", "unshare: ", "postgres: ", "postgres "];

/// A line of a server's log that says why it does not start.
struct Reason {
    /// What it is known by.
    word: &'static str,
    /// Where what it says begins: bytes of the word that are left out.
    skip: usize,
    /// Whether it goes on with a value, which is left out.
    has_value: bool,
}

const REASONS: [Reason; 5] = [
    Reason { word: "FATAL: ", skip: 7, has_value: false },
    Reason { word: "PANIC: ", skip: 7, has_value: false },
    Reason { word: "LOG:  could not bind ", skip: 4, has_value: false },
    Reason { word: "LOG:  unrecognized configuration parameter ", skip: 4, has_value: false },
    Reason { word: "LOG:  invalid value for parameter ", skip: 4, has_value: true },
];

impl Reason {
    fn of<'l>(&self, line: &'l str, at: usize) -> &'l str {
        let said = line.get(at + self.skip..).unwrap_or_default();
        let value = said.find("\": ").filter(|_| self.has_value);
        value.and_then(|at| said.get(..=at)).unwrap_or(said)
    }
}

/// A sixteenth of the machine's memory, within limits, for building an index.
fn maintenance_bytes() -> u64 {
    (memory_bytes().unwrap_or(0) / 16).clamp(*MAINTENANCE_BYTES.start(), *MAINTENANCE_BYTES.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_those_of_this_start_that_say_why() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let old = "2026-01-01 00:00:00.000 UTC [1] FATAL:  an older one\n";
        let new = "2026-01-01 00:00:01.000 UTC [2] LOG:  starting\n2026-01-01 00:00:01.000 UTC [2] ERROR:  secret\n\
                   2026-01-01 00:00:01.000 UTC [2] FATAL:  could not open \"x\"\nunshare: unshare failed: Operation not permitted\n";
        fs::write(&log, format!("{old}{new}")).unwrap();
        let said = last_words(&log, old.len() as u64);
        assert_eq!(said, ["could not open \"x\"", "unshare: unshare failed: Operation not permitted"]);
        let early = "postgres: could not find the database system\nExpected to find it in \"/d\",\nbut not\n\
                     2026-01-01 00:00:01.000 UTC [2] LOG:  invalid value for parameter \"a\": \"secret\"\n";
        fs::write(&log, early).unwrap();
        let said = last_words(&log, 0).join(" ");
        assert_eq!(
            said,
            "postgres: could not find the database system Expected to find it in \"/d\", but not invalid value for parameter \"a\""
        );
        assert!(last_words(&dir.path().join("none"), 0).is_empty());
    }
}
