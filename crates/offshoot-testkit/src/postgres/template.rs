//! A data directory made by initdb once, kept, and copied for each server: 0.1 s in place of one or more.
//!
//! Kept per binary (path, version, time of change), locale and encoding. Any number of test processes may
//! ask at once: a file lock lets one run initdb while the others wait, and a rename makes the result visible
//! whole or not at all.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{Binaries, PostgresError, ServerOptions};
use crate::place;

/// Copies the template for `options` to `data_dir`, which must not exist, in a folder of the server's user. Copies have
/// the system identifier of the template; one that shall have its own is made by initdb.
pub(super) fn copy_to(data_dir: &Path, binaries: &Binaries, options: &ServerOptions) -> Result<(), PostgresError> {
    if options.own_identity {
        return initdb(data_dir, binaries, options);
    }
    copy_dir(&made(binaries, options)?, data_dir)
}

/// Copies a data directory whose server is stopped; `data_dir` must not exist, in a folder of the server's user.
pub(super) fn copy_dir(template: &Path, data_dir: &Path) -> Result<(), PostgresError> {
    let mut copy = place::unprivileged(Path::new("cp"));
    copy.arg("-a").arg("--reflink=auto").arg("--").arg(template).arg(data_dir);
    run(copy, "cp of the template data directory")
}

/// The template's path; runs initdb if nobody has yet.
fn made(binaries: &Binaries, options: &ServerOptions) -> Result<PathBuf, PostgresError> {
    let scratch = place::scratch_dir().map_err(PostgresError::io("making the folder of throwaway servers"))?;
    let dir = scratch.join("templates");
    fs::create_dir_all(&dir).map_err(PostgresError::io(format!("making {}", dir.display())))?;
    let name = name_of(binaries, options);
    let holder = dir.join(&name);
    let template = holder.join("data");
    if holder.is_dir() {
        return Ok(template);
    }
    let lock_path = dir.join(format!("{name}.lock"));
    let lock = File::create(&lock_path).map_err(PostgresError::io(format!("making {}", lock_path.display())))?;
    flock(&lock, FlockOperation::LockExclusive)
        .map_err(|errno| PostgresError::io(format!("locking {}", lock_path.display()))(errno.into()))?;
    if holder.is_dir() {
        return Ok(template);
    }
    // Only the holder of the lock writes here, so what is found is left over from a killed process.
    let unfinished = dir.join(format!("{name}.unfinished"));
    let _absent = fs::remove_dir_all(&unfinished);
    place::make_private_dir(&unfinished).map_err(PostgresError::io(format!("making {}", unfinished.display())))?;
    initdb(&unfinished.join("data"), binaries, options)?;
    fs::rename(&unfinished, &holder).map_err(PostgresError::io(format!("renaming to {}", holder.display())))?;
    Ok(template)
}

fn initdb(data_dir: &Path, binaries: &Binaries, options: &ServerOptions) -> Result<(), PostgresError> {
    let mut initdb = place::unprivileged(&binaries.program("initdb"));
    initdb.arg("--pgdata").arg(data_dir).args([
        "--username=postgres",
        "--auth=trust",
        "--no-sync",
        &format!("--locale={}", options.locale),
        &format!("--encoding={}", options.encoding),
    ]);
    run(initdb, "initdb")
}

/// A name that changes with everything that initdb's result depends on.
fn name_of(binaries: &Binaries, options: &ServerOptions) -> String {
    let mut hasher = DefaultHasher::new();
    let changed = fs::metadata(binaries.program("postgres")).and_then(|found| found.modified()).ok();
    (binaries.dir(), binaries.version(), changed, &options.locale, &options.encoding).hash(&mut hasher);
    format!("pg{}-{:016x}", binaries.major_version(), hasher.finish())
}

/// Runs a command to its end; its standard error is the reason of a failure.
pub(super) fn run(mut command: std::process::Command, name: &str) -> Result<(), PostgresError> {
    let output = command.output().map_err(PostgresError::io(format!("starting {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PostgresError::Program { program: name.to_owned(), output })
}
