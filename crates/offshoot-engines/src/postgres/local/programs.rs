//! The programs of one installed server, and which of several fits a snapshot.

use super::PRODUCT;
use super::error::{Candidate, LocalError};
use super::memory::Memory;
use super::owner::Owner;
use super::places::KIND;
use crate::local::Places;
use crate::postgres::session::Version;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The programs of one installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub(super) folder: PathBuf,
    /// As the server prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub(super) text: String,
    pub(super) version: Version,
}

impl Programs {
    /// What is in a folder. Its program is run as servers will be, so that one that their owner cannot reach counts as broken.
    pub(super) fn in_folder(folder: &Path, owner: Owner) -> Result<Self, String> {
        let program = folder.join("postgres");
        let mut command = owner.command(&program).map_err(|error| error.to_string())?;
        let output = command.arg("--version").stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().next().unwrap_or("it says nothing").escape_debug().to_string());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let (text, version) = parse(&said).ok_or("it gives no PostgreSQL version")?;
        Ok(Self { folder: folder.to_path_buf(), text, version })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether a library can be loaded: it is in one of the folders where installations keep theirs.
    pub(super) fn has_library(&self, name: &str) -> bool {
        let Some(prefix) = self.folder.parent() else { return false };
        let folders = ["lib", "lib/postgresql", "lib64", "lib64/postgresql", "lib64/pgsql", "lib/pgsql"];
        let is_there = |folder: &&str| {
            ["so", "dylib"].iter().any(|end| prefix.join(folder).join(format!("{name}.{end}")).is_file())
        };
        folders.iter().any(is_there)
    }

    /// The one that fits a snapshot: of its major version, the same or next newer minor one, else the newest older one.
    pub(super) fn find(places: &Places, memory: &Memory, wanted: Version, owner: Owner) -> Result<Self, LocalError> {
        let mut best: Option<Self> = None;
        let mut candidates = Vec::new();
        for folder in places.folders(&KIND) {
            let found = memory.programs(&folder, owner);
            candidates.push(Candidate {
                folder,
                found: found.as_ref().map(|found| found.version.to_string()).map_err(Clone::clone),
            });
            let Ok(found) = found else { continue };
            if found.version == wanted {
                return Ok(found);
            }
            let is_better = |best: &Self| distance(found.version, wanted) < distance(best.version, wanted);
            if found.version.major() == wanted.major() && best.as_ref().is_none_or(is_better) {
                best = Some(found);
            }
        }
        best.ok_or_else(|| LocalError::NoServer {
            product: PRODUCT,
            wanted: wanted.to_string(),
            series: wanted.major().to_string().into(),
            candidates,
            looked_at: places.shown(&KIND),
            mend: super::advice::how_to_install(wanted.major(), places.bin.is_some()).into(),
        })
    }
}

/// How far a minor version is from the wanted one: newer ones first, since they read what older ones wrote with fewer bugs.
fn distance(found: Version, wanted: Version) -> (bool, u32) {
    (found < wanted, found.0.abs_diff(wanted.0))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse(said: &str) -> Option<(String, Version)> {
    let text = said.lines().next()?.trim().strip_prefix("postgres (PostgreSQL) ")?;
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let major: u32 = numbers.next()?.parse().ok()?;
    // A development version or beta has no minor one.
    let minor =
        text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('.').then(|| numbers.next()).flatten();
    let minor: u32 = minor.and_then(|minor| minor.parse().ok()).unwrap_or(0);
    Some((text.to_owned(), Version(major.checked_mul(10_000)?.checked_add(minor)?)))
}

#[cfg(test)]
mod tests {
    use super::super::USER;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn versions_are_read() {
        let debian = parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n").unwrap();
        assert_eq!(debian, ("15.18 (Debian 15.18-0+deb12u1)".to_owned(), Version(150_018)));
        assert_eq!(parse("postgres (PostgreSQL) 19beta1").unwrap().1, Version(190_000));
        assert_eq!(parse("postgres (PostgreSQL) 18.4").unwrap().1, Version(180_004));
        assert_eq!(parse("postgres (EnterpriseDB) 15.1"), None);
        assert_eq!(parse(""), None);
    }

    fn put_server(folder: &Path, version: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("initdb"), "").unwrap();
        fs::write(folder.join("postgres"), format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(folder.join("postgres"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Pretended servers of a major version that nobody has.
    #[test]
    fn the_nearest_minor_version_is_taken_and_a_newer_one_preferred() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let owner = Owner::of_this_process(USER).unwrap();
        let mut places = Places::default();
        let mut found = |minor: &str, wanted: u32| {
            let folder = dir.path().canonicalize().unwrap().join(minor);
            put_server(&folder, minor);
            places.path.push(folder);
            Programs::find(&places, &Memory::new(None), Version(wanted), owner).unwrap().text
        };
        assert_eq!(found("77.3", 770_005), "77.3");
        assert_eq!(found("77.1", 770_005), "77.3");
        assert_eq!(found("77.9", 770_005), "77.9");
        assert_eq!(found("77.6", 770_005), "77.6");
        assert_eq!(found("78.5", 770_005), "77.6");
        assert_eq!(found("77.5", 770_005), "77.5");
    }

    #[test]
    fn what_is_missing_or_broken_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        put_server(&dir.path().join("other"), "66.1");
        put_server(&dir.path().join("broken"), "77.1");
        fs::write(dir.path().join("broken/postgres"), "#!/bin/sh\necho 'no such library' >&2\nexit 1\n").unwrap();
        let path = ["other", "broken"].map(|name| dir.path().join(name)).to_vec();
        let places = Places { path, ..Places::default() };
        let error =
            Programs::find(&places, &Memory::new(None), Version(770_005), Owner::of_this_process(USER).unwrap())
                .unwrap_err()
                .to_string();
        for part in ["PostgreSQL 77.5", "looked in PATH", "is 66.1", "is broken: no such library", "nstall"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
