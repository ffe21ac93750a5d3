//! What one thread collects.

use super::super::ProofError;
use super::super::class::{FRAGMENT, class_of, of_bits};
use super::super::entry::{Entry, Hash, sort};
use super::super::fixed::{BYTES_MIN, INSTANT_BITS, bytes_mac, instant_mac, says_enough};
use super::super::json::leaves;
use super::super::needle::{Finder, Needle};
use super::super::read::{Part, Reading};
use super::{Forms, Inputs, Seen};
use crate::repeats::Repeats;
use offshoot_format::column::{Cell, Column};
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Entries of one value that are compared with each other one by one.
const FEW_ENTRIES: usize = 8;
/// Entries that a collector holds before it hands them over.
const COLLECTOR_ENTRIES: usize = 1 << 16;

impl Inputs {
    /// A collector for one thread. It must be finished.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if another one panicked.
    pub fn collector(&self) -> Result<Collector<'_>, ProofError> {
        self.state()?.open += 1;
        Ok(Collector {
            inputs: self,
            finder: Finder::default(),
            entries: Vec::new(),
            seen: vec![Seen::default(); self.sources.len()],
            forms: Forms::default(),
            cell: Zeroizing::default(),
            leaf: Zeroizing::default(),
            repeats: Repeats::new(),
        })
    }
}

/// Collects for one thread.
pub struct Collector<'a> {
    inputs: &'a Inputs,
    finder: Finder,
    entries: Vec<Entry>,
    seen: Vec<Seen>,
    forms: Forms,
    cell: Zeroizing<Vec<u8>>,
    leaf: Zeroizing<Vec<u8>>,
    /// Values of the present column, each with where its entries begin and how many those are.
    repeats: Repeats<(u32, u32)>,
}

impl std::fmt::Debug for Collector<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Collector({} entries)", self.entries.len())
    }
}

impl Collector<'_> {
    /// Takes a value of the source of this number, before it is rewritten.
    ///
    /// # Errors
    /// [`ProofError`]; nothing is proved then.
    pub fn observe(&mut self, source: usize, cell: &[u8]) -> Result<(), ProofError> {
        let reading = self.inputs.sources.get(source).ok_or(ProofError::Unannounced)?.reading;
        self.take_value(source, reading, cell);
        self.make_room().map(drop)
    }

    fn take_value(&mut self, source: usize, reading: Reading, cell: &[u8]) {
        let start = self.entries.len();
        self.seen[source].values += 1;
        self.collect(source, reading, cell);
        self.once(start);
    }

    /// Takes what a rule changed in a value that it keeps parts of: what is there before and after is not looked for.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_changed(&mut self, source: usize, before: &[u8], after: &[u8]) -> Result<(), ProofError> {
        let start = self.entries.len();
        let reading = self.inputs.sources.get(source).ok_or(ProofError::Unannounced)?.reading;
        self.seen[source].values += 1;
        self.collect(source, reading, before);
        let middle = self.entries.len();
        // All phrases: which one is chosen depends on its neighbours, and those may be others now.
        self.finder.with_all_phrases = true;
        self.collect(source, reading, after);
        self.finder.with_all_phrases = false;
        let kept: HashSet<Hash> = self.entries.drain(middle..).map(|entry| entry.hash).collect();
        let changed: Vec<Entry> = self.entries.drain(start..).filter(|entry| !kept.contains(&entry.hash)).collect();
        self.entries.extend(changed);
        self.once(start);
        self.make_room().map(drop)
    }

    /// Takes a part of a value that is too large to be had whole, cut anywhere.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_part(&mut self, source: usize, bytes: &[u8]) -> Result<(), ProofError> {
        let reading = self.inputs.sources.get(source).ok_or(ProofError::Unannounced)?.reading;
        let start = self.entries.len();
        self.collect(source, reading.of_portions(), bytes);
        self.once(start);
        self.make_room().map(drop)
    }

    /// A value counts once however often it is repeated in one cell.
    fn once(&mut self, start: usize) {
        let own = &self.entries[start..];
        if own.len() > FEW_ENTRIES {
            let mut seen = HashSet::new();
            let own: Vec<Entry> = self.entries.drain(start..).filter(|entry| seen.insert(entry.hash)).collect();
            self.entries.extend(own);
        } else {
            let mut at = start + 1;
            while at < self.entries.len() {
                if self.entries[start..at].iter().any(|before| before.hash == self.entries[at].hash) {
                    self.entries.remove(at);
                } else {
                    at += 1;
                }
            }
        }
    }

    /// Whether entries were moved or handed over.
    fn make_room(&mut self) -> Result<bool, ProofError> {
        let is_full = self.entries.len() >= COLLECTOR_ENTRIES;
        if is_full {
            sort(&mut self.entries);
            if self.entries.len() >= COLLECTOR_ENTRIES / 2 {
                self.inputs.take(&mut self.entries)?;
            }
        }
        Ok(is_full)
    }

    fn collect(&mut self, source: usize, reading: Reading, cell: &[u8]) {
        let Inputs { prf, sieve, .. } = self.inputs;
        let (entries, forms, finder, leaf) = (&mut self.entries, &mut self.forms, &mut self.finder, &mut self.leaf);
        let (number, is_kept) = (source as u32, finder.with_all_phrases);
        let mut add = |needle: Needle<'_>| {
            if !is_kept {
                sieve.insert(needle.head);
            }
            let class = if needle.is_fragment { FRAGMENT } else { class_of(needle.bytes) };
            entries.push(entry(prf.mac(needle.bytes), prf.mac(needle.head), number, needle.bytes.len(), class));
        };
        let hash = |bytes: &[u8]| prf.mac(bytes);
        let mut fixed = Vec::new();
        reading.parts(cell, &mut self.cell, &mut |part| match part {
            Part::Text { text, is_json: false } => finder.text(text, &hash, &mut add),
            Part::Text { text, is_json: true } => leaves(text, leaf, &mut |leaf| finder.text(leaf, &hash, &mut add)),
            Part::Integer(number) => finder.text(number.unsigned_abs().to_string().as_bytes(), &hash, &mut add),
            Part::Instant(time) if says_enough(time) => {
                forms.instants = true;
                fixed.push((instant_mac(prf, time), of_bits(INSTANT_BITS)));
            }
            Part::Instant(_) => {}
            Part::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(_) => finder.text(bytes, &hash, &mut add),
                Err(_) if bytes.len() >= BYTES_MIN => {
                    forms.bytes = true;
                    fixed.push((bytes_mac(prf, bytes), of_bits(8.0 * bytes.len() as f64)));
                }
                Err(_) => {}
            },
        });
        self.entries.extend(fixed.into_iter().map(|(mac, class)| entry(mac, mac, number, 0, class)));
    }

    /// Takes all values of a column.
    ///
    /// # Errors
    /// As [`Self::observe`], and [`ProofError::Apart`].
    pub fn observe_column(&mut self, source: usize, column: &Column) -> Result<(), ProofError> {
        if column.blob_count() > 0 { Err(self.apart(source)) } else { self.observe_cells(source, column) }
    }

    /// The same without values that are stored apart from their rows: those were taken in parts.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_cells(&mut self, source: usize, column: &Column) -> Result<(), ProofError> {
        let reading = self.inputs.sources.get(source).ok_or(ProofError::Unannounced)?.reading;
        self.repeats.clear();
        for row in 0..column.rows() {
            let Cell::Bytes(cell) = column.cell(row) else { continue };
            if let Some((_, (start, count))) = self.repeats.find(column, row) {
                self.seen[source].values += 1;
                let own = &mut self.entries[start as usize..][..count as usize];
                own.iter_mut().for_each(|entry| entry.count = entry.count.saturating_add(1));
                continue;
            }
            let start = self.entries.len();
            self.take_value(source, reading, cell);
            let count = self.entries.len() - start;
            if self.make_room()? {
                self.repeats.forget();
            } else if let (Ok(start), Ok(count)) = (u32::try_from(start), u32::try_from(count)) {
                self.repeats.remember(column, row, (start, count));
            }
        }
        Ok(())
    }

    /// Takes the names of persons whose first and last ones stand in two columns, each with its source: alone most say too
    /// little to be looked for, together they say who it is. They count as values of the last name's source, in either order.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub fn observe_names(&mut self, first: (usize, &Column), last: (usize, &Column)) -> Result<(), ProofError> {
        let reading = |source: usize| self.inputs.sources.get(source).map(|source| source.reading);
        let readings = [first.0, last.0].map(reading);
        let [Some(of_first), Some(of_last)] = readings else { return Err(ProofError::Unannounced) };
        let mut names = [Zeroizing::new(Vec::new()), Zeroizing::new(Vec::new())];
        for row in 0..first.1.rows().min(last.1.rows()) {
            let (Cell::Bytes(one), Cell::Bytes(other)) = (first.1.cell(row), last.1.cell(row)) else { continue };
            for (name, (reading, cell)) in names.iter_mut().zip([(of_first, one), (of_last, other)]) {
                name.clear();
                reading.parts(cell, &mut self.cell, &mut |part| {
                    if let Part::Text { text, .. } = part {
                        name.extend_from_slice(text.trim_ascii());
                    }
                });
            }
            let [first, next] = &names;
            if first.is_empty() || next.is_empty() {
                continue;
            }
            let start = self.entries.len();
            for order in [[first, next], [next, first]] {
                let both = Zeroizing::new(order.map(|name| &name[..]).join(&b' '));
                self.collect(last.0, Reading::text(), &both);
            }
            self.once(start);
            self.make_room()?;
        }
        Ok(())
    }

    /// Compares a value with what was written in its place: it must have changed if the rule says so and it says enough.
    ///
    /// # Errors
    /// [`ProofError::Unannounced`].
    pub fn compare(&mut self, source: usize, before: &[u8], after: &[u8]) -> Result<(), ProofError> {
        let about = self.inputs.sources.get(source).ok_or(ProofError::Unannounced)?;
        if before != after || !about.always_changes {
            return Ok(());
        }
        let mut says_something = false;
        let finder = &mut self.finder;
        about.reading.parts(before, &mut self.cell, &mut |part| {
            if let Part::Text { text, .. } = part {
                finder.text(text, &|_| 0, &mut |_| says_something = true);
            }
        });
        self.seen[source].unchanged += u64::from(says_something);
        Ok(())
    }

    /// Compares all values of a column with those written in their place.
    ///
    /// # Errors
    /// [`ProofError::Unannounced`], also if there are not as many.
    pub fn compare_column(&mut self, source: usize, before: &Column, after: &Column) -> Result<(), ProofError> {
        if before.rows() != after.rows() {
            return Err(ProofError::Unannounced);
        }
        for row in 0..before.rows() {
            if let (Cell::Bytes(before), Cell::Bytes(after)) = (before.cell(row), after.cell(row)) {
                self.compare(source, before, after)?;
            }
        }
        Ok(())
    }

    /// Hands over what was collected.
    ///
    /// # Errors
    /// [`ProofError::Runs`].
    pub fn finish(mut self) -> Result<(), ProofError> {
        sort(&mut self.entries);
        self.inputs.take(&mut self.entries)?;
        let mut state = self.inputs.state()?;
        for (all, own) in state.seen.iter_mut().zip(&self.seen) {
            all.values += own.values;
            all.unchanged += own.unchanged;
        }
        state.forms.instants |= self.forms.instants;
        state.forms.bytes |= self.forms.bytes;
        state.open -= 1;
        Ok(())
    }

    fn apart(&self, source: usize) -> ProofError {
        self.inputs
            .sources
            .get(source)
            .map_or(ProofError::Unannounced, |source| ProofError::Apart(source.place.clone()))
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        self.finder.forget();
    }
}

fn entry(mac: u128, head: u128, source: u32, bytes: usize, class: u16) -> Entry {
    Entry { hash: Hash::of_mac(mac), head: head as u32, source, bytes: bytes as u8, class, count: 1 }
}
