//! What was found out about installed programs, remembered: asking a server for its version and its sizes starts it four
//! times, which is half of what a branch takes.
//!
//! It holds for the very files that were asked: the program, and the system's library that orders texts. Any change of them
//! is seen by their identity. What cannot be read is asked again; what cannot be written is asked again the next time.

use super::owner::Owner;
use super::platform;
use super::programs::Programs;
use super::{LocalError, files};
use crate::local::identity::Identity;
use crate::postgres::session::Version;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More installations than any machine has.
const KNOWN_MAX: usize = 64;

/// Where the system's library is, by processor and distribution; the first that is there counts.
const LIBRARIES: [&str; 7] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
    "/lib/libc.so.6",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// What is remembered, in a file where there is one.
#[derive(Debug)]
pub(super) struct Memory {
    file: Option<PathBuf>,
    known: Mutex<Vec<Known>>,
}

/// One installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    folder: PathBuf,
    program: Identity,
    text: String,
    version_num: u32,
    /// Under which library, and what it is.
    platform: Option<(Identity, String)>,
}

impl Memory {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(serde_json::from_slice(&text).unwrap_or_default()) }
    }

    /// The programs in a folder.
    pub(super) fn programs(&self, folder: &Path, owner: Owner) -> Result<Programs, String> {
        let program = Identity::of(&folder.join("postgres"));
        let is_it = |known: &&Known| known.folder == folder && Some(known.program) == program;
        if let Some(known) = self.lock().iter().find(is_it) {
            let version = Version(known.version_num);
            return Ok(Programs { folder: known.folder.clone(), text: known.text.clone(), version });
        }
        let found = Programs::in_folder(folder, owner)?;
        if let Some(program) = program {
            let (folder, text) = (found.folder.clone(), found.text.clone());
            self.learn(Known { folder, program, text, version_num: found.version.0, platform: None });
        }
        Ok(found)
    }

    /// What data directories of these programs depend on.
    pub(super) fn platform(&self, programs: &Programs, owner: Owner) -> Result<String, LocalError> {
        let library = LIBRARIES.iter().find_map(|path| Identity::of(Path::new(path)));
        let remembered = self.lock().iter().find(|known| known.folder == programs.folder).cloned();
        let told = remembered.as_ref().and_then(|known| known.platform.as_ref());
        if let Some((under, platform)) = told
            && Some(*under) == library
        {
            return Ok(platform.clone());
        }
        let platform = platform::describe(programs, owner)?;
        if let (Some(mut known), Some(library)) = (remembered, library) {
            known.platform = Some((library, platform.clone()));
            self.learn(known);
        }
        Ok(platform)
    }

    fn learn(&self, new: Known) {
        let mut known = self.lock();
        known.retain(|old| old.folder != new.folder && old.folder.exists());
        known.truncate(KNOWN_MAX - 1);
        known.push(new);
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_string(&*known)) {
            // Another time, then.
            let _ = files::put(file, &text, Owner::THIS);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn put(folder: &Path, version: &str) {
        let program = folder.join("postgres");
        let _ = fs::remove_file(&program);
        fs::write(
            &program,
            format!("#!/bin/sh\necho x >>{}/runs\necho 'postgres (PostgreSQL) {version}'\n", folder.display()),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_program_is_asked_once_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("bin");
        fs::create_dir(&folder).unwrap();
        for path in [dir.path(), &folder] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let file = dir.path().join("servers.json");
        let owner = Owner::of_this_process(super::super::USER).unwrap();
        let ask = || Memory::new(Some(file.clone())).programs(&folder, owner).unwrap().text;
        let runs = || fs::read_to_string(folder.join("runs")).unwrap().lines().count();
        put(&folder, "77.1");
        assert_eq!((ask(), ask(), runs()), ("77.1".to_owned(), "77.1".to_owned(), 1));
        put(&folder, "77.2");
        assert_eq!((ask(), ask(), runs()), ("77.2".to_owned(), "77.2".to_owned(), 2));
        fs::write(&file, "{ rubbish").unwrap();
        assert_eq!((ask(), runs()), ("77.2".to_owned(), 3));
        fs::remove_file(folder.join("postgres")).unwrap();
        assert!(Memory::new(Some(file)).programs(&folder, owner).is_err());
    }
}
