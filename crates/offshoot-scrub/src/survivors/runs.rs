//! Sorted runs of entries, in memory or put aside, and their merging.
//!
//! Where runs are put aside is the caller's affair ([`Runs`]): an anonymous temporary file does. They hold keyed hashes
//! alone, under a key that is never written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::RwLock;

use super::entry::{Entry, Hash};

/// A place for bytes that are written once, one after the other, and read back.
pub trait Runs: Send + Sync {
    /// Appends bytes to what was written before.
    ///
    /// # Errors
    /// If there is no room.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `buffer` with what was written from `offset` on.
    ///
    /// # Errors
    /// If it cannot be read, or not as much was written.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Runs put aside in memory: for tests, and where memory is not bounded.
#[derive(Debug, Default)]
pub struct MemoryRuns(RwLock<Vec<u8>>);

impl Runs for MemoryRuns {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.write().map_err(|_| io::Error::other("a writer panicked"))?.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.read().map_err(|_| io::Error::other("a writer panicked"))?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let from = bytes.get(start..).and_then(|rest| rest.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(from);
        Ok(())
    }
}

/// Entries read at once.
const BLOCK_ENTRIES: usize = 512;

/// Entries in their order.
pub(crate) enum Run {
    Memory(Vec<Entry>),
    Aside(Aside),
}

/// Where a run lies.
pub(crate) struct Aside {
    offset: u64,
    entries: u64,
    /// The first hash of each block, as far as it is known; only the last run needs them.
    firsts: Vec<u64>,
}

impl Run {
    pub(super) fn entries(&self) -> u64 {
        match self {
            Self::Memory(entries) => entries.len() as u64,
            Self::Aside(aside) => aside.entries,
        }
    }

    /// Appends all entries of one needle.
    pub(super) fn find(&self, runs: &dyn Runs, hash: Hash, found: &mut Vec<Entry>) -> io::Result<()> {
        match self {
            Self::Memory(entries) => {
                let from = entries.partition_point(|entry| entry.hash < hash);
                found.extend(entries[from..].iter().take_while(|entry| entry.hash == hash));
            }
            Self::Aside(aside) => {
                // Blocks that begin with a lesser hash may end with this one.
                let first = aside.firsts.partition_point(|first| *first < hash.high).saturating_sub(1);
                for block in first..aside.firsts.len() {
                    let entries = aside.block(runs, block as u64)?;
                    let from = entries.partition_point(|entry| entry.hash < hash);
                    found.extend(entries[from..].iter().take_while(|entry| entry.hash == hash));
                    if entries.last().is_some_and(|last| last.hash > hash) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Aside {
    fn block(&self, runs: &dyn Runs, block: u64) -> io::Result<Vec<Entry>> {
        let from = block * BLOCK_ENTRIES as u64;
        let count = self.entries.saturating_sub(from).min(BLOCK_ENTRIES as u64) as usize;
        let mut bytes = vec![0; count * Entry::BYTES];
        runs.read_at(self.offset + from * Entry::BYTES as u64, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(Entry::decode).collect())
    }
}

/// Runs that several threads hand over, in memory as far as that goes.
#[derive(Default)]
pub(crate) struct Pile {
    memory: Vec<Run>,
    memory_entries: u64,
    aside: Vec<Run>,
    written: u64,
}

impl Pile {
    /// Takes sorted entries; what is more than so many bytes is merged and put aside.
    pub(crate) fn add(&mut self, entries: Vec<Entry>, runs: &dyn Runs, bytes_max: usize) -> io::Result<()> {
        self.memory_entries += entries.len() as u64;
        self.memory.push(Run::Memory(entries));
        if self.memory_entries as usize * Entry::BYTES > bytes_max {
            let memory = std::mem::take(&mut self.memory);
            self.memory_entries = 0;
            let mut writer = Writer::new(runs, &mut self.written);
            let mut merge = Merge::new(runs, &memory)?;
            while let Some(entry) = merge.next()? {
                writer.push(&entry)?;
            }
            self.aside.push(writer.finish()?);
        }
        Ok(())
    }

    /// Whether nothing was put aside.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.aside.is_empty()
    }

    /// All runs, and the bytes that were put aside.
    pub(crate) fn into_runs(self) -> (Vec<Run>, u64) {
        (self.memory.into_iter().chain(self.aside).collect(), self.written)
    }
}

/// Puts runs aside; knows how much was written.
pub(super) struct Writer<'a> {
    pub(super) runs: &'a dyn Runs,
    pub(super) written: &'a mut u64,
    bytes: Vec<u8>,
    run: Aside,
}

impl<'a> Writer<'a> {
    pub(super) fn new(runs: &'a dyn Runs, written: &'a mut u64) -> Self {
        let run = Aside { offset: *written, entries: 0, firsts: Vec::new() };
        Self { runs, written, bytes: Vec::new(), run }
    }

    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        if self.run.entries.is_multiple_of(BLOCK_ENTRIES as u64) {
            self.flush()?;
            self.run.firsts.push(entry.hash.high);
        }
        entry.encode(&mut self.bytes);
        self.run.entries += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runs.append(&self.bytes)?;
        *self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Run> {
        self.flush()?;
        Ok(Run::Aside(self.run))
    }
}

/// All entries of several runs in their order, equal ones joined.
pub(crate) struct Merge<'a> {
    runs: &'a dyn Runs,
    readers: Vec<Reader<'a>>,
    waiting: BinaryHeap<Reverse<((Hash, u32), usize)>>,
}

struct Reader<'a> {
    run: &'a Run,
    block: Vec<Entry>,
    at: usize,
    next_block: u64,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(runs: &'a dyn Runs, all: &'a [Run]) -> io::Result<Self> {
        let readers = all.iter().map(|run| Reader { run, block: Vec::new(), at: 0, next_block: 0 }).collect();
        let mut merge = Self { runs, readers, waiting: BinaryHeap::new() };
        for at in 0..all.len() {
            merge.wait_for(at)?;
        }
        Ok(merge)
    }

    fn wait_for(&mut self, at: usize) -> io::Result<()> {
        if let Some(entry) = self.readers[at].peek(self.runs)? {
            self.waiting.push(Reverse((entry.order(), at)));
        }
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Entry>> {
        let Some(Reverse((_, at))) = self.waiting.pop() else { return Ok(None) };
        let entry = self.readers[at].peek(self.runs)?;
        self.readers[at].at += 1;
        self.wait_for(at)?;
        Ok(entry)
    }

    /// The next entry, with all that are equal to it.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(mut entry) = self.take()? else { return Ok(None) };
        while self.waiting.peek().is_some_and(|Reverse((order, _))| *order == entry.order()) {
            if let Some(other) = self.take()? {
                entry.absorb(&other);
            }
        }
        Ok(Some(entry))
    }
}

impl Reader<'_> {
    fn peek(&mut self, runs: &dyn Runs) -> io::Result<Option<Entry>> {
        match self.run {
            Run::Memory(entries) => Ok(entries.get(self.at).copied()),
            Run::Aside(aside) => {
                if self.at == self.block.len() && self.next_block * (BLOCK_ENTRIES as u64) < aside.entries {
                    self.block = aside.block(runs, self.next_block)?;
                    self.next_block += 1;
                    self.at = 0;
                }
                Ok(self.block.get(self.at).copied())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::sort;
    use super::*;

    fn entry(n: u64, source: u32) -> Entry {
        Entry {
            hash: Hash { high: n.wrapping_mul(0x9e37_79b9_7f4a_7c15), low: n as u32 },
            head: 0,
            source,
            bytes: 8,
            class: 200,
            count: 1,
        }
    }

    #[test]
    fn runs_in_memory_and_aside_merge_alike() {
        let aside = MemoryRuns::default();
        let mut written = 0;
        let mut all = Vec::new();
        for part in 0..5_u64 {
            let mut entries: Vec<Entry> = (0..3000).map(|n| entry(n * (part + 1), (n % 3) as u32)).collect();
            sort(&mut entries);
            if part % 2 == 0 {
                all.push(Run::Memory(entries));
            } else {
                let mut writer = Writer::new(&aside, &mut written);
                entries.iter().for_each(|entry| writer.push(entry).unwrap());
                all.push(writer.finish().unwrap());
            }
        }
        let mut merge = Merge::new(&aside, &all).unwrap();
        let (mut merged, mut count) = (Vec::new(), 0);
        while let Some(entry) = merge.next().unwrap() {
            count += u64::from(entry.count);
            merged.push(entry);
        }
        assert_eq!(count, 15_000);
        assert!(merged.windows(2).all(|two| two[0].order() < two[1].order()));

        let mut writer = Writer::new(&aside, &mut written);
        merged.iter().for_each(|entry| writer.push(entry).unwrap());
        let kept = writer.finish().unwrap();
        let memory = Run::Memory(merged);
        for n in 0..3100 {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            kept.find(&aside, entry(n, 0).hash, &mut one).unwrap();
            memory.find(&aside, entry(n, 0).hash, &mut other).unwrap();
            assert_eq!(one, other);
            assert!(n >= 3000 || !one.is_empty(), "{n}");
        }
    }
}
