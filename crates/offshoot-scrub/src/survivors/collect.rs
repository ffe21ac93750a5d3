//! Collects what the scrubbed columns held, as keyed hashes, within bounded memory.
//!
//! Each thread has a [`Collector`]; what they collect is sorted, joined and handed over in runs, which are put aside
//! when memory is used up.

mod collector;

use std::sync::{Mutex, MutexGuard};

use offshoot_format::table::RowForm;

use super::entry::Entry;
use super::needles::Needles;
use super::read::Reading;
use super::runs::{Pile, Runs};
use super::sieve::Sieve;
use super::{Place, Promise, ProofError};
use crate::Key;
use crate::facts::ColumnFacts;
use crate::prf::Prf;
pub use collector::Collector;

/// A column whose values are rewritten, and so looked for.
///
/// Partitions of one table are best one source: how common a value is is counted by source.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) place: Place,
    pub(super) rule: String,
    pub(super) domain: String,
    pub(super) reading: Reading,
    always_changes: bool,
}

impl Source {
    /// A column with its rule, the rule's domain, and its type by its bare name.
    #[must_use]
    pub fn new(place: Place, rule: &str, domain: &str, type_name: &str, form: RowForm) -> Self {
        Self {
            place,
            rule: rule.to_owned(),
            domain: domain.to_owned(),
            reading: Reading::new(type_name, form),
            always_changes: Promise::of(rule, true).always_changes,
        }
    }

    /// The same for this column as its facts have it, its encoding included.
    #[must_use]
    pub fn reading(self, column: &ColumnFacts, form: RowForm) -> Self {
        Self { reading: Reading::of(column, form), ..self }
    }
}

/// Columns that can be told apart in 24 bits.
const SOURCES_MAX: usize = 1 << 24;

/// Everything that was collected.
pub struct Inputs {
    prf: Prf,
    sieve: Sieve,
    sources: Vec<Source>,
    runs: Box<dyn Runs>,
    memory_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pile: Pile,
    seen: Vec<Seen>,
    forms: Forms,
    open: usize,
}

/// What was seen of a source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) values: u64,
    pub(super) unchanged: u64,
}

/// Which forms of needles there are beside text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Forms {
    pub(super) instants: bool,
    pub(super) bytes: bool,
}

impl Inputs {
    /// Begins with a random key that is used for nothing else, the columns whose values are looked for, a place for what
    /// memory has no room for, and how much memory hashes and filters may take, in bytes.
    ///
    /// # Errors
    /// [`ProofError::Key`] if the key is not random, [`ProofError::TooMany`].
    pub fn new(
        random: [u8; 32],
        sources: Vec<Source>,
        runs: Box<dyn Runs>,
        memory_bytes: usize,
    ) -> Result<Self, ProofError> {
        if sources.len() > SOURCES_MAX {
            return Err(ProofError::TooMany);
        }
        let prf = Prf::new(&Key::from_bytes(random)?, "survivors");
        let state = State { seen: vec![Seen::default(); sources.len()], ..State::default() };
        let sieve = Sieve::new(prf.mac(b"sieve") as u64);
        Ok(Self { prf, sieve, sources, runs, memory_bytes, state: Mutex::new(state) })
    }

    /// Merges all that was collected.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if a collector was not finished, [`ProofError::Runs`].
    pub fn finish(self) -> Result<Needles, ProofError> {
        let state = self.state.into_inner().map_err(|_| ProofError::Unfinished)?;
        if state.open > 0 {
            return Err(ProofError::Unfinished);
        }
        let fits = state.pile.is_in_memory();
        let (all, written) = state.pile.into_runs();
        Needles::merge(
            (self.prf, self.sieve),
            self.sources,
            self.runs,
            &all,
            written,
            fits,
            self.memory_bytes,
            state.seen,
            state.forms,
        )
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, ProofError> {
        self.state.lock().map_err(|_| ProofError::Unfinished)
    }

    fn take(&self, entries: &mut Vec<Entry>) -> Result<(), ProofError> {
        let entries = std::mem::take(entries);
        Ok(self.state()?.pile.add(entries, self.runs.as_ref(), self.memory_bytes / 4)?)
    }
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inputs({} columns)", self.sources.len())
    }
}
