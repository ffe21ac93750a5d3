//! What is to be read, shared by the workers: heaps of tables, largest tables first.
//!
//! A table is begun in the sink with the first range that is read of it and finished with the last, by whichever worker that
//! is. A large heap is one range until a worker has nothing left to take; then it takes the later half of what is left of the
//! largest one that is being read.

use super::options::CaptureOptions;
use super::stop::Stop;
use crate::postgres::catalog::tables::Table;
use crate::postgres::session::Version;
use crate::span::{Span, piece_bytes};
use offshoot_core::CoreError;
use offshoot_core::source::{Sink, TableSink};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Size of a heap's blocks unless the server was built otherwise; only where ranges are cut depends on it.
const BLOCK_BYTES: u64 = 8192;

/// Blocks of one heap: from this to before that. No end means all there is, also what was added since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
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
    /// Index of the heap.
    pub heap: usize,
    /// The table, begun.
    pub open: Arc<Open<'s>>,
    blocks: Shared,
    /// Blocks that the heap has in all.
    end: i128,
}

/// What is left of a range, of which another worker may take a part.
type Shared = Arc<Mutex<Span>>;

impl Task<'_> {
    /// The next blocks to read; none when nothing is left of the range.
    pub fn next_blocks(&self) -> Option<Blocks> {
        let piece = span(&self.blocks).piece()?;
        let block = |number: i128| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Blocks { start: block(piece.start), end: (piece.end < self.end).then(|| block(piece.end)) })
    }
}

fn span(blocks: &Shared) -> MutexGuard<'_, Span> {
    blocks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The queue.
pub struct Work<'w> {
    sink: &'w dyn Sink,
    tables: &'w [Table],
    options: &'w CaptureOptions,
    version: Version,
    state: Mutex<State<'w>>,
    changed: Condvar,
}

struct State<'w> {
    queue: VecDeque<(usize, usize)>,
    /// Ranges of tables that a worker could not lock: only the leader, who holds the lock, can read them.
    leaders: VecDeque<Task<'w>>,
    open: HashMap<usize, Arc<Open<'w>>>,
    /// Heaps of a table that are still in the queue.
    queued: HashMap<usize, usize>,
    /// Tasks that are under way.
    active: Vec<Active<'w>>,
}

/// A task that is under way. Its table ends with the last task, which this is none of.
struct Active<'w> {
    table: usize,
    heap: usize,
    open: Weak<Open<'w>>,
    blocks: Shared,
    end: i128,
}

impl<'w> Work<'w> {
    /// Everything to be read of those of these tables that are wanted.
    #[must_use]
    pub fn new(
        tables: &'w [Table],
        is_wanted: impl Fn(&Table) -> bool,
        options: &'w CaptureOptions,
        version: Version,
        sink: &'w dyn Sink,
    ) -> Self {
        let mut order: Vec<usize> = (0..tables.len()).filter(|&table| is_wanted(&tables[table])).collect();
        order.sort_by_key(|&table| std::cmp::Reverse(tables[table].bytes()));
        let mut queue = VecDeque::new();
        let mut queued = HashMap::new();
        for table in order {
            let heaps = tables[table].heaps.len();
            queued.insert(table, heaps);
            queue.extend((0..heaps).map(|heap| (table, heap)));
        }
        let state = State { queue, leaders: VecDeque::new(), open: HashMap::new(), queued, active: Vec::new() };
        Self { sink, tables, options, version, state: Mutex::new(state), changed: Condvar::new() }
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
                state.begin(&task);
                return Ok(Some(task));
            }
            if let Some(task) = self.take(&mut state)? {
                return Ok(Some(task));
            }
            if state.active.is_empty() {
                return Ok(None);
            }
            let wait = self.changed.wait_timeout(state, Duration::from_millis(200));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&self, state: &mut State<'w>) -> Result<Option<Task<'w>>, CoreError> {
        let Some((table, heap)) = state.queue.pop_front() else { return Ok(state.share()) };
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
        let (blocks, end) = self.range(table, heap);
        let task = Task { table, heap, open, blocks: Arc::new(Mutex::new(blocks)), end };
        state.begin(&task);
        Ok(Some(task))
    }

    /// All blocks of a heap, and their number. What is not large, or cannot be read by blocks, is one piece.
    fn range(&self, table: usize, heap: usize) -> (Span, i128) {
        let table = &self.tables[table];
        let heap = &table.heaps[heap];
        let can_split = self.version.at_least(14) && heap.is_heap && table.condition.is_none();
        let blocks = i128::from(heap.heap_bytes.div_ceil(BLOCK_BYTES).max(1));
        let piece = match heap.bytes {
            bytes if can_split && self.options.jobs.get() > 1 && bytes >= self.options.split_bytes => {
                blocks * i128::from(piece_bytes(self.options.split_bytes)) / i128::from(bytes.max(1))
            }
            _ => blocks,
        };
        (Span::new(0..blocks, piece), blocks)
    }

    /// Leaves a range to the leader.
    pub fn leave_to_leader(&self, task: Task<'w>) {
        let mut state = self.lock();
        state.end(&task.blocks);
        state.leaders.push_back(task);
        self.changed.notify_all();
    }

    /// Says that a range was read, and finishes its table if it was the last.
    ///
    /// # Errors
    /// The sink's.
    pub fn done(&self, task: Task<'w>) -> Result<(), CoreError> {
        // First, so that nobody who looks for a part to take holds the table at the moment when it ends.
        self.lock().end(&task.blocks);
        let outcome = Arc::into_inner(task.open).map_or(Ok(()), |open| open.sink.finish());
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

impl<'w> State<'w> {
    fn begin(&mut self, task: &Task<'w>) {
        let Task { table, heap, open, blocks, end } = task;
        let (open, blocks) = (Arc::downgrade(open), Arc::clone(blocks));
        self.active.push(Active { table: *table, heap: *heap, open, blocks, end: *end });
    }

    fn end(&mut self, blocks: &Shared) {
        self.active.retain(|active| !Arc::ptr_eq(&active.blocks, blocks));
    }

    /// A part of the largest range that is being read.
    fn share(&mut self) -> Option<Task<'w>> {
        let largest = self.active.iter().max_by_key(|active| span(&active.blocks).pieces_left())?;
        let open = largest.open.upgrade()?;
        let blocks = Arc::new(Mutex::new(span(&largest.blocks).split()?));
        let task = Task { table: largest.table, heap: largest.heap, open, blocks, end: largest.end };
        self.begin(&task);
        Some(task)
    }
}
