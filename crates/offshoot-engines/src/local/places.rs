//! Where servers are installed on this machine: folders of programs, the preferred first.
//!
//! The caller says what it knows of its environment; nothing here reads the process's own.

use std::fs;
use std::path::{Path, PathBuf};

/// What a caller knows of where servers may be.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The folder of the programs, where the user names one: then no other is looked at.
    pub bin: Option<PathBuf>,
    /// The folders of PATH.
    pub path: Vec<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// A file in which what was found out about programs is remembered, where that is wanted.
    pub memory: Option<PathBuf>,
}

/// What servers of an engine are called, and where they are put.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The server's program, under any of its names.
    pub(crate) servers: &'static [&'static str],
    /// Programs that must be beside it.
    pub(crate) beside: &'static [&'static str],
    /// Where packages put one folder a version: the folder above, the start of the version's own name, and what follows it.
    pub(crate) packaged: &'static [(&'static str, &'static str, &'static str)],
    /// Where version managers do, below the user's home.
    pub(crate) managed: &'static [&'static str],
}

#[cfg(test)]
impl Kind {
    /// Whether a folder of programs would be looked into.
    pub(crate) fn looks_into(&self, folder: &Path) -> bool {
        self.packaged.iter().any(|(above, start, rest)| {
            let Ok(below) = folder.strip_prefix(above) else { return false };
            let mut parts = below.components();
            let version = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned());
            version.is_some_and(|version| version.starts_with(start)) && parts.as_path() == Path::new(rest)
        })
    }
}

impl Places {
    /// Folders that hold a server's programs, links resolved, each once.
    pub(crate) fn folders(&self, kind: &Kind) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut add = |folder: PathBuf| {
            // A link in /usr/local/bin leads to the folder that also holds the rest. A broken one leads nowhere.
            let Some(program) = kind.servers.iter().find_map(|name| fs::canonicalize(folder.join(name)).ok()) else {
                return;
            };
            let Some(folder) = program.parent().map(Path::to_path_buf) else { return };
            if kind.beside.iter().all(|name| folder.join(name).is_file()) && !found.contains(&folder) {
                found.push(folder);
            }
        };
        if let Some(bin) = &self.bin {
            add(bin.clone());
            return found;
        }
        self.path.iter().filter(|folder| folder.is_absolute()).for_each(|folder| add(folder.clone()));
        for (above, start, rest) in kind.packaged {
            versions(Path::new(above), start).into_iter().for_each(|folder| add(folder.join(rest)));
        }
        if let Some(home) = &self.home {
            let above = kind.managed.iter().map(|folder| home.join(folder));
            above.flat_map(|above| versions(&above, "")).for_each(|folder| add(folder.join("bin")));
        }
        found
    }

    /// The same as a user looks for them.
    pub(crate) fn shown(&self, kind: &Kind) -> Vec<PathBuf> {
        if let Some(bin) = &self.bin {
            return vec![bin.clone()];
        }
        let packaged =
            kind.packaged.iter().map(|(above, start, rest)| Path::new(above).join(format!("{start}*")).join(rest));
        let present =
            packaged.filter(|path| path.parent().is_some_and(|above| above.parent().is_some_and(Path::is_dir)));
        std::iter::once(PathBuf::from("PATH")).chain(present).collect()
    }
}

/// Folders whose name begins so, the newest version first.
fn versions(above: &Path, start: &str) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = fs::read_dir(above)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| {
            let name = entry.file_name();
            let numbers = name
                .to_string_lossy()
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|part| part.parse().ok())
                .collect();
            (numbers, entry.path())
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const KIND: Kind = Kind {
        servers: &["postgres"],
        beside: &["initdb"],
        packaged: &[("/nowhere", "pg", "bin")],
        managed: &[".asdf/installs/postgres"],
    };

    fn put_programs(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for name in ["postgres", "initdb"] {
            fs::write(folder.join(name), "").unwrap();
        }
    }

    #[test]
    fn links_are_resolved_and_broken_ones_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let (real, links, broken, half) =
            (dir.path().join("real"), dir.path().join("links"), dir.path().join("broken"), dir.path().join("half"));
        put_programs(&real);
        for folder in [&links, &broken, &half] {
            fs::create_dir(folder).unwrap();
        }
        symlink(real.join("postgres"), links.join("postgres")).unwrap();
        symlink(dir.path().join("nowhere"), broken.join("postgres")).unwrap();
        fs::write(half.join("postgres"), "").unwrap();
        let places =
            Places { path: vec![PathBuf::from("relative"), broken, half, links, real.clone()], ..Places::default() };
        assert_eq!(places.folders(&KIND).first(), Some(&real.canonicalize().unwrap()));
        assert_eq!(
            places
                .folders(&KIND)
                .iter()
                .filter(|folder| folder.starts_with(dir.path().canonicalize().unwrap()))
                .count(),
            1
        );
    }

    #[test]
    fn version_managers_are_looked_at_newest_first_and_a_named_folder_alone() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().canonicalize().unwrap();
        let managed = |version: &str| real.join(".asdf/installs/postgres").join(version).join("bin");
        put_programs(&managed("15.9"));
        put_programs(&managed("15.18"));
        let mut places = Places { home: Some(real.clone()), ..Places::default() };
        let found = places.folders(&KIND);
        let own: Vec<&PathBuf> = found.iter().filter(|folder| folder.starts_with(&real)).collect();
        assert_eq!(own, [&managed("15.18"), &managed("15.9")]);
        places.bin = Some(managed("15.9"));
        assert_eq!(places.folders(&KIND), [managed("15.9")]);
        places.bin = Some(real.join("nothing"));
        assert!(places.folders(&KIND).is_empty());
    }
}
