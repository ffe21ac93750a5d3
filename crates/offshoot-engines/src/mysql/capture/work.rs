//! What is to be read, shared by the readers: tables, largest first.
//!
//! A table is begun in the sink with the first range that is read of it and finished with the last, by whichever reader that
//! is. A large table is one range of its key until a reader has nothing left to take; then it takes the later half of what is
//! left of the largest one that is being read. Ranges are of integers where the key begins with one, and else of the places
//! that `parts` has found.

use super::bound::{Bound, KeyColumn, Keys};
use super::options::CaptureOptions;
use super::parts;
use crate::mysql::catalog::notes;
use crate::mysql::catalog::tables::Table;
use crate::mysql::error::Result;
use crate::mysql::quote::ident;
use crate::mysql::session::Session;
use crate::span::{Span, piece_bytes};
use offshoot_core::CoreError;
use offshoot_core::source::{Sink, TableSink};
use offshoot_format::manifest::Note;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One range to read.
pub struct Task<'w> {
    /// The table.
    pub table: &'w Table,
    /// Where its rows go.
    pub sink: Arc<Box<dyn TableSink + 'w>>,
    part: Part,
}

/// A part of a table by its key, of which what is at either end of all has no bound there. Another reader may take a part of what
/// is left.
#[derive(Clone)]
struct Part {
    left: Arc<Mutex<Span>>,
    all: Range<i128>,
    by: Arc<By>,
}

/// What the numbers of a part are.
enum By {
    /// Values of the key's first column.
    Integers(String),
    /// Numbers of what is between places in the order of the key's first columns.
    Places(Vec<String>, Vec<Bound>),
}

impl By {
    /// The bound before a number that is not the first.
    fn bound(&self, number: i128) -> Option<Bound> {
        match self {
            Self::Integers(_) => Some(Bound::of_integer(number)),
            Self::Places(_, bounds) => bounds.get(usize::try_from(number).ok()?.checked_sub(1)?).cloned(),
        }
    }
}

impl Task<'_> {
    /// The next keys to read; none when nothing is left of the part.
    pub fn next_keys(&self) -> Option<Keys> {
        let Part { left, all, by } = &self.part;
        let piece = lock(left).piece()?;
        let (columns, is_by_primary) = match &**by {
            By::Integers(column) => (vec![column.clone()], false),
            By::Places(columns, _) => (columns.clone(), true),
        };
        let from = if piece.start > all.start { by.bound(piece.start) } else { None };
        let to = if piece.end < all.end { by.bound(piece.end) } else { None };
        Some(Keys { columns, from, to, is_by_primary })
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The queue.
pub struct Work<'w> {
    sink: &'w dyn Sink,
    state: Mutex<State<'w>>,
    /// Rows that held at no time, by table.
    left_out: Mutex<BTreeMap<String, u64>>,
}

struct State<'w> {
    queue: VecDeque<(&'w Table, Part)>,
    /// What is being read. A table ends with its last task, which this is none of.
    active: Vec<Active<'w>>,
}

struct Active<'w> {
    table: &'w Table,
    sink: Weak<Box<dyn TableSink + 'w>>,
    part: Part,
}

impl<'w> Work<'w> {
    /// Everything to be read of some tables, each as a whole.
    pub fn of(tables: impl Iterator<Item = &'w Table>, sink: &'w dyn Sink) -> Self {
        let queue = in_order(tables).into_iter().map(|table| (table, Part::whole())).collect();
        Self { sink, state: Mutex::new(State { queue, active: Vec::new() }), left_out: Mutex::default() }
    }

    /// Everything to be read of some tables, large ones in parts; one of the readers is asked where those can be cut.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn cut(
        readers: &mut [Session],
        tables: impl Iterator<Item = &'w Table>,
        options: &CaptureOptions,
        sink: &'w dyn Sink,
    ) -> Result<Self> {
        let work = Self::of(tables, sink);
        let count = readers.len();
        let [reader, _, ..] = readers else { return Ok(work) };
        let mut state = work.lock();
        for (table, whole) in state.queue.iter_mut().filter(|(table, _)| table.bytes >= options.split_bytes) {
            // It is given free again before the next one.
            reader.execute("begin to look at a table", "SAVEPOINT offshoot")?;
            *whole = part(reader, table, options, count)?;
            reader.execute("give a table free", "ROLLBACK TO SAVEPOINT offshoot")?;
        }
        drop(state);
        Ok(work)
    }

    /// The next range; none when nothing is left.
    ///
    /// # Errors
    /// The sink's.
    pub fn next(&self) -> Result<Option<Task<'w>>, CoreError> {
        let mut state = self.lock();
        let task = match state.queue.pop_front() {
            Some((table, part)) => Task { table, sink: Arc::new(self.sink.table(&table.spec)?), part },
            None => match state.share() {
                Some(task) => task,
                None => return Ok(None),
            },
        };
        let (sink, part) = (Arc::downgrade(&task.sink), task.part.clone());
        state.active.push(Active { table: task.table, sink, part });
        Ok(Some(task))
    }

    /// Says that a range was read, and finishes its table if it was the last.
    ///
    /// # Errors
    /// The sink's.
    pub fn done(&self, task: Task<'w>) -> Result<(), CoreError> {
        self.lock().active.retain(|active| !Arc::ptr_eq(&active.part.left, &task.part.left));
        Arc::into_inner(task.sink).map_or(Ok(()), TableSink::finish)
    }

    /// Says that rows of a table were not read because they held at no time.
    pub fn leave_out(&self, table: &Table, rows: u64) {
        let mut left_out = lock(&self.left_out);
        let count = left_out.entry(table.name.clone()).or_default();
        *count = count.saturating_add(rows);
    }

    /// What is to be said of such rows.
    pub fn left_out(&self) -> Vec<Note> {
        notes::left_out(&lock(&self.left_out))
    }

    /// Names of the tables that are being read.
    pub fn reading(&self) -> BTreeSet<String> {
        self.lock().active.iter().map(|active| active.table.name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<'w>> {
        lock(&self.state)
    }
}

impl<'w> State<'w> {
    /// A part of the largest range that is being read.
    fn share(&self) -> Option<Task<'w>> {
        // By pieces, as one table's keys lie farther apart than another's.
        let largest = self.active.iter().max_by_key(|active| lock(&active.part.left).pieces_left())?;
        let sink = largest.sink.upgrade()?;
        let later = lock(&largest.part.left).split()?;
        let part = Part { left: Arc::new(Mutex::new(later)), ..largest.part.clone() };
        Some(Task { table: largest.table, sink, part })
    }
}

/// The largest first.
fn in_order<'w>(tables: impl Iterator<Item = &'w Table>) -> Vec<&'w Table> {
    let mut order: Vec<&Table> = tables.collect();
    order.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    order
}

/// The most parts by places for each reader: each wants a few questions to the server.
const PLACES_EACH: usize = 8;

impl Part {
    fn new(all: Range<i128>, piece: i128, by: By) -> Self {
        Self { left: Arc::new(Mutex::new(Span::new(all.clone(), piece))), all, by: Arc::new(by) }
    }

    /// All of a table, in one piece.
    fn whole() -> Self {
        Self::new(0..1, 1, By::Places(Vec::new(), Vec::new()))
    }
}

/// A large table by its key.
fn part(session: &mut Session, table: &Table, options: &CaptureOptions, readers: usize) -> Result<Part> {
    let pieces = table.bytes.div_ceil(piece_bytes(options.split_bytes)).max(1);
    let columns = KeyColumn::of_table(table);
    if let Some(key) = table.integer_key()
        && let Some(all) = integers(session, table, key)?
        // Of few values, the key's other columns are looked at, too.
        && (columns.len() < 2 || all.end - all.start >= i128::from(pieces))
    {
        let piece = (all.end - all.start) / i128::from(pieces);
        return Ok(Part::new(all, piece, By::Integers(ident(key))));
    }
    if columns.is_empty() {
        return Ok(Part::whole());
    }
    let pieces = usize::try_from(pieces).unwrap_or(usize::MAX).min(readers.saturating_mul(PLACES_EACH));
    let bounds = parts::bounds(session, table, &columns, pieces)?;
    let names = columns.iter().map(|column| ident(column.name)).collect();
    Ok(Part::new(0..bounds.len() as i128 + 1, 1, By::Places(names, bounds)))
}

/// From the first to behind the last value of a key.
fn integers(session: &mut Session, table: &Table, key: &str) -> Result<Option<Range<i128>>> {
    let sql = format!("SELECT MIN({0}), MAX({0}) FROM {1}", ident(key), table.source());
    let row = session.query_one(&format!("find the keys of table {}", table.name), &sql)?;
    let (Some(first), Some(last)) = (row.parse::<i128>(0)?, row.parse::<i128>(1)?) else { return Ok(None) };
    // Keys of 64 bits, unless the server lies.
    let bits64 = i128::from(i64::MIN)..=i128::from(u64::MAX);
    let is_range = bits64.contains(&first) && bits64.contains(&last) && first <= last;
    Ok(is_range.then(|| first..last + 1))
}
