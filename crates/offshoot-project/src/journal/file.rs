//! The file of the journal: lines of JSON, appended by any number of processes, bounded in size.
//!
//! A line is one write in append mode, so lines of two processes do not mix. A line that was cut off by a crash is skipped,
//! and the next one begins on a line of its own. When the file is full it becomes the old one, whose own predecessor goes; a
//! process that has the file open at that moment writes to the end of the old one, which is read as well.

use super::Record;
use crate::error::{ProjectError, Result};
use crate::file::{make_folder, read};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const FILE: &str = "journal.jsonl";
const OLD: &str = "journal.old.jsonl";
const LOCK: &str = "journal.lock";
/// A file of this size, some ten thousand branches, becomes the old one.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A longer line is not written: no name and no list of steps is that long.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The journal in a folder.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
    file_bytes_max: u64,
}

/// What was read of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The records, in the order in which they were written.
    pub records: Vec<Record>,
    /// Lines that were cut off, or written by a newer program.
    pub skipped_lines: usize,
}

impl Journal {
    /// The journal in this folder. Nothing is looked at yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), file_bytes_max: FILE_BYTES_MAX }
    }

    /// Adds a record. It is not synced: a line that a power cut takes is a figure less.
    ///
    /// # Errors
    /// When the file cannot be written; whatever it was about has happened all the same.
    pub fn append(&self, record: &Record) -> Result<()> {
        let path = self.folder.join(FILE);
        let line = serde_json::to_string(record).map_err(io::Error::from);
        let line = line.map_err(ProjectError::io("describe a branch for", &path))?;
        if line.len() > LINE_BYTES_MAX {
            return Err(ProjectError::io("write", &path)(io::Error::other("the record is too long")));
        }
        make_folder(&self.folder)?;
        self.rotate(&path)?;
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)?;
            let gap = if ends_amid_a_line(&mut file)? { "\n" } else { "" };
            file.write_all(format!("{gap}{line}\n").as_bytes())
        };
        write().map_err(ProjectError::io("write", &path))
    }

    /// Everything that is in the journal.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn read(&self) -> Result<Read> {
        let mut found = Read::default();
        for name in [OLD, FILE] {
            let bytes = read(&self.folder.join(name))?.unwrap_or_default();
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice(line) {
                    Ok(record) => found.records.push(record),
                    Err(_) => found.skipped_lines += 1,
                }
            }
        }
        Ok(found)
    }

    fn rotate(&self, path: &Path) -> Result<()> {
        let is_full = || fs::metadata(path).is_ok_and(|metadata| metadata.len() >= self.file_bytes_max);
        if !is_full() {
            return Ok(());
        }
        let rotate = || -> io::Result<()> {
            let lock = File::create(self.folder.join(LOCK))?;
            lock.lock()?;
            // Somebody else may have done it while the lock was waited for.
            if is_full() { fs::rename(path, self.folder.join(OLD)) } else { Ok(()) }
        };
        rotate().map_err(ProjectError::io("put aside", path))
    }
}

fn ends_amid_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Made};
    use super::*;
    use std::collections::BTreeMap;

    fn record(branch: &str, at_unix_ms: u64) -> Record {
        let steps = vec![("clone".to_owned(), 12)];
        let made = Made { snapshot: "ab12".to_owned(), method: "clone".to_owned(), waited_ms: 40, steps };
        Record { at_unix_ms, branch: branch.to_owned(), event: Event::Ready(made) }
    }

    #[test]
    fn the_form_of_a_line() {
        let line = serde_json::to_string(&record("a\nb", 7)).unwrap();
        let expected = r#"{"at_unix_ms":7,"branch":"a\nb","event":"ready","snapshot":"ab12","method":"clone","waited_ms":40,"steps":[["clone",12]]}"#;
        assert_eq!(line, expected);
        let asked = Record { event: Event::Asked { from: None }, ..record("x", 1) };
        for record in [asked, record("y", 2), Record { event: Event::Deleted, ..record("z", 3) }] {
            let line = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        }
    }

    #[test]
    fn a_cut_off_line_costs_itself_alone() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path().join("home"));
        assert_eq!(journal.read().unwrap(), Read::default());
        journal.append(&record("one", 1)).unwrap();
        journal.append(&record("two", 2)).unwrap();
        let path = dir.path().join("home").join(FILE);
        let whole = fs::read(&path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in first..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            journal.append(&record("three", 3)).unwrap();
            let read = journal.read().unwrap();
            let names: Vec<&str> = read.records.iter().map(|record| record.branch.as_str()).collect();
            // All but the line's end may have been written: then the line is whole.
            let expected: &[&str] = if cut + 1 == whole.len() { &["one", "two", "three"] } else { &["one", "three"] };
            assert_eq!(
                (names.as_slice(), read.skipped_lines),
                (expected, 3 - expected.len() - usize::from(cut == first))
            );
        }
    }

    #[test]
    fn many_writers_and_a_bounded_size() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal { file_bytes_max: 20_000, ..Journal::new(dir.path()) };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let journal = &journal;
                scope.spawn(move || {
                    for at in 0..100 {
                        journal.append(&record(&format!("branch-{thread}"), at)).unwrap();
                    }
                });
            }
        });
        let read = journal.read().unwrap();
        assert_eq!(read.skipped_lines, 0);
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &read.records {
            let before = last.insert(&record.branch, record.at_unix_ms);
            assert!(before.is_none_or(|before| before < record.at_unix_ms), "the order of each writer is kept");
        }
        assert!(last.values().any(|at| *at == 99));
        let bytes: u64 = [FILE, OLD].iter().map(|name| fs::metadata(dir.path().join(name)).unwrap().len()).sum();
        assert!(bytes < 45_000, "{bytes}");
    }
}
