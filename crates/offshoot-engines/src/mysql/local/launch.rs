//! Starting a server that goes on when this process ends.
//!
//! It gets a session of its own, so that no terminal and no signal to this process's group reaches it, and the lock of its
//! data directory ([`crate::local::hold`]): whenever this process is killed, either nothing holds that lock, or what holds it
//! is found by it. MariaDB closes its input, so a shell hands the lock on as another descriptor, and becomes the server.
//! It is ready when it greets; that it ended is seen at once, as the lock is free.

use super::init::{MARK_FILE, mark, option};
use super::programs::{Programs, product, series};
use super::stop::stop;
use super::{claim, settings, socket, statements};
use crate::local::LocalError;
use crate::local::files;
use crate::local::hold::{self, Look};
use crate::local::network::{free_addresses, in_own_network};
use crate::local::owner::{Owner, system_program};
use crate::mysql::session::Family;
use offshoot_core::{Control, CoreError};
use offshoot_restore::server::{Purpose, Running, Site, Stop};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How often a starting server is looked at.
const POLL_INTERVAL: Duration = Duration::from_micros(500);
/// How long it may take: one that recovers from a crash reads all that it wrote since its last checkpoint.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a greeting may take: a machine under load is slow.
const GREETING_PATIENCE: Duration = Duration::from_secs(20);
/// How much of the end of a log is read for its last words.
const LOG_BYTES_MAX: u64 = 64 << 10;
/// The version of the protocol that a greeting begins with, behind the packet's length and number.
const PROTOCOL: u8 = 10;
/// What hands the lock on: the shell has it as its input, the server as its ninth descriptor.
const HAND_ON: &str = "exec 9<&0 </dev/null; exec \"$@\"";

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
    let socket = socket(site);
    files::private_sockets(&socket, owner)?;
    let Some(lock) = hold::take(&site.data)? else {
        let pid = claim::running(&site.data, owner).map(|running| running.pid);
        return Err(LocalError::Runs { data: site.data.clone(), pid }.into());
    };
    // One that was started by other means has no lock.
    if let Some(pid) = claim::first(&site.data, owner, false) {
        return Err(LocalError::Runs { data: site.data.clone(), pid: Some(pid) }.into());
    }
    claim::forget_dead(&site.data, &socket)?;
    let addresses = if site.isolated || *purpose == Purpose::Load { Vec::new() } else { free_addresses(site.port)? };
    let path = site.data.join(settings::SNAPSHOT_FILE);
    let snapshot = files::read(&path).map_err(LocalError::io("reading", &path))?;
    let conf = claim::port_line(site.port) + &settings::purpose(&snapshot, purpose, &programs.flavor)?;
    files::put(&site.data.join(settings::PURPOSE_FILE), &conf, owner)?;
    let log = files::open_log(&site.log)?;
    let log_start = log.metadata().map_err(LocalError::io("looking at", &site.log))?.len();
    launch(programs, owner, site, &addresses, lock, log)?;
    let started = wait(owner, site, control).map_err(|ended| {
        if !matches!(ended, Ended::Early) {
            // The first error is what counts; a server that cannot be ended is found by its lock.
            let _ = stop(&site.data, Stop::AtOnce, owner);
        }
        why_ended(ended, site, log_start)
    })?;
    if *purpose == Purpose::Load
        && let Err(error) = statements::close_accounts(site)
    {
        let _ = stop(&site.data, Stop::AtOnce, owner);
        return Err(error.into());
    }
    Ok(started)
}

/// Why no server answers.
enum Ended {
    Early,
    Slow,
    Cancelled,
}

/// A data directory of this server's family and series, and of its owner.
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
    let path = data.join(MARK_FILE);
    let said = files::read(&path).map_err(LocalError::io("reading", &path))?;
    if said != mark(&programs.flavor) {
        return Err(LocalError::OtherMajor {
            product: product(programs.flavor.family),
            data: data.clone(),
            found: said.trim().escape_debug().to_string(),
            server: series(&programs.flavor),
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
    let setsid = system_program("setsid").ok();
    let shell = system_program("sh")?;
    let mut command = match &setsid {
        Some(setsid) => {
            let mut command = owner.command(setsid)?;
            command.arg("--fork").arg(&shell);
            command
        }
        None => owner.command(&shell)?,
    };
    command.args(["-c", HAND_ON, "sh"]).arg(&programs.server);
    command.arg(option("--defaults-file=", &site.data.join(settings::PURPOSE_FILE)));
    command.arg(option("--datadir=", &site.data)).arg(option("--tmpdir=", &site.data));
    command.arg(option("--socket=", &socket(site))).arg(option("--pid-file=", &site.data.join(claim::PID_FILE)));
    command.args(["--skip-name-resolve", &format!("--port={}", site.port)]);
    if addresses.is_empty() {
        command.arg("--skip-networking");
    } else {
        command.arg(format!("--bind-address={}", addresses.join(",")));
    }
    match programs.flavor.family {
        // Statements neither read nor write files of the server's machine; MariaDB has no word for that but a folder, and this
        // one holds nothing but the socket.
        Family::MariaDb => command.arg(option("--secure-file-priv=", &site.sockets)),
        Family::MySql => command.args(["--secure-file-priv=NULL", "--mysqlx=OFF", "--persisted-globals-load=OFF"]),
    };
    if site.isolated {
        command = in_own_network(command, owner)?;
    }
    command.stdin(lock).stdout(Stdio::null()).stderr(log).process_group(0);
    let failed = |source| LocalError::io("starting", &programs.server)(source);
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
fn wait(owner: Owner, site: &Site, control: &Control) -> Result<Running, Ended> {
    let look = Look::at(&site.data);
    let socket = socket(site);
    let began = Instant::now();
    loop {
        // Before the rest, so that one that ends in between is seen the next time.
        let is_held = look.is_held();
        if !is_held {
            return Err(Ended::Early);
        }
        if greets(&socket)
            && let Some(pid) = claim::first(&site.data, owner, is_held)
        {
            return Ok(Running { pid, port: site.port, is_ending: false });
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

/// Whether somebody behind a socket greets as a server does that lets clients in.
fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut head = [0; 5];
    let read = stream.set_read_timeout(Some(GREETING_PATIENCE)).and_then(|()| stream.read_exact(&mut head));
    read.is_ok() && head[4] == PROTOCOL
}

/// How programs say that a disk is full.
pub(super) const DISK_FULL: [&str; 5] =
    ["No space left on device", "Disk is full", "OS errno 28", "failed with error 28", "Errcode: 28"];

fn why_ended(ended: Ended, site: &Site, log_start: u64) -> CoreError {
    let data = site.data.clone();
    let error = match ended {
        Ended::Cancelled => return CoreError::Cancelled,
        Ended::Slow => LocalError::Slow { data, log: site.log.clone(), seconds: PATIENCE.as_secs() },
        Ended::Early => {
            let said = last_words(&site.log, log_start);
            let has = |words: &[&str]| said.iter().any(|line| words.iter().any(|word| line.contains(word)));
            if has(&DISK_FULL) || files::is_disk_full(&data) {
                LocalError::DiskFull { path: data }
            } else if let Some(why) = said.iter().find(|line| line.starts_with("unshare: ")) {
                LocalError::NotIsolated { why: why.clone() }
            } else if !site.isolated && has(&["Bind on TCP/IP port", "Address already in use"]) {
                LocalError::PortTaken { port: site.port }
            } else {
                LocalError::NotStarted { data, said: said.join("; ") }
            }
        }
    };
    error.into()
}

/// Why it ended, from what was written into the log since: lines of the programs before the server, and of the server those
/// that are errors. No session has been let in yet, so that none can quote a row.
fn last_words(log: &Path, start: u64) -> Vec<String> {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let bytes = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(bytes.saturating_sub(LOG_BYTES_MAX))))?;
        file.take(LOG_BYTES_MAX).read_to_end(&mut text)
    });
    if read.is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&text);
    // What recovery finds damaged it prints as it is.
    let is_quoting = |line: &&str| !["TUPLE", "record", "asc ", "{[", "hex "].iter().any(|word| line.contains(word));
    let words = text.lines().filter(is_quoting).filter_map(|line| {
        let of_program = OF_PROGRAMS.iter().any(|program| line.starts_with(program)).then_some(line);
        of_program.or_else(|| line.split_once("[ERROR] ").map(|(_, said)| said))
    });
    let shown = |line: &str| without_value(line).escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    words.map(|line| shown(line.trim())).collect()
}

/// A complaint about a setting, which quotes it as it stands in the file, without its value.
fn without_value(line: &str) -> String {
    for (before, after) in [("unknown variable '", "="), ("setting value '", "' to ")] {
        let Some((start, rest)) = line.split_once(before) else { continue };
        return match after {
            "=" => format!("{start}{before}{}'", rest.split(['=', '\'']).next().unwrap_or_default()),
            _ => format!("{start}setting a value to {}", rest.rsplit_once(after).map_or("", |(_, name)| name)),
        };
    }
    line.to_owned()
}

/// How lines begin that do not come from a server that has its log.
const OF_PROGRAMS: [&str; 6] = ["setsid: ", "setpriv: ", "unshare: ", "sh: ", "mysqld: ", "mariadbd: "];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_those_of_this_start_that_say_why() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let old = "2026-01-01  0:00:00 0 [ERROR] an older one\n";
        let new = "2026-01-01T00:00:01.000000Z 0 [System] [MY-015015] [Server] MySQL Server - start.\n\
                   2026-01-01T00:00:01.000000Z 0 [ERROR] [MY-010095] [Server] Failed to \"x\"\nunshare: unshare failed: no\n";
        fs::write(&log, format!("{old}{new}")).unwrap();
        let said = last_words(&log, old.len() as u64);
        assert_eq!(said, ["[MY-010095] [Server] Failed to \"x\"", "unshare: unshare failed: no"]);
        assert!(last_words(&dir.path().join("none"), 0).is_empty());
        assert_eq!(without_value("x: unknown variable 'a_b=secret=1'."), "x: unknown variable 'a_b'");
        assert_eq!(
            without_value("Error while setting value 's' to 'sql_mode'."),
            "Error while setting a value to 'sql_mode'."
        );
        assert_eq!(without_value("Can't open it"), "Can't open it");
    }
}
