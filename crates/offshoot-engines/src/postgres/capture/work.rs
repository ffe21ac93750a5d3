//! What is to be read, shared by the workers: ranges of tables, largest tables first.
//!
//! A table is begun in the sink with its first range and finished with its last, by whichever worker that is.

use super::options::CaptureOptions;
use super::stop::Stop;
use crate::postgres::catalog::tables::Table;
use crate::postgres::session::Version;
use offshoot_core::CoreError;
use offshoot_core::source::{Sink, TableSink};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Size of a heap's blocks unless the server was built otherwise; only where ranges are cut depends on it.
const BLOCK_BYTES: u64 = 8192;

/// Blocks of one heap of a table: from this to before that. No end means all there is, also what was added since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// Index of the heap.
    pub heap: usize,
    /// The first.
    pub start: u32,
    /// The first that is not read.
    pub end: Option<u32>,
}

/// A table whose ranges are being read.
pub struct Open<'s> {
    /// Where its rows go.
    pub sink: Box<dyn TableSink + 's>,
}

/// One range to read.
pub struct Task<'s> {
    /// Index of the table.
    pub table: usize,
    /// Its blocks.
    pub blocks: Blocks,
    /// The table, begun.
    pub open: Arc<Open<'s>>,
}

/// The queue.
pub struct Work<'w> {
    sink: &'w dyn Sink,
    tables: &'w [Table],
    state: Mutex<State<'w>>,
    changed: Condvar,
}

struct State<'w> {
    queue: VecDeque<(usize, Blocks)>,
    /// Ranges of tables that a worker could not lock: only the leader, who holds the lock, can read them.
    leaders: VecDeque<Task<'w>>,
    open: HashMap<usize, Arc<Open<'w>>>,
    /// Ranges of a table that are still in the queue.
    queued: HashMap<usize, usize>,
    /// Tasks that are under way.
    active: usize,
}

impl<'w> Work<'w> {
    /// Everything to be read of these tables.
    #[must_use]
    pub fn new(tables: &'w [Table], options: &CaptureOptions, version: Version, sink: &'w dyn Sink) -> Self {
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|&table| std::cmp::Reverse(tables[table].bytes()));
        let mut queue = VecDeque::new();
        let mut queued = HashMap::new();
        for table in order {
            let ranges = ranges(&tables[table], options, version);
            queued.insert(table, ranges.len());
            queue.extend(ranges.into_iter().map(|blocks| (table, blocks)));
        }
        let state = State { queue, leaders: VecDeque::new(), open: HashMap::new(), queued, active: 0 };
        Self { sink, tables, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next range for a worker.
    ///
    /// # Errors
    /// The sink's, if it does not take the table.
    pub fn next(&self) -> Result<Option<Task<'w>>, CoreError> {
        let mut state = self.lock();
        self.take(&mut state)
    }

    /// The next range for the leader, who waits until no worker can leave it one any more.
    ///
    /// # Errors
    /// The sink's, if it does not take the table; or that the capture is given up.
    pub fn next_for_leader(&self, stop: &Stop) -> Result<Option<Task<'w>>, CoreError> {
        let mut state = self.lock();
        loop {
            stop.check()?;
            if let Some(task) = state.leaders.pop_front() {
                state.active += 1;
                return Ok(Some(task));
            }
            if let Some(task) = self.take(&mut state)? {
                return Ok(Some(task));
            }
            if state.active == 0 {
                return Ok(None);
            }
            let wait = self.changed.wait_timeout(state, Duration::from_millis(200));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&self, state: &mut State<'w>) -> Result<Option<Task<'w>>, CoreError> {
        let Some((table, blocks)) = state.queue.pop_front() else { return Ok(None) };
        let open = match state.open.get(&table) {
            Some(open) => open.clone(),
            None => {
                let open = Arc::new(Open { sink: self.sink.table(&self.tables[table].spec)? });
                state.open.insert(table, open.clone());
                open
            }
        };
        let queued = state.queued.entry(table).or_insert(1);
        *queued -= 1;
        if *queued == 0 {
            state.open.remove(&table);
        }
        state.active += 1;
        Ok(Some(Task { table, blocks, open }))
    }

    /// Leaves a range to the leader.
    pub fn leave_to_leader(&self, task: Task<'w>) {
        let mut state = self.lock();
        state.leaders.push_back(task);
        state.active -= 1;
        self.changed.notify_all();
    }

    /// Says that a range was read, and finishes its table if it was the last.
    ///
    /// # Errors
    /// The sink's.
    pub fn done(&self, task: Task<'w>) -> Result<(), CoreError> {
        let last = Arc::into_inner(task.open);
        let outcome = last.map_or(Ok(()), |open| open.sink.finish());
        self.lock().active -= 1;
        self.changed.notify_all();
        outcome
    }

    /// Says that a worker has ended; its error ends the capture.
    pub fn worker_ended(&self, stop: &Stop, outcome: Result<(), CoreError>) {
        if let Err(error) = outcome {
            stop.raise(error);
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<'w>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a table into few large ranges: many small ones would make partial leaves.
fn ranges(table: &Table, options: &CaptureOptions, version: Version) -> Vec<Blocks> {
    let jobs = options.jobs.get() as u64;
    let ranges = table.heaps.iter().enumerate().flat_map(|(heap, of)| {
        let can_split = version.at_least(14) && of.is_heap && table.condition.is_none();
        let is_large = can_split && of.bytes >= options.split_bytes;
        let blocks = of.heap_bytes.div_ceil(BLOCK_BYTES).max(1);
        let count = if is_large { jobs.min(blocks) } else { 1 };
        let cut = move |part: u64| u32::try_from(blocks * part / count).unwrap_or(u32::MAX);
        let end = move |part: u64| (part + 1 < count).then(|| cut(part + 1));
        (0..count).map(move |part| Blocks { heap, start: cut(part), end: end(part) })
    });
    ranges.collect()
}
