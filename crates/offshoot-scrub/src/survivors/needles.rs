//! All needles, merged: what the search looks for.

use std::collections::HashMap;

use super::ProofError;
use super::class::FRAGMENT;
use super::collect::{Forms, Seen, Source};
use super::entry::{Entry, Hash};
use super::filter::{Filter, FilterKey};
use super::output::Output;
use super::runs::{Merge, Run, Runs, Writer};
use super::search::Search;
use super::sieve::Sieve;
use crate::prf::Prf;

/// A value in more rows of its column than this is no longer rare, whatever the size of the column.
pub const RARE_ROWS_MIN: u64 = 20;
/// Nor is one in more than this share of the rows: one of as many.
pub const RARE_ROWS_OF: u64 = 1000;
/// A fragment of a text is rare in up to this many rows.
pub const FRAGMENT_ROWS_MAX: u64 = 3;
const WHOLE_BITS: u64 = 16;
const HEAD_BITS: u64 = 12;

/// What is looked for.
pub struct Needles {
    pub(super) prf: Prf,
    pub(super) sieve: Sieve,
    pub(super) sources: Vec<Source>,
    pub(super) seen: Vec<Seen>,
    pub(super) forms: Forms,
    runs: Box<dyn Runs>,
    run: Run,
    pub(super) heads: Filter,
    pub(super) wholes: Filter,
    /// Distinct needles of each class.
    pub(super) of_class: HashMap<u16, u64>,
    /// The lengths of needles that are all digits, as bits.
    pub(super) digit_lengths: u32,
    /// The least number of such a length.
    pub(super) least_number: u64,
    /// Distinct needles, and values that were too common to be one.
    pub(super) count: u64,
    pub(super) common: u64,
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Needles({})", self.count)
    }
}

impl Needles {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn merge(
        (prf, sieve): (Prf, Sieve),
        sources: Vec<Source>,
        runs: Box<dyn Runs>,
        all: &[Run],
        mut written: u64,
        fits: bool,
        memory_bytes: usize,
        seen: Vec<Seen>,
        forms: Forms,
    ) -> Result<Self, ProofError> {
        let most = all.iter().map(Run::entries).sum();
        let mut needles = Self {
            prf,
            sieve: sieve.shrunk(),
            sources,
            seen,
            forms,
            run: Run::Memory(Vec::new()),
            heads: Filter::new(2 * most, HEAD_BITS, memory_bytes / 4),
            wholes: Filter::new(most, WHOLE_BITS, memory_bytes / 4),
            of_class: HashMap::new(),
            digit_lengths: 0,
            least_number: u64::MAX,
            count: 0,
            common: 0,
            runs,
        };
        let runs = std::mem::replace(&mut needles.runs, Box::new(super::MemoryRuns::default()));
        let mut memory = Vec::new();
        let mut writer = (!fits).then(|| Writer::new(runs.as_ref(), &mut written));
        let mut merge = Merge::new(runs.as_ref(), all)?;
        // All that is known of one needle.
        let mut one: Vec<Entry> = Vec::new();
        loop {
            let next = merge.next()?;
            if let Some(first) = one.first()
                && next.is_none_or(|next| next.hash != first.hash)
            {
                if needles.admit(&one) {
                    match &mut writer {
                        Some(writer) => one.iter().try_for_each(|entry| writer.push(entry))?,
                        None => memory.extend_from_slice(&one),
                    }
                }
                one.clear();
            }
            match next {
                Some(entry) => one.push(entry),
                None => break,
            }
        }
        needles.run = match writer {
            Some(writer) => writer.finish()?,
            None => Run::Memory(memory),
        };
        needles.runs = runs;
        if needles.digit_lengths != 0 {
            needles.least_number = 10_u64.pow(needles.digit_lengths.trailing_zeros() - 1);
        }
        Ok(needles)
    }

    /// Whether a needle is rare in one of its columns at least; then it is put into the filters. A mail address tells who
    /// somebody is by being rare among people, however often it stands in their orders.
    fn admit(&mut self, entries: &[Entry]) -> bool {
        let is_rare = |entry: &Entry| {
            let rows = self.seen.get(entry.source as usize).map_or(0, |seen| seen.values);
            let most = if entry.class == FRAGMENT { FRAGMENT_ROWS_MAX } else { RARE_ROWS_MIN.max(rows / RARE_ROWS_OF) };
            u64::from(entry.count) <= most.min(u64::from(u16::MAX) - 1)
        };
        if !entries.iter().any(is_rare) {
            self.common += 1;
            return false;
        }
        let Some(first) = entries.first() else { return false };
        let class = entries.iter().map(|entry| entry.class).max().unwrap_or(FRAGMENT);
        self.count += 1;
        *self.of_class.entry(class).or_default() += 1;
        match class {
            // One of the classes by bits that numbers of more than 15 digits are in.
            50..=67 => self.digit_lengths |= 0xf_0000,
            128.. if class.is_power_of_two() => self.digit_lengths |= 1 << class.ilog2(),
            _ => {}
        }
        self.heads.insert(FilterKey::of_head(first.head, 0));
        self.heads.insert(FilterKey::of_head(first.head, first.bytes.into()));
        self.wholes.insert(FilterKey::of_hash(first.hash.high));
        true
    }

    /// Appends all entries of a needle; none if it is no needle.
    pub(super) fn find(&self, hash: Hash, found: &mut Vec<Entry>) -> Result<(), ProofError> {
        Ok(self.run.find(self.runs.as_ref(), hash, found)?)
    }

    /// Memory and room that needles take: filters, and all runs put together.
    #[must_use]
    pub fn bytes(&self) -> (usize, u64) {
        (self.heads.bytes() + self.wholes.bytes(), self.run.entries() * Entry::BYTES as u64)
    }

    /// How many distinct values and parts of values are looked for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Begins the search of everything that was written.
    #[must_use]
    pub fn search(self, outputs: Vec<Output>) -> Search {
        Search::new(self, outputs)
    }
}
