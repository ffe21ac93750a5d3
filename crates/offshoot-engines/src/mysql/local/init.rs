//! Making a data directory with the settings of a snapshot that can only be chosen then.
//!
//! It has the server's own accounts, and `root@localhost`, who comes in without a password and over the socket alone: names
//! are never resolved, so that nobody who comes over TCP is `localhost`. The folder of the socket is the owner's.

use super::launch::DISK_FULL;
use super::programs::{Programs, product, series};
use super::settings;
use crate::local::LocalError;
use crate::local::files;
use crate::local::owner::Owner;
use crate::mysql::neutralize;
use crate::mysql::session::{Family, Flavor};
use offshoot_format::manifest::Environment;
use offshoot_restore::{NeutralizeChoices, Neutralized};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Says whose a data directory is: `MariaDB 10.11`.
pub(super) const MARK_FILE: &str = "offshoot.server";

/// Settings that a data directory has for good.
const FIXED: [&str; 2] = ["innodb_page_size", "lower_case_table_names"];

/// Fills an empty data directory, made where it is missing; what was begun is removed when it fails. Returns what of the
/// source its server does not do.
pub(super) fn init(
    programs: &Programs,
    owner: Owner,
    data: &Path,
    environment: &Environment,
    choices: &NeutralizeChoices,
) -> Result<Vec<Neutralized>, LocalError> {
    files::reachable(data, owner)?;
    files::take_private(data, owner)?;
    let made = fill(programs, owner, data, environment, choices);
    if made.is_err() {
        // The first error is what counts.
        let _ = fs::remove_dir_all(data);
    }
    made
}

fn fill(
    programs: &Programs,
    owner: Owner,
    data: &Path,
    environment: &Environment,
    choices: &NeutralizeChoices,
) -> Result<Vec<Neutralized>, LocalError> {
    let quiet = neutralize::settings(environment, choices);
    let settings = [settings::carried(environment), quiet.settings].concat();
    let fixed = settings.iter().filter(|(name, _)| FIXED.contains(&name.as_str()));
    let fixed = fixed.map(|(name, value)| format!("--{}={value}", name.replace('_', "-"))).collect();
    let (mut command, name) = match programs.flavor.family {
        Family::MariaDb => (install(programs, owner, data, fixed)?, "mariadb-install-db"),
        Family::MySql => (initialize(programs, owner, data, fixed)?, "mysqld"),
    };
    // A server that starts removes all temporary tables of its folder of temporary files: that must be nobody else's.
    command.arg(option("--tmpdir=", data));
    run(command, name, data)?;
    // Who clones the directory makes a server with an identity of its own.
    let _absent = fs::remove_file(data.join("auto.cnf"));
    files::put(&data.join(settings::SNAPSHOT_FILE), &settings::snapshot(&settings), owner)?;
    files::put(&data.join(MARK_FILE), &mark(&programs.flavor), owner)?;
    Ok(quiet.report)
}

/// What [`MARK_FILE`] says.
pub(super) fn mark(flavor: &Flavor) -> String {
    format!("{} {}\n", product(flavor.family), series(flavor))
}

fn install(programs: &Programs, owner: Owner, data: &Path, fixed: Vec<String>) -> Result<Command, LocalError> {
    let program = programs.program("mariadb-install-db").ok_or(LocalError::NoProgram {
        name: "mariadb-install-db",
        mend: "It comes with the server: install MariaDB's server package (apt-get install mariadb-server-core)",
    })?;
    let mut command = owner.command(&program)?;
    command
        .arg("--no-defaults")
        .arg(option("--basedir=", &programs.base()))
        .arg(option("--datadir=", data))
        .args(fixed);
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
    command.args(["--innodb-log-file-size=8M", "--innodb-flush-method=nosync", "--innodb-doublewrite=OFF"]);
    Ok(command)
}

fn initialize(programs: &Programs, owner: Owner, data: &Path, fixed: Vec<String>) -> Result<Command, LocalError> {
    let mut command = owner.command(&programs.server)?;
    command.arg("--no-defaults").arg(option("--datadir=", data)).args(fixed);
    command.args(["--initialize-insecure", "--skip-log-bin", "--mysqlx=OFF", "--innodb-redo-log-capacity=8M"]);
    command.args(["--innodb-flush-method=nosync", "--innodb-doublewrite=OFF", "--secure-file-priv=NULL"]);
    Ok(command)
}

/// A word of a command line that holds a path.
pub(super) fn option(name: &str, path: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push(path);
    word
}

/// Runs a program to its end; what it complains of is the reason of a failure.
fn run(mut command: Command, name: &'static str, data: &Path) -> Result<(), LocalError> {
    let failed = |message| LocalError::Program { program: name, message };
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if DISK_FULL.iter().any(|word| said.contains(word)) || files::is_disk_full(data) {
        return Err(LocalError::DiskFull { path: data.to_path_buf() });
    }
    let errors = said.lines().filter(|line| line.contains("[ERROR]") || line.contains("ERROR: "));
    let mut told: Vec<&str> = errors.take(3).collect();
    if told.is_empty() {
        told.extend(said.lines().filter(|line| !line.trim().is_empty()).take(3));
    }
    Err(failed(told.join("; ").escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")))
}
