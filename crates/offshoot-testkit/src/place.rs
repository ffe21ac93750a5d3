//! Where throwaway things live: one folder below the build's own target directory.
//!
//! Servers, their templates and downloaded majors all stay in the folder that `cargo clean` removes. The
//! system's temporary directory is only the second choice, taken where the target directory cannot be
//! entered by the unprivileged user that servers run as (a checkout in root's home, for one).

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// The user and group that servers run as when the tests run as root: nobody.
pub const NOBODY_ID: u32 = 65534;

/// Socket paths are limited by the system to about this many bytes, file name included.
const SOCKET_DIR_BYTES_MAX: usize = 80;

/// The folder of throwaway servers and templates, made if missing.
pub fn scratch_dir() -> io::Result<PathBuf> {
    let in_target = target_dir()
        .map(|dir| dir.join("testkit"))
        .filter(|dir| fs::create_dir_all(dir).is_ok() && (!is_root() || everyone_may_enter(dir)));
    let dir = match in_target {
        Some(dir) => dir,
        None => std::env::temp_dir().join(format!("offshoot-testkit-{}", rustix::process::geteuid().as_raw())),
    };
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Cargo's target directory, found upwards from the running program by the tag that cargo leaves in it.
#[must_use]
pub fn target_dir() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()).map(Path::to_path_buf)
}

/// True when the process may become any user, and so must not run servers as itself.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs `program` without privileges: as itself, or as nobody when the caller is root.
/// Its environment is empty but for the search path and a plain locale, so that no PG* variable leaks in.
#[must_use]
pub fn unprivileged(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args([
            &format!("--reuid={NOBODY_ID}"),
            &format!("--regid={NOBODY_ID}"),
            "--clear-groups",
            "--inh-caps=-all",
            "--no-new-privs",
            "--",
        ]);
        setpriv.arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    command.env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Makes `dir` for the eyes of the user that [`unprivileged`] commands run as.
pub fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    give_to_server_user(dir)
}

/// Makes the user that [`unprivileged`] commands run as the owner of `path`.
pub fn give_to_server_user(path: &Path) -> io::Result<()> {
    if is_root() { std::os::unix::fs::chown(path, Some(NOBODY_ID), Some(NOBODY_ID)) } else { Ok(()) }
}

/// A folder for a server's socket elsewhere, if its own has too long a path for one.
pub(crate) fn short_socket_dir(dir: &Path) -> io::Result<Option<tempfile::TempDir>> {
    if dir.as_os_str().len() <= SOCKET_DIR_BYTES_MAX {
        return Ok(None);
    }
    let short = tempfile::Builder::new().prefix("os-").tempdir_in("/tmp")?;
    give_to_server_user(short.path())?;
    Ok(Some(short))
}

/// A new folder for a server and all that is its, below the folder of throwaway things. Whoever makes it removes it.
pub(crate) fn new_server_dir() -> io::Result<PathBuf> {
    let dir = tempfile::Builder::new().prefix("s-").tempdir_in(scratch_dir()?)?;
    give_to_server_user(dir.path())?;
    Ok(dir.keep())
}

/// A port on the loopback address that nobody has at this moment.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn everyone_may_enter(dir: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    dir.ancestors().all(|dir| fs::metadata(dir).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}
