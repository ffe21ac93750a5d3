//! What is to be read, shared by the readers: tables, largest first.
//!
//! A table is begun in the sink with the first range that is read of it and finished with the last, by whichever reader that
//! is. A large table is one range of its key until a reader has nothing left to take; then it takes the later half of what is
//! left of the largest one that is being read.

use super::options::CaptureOptions;
use super::range::Keys;
use crate::mysql::catalog::tables::Table;
use crate::mysql::error::Result;
use crate::mysql::quote::ident;
use crate::mysql::session::Session;
use crate::span::{Span, piece_bytes};
use offshoot_core::CoreError;
use offshoot_core::source::{Sink, TableSink};
use std::collections::{BTreeSet, VecDeque};
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

/// Values of a table's key, of which those at either end of all have no bound there. Another reader may take a part of what is left.
#[derive(Clone)]
struct Part {
    left: Arc<Mutex<Span>>,
    all: Range<i128>,
}

impl Task<'_> {
    /// The next keys to read; none when nothing is left of the part.
    pub fn next_keys(&self) -> Option<Keys> {
        let Part { left, all } = &self.part;
        let piece = lock(left).piece()?;
        let from = (piece.start > all.start).then_some(piece.start);
        Some(Keys { from, to: (piece.end < all.end).then_some(piece.end) })
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The queue.
pub struct Work<'w> {
    sink: &'w dyn Sink,
    state: Mutex<State<'w>>,
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
    /// Everything to be read of some tables; `session` is asked where large ones can be cut.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn new(
        session: &mut Session,
        tables: impl Iterator<Item = &'w Table>,
        options: &CaptureOptions,
        readers: usize,
        sink: &'w dyn Sink,
    ) -> Result<Self> {
        let mut order: Vec<&Table> = tables.collect();
        order.sort_by_key(|table| std::cmp::Reverse(table.bytes));
        let mut queue = VecDeque::new();
        for table in order {
            let part = match table.integer_key() {
                Some(key) if table.bytes >= options.split_bytes && readers > 1 => part(session, table, key, options)?,
                _ => Part::whole(),
            };
            queue.push_back((table, part));
        }
        Ok(Self { sink, state: Mutex::new(State { queue, active: Vec::new() }) })
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
        let part = Part { left: Arc::new(Mutex::new(later)), all: largest.part.all.clone() };
        Some(Task { table: largest.table, sink, part })
    }
}

impl Part {
    fn new(all: Range<i128>, piece: i128) -> Self {
        Self { left: Arc::new(Mutex::new(Span::new(all.clone(), piece))), all }
    }

    /// All of a table, in one piece.
    fn whole() -> Self {
        Self::new(0..1, 1)
    }
}

/// A large table by the values of its key.
fn part(session: &mut Session, table: &Table, key: &str, options: &CaptureOptions) -> Result<Part> {
    let sql = format!("SELECT MIN({0}), MAX({0}) FROM {1}", ident(key), ident(&table.name));
    let row = session.query_one(&format!("find the keys of table {}", table.name), &sql)?;
    let (Some(first), Some(last)) = (row.parse::<i128>(0)?, row.parse::<i128>(1)?) else {
        return Ok(Part::whole());
    };
    // Keys of 64 bits, unless the server lies.
    let bits64 = i128::from(i64::MIN)..=i128::from(u64::MAX);
    if !bits64.contains(&first) || !bits64.contains(&last) || first > last {
        return Ok(Part::whole());
    }
    let all = first..last + 1;
    let pieces = i128::from(table.bytes.div_ceil(piece_bytes(options.split_bytes)).max(1));
    let piece = (all.end - all.start) / pieces;
    Ok(Part::new(all, piece))
}
