//! A data directory made by the server's own programs once, kept, and copied for each server: 0.1 s in place of seconds.
//!
//! Kept per binary (path, version, time of change). Any number of test processes may ask at once: a file lock lets one make
//! it while the others wait, and a rename makes the result visible whole or not at all. A copy gets a server id of its own.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};

use super::{Binaries, Family, MysqlError};
use crate::place;

/// Copies the template to `data_dir`, which must not exist, in a folder of the server's user. `option` is one that MySQL's data
/// directory has to be made with.
pub(super) fn copy_to(data_dir: &Path, binaries: &Binaries, option: Option<&str>) -> Result<(), MysqlError> {
    copy_dir(&made(binaries, option.filter(|_| binaries.family() == Family::MySql))?, data_dir)
}

/// Copies a data directory whose server is stopped; `data_dir` must not exist, in a folder of the server's user.
pub(super) fn copy_dir(template: &Path, data_dir: &Path) -> Result<(), MysqlError> {
    let mut copy = place::unprivileged(Path::new("cp"));
    copy.arg("-a").arg("--reflink=auto").arg("--").arg(template).arg(data_dir);
    run(copy, "cp of the template data directory")
}

/// The template's path; makes it if nobody has yet.
fn made(binaries: &Binaries, option: Option<&str>) -> Result<PathBuf, MysqlError> {
    let scratch = place::scratch_dir().map_err(MysqlError::io("making the folder of throwaway servers"))?;
    let dir = scratch.join("templates");
    fs::create_dir_all(&dir).map_err(MysqlError::io(format!("making {}", dir.display())))?;
    let name = name_of(binaries, option);
    let holder = dir.join(&name);
    let template = holder.join("data");
    if holder.is_dir() {
        return Ok(template);
    }
    let lock_path = dir.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(MysqlError::io(format!("making {}", lock_path.display())))?;
    flock(&lock, FlockOperation::LockExclusive)
        .map_err(|errno| MysqlError::io(format!("locking {}", lock_path.display()))(errno.into()))?;
    if holder.is_dir() {
        return Ok(template);
    }
    // Only the holder of the lock writes here, so what is found is left over from a killed process.
    let unfinished = dir.join(format!("{name}.unfinished"));
    let _absent = fs::remove_dir_all(&unfinished);
    place::make_private_dir(&unfinished).map_err(MysqlError::io(format!("making {}", unfinished.display())))?;
    initialize(&unfinished.join("data"), binaries, option)?;
    fs::rename(&unfinished, &holder).map_err(MysqlError::io(format!("renaming to {}", holder.display())))?;
    Ok(template)
}

/// Makes a data directory in which root comes in without a password, and nobody else.
fn initialize(data_dir: &Path, binaries: &Binaries, wished: Option<&str>) -> Result<(), MysqlError> {
    place::make_private_dir(data_dir).map_err(MysqlError::io(format!("making {}", data_dir.display())))?;
    let option = |name: &str| {
        let mut word = std::ffi::OsString::from(name);
        word.push(data_dir);
        word
    };
    // A server that starts removes all temporary tables of its folder of temporary files: that must be nobody else's.
    let (data, temporary) = (option("--datadir="), option("--tmpdir="));
    match binaries.family() {
        Family::MariaDb => {
            let program = binaries.client().with_file_name("mariadb-install-db");
            let mut install = place::unprivileged(&program);
            install.arg("--no-defaults").arg(data).arg(temporary).args([
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=64M",
                "--innodb-flush-method=nosync",
            ]);
            run(install, "mariadb-install-db")
        }
        Family::MySql => {
            let mut mysqld = place::unprivileged(binaries.server());
            mysqld.arg("--no-defaults").arg(data).arg(temporary).args([
                "--initialize-insecure",
                "--skip-log-bin",
                "--innodb-redo-log-capacity=64M",
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=OFF",
            ]);
            mysqld.args(wished);
            run(mysqld, "mysqld --initialize-insecure")?;
            let id = data_dir.join("auto.cnf");
            fs::remove_file(&id).map_err(MysqlError::io(format!("removing {}", id.display())))
        }
    }
}

/// A name that changes with everything that the result depends on.
fn name_of(binaries: &Binaries, option: Option<&str>) -> String {
    let mut hasher = DefaultHasher::new();
    let changed = fs::metadata(binaries.server()).and_then(|found| found.modified()).ok();
    (binaries.server(), binaries.version(), changed, option).hash(&mut hasher);
    format!("{}-{:016x}", binaries.family().name(), hasher.finish())
}

/// Runs a command to its end; what it writes is the reason of a failure.
fn run(mut command: Command, name: &str) -> Result<(), MysqlError> {
    let output = command.output().map_err(MysqlError::io(format!("starting {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let texts = [output.stderr, output.stdout].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    Err(MysqlError::Program { program: name.to_owned(), output: texts.join("\n") })
}
