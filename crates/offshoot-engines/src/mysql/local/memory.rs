//! What servers say of their version, remembered: asking one means to load a program of a hundred megabytes.
//!
//! It holds for the very file that was asked. What cannot be read is asked again; what cannot be written is asked again the
//! next time.

use crate::local::files;
use crate::local::identity::Identity;
use crate::local::owner::Owner;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More installations than any machine has.
const KNOWN_MAX: usize = 64;

/// What is remembered, in a file where there is one.
#[derive(Debug)]
pub(super) struct Memory {
    file: Option<PathBuf>,
    known: Mutex<Vec<Known>>,
}

/// One server.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    program: PathBuf,
    identity: Identity,
    said: String,
}

impl Memory {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        let text = file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(serde_json::from_slice(&text).unwrap_or_default()) }
    }

    /// What a program says, asked if it is not known.
    pub(super) fn said(&self, program: &Path, ask: impl FnOnce() -> Result<String, String>) -> Result<String, String> {
        let identity = Identity::of(program);
        let is_it = |known: &&Known| known.program == program && Some(known.identity) == identity;
        if let Some(known) = self.lock().iter().find(is_it) {
            return Ok(known.said.clone());
        }
        let said = ask()?;
        if let Some(identity) = identity {
            self.learn(Known { program: program.to_path_buf(), identity, said: said.clone() });
        }
        Ok(said)
    }

    fn learn(&self, new: Known) {
        let mut known = self.lock();
        known.retain(|old| old.program != new.program && old.program.exists());
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

    #[test]
    fn a_program_is_asked_once_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (file, program) = (dir.path().join("servers.json"), dir.path().join("mysqld"));
        let ask = |said: &str| Memory::new(Some(file.clone())).said(&program, || Ok(said.to_owned())).unwrap();
        fs::write(&program, "1").unwrap();
        assert_eq!((ask("one").as_str(), ask("two").as_str()), ("one", "one"));
        fs::write(&program, "22").unwrap();
        assert_eq!((ask("two").as_str(), ask("three").as_str()), ("two", "two"));
        fs::write(&file, "{ rubbish").unwrap();
        assert_eq!(ask("three"), "three");
        assert!(Memory::new(None).said(&program, || Err("broken".to_owned())).is_err());
    }
}
