//! The programs of one installed server, and which of several fits a snapshot.

use super::memory::Memory;
use super::places::KIND;
use crate::local::owner::Owner;
use crate::local::{Candidate, LocalError, Places};
use crate::mysql::session::{Family, Flavor};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The programs of one installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// Where the server's program is.
    pub(super) folder: PathBuf,
    /// The server's program.
    pub(super) server: PathBuf,
    pub(super) flavor: Flavor,
}

impl Programs {
    /// What is in a folder. Its program is run as servers will be, so that one that their owner cannot reach counts as broken.
    pub(super) fn in_folder(folder: &Path, memory: &Memory, owner: Owner) -> Result<Self, String> {
        let server = KIND.servers.iter().map(|name| folder.join(name)).find(|program| program.is_file());
        let server = server.ok_or("it holds neither mariadbd nor mysqld")?;
        let said = memory.said(&server, || ask(&server, owner))?;
        let flavor = parse(&said).ok_or("it gives no version of MySQL or MariaDB")?;
        Ok(Self { folder: folder.to_path_buf(), server, flavor })
    }

    /// The folder that an installation is below.
    pub(super) fn base(&self) -> PathBuf {
        self.folder.parent().unwrap_or(&self.folder).to_path_buf()
    }

    /// A program of the installation, in any of the folders where they are.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let base = self.base();
        let folders = [self.folder.clone(), base.join("bin"), base.join("sbin"), base.join("scripts")];
        folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
    }

    /// The one that fits a snapshot: of its family and series, the same or next newer version, else the newest older one.
    pub(super) fn find(places: &Places, memory: &Memory, wanted: &Flavor, owner: Owner) -> Result<Self, LocalError> {
        let mut best: Option<Self> = None;
        let mut candidates = Vec::new();
        for folder in places.folders(&KIND) {
            let found = Self::in_folder(&folder, memory, owner);
            let told = found.as_ref().map(|found| found.flavor.to_string()).map_err(Clone::clone);
            candidates.push(Candidate { folder, found: told });
            let Ok(found) = found else { continue };
            let number = wanted.number;
            let is_better = |best: &Self| distance(found.flavor.number, number) < distance(best.flavor.number, number);
            let fits = found.flavor.family == wanted.family && series(&found.flavor) == series(wanted);
            if fits && best.as_ref().is_none_or(is_better) {
                best = Some(found);
            }
        }
        best.ok_or_else(|| LocalError::NoServer {
            product: product(wanted.family),
            wanted: wanted.text.clone(),
            series: series(wanted).into(),
            candidates,
            looked_at: places.shown(&KIND),
            mend: how_to_install(wanted, places.bin.is_some()).into(),
        })
    }
}

/// The family's name in messages.
pub(super) fn product(family: Family) -> &'static str {
    match family {
        Family::MySql => "MySQL",
        Family::MariaDb => "MariaDB",
    }
}

/// The part of a version within which statements mean the same: `10.11`, `8.0`; from 9 on of MySQL the first number.
pub(super) fn series(flavor: &Flavor) -> String {
    let (major, minor) = (flavor.number / 10_000, flavor.number / 100 % 100);
    if flavor.family == Family::MySql && major >= 9 { major.to_string() } else { format!("{major}.{minor}") }
}

/// How far a version is from the wanted one: newer ones first.
fn distance(found: u32, wanted: u32) -> (bool, u32) {
    (found < wanted, found.abs_diff(wanted))
}

fn ask(server: &Path, owner: Owner) -> Result<String, String> {
    let mut command = owner.command(server).map_err(|error| error.to_string())?;
    command.args(["--no-defaults", "--version"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.lines().next().unwrap_or("it says nothing").escape_debug().to_string());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)`.
fn parse(said: &str) -> Option<Flavor> {
    let version = said.lines().next()?.split_once("Ver ")?.1.split_whitespace().next()?;
    Flavor::parse(version).ok()
}

/// How a server is installed on this system.
fn how_to_install(wanted: &Flavor, is_named: bool) -> String {
    let (product, series) = (product(wanted.family), series(wanted));
    let exists = |path: &str| Path::new(path).exists();
    let package = product.to_ascii_lowercase();
    let words = if exists("/etc/debian_version") {
        format!(
            "Install it: apt-get install {package}-server-core, or {product} {series} from its makers' own packages"
        )
    } else if exists("/etc/redhat-release") {
        format!("Install it: dnf install {package}-server, or {product} {series} from its makers' own packages")
    } else if exists("/System/Library") || exists("/home/linuxbrew/.linuxbrew") {
        format!("Install it: brew install {package}@{series}")
    } else {
        format!("Install the server programs of {product} {series}")
    };
    if is_named {
        format!(
            "The folder that is configured (OFFSHOOT_MYSQL_BIN, or offshoot.toml) is the only one that is looked at. {words}"
        )
    } else {
        format!("{words}; or name the folder of its programs with OFFSHOOT_MYSQL_BIN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn put_server(folder: &Path, name: &str, version: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), format!("#!/bin/sh\necho '{name}  Ver {version} for Linux on x86_64'\n")).unwrap();
        fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn versions_and_series_are_read() {
        let read = |said: &str| parse(said).map(|flavor| (product(flavor.family), flavor.number, series(&flavor)));
        let debian = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(read(debian), Some(("MariaDB", 101_119, "10.11".to_owned())));
        assert_eq!(
            read("/x y/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"),
            Some(("MySQL", 90_704, "9".to_owned()))
        );
        assert_eq!(read("mysqld  Ver 8.0.36 for Linux"), Some(("MySQL", 80_036, "8.0".to_owned())));
        assert_eq!(read("postgres (PostgreSQL) 15.18"), None);
    }

    /// Pretended servers of versions that nobody has.
    #[test]
    fn the_nearest_of_the_family_and_series_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let root = dir.path().canonicalize().unwrap();
        let versions = [
            ("mysqld", "77.2.1"),
            ("mariadbd", "77.2.9-MariaDB"),
            ("mariadbd", "77.3.1-MariaDB"),
            ("mysqld", "78.0.0"),
        ];
        let mut places = Places::default();
        for (number, (name, version)) in versions.iter().enumerate() {
            put_server(&root.join(number.to_string()), name, version);
            places.path.push(root.join(number.to_string()));
        }
        let owner = Owner::of_this_process("mysql").unwrap();
        let find = |text: &str| {
            Programs::find(&places, &Memory::new(None), &Flavor::parse(text).unwrap(), owner)
                .map(|found| found.flavor.text)
                .map_err(|error| error.to_string())
        };
        assert_eq!(find("77.2.5-MariaDB").unwrap(), "77.2.9-MariaDB");
        assert_eq!(find("77.9.5").unwrap(), "77.2.1");
        let error = find("77.4.0-MariaDB").unwrap_err();
        for part in ["MariaDB 77.4.0", "version 77.4", "MySQL 77.2.1", "OFFSHOOT_MYSQL_BIN"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
