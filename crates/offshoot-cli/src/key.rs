//! Finding the scrub key: a file or a command that the environment names, or the file of the configuration. Never an
//! argument, so that no list of processes shows it.

use crate::config::Config;
use crate::failure::Failure;
use offshoot::ErrorKind;
use offshoot::scrub::Key;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

const FILE: &str = "OFFSHOOT_KEY_FILE";
const COMMAND: &str = "OFFSHOOT_KEY_COMMAND";
/// A key is a line or two; what is longer is something else.
const TEXT_BYTES_MAX: u64 = 4096;

/// The scrub key that is meant; none if nothing names one.
pub fn find(config: &Config) -> Result<Option<Key>, Failure> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = named(FILE) {
        return read(Path::new(&file)).map(Some);
    }
    if let Some(command) = named(COMMAND) {
        return run(&command).map(Some);
    }
    config.key.as_deref().map(read).transpose()
}

/// The key, or an error that says where one is looked for.
pub fn require(config: &Config) -> Result<Key, Failure> {
    find(config)?.ok_or_else(|| {
        let hint = format!(
            "make one with `offshoot key new FILE`, keep it as you keep a password, and name it by {FILE}, by {COMMAND} or \
             by `key` in offshoot.toml"
        );
        Failure::new(ErrorKind::Usage, "there is no scrub key: without one, pseudonyms could be guessed", hint)
    })
}

/// Reads a key file that nobody else may read.
pub fn read(path: &Path) -> Result<Key, Failure> {
    let failed = |error: &io::Error| Failure::io("read the scrub key in", path, error);
    let file = File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let message = format!("the scrub key in {} can be read by others (mode {mode:03o})", path.display());
        return Err(Failure::new(ErrorKind::Refused, message, format!("chmod 600 {}", path.display())));
    }
    parse(file, &format!("in {}", path.display()))
}

/// Runs a command that prints a key, such as one that asks a key service.
fn run(command: &std::ffi::OsStr) -> Result<Key, Failure> {
    let failed = |why: String| {
        let hint =
            format!("run the command of {COMMAND} by hand; it must print the key and nothing else, and end with 0");
        Failure::new(ErrorKind::Failed, format!("the command that gives the scrub key failed: {why}"), hint)
    };
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let stdout = child.stdout.take().ok_or_else(|| failed("it has no output".to_owned()))?;
    let key = parse(stdout, "that the command printed");
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() { key } else { Err(failed(status.to_string())) }
}

fn parse(from: impl Read, place: &str) -> Result<Key, Failure> {
    // As long as it can get, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX as usize + 1));
    let wrong = |why: String| Failure::new(ErrorKind::Usage, format!("the scrub key {place} is none: {why}"), HINT);
    from.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    Key::parse(&text).map_err(|error| wrong(error.to_string()))
}

const HINT: &str = "a key is made with `offshoot key new FILE`";

/// Writes a key into a new file that only its owner may read.
pub fn write(path: &Path, key: &Key) -> Result<(), Failure> {
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let hint = "a key that is overwritten is lost, and with it the pseudonyms that it gave: name a new file";
            Failure::new(ErrorKind::Conflict, format!("there is something at {} already", path.display()), hint)
        }
        _ => Failure::io("make the key file", path, &error),
    })?;
    let mut write = |text: &[u8]| io::Write::write_all(&mut file, text);
    let written = write(key.to_text().as_bytes()).and_then(|()| write(b"\n")).and_then(|()| file.sync_all());
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    let settled = written.and_then(|()| File::open(folder)?.sync_all());
    settled.map_err(|error| {
        // Half a key is none; a whole one that may be lost in a crash must not be used either.
        let _ = fs::remove_file(path);
        Failure::io("write the key file", path, &error)
    })
}
