//! Searches what was written for needles.
//!
//! At every beginning of a word the head of what follows, just enough to say something, is looked up in a sieve, then in one
//! filter; only where it may be the head of a needle, the words from there on are looked up as well, if there is a needle of that head
//! and length; and what the second filter lets pass is settled against the sorted hashes themselves.

mod numbers;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use offshoot_format::column::{Cell, Column};
use zeroize::Zeroizing;

use super::ProofError;
use super::class::{class_of, may_be_met};
use super::entry::{Entry, Hash};
use super::escapes::unescape;
use super::filter::FilterKey;
use super::fixed::{BYTES_MIN, bytes_mac};
use super::needle::{DIGIT_UNITS, NEEDLE_BYTES_MAX, UNITS_MIN, beginning, cut, head_end};
use super::needles::Needles;
use super::output::Output;
use super::read::{Part, Reading};
use super::report::Survivors;
use super::sieve::BEGINNING;
use super::tally::Tally;
use super::text::Tokens;
use crate::repeats::Repeats;

/// Candidates that a searcher holds before it settles them.
const CANDIDATES_MAX: usize = 1 << 16;
/// Shorter texts say too little: a digit says most for its bytes, and seven of them just enough.
const HEAD_BYTES_MIN: usize = (UNITS_MIN / DIGIT_UNITS) as usize;
/// Rounds of resolving escapes.
const ESCAPE_ROUNDS: u32 = 2;
/// Beginnings of words of a column that are all counted, and what share of the later ones is.
const COUNTED_STARTS: u64 = 1 << 14;
const COUNTED_OF: u64 = 64;

/// A search.
pub struct Search {
    needles: Needles,
    outputs: Vec<Output>,
    tally: Mutex<Tally>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Search({:?} in {} columns)", self.needles, self.outputs.len())
    }
}

impl Search {
    pub(super) fn new(needles: Needles, outputs: Vec<Output>) -> Self {
        Self { needles, outputs, tally: Mutex::default() }
    }

    /// A searcher for one thread. It must be finished.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if another one panicked.
    pub fn searcher(&self) -> Result<Searcher<'_>, ProofError> {
        self.tally()?.open += 1;
        Ok(Searcher {
            search: self,
            tokens: Tokens::default(),
            text: Zeroizing::default(),
            parts: Zeroizing::default(),
            heads: Vec::new(),
            repeats: Repeats::new(),
            found: Vec::new(),
            candidates: HashMap::new(),
            starts: vec![0; self.outputs.len()],
            tries: HashMap::new(),
            number_tries: [0; 20],
            number_output: 0,
            cells: 0,
            bytes: 0,
        })
    }

    fn tally(&self) -> Result<MutexGuard<'_, Tally>, ProofError> {
        self.tally.lock().map_err(|_| ProofError::Unfinished)
    }

    /// Says what was found; the needles are dropped.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if a searcher was not finished.
    pub fn finish(self) -> Result<Survivors, ProofError> {
        let Self { needles, outputs, tally } = self;
        let tally = tally.into_inner().map_err(|_| ProofError::Unfinished)?;
        if tally.open > 0 {
            return Err(ProofError::Unfinished);
        }
        Ok(tally.report(&needles, &outputs))
    }
}

/// Where a word begins, where what says just enough from there on ends, and its hash.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    start: u32,
    end: u32,
    hash: u32,
}

/// Searches for one thread.
pub struct Searcher<'a> {
    search: &'a Search,
    tokens: Tokens,
    text: Zeroizing<Vec<u8>>,
    parts: Zeroizing<Vec<u8>>,
    heads: Vec<Head>,
    /// Texts in which nothing was found, each with the heads that were looked up in it.
    repeats: Repeats<u32>,
    /// What was found in the present cell: a value counts once a cell.
    found: Vec<Hash>,
    candidates: HashMap<(Hash, u32), u64>,
    starts: Vec<u64>,
    tries: HashMap<(u32, u16), u64>,
    number_tries: [u64; 20],
    number_output: u32,
    cells: u64,
    bytes: u64,
}

impl std::fmt::Debug for Searcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Searcher({} cells)", self.cells)
    }
}

impl Searcher<'_> {
    /// Searches a cell of the output of this number, or the text of an object.
    ///
    /// # Errors
    /// [`ProofError`]; nothing is proved then.
    pub fn cell(&mut self, output: usize, cell: &[u8]) -> Result<(), ProofError> {
        let reading = self.search.outputs.get(output).ok_or(ProofError::Unannounced)?.reading;
        self.cells += 1;
        self.bytes += cell.len() as u64;
        if self.search.needles.count == 0 {
            return Ok(());
        }
        self.look_into(output, reading, cell).map(drop)
    }

    /// Whether something was found in a cell.
    fn look_into(&mut self, output: usize, reading: Reading, cell: &[u8]) -> Result<bool, ProofError> {
        let number = output as u32;
        if reading.is_text() {
            self.text(number, cell);
        } else {
            let mut scratch = std::mem::take(&mut *self.parts);
            reading.parts(cell, &mut scratch, &mut |part| match part {
                Part::Text { text, .. } => self.text(number, text),
                Part::Integer(value) => self.integer(number, value),
                Part::Instant(time) => self.instant(number, time),
                Part::Bytes(bytes) => self.any_bytes(number, bytes),
            });
            *self.parts = scratch;
        }
        if self.found.is_empty() {
            return Ok(false);
        }
        for hash in self.found.drain(..) {
            *self.candidates.entry((hash, number)).or_default() += 1;
        }
        if self.candidates.len() >= CANDIDATES_MAX {
            self.settle()?;
        }
        Ok(true)
    }

    /// Searches a part of a value that is too large to be had whole, cut anywhere.
    ///
    /// # Errors
    /// As [`Self::cell`].
    pub fn part(&mut self, output: usize, bytes: &[u8]) -> Result<(), ProofError> {
        if output >= self.search.outputs.len() {
            return Err(ProofError::Unannounced);
        }
        self.cells += 1;
        self.bytes += bytes.len() as u64;
        if self.search.needles.count == 0 {
            return Ok(());
        }
        let number = output as u32;
        let mut scratch = Zeroizing::new(Vec::new());
        self.any_bytes(number, self.search.outputs[output].reading.portion(bytes, &mut scratch));
        for hash in self.found.drain(..) {
            *self.candidates.entry((hash, number)).or_default() += 1;
        }
        if self.candidates.len() >= CANDIDATES_MAX { self.settle() } else { Ok(()) }
    }

    /// Searches all cells of a column.
    ///
    /// # Errors
    /// As [`Self::cell`], and [`ProofError::Apart`].
    pub fn column(&mut self, output: usize, column: &Column) -> Result<(), ProofError> {
        let about = self.search.outputs.get(output).ok_or(ProofError::Unannounced)?;
        let (reading, needles) = (about.reading, &self.search.needles);
        let silent = reading.silent_bytes(needles.forms.instants);
        self.repeats.clear();
        for row in 0..column.rows() {
            let cell = match column.cell(row) {
                Cell::Bytes(cell) => cell,
                Cell::Null => continue,
                Cell::Blob(_) => return Err(ProofError::Apart(about.place.clone())),
            };
            self.cells += 1;
            self.bytes += cell.len() as u64;
            if needles.count == 0 || silent == Some(cell.len()) {
                continue;
            }
            if !reading.is_text() {
                // Most numbers are too short to be one that is looked for.
                if reading.integer(cell).is_none_or(|number| number.unsigned_abs() >= needles.least_number) {
                    self.look_into(output, reading, cell)?;
                }
            } else if cell.len() >= HEAD_BYTES_MIN && !self.is_known(output, column, row) {
                let before = self.starts[output];
                if !self.look_into(output, reading, cell)?
                    && let Ok(heads) = u32::try_from(self.starts[output] - before)
                {
                    self.repeats.remember(column, row, heads);
                }
            }
        }
        Ok(())
    }

    /// Whether a text was searched in this column before and nothing was found in it. Its words count as looked up once more;
    /// where one of them is to be counted by its class, it is not known.
    fn is_known(&mut self, output: usize, column: &Column, row: usize) -> bool {
        let Some((_, heads)) = self.repeats.find(column, row) else { return false };
        let seen = &mut self.starts[output];
        let after = *seen + u64::from(heads);
        let is_counted = *seen < COUNTED_STARTS || *seen / COUNTED_OF != after / COUNTED_OF;
        if !is_counted {
            *seen = after;
        }
        !is_counted
    }

    /// Hands over what was found.
    ///
    /// # Errors
    /// As [`Self::cell`].
    pub fn finish(mut self) -> Result<(), ProofError> {
        self.settle()?;
        self.count_numbers(0);
        let mut tally = self.search.tally()?;
        for (key, tries) in self.tries.drain() {
            *tally.tries.entry(key).or_default() += tries;
        }
        tally.cells += self.cells;
        tally.bytes += self.bytes;
        tally.open -= 1;
        Ok(())
    }

    fn text(&mut self, output: u32, text: &[u8]) {
        if text.len() < HEAD_BYTES_MIN {
            return;
        }
        self.tokens.read(text);
        self.scan(output);
        for _ in 0..ESCAPE_ROUNDS {
            if !self.tokens.has_escapes() {
                break;
            }
            let mut resolved = Zeroizing::new(Vec::new());
            unescape(if self.text.is_empty() { text } else { &self.text }, &mut resolved);
            if *resolved == if self.text.is_empty() { text } else { &self.text } {
                break;
            }
            self.text = resolved;
            self.tokens.read(&self.text);
            self.scan(output);
        }
        self.text.clear();
    }

    fn scan(&mut self, output: u32) {
        let sieve = &self.search.needles.sieve;
        let (bytes, starts) = (self.tokens.padded(), self.tokens.starts());
        // From the last words on too little follows to say anything.
        let says_enough = |start: &u32| head_end(self.tokens.bytes(), *start as usize).is_some();
        let count = starts.iter().rposition(says_enough).map_or(0, |last| last + 1);
        if self.heads.len() < count {
            self.heads.resize(count, Head::default());
        }
        let mut passed = 0;
        for &start in &starts[..count] {
            // Written always and counted where it passes: which do cannot be foretold.
            self.heads[passed].start = start;
            passed += usize::from(sieve.may_begin(beginning(bytes, start as usize)));
        }
        self.count_starts(output, count);
        self.look_up_heads(passed);
    }

    /// Counts the values that begin at the first so many words, by their classes: those of all words at the beginning of a
    /// column, later of one in so many.
    fn count_starts(&mut self, output: u32, count: usize) {
        let Self { starts, tries, tokens, .. } = self;
        let seen = &mut starts[output as usize];
        let before = *seen;
        *seen += count as u64;
        let mut number = before;
        loop {
            let (next, weight) = match number + 1 {
                next if next <= COUNTED_STARTS => (next, 1),
                next => (next.next_multiple_of(COUNTED_OF), COUNTED_OF),
            };
            if next > *seen {
                break;
            }
            number = next;
            let start = tokens.starts()[(number - before - 1) as usize] as usize;
            let Some(end) = head_end(tokens.bytes(), start) else { break };
            let classes = ends(tokens, start, end).map(|end| class_of(&tokens.bytes()[start..end]));
            // The longer a value, the larger its class.
            for class in classes.take_while(|class| may_be_met(*class)) {
                *tries.entry((output, class)).or_default() += weight;
            }
        }
    }

    /// Looks up the first so many heads in the sieve and the filters, and what begins with them.
    fn look_up_heads(&mut self, count: usize) {
        let Needles { prf, sieve, heads, wholes, .. } = &self.search.needles;
        let bytes = self.tokens.bytes();
        // Hashes first, then all looks: the processor waits for many blocks of the filter at once.
        let mut passed = 0;
        for at in 0..count {
            let start = self.heads[at].start;
            let Some(end) = head_end(bytes, start as usize) else { continue };
            let head = &bytes[start as usize..end];
            if head.len() <= BEGINNING || sieve.may_contain(head) {
                self.heads[passed] = Head { start, end: end as u32, hash: prf.mac(head) as u32 };
                passed += 1;
            }
        }
        let passed = &self.heads[..passed];
        for head in passed.iter().filter(|head| heads.may_contain(FilterKey::of_head(head.hash, 0))) {
            let start = head.start as usize;
            for end in ends(&self.tokens, start, head.end as usize) {
                if !heads.may_contain(FilterKey::of_head(head.hash, end - start)) {
                    continue;
                }
                let hash = Hash::of_mac(prf.mac(&bytes[start..end]));
                if wholes.may_contain(FilterKey::of_hash(hash.high)) && !self.found.contains(&hash) {
                    self.found.push(hash);
                }
            }
        }
    }

    /// Bytes of an unknown form may hold texts, each after its length.
    fn any_bytes(&mut self, output: u32, bytes: &[u8]) {
        self.text(output, bytes);
        if bytes.contains(&0) {
            // The last byte of a length may look like a letter.
            let mut apart = Zeroizing::new(bytes.to_vec());
            for at in 1..bytes.len() {
                if bytes[at - 1] == 0 {
                    apart[at] = 0;
                }
            }
            self.text(output, &apart);
        }
        if self.search.needles.forms.bytes && bytes.len() >= BYTES_MIN {
            self.look_up(bytes_mac(&self.search.needles.prf, bytes));
        }
    }

    fn look_up(&mut self, mac: u128) {
        let hash = Hash::of_mac(mac);
        if self.search.needles.wholes.may_contain(FilterKey::of_hash(hash.high)) && !self.found.contains(&hash) {
            self.found.push(hash);
        }
    }

    /// Decides about all candidates.
    fn settle(&mut self) -> Result<(), ProofError> {
        let mut candidates: Vec<_> = self.candidates.drain().collect();
        candidates.sort_unstable_by_key(|(key, _)| *key);
        let Search { needles, outputs, tally } = self.search;
        let mut entries: Vec<Entry> = Vec::new();
        let mut settled = Vec::new();
        for ((hash, output), cells) in candidates {
            entries.clear();
            needles.find(hash, &mut entries)?;
            let class = entries.iter().map(|entry| entry.class).max();
            let mut sources =
                entries.iter().filter_map(|entry| Some((entry.source, needles.sources.get(entry.source as usize)?)));
            let survivor = sources.find(|(_, source)| !outputs[output as usize].is_exempt(&source.domain));
            if let Some(class) = class {
                settled.push((hash, output, cells, class, survivor.map(|(source, _)| source)));
            }
        }
        let mut tally = tally.lock().map_err(|_| ProofError::Unfinished)?;
        for (hash, output, cells, class, survivor) in settled {
            match survivor {
                Some(source) => tally.add(hash, output, source, class, cells),
                None => *tally.exempt.entry(output).or_default() += cells,
            }
        }
        Ok(())
    }
}

impl Drop for Searcher<'_> {
    fn drop(&mut self) {
        self.tokens.forget();
    }
}

/// Where needles may end that begin at `start` and whose head ends at `head`.
fn ends(tokens: &Tokens, start: usize, head: usize) -> impl Iterator<Item = usize> {
    let (bytes, ends) = (tokens.bytes(), tokens.ends());
    let from = ends.partition_point(|end| (*end as usize) < head);
    let last = cut(bytes, start, bytes.len());
    let within = move |end: &usize| end - start <= NEEDLE_BYTES_MAX && *end < last;
    ends[from..].iter().map(|end| *end as usize).take_while(within).chain(std::iter::once(last))
}
