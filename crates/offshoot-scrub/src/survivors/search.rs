//! Searches what was written for needles.
//!
//! At every beginning of a word the head of what follows, just enough to say something, is looked up in a sieve, then in one
//! filter; only where it may be the head of a needle, the words from there on are looked up as well, if there is a needle of that head
//! and length; and what the second filter lets pass is settled against the sorted hashes themselves.

mod numbers;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use offshoot_format::column::{Cell, Column};
use zeroize::{Zeroize, Zeroizing};

use super::ProofError;
use super::class::{class_of, size};
use super::entry::{Entry, Hash};
use super::filter::FilterKey;
use super::fixed::{BYTES_MIN, bytes_mac};
use super::needle::{DIGIT_UNITS, NEEDLE_BYTES_MAX, UNITS_MIN, cut, head_end};
use super::needles::Needles;
use super::output::Output;
use super::read::{Part, Reading};
use super::repeats::Repeats;
use super::report::Survivors;
use super::tally::Tally;
use super::text::{Tokens, unescape};

/// Candidates that a searcher holds before it settles them.
const CANDIDATES_MAX: usize = 1 << 16;
/// Shorter texts say too little: a digit says most for its bytes, and seven of them just enough.
const HEAD_BYTES_MIN: usize = (UNITS_MIN / DIGIT_UNITS) as usize;
/// Rounds of resolving escapes.
const ESCAPE_ROUNDS: u32 = 2;
/// Beginnings of words of a column that are all counted, and what share of the later ones is.
const COUNTED_STARTS: u64 = 1 << 14;
const COUNTED_OF: u64 = 64;
/// Larger classes are not counted: no hit there is chance.
const COUNTED_SIZE_MAX: f64 = (1_u64 << 62) as f64;

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
            repeats: Repeats::default(),
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
#[derive(Debug, Clone, Copy)]
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
    repeats: Repeats,
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
        self.any_bytes(number, bytes);
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
        let (reading, silent) = (about.reading, about.reading.silent_bytes());
        self.repeats.clear();
        for row in 0..column.rows() {
            let cell = match column.cell(row) {
                Cell::Bytes(cell) => cell,
                Cell::Null => continue,
                Cell::Blob(_) => return Err(ProofError::Apart(about.place.clone())),
            };
            self.cells += 1;
            self.bytes += cell.len() as u64;
            if self.search.needles.count == 0 || silent == Some(cell.len()) {
                continue;
            }
            if !reading.is_text() {
                self.look_into(output, reading, cell)?;
            } else if cell.len() >= HEAD_BYTES_MIN && !self.is_known(output, cell) {
                let before = self.starts[output];
                if !self.look_into(output, reading, cell)? {
                    self.repeats.remember(cell, self.starts[output] - before);
                }
            }
        }
        Ok(())
    }

    /// Whether a text was searched in this column before and nothing was found in it. Its words count as looked up once more;
    /// where one of them is to be counted by its class, it is not known.
    fn is_known(&mut self, output: usize, text: &[u8]) -> bool {
        let Some(heads) = self.repeats.heads(text) else { return false };
        let seen = &mut self.starts[output];
        let after = *seen + heads;
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
            if !self.tokens.has_escapes {
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
        let Needles { prf, sieve, heads, wholes, .. } = &self.search.needles;
        let bytes = self.tokens.bytes.as_slice();
        let seen = &mut self.starts[output as usize];
        // Hashes first, then all looks: the processor waits for many blocks of the filter at once.
        self.heads.clear();
        self.heads.resize(self.tokens.starts.len(), Head { start: 0, end: 0, hash: 0 });
        let mut passed = 0;
        for &start in &self.tokens.starts {
            let Some(end) = head_end(bytes, start as usize) else { break };
            // Written always and counted where it passes: which do cannot be foretold.
            self.heads[passed] = Head { start, end: end as u32, hash: 0 };
            passed += usize::from(sieve.may_contain(&bytes[start as usize..end]));
            *seen += 1;
            if *seen <= COUNTED_STARTS || seen.is_multiple_of(COUNTED_OF) {
                let weight = if *seen <= COUNTED_STARTS { 1 } else { COUNTED_OF };
                let classes = ends(&self.tokens, start as usize, end).map(|end| class_of(&bytes[start as usize..end]));
                // The longer a value, the larger its class.
                for class in classes.take_while(|class| size(*class) <= COUNTED_SIZE_MAX) {
                    *self.tries.entry((output, class)).or_default() += weight;
                }
            }
        }
        self.heads.truncate(passed);
        for head in &mut self.heads {
            head.hash = prf.mac(&bytes[head.start as usize..head.end as usize]) as u32;
        }
        self.heads.retain(|head| heads.may_contain(FilterKey::of_head(head.hash, 0)));
        for head in &self.heads {
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
        self.tokens.bytes.zeroize();
    }
}

/// Where needles may end that begin at `start` and whose head ends at `head`.
fn ends(tokens: &Tokens, start: usize, head: usize) -> impl Iterator<Item = usize> {
    let from = tokens.ends.partition_point(|end| (*end as usize) < head);
    let last = cut(&tokens.bytes, start, tokens.bytes.len());
    let within = move |end: &usize| end - start <= NEEDLE_BYTES_MAX && *end < last;
    tokens.ends[from..].iter().map(|end| *end as usize).take_while(within).chain(std::iter::once(last))
}
