//! What the library does not read by itself: the process environment, the home folder, the name of the user, the
//! programs of PostgreSQL.

use offshoot::Environment;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a connection string's meaning depends on.
pub fn environment() -> Environment {
    let account = account();
    let home = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let home = home.or_else(|| account.as_ref().map(|account| account.home.clone()));
    let user = account.map(|account| account.name).or_else(|| {
        let named = ["USER", "LOGNAME"].into_iter().find_map(env::var_os);
        named.and_then(|name| name.into_string().ok())
    });
    Environment::new(env::vars_os(), home, user)
}

/// Programs to try as pg_dump: that of OFFSHOOT_PG_DUMP, those of the PATH, those of the usual folders, newest first.
pub fn pg_dump_programs() -> Vec<PathBuf> {
    if let Some(program) = env::var_os("OFFSHOOT_PG_DUMP").filter(|program| !program.is_empty()) {
        return vec![program.into()];
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    folders.extend(installed());
    let mut programs: Vec<PathBuf> = Vec::new();
    for program in folders.into_iter().map(|folder| folder.join("pg_dump")).filter(|program| program.is_file()) {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs
}

/// Folders of PostgreSQL's programs as Debian, Red Hat and Homebrew lay them out, newest major first.
fn installed() -> Vec<PathBuf> {
    let roots = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")];
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (root, prefix) in roots {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let major = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok());
            found.extend(major.map(|major: u32| (major, entry.path().join("bin"))));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The folder of images and branches: OFFSHOOT_HOME, else the configuration's, else where the user's data is.
pub fn branch_home(configured: Option<&Path>) -> PathBuf {
    if let Some(home) = folder("OFFSHOOT_HOME") {
        return home;
    }
    if let Some(home) = configured {
        return home.to_path_buf();
    }
    if rustix::process::geteuid().is_root() {
        // Servers run as another user, who may not enter root's own folder.
        return PathBuf::from("/var/lib/offshoot");
    }
    let data = folder("XDG_DATA_HOME").or_else(|| Some(user_home()?.join(".local/share")));
    data.unwrap_or_else(env::temp_dir).join("offshoot")
}

/// The user and group that a pool is for: who runs this, also behind sudo.
pub fn pool_owner() -> (u32, u32) {
    let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    let user = rustix::process::geteuid();
    let behind_sudo = if user.is_root() { number("SUDO_UID").zip(number("SUDO_GID")) } else { None };
    behind_sudo.unwrap_or((user.as_raw(), rustix::process::getegid().as_raw()))
}

/// The folder of sockets: a short path that goes with the machine's start. OFFSHOOT_RUNTIME names another one.
pub fn runtime() -> PathBuf {
    if let Some(runtime) = folder("OFFSHOOT_RUNTIME") {
        return runtime;
    }
    let user = rustix::process::geteuid();
    let of_system = if user.is_root() { Some(PathBuf::from("/run")) } else { folder("XDG_RUNTIME_DIR") };
    let is_fit = |base: &PathBuf| base.is_dir() && base.as_os_str().len() <= RUNTIME_BYTES_MAX;
    match of_system.filter(is_fit) {
        Some(base) => base.join("offshoot"),
        None => PathBuf::from(format!("/tmp/offshoot-{}", user.as_raw())),
    }
}

/// Longest path of the folder of sockets: a socket's own name and the branch's take the rest of what systems allow.
const RUNTIME_BYTES_MAX: usize = 40;

/// PostgreSQL's server programs that the user names.
pub fn postgres_programs() -> Option<PathBuf> {
    folder("OFFSHOOT_PG_BIN")
}

/// MySQL's or MariaDB's server programs that the user names.
pub fn mysql_programs() -> Option<PathBuf> {
    folder("OFFSHOOT_MYSQL_BIN")
}

/// The snapshot to branch from that the environment names.
pub fn from() -> Option<String> {
    env::var("OFFSHOOT_FROM").ok().filter(|from| !from.is_empty())
}

/// The variables that say where branches, their servers and the store are, and which snapshot is meant, as far as they are set;
/// paths are made absolute.
pub fn places() -> io::Result<BTreeMap<String, String>> {
    let mut places = BTreeMap::new();
    for name in ["OFFSHOOT_HOME", "OFFSHOOT_RUNTIME", "OFFSHOOT_PG_BIN", "OFFSHOOT_MYSQL_BIN", "OFFSHOOT_STORE"] {
        if let Some(path) = folder(name) {
            places.insert(name.to_owned(), std::path::absolute(path)?.to_string_lossy().into_owned());
        }
    }
    places.extend(from().map(|from| ("OFFSHOOT_FROM".to_owned(), from)));
    Ok(places)
}

/// The folders of PATH.
pub fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

/// The user's own folder.
pub fn user_home() -> Option<PathBuf> {
    folder("HOME").or_else(|| Some(account()?.home))
}

fn folder(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

struct Account {
    name: String,
    home: PathBuf,
}

/// The account of the effective user, as the password database says it.
fn account() -> Option<Account> {
    let uid = rustix::process::geteuid().as_raw();
    parse_account(&fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn parse_account(passwd: &str, uid: u32) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, ..] = fields.as_slice() else { return None };
        let is_it = id.parse() == Ok(uid) && !name.is_empty();
        is_it.then(|| Account { name: (*name).to_owned(), home: PathBuf::from(home) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n";
        let ada = parse_account(passwd, 1000).unwrap();
        assert_eq!((ada.name.as_str(), ada.home), ("ada", PathBuf::from("/home/ada")));
        assert!(parse_account(passwd, 7).is_none());
    }
}
