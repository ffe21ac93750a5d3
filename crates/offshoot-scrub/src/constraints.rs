//! Counts what unique keys and foreign keys over rewritten columns demand, so that a receipt need not take the rules' word.
//!
//! The tuples of each key are seen twice, in the rows that came and in the rows that were written. Keyed hashes of them (96 bits
//! of a MAC under a random key that nothing keeps) are sorted in runs within bounded memory, as those of the survivor proof
//! are, and merged once. A constraint is broken if rows are equal now, or refer to nothing now, that were not and did not
//! before: what the source itself lacks, as under a unique index over some rows or a foreign key that was never validated, is
//! no fault of the rules.
//!
//! How an expression or a foreign collation compares is not known here; such keys keep their values, and are not counted.

mod letters;
mod tuple;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use offshoot_format::column::Column;

use crate::facts::{Equality, TableFacts};
use crate::prf::Prf;
use crate::survivors::entry::{Entry, Hash, sort};
use crate::survivors::runs::{Merge, Pile};
use crate::survivors::{ProofError, Runs};
use crate::{Key, Scrubber};
use tuple::Tuple;

/// Entries that a counter holds before it hands them over.
const COUNTER_ENTRIES: usize = 1 << 15;

/// Which rows are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Those that came, without those that are left out.
    Before,
    /// Those that were written.
    After,
}

/// The keys of all tables.
pub struct Constraints {
    prf: Prf,
    runs: Box<dyn Runs>,
    memory_bytes: usize,
    /// The tuples of each table, each of one set.
    tuples: BTreeMap<(String, String), Vec<Tuple>>,
    sets: usize,
    /// The set of a unique key, by the numbers of its table and of the key.
    unique: BTreeMap<(usize, usize), usize>,
    /// The sets of a foreign key: of the tuples that refer, and of those that are referred to.
    joins: BTreeMap<(usize, usize), (usize, usize)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pile: Pile,
    rows: Vec<u64>,
    open: usize,
}

/// What was counted of one constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Rows that were written and looked at; those with a NULL in the key are under no constraint.
    pub rows: u64,
    /// Rows that break it and did not before.
    pub breaches: u64,
}

/// What was counted, by the numbers of the table and of its unique key or foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Unique keys.
    pub unique: BTreeMap<(usize, usize), Count>,
    /// Foreign keys.
    pub joins: BTreeMap<(usize, usize), Count>,
}

/// Columns of tables whose tuples are one set.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Set {
    tables: Vec<usize>,
    columns: Vec<String>,
    equality: Equality,
    with_nulls: bool,
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Constraints({} keys)", self.unique.len() + self.joins.len())
    }
}

impl Constraints {
    /// Those of these tables that a scrubber rewrites columns of, with a random key that is used for nothing else, a place for
    /// what memory has no room for, and how much memory hashes may take, in bytes.
    ///
    /// # Errors
    /// [`ProofError::Key`] if the key is not random.
    pub fn new(
        random: [u8; 32],
        tables: &[TableFacts],
        scrubber: &Scrubber,
        runs: Box<dyn Runs>,
        memory_bytes: usize,
    ) -> Result<Self, ProofError> {
        let prf = Prf::new(&Key::from_bytes(random)?, "constraints");
        let (mut sets, mut unique, mut joins) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let rewritten: Vec<Vec<bool>> = tables
            .iter()
            .map(|table| {
                let planned = scrubber.columns(&table.schema, &table.name).unwrap_or_default();
                planned.iter().map(|column| !column.is_kept).collect()
            })
            .collect();
        let is_rewritten = |t: usize, c: &usize| rewritten[t].get(*c).copied().unwrap_or(false);
        let mut number = |set: Set| {
            let next = sets.len();
            *sets.entry(set).or_insert(next)
        };
        for (t, table) in tables.iter().enumerate() {
            for (k, (columns, equality)) in table.unique.iter().enumerate() {
                if *equality == Equality::Other || !columns.iter().any(|c| is_rewritten(t, c)) {
                    continue;
                }
                let with_nulls = columns.iter().any(|c| table.columns[*c].nulls_are_equal);
                let columns = columns.iter().map(|c| table.columns[*c].name.clone()).collect();
                unique.insert((t, k), number(Set { tables: vec![t], columns, equality: *equality, with_nulls }));
            }
            for (k, join) in table.foreign_keys.iter().enumerate() {
                let Some(other) = tables.iter().position(|other| is_named(other, &join.table)) else { continue };
                let theirs: Vec<usize> = join.refers_to.iter().filter_map(|name| place(&tables[other], name)).collect();
                let equality = equality_of(&tables[other], &theirs);
                let is_touched =
                    join.columns.iter().any(|c| is_rewritten(t, c)) || theirs.iter().any(|c| is_rewritten(other, c));
                if equality == Equality::Other || !is_touched || rewritten[t].is_empty() {
                    continue;
                }
                let columns = join.columns.iter().map(|c| table.columns[*c].name.clone()).collect();
                let refer = number(Set { tables: vec![t], columns, equality, with_nulls: false });
                let all = (0..tables.len()).filter(|part| *part == other || is_part_of(tables, *part, other));
                let columns = join.refers_to.clone();
                let referred = number(Set { tables: all.collect(), columns, equality, with_nulls: false });
                joins.insert((t, k), (refer, referred));
            }
        }
        let mut tuples: BTreeMap<(String, String), Vec<Tuple>> = BTreeMap::new();
        for (set, number) in &sets {
            for table in set.tables.iter().map(|t| &tables[*t]) {
                if let Some(tuple) = Tuple::new(*number as u32, table, &set.columns, set.equality, set.with_nulls) {
                    tuples.entry((table.schema.clone(), table.name.clone())).or_default().push(tuple);
                }
            }
        }
        let state = State { rows: vec![0; 2 * sets.len()], ..State::default() };
        Ok(Self { prf, runs, memory_bytes, tuples, sets: sets.len(), unique, joins, state: Mutex::new(state) })
    }

    /// Whether rows of a table are to be seen at all.
    #[must_use]
    pub fn looks_at(&self, schema: &str, table: &str) -> bool {
        self.tuples.contains_key(&(schema.to_owned(), table.to_owned()))
    }

    /// A counter for one thread. It must be finished.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if another one panicked.
    pub fn counter(&self) -> Result<Counter<'_>, ProofError> {
        self.state()?.open += 1;
        let rows = vec![0; 2 * self.sets];
        Ok(Counter { constraints: self, entries: Vec::new(), rows, bytes: Vec::new() })
    }

    /// Merges all that was seen.
    ///
    /// # Errors
    /// [`ProofError::Unfinished`] if a counter was not finished, [`ProofError::Runs`].
    pub fn finish(self) -> Result<Counts, ProofError> {
        let state = self.state.into_inner().map_err(|_| ProofError::Unfinished)?;
        if state.open > 0 {
            return Err(ProofError::Unfinished);
        }
        let (runs, _) = state.pile.into_runs();
        let mut distinct = vec![0_u64; 2 * self.sets];
        let mut astray: BTreeMap<(usize, usize), [u64; 2]> = BTreeMap::new();
        let mut of_set: Vec<Vec<((usize, usize), usize)>> = vec![Vec::new(); self.sets];
        for (join, (refer, referred)) in &self.joins {
            of_set[*refer].push((*join, *referred));
        }
        let mut merge = Merge::new(self.runs.as_ref(), &runs)?;
        let mut one: Vec<Entry> = Vec::new();
        loop {
            let next = merge.next()?;
            if one.first().is_some_and(|first| next.is_none_or(|next| next.hash != first.hash)) {
                for entry in &one {
                    let (set, moment) = (entry.source as usize / 2, entry.source as usize % 2);
                    distinct[entry.source as usize] += 1;
                    for (join, referred) in &of_set[set] {
                        if !one.iter().any(|other| other.source as usize == 2 * referred + moment) {
                            astray.entry(*join).or_default()[moment] += u64::from(entry.count);
                        }
                    }
                }
                one.clear();
            }
            match next {
                Some(entry) => one.push(entry),
                None => break,
            }
        }
        let more = |[before, after]: [u64; 2]| after.saturating_sub(before);
        let unique = self.unique.iter().map(|(key, set)| {
            let equal = [0, 1].map(|moment| state.rows[2 * set + moment] - distinct[2 * set + moment]);
            (*key, Count { rows: state.rows[2 * set + 1], breaches: more(equal) })
        });
        let joins = self.joins.iter().map(|(key, (refer, _))| {
            let breaches = more(astray.get(key).copied().unwrap_or_default());
            (*key, Count { rows: state.rows[2 * refer + 1], breaches })
        });
        Ok(Counts { unique: unique.collect(), joins: joins.collect() })
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, ProofError> {
        self.state.lock().map_err(|_| ProofError::Unfinished)
    }
}

/// Counts for one thread.
pub struct Counter<'a> {
    constraints: &'a Constraints,
    entries: Vec<Entry>,
    rows: Vec<u64>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Counter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Counter({} entries)", self.entries.len())
    }
}

impl Counter<'_> {
    /// Sees rows of a table.
    ///
    /// # Errors
    /// [`ProofError::Runs`]; nothing is known then.
    pub fn observe(&mut self, table: &(String, String), moment: Moment, columns: &[Column]) -> Result<(), ProofError> {
        let Some(tuples) = self.constraints.tuples.get(table) else { return Ok(()) };
        for tuple in tuples {
            let source = 2 * tuple.set + moment as u32;
            let rows = columns.first().map_or(0, Column::rows);
            for row in 0..rows {
                if !tuple.write(columns, row, &mut self.bytes) {
                    continue;
                }
                let hash = Hash::of_mac(self.constraints.prf.mac(&self.bytes));
                self.rows[source as usize] += 1;
                self.entries.push(Entry { hash, head: 0, source, bytes: 0, class: 0, count: 1 });
            }
            if self.entries.len() >= COUNTER_ENTRIES {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), ProofError> {
        sort(&mut self.entries);
        let Constraints { runs, memory_bytes, .. } = self.constraints;
        let entries = std::mem::take(&mut self.entries);
        Ok(self.constraints.state()?.pile.add(entries, runs.as_ref(), *memory_bytes)?)
    }

    /// Hands over what was seen.
    ///
    /// # Errors
    /// [`ProofError::Runs`].
    pub fn finish(mut self) -> Result<(), ProofError> {
        self.hand_over()?;
        let mut state = self.constraints.state()?;
        state.rows.iter_mut().zip(&self.rows).for_each(|(all, own)| *all += own);
        state.open -= 1;
        Ok(())
    }
}

fn is_named(table: &TableFacts, name: &(String, String)) -> bool {
    (&table.schema, &table.name) == (&name.0, &name.1)
}

fn place(table: &TableFacts, column: &str) -> Option<usize> {
    table.columns.iter().position(|own| own.name == column)
}

/// Whether a table is a partition or a child of another one, or of one that is. Bounded, as descriptions could go in circles.
fn is_part_of(tables: &[TableFacts], part: usize, whole: usize) -> bool {
    let parent = |t: &usize| {
        let name = tables[*t].parent.as_ref()?;
        tables.iter().position(|table| is_named(table, name))
    };
    std::iter::successors(parent(&part), parent).take(64).any(|t| t == whole)
}

/// How the key of these columns compares; byte by byte if there is none.
fn equality_of(table: &TableFacts, columns: &[usize]) -> Equality {
    let key = table.unique.iter().find(|(key, _)| table.is_key(key, columns));
    key.map_or(Equality::Bytes, |(_, equality)| *equality)
}
