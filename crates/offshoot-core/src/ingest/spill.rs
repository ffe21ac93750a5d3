//! An anonymous file for what is not known to be final yet: rows in random order, and leaves that may still be joined
//! with others.
//!
//! It has no name, so nothing is left behind whatever happens. Space is given back at the end of the ingest.

use crate::{CoreError, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The file; several threads append to it and read from it.
pub(super) struct Spill {
    file: File,
    end: AtomicU64,
    folder: PathBuf,
}

impl Spill {
    /// Makes the file in a folder.
    pub fn create(folder: &Path) -> Result<Self> {
        let folder = folder.to_owned();
        match tempfile::tempfile_in(&folder) {
            Ok(file) => Ok(Self { file, end: AtomicU64::new(0), folder }),
            Err(source) => Err(CoreError::Io { operation: "create a spill file in", path: folder, source }),
        }
    }

    /// Appends bytes; returns where they are.
    pub fn append(&self, bytes: &[u8]) -> Result<u64> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_all_at(bytes, offset).map_err(|source| self.failed("write a spill file in", source))?;
        Ok(offset)
    }

    /// Reads bytes that were appended.
    pub fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|source| self.failed("read a spill file in", source))?;
        Ok(bytes)
    }

    fn failed(&self, operation: &'static str, source: std::io::Error) -> CoreError {
        CoreError::Io { operation, path: self.folder.clone(), source }
    }
}
