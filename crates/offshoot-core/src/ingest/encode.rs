//! The workers that turn cut leaves into chunks, behind a queue that is bounded in bytes.

use super::leaves::{Chunks, LeafEncoder, Stored};
use crate::queue::Queue;
use crate::{CoreError, Result};
use offshoot_format::column::{Batch, Column};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// Work of at most this many bytes is done by whoever brings it.
const SMALL_WORK_BYTES_MAX: usize = 64 << 10;

/// Where a worker leaves its result.
pub(super) type Slot = Arc<OnceLock<Stored>>;

/// What a worker does.
pub(super) enum Work {
    /// Encodes a leaf that may still be joined with others; its chunks wait in the spill file, if there is one.
    Spool(Batch),
    /// Encodes a leaf as it will be and stores its chunks.
    Store(Batch),
    /// Stores the chunks of a leaf that turned out to be final.
    Publish(Slot),
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Self::Spool(rows) | Self::Store(rows) => rows.columns.iter().map(Column::capacity_bytes).sum(),
            Self::Publish(slot) => slot.get().map_or(0, |leaf| leaf.waiting_bytes),
        }
    }

    fn run(&self, chunks: &Chunks, encoder: &mut LeafEncoder) -> Result<Stored> {
        match self {
            Self::Spool(rows) => encoder.spool(chunks, rows),
            Self::Store(rows) => encoder.store(chunks, rows),
            Self::Publish(spooled) => spooled.get().ok_or(CoreError::Poisoned).and_then(|leaf| chunks.publish(leaf)),
        }
    }
}

struct Job {
    work: Work,
    slot: Slot,
}

/// The workers of one ingest.
pub(super) struct Encoders {
    queue: Arc<Queue<Job>>,
    threads: Vec<JoinHandle<()>>,
    chunks: Arc<Chunks>,
    /// For work that is done at once.
    idle: Mutex<Vec<LeafEncoder>>,
}

impl Encoders {
    /// Starts `threads` workers; leaves of at most about `queue_bytes_max` wait for them.
    pub fn start(chunks: &Arc<Chunks>, threads: usize, queue_bytes_max: usize) -> Result<Self> {
        let queue = Arc::new(Queue::<Job>::new(queue_bytes_max));
        let (chunks, idle) = (Arc::clone(chunks), Mutex::default());
        let mut encoders = Self { queue, threads: Vec::new(), chunks, idle };
        for number in 0..threads.max(1) {
            let (chunks, queue) = (Arc::clone(&encoders.chunks), Arc::clone(&encoders.queue));
            let thread = std::thread::Builder::new()
                .name(format!("encode-{number}"))
                .spawn(move || work(&chunks, &queue))
                .map_err(|source| CoreError::Io { operation: "start", path: "encoder thread".into(), source })?;
            encoders.threads.push(thread);
        }
        Ok(encoders)
    }

    /// Queues work on a leaf; waits while the queue is full. Small work is done at once: a small table would wait longer
    /// for its turn than its work takes.
    pub fn submit(&self, work: Work) -> Result<Slot> {
        let bytes = work.bytes();
        if bytes <= SMALL_WORK_BYTES_MAX {
            return self.do_now(&work);
        }
        let slot = Slot::default();
        self.queue.push(Job { work, slot: Arc::clone(&slot) }, bytes)?;
        Ok(slot)
    }

    fn do_now(&self, work: &Work) -> Result<Slot> {
        self.queue.check()?;
        let mut encoder = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let stored = work.run(&self.chunks, &mut encoder)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
        Ok(Arc::new(OnceLock::from(stored)))
    }

    /// Waits until these leaves are stored, whatever else is queued.
    pub fn wait<'s>(&self, mut slots: impl Iterator<Item = &'s Slot>) -> Result<()> {
        slots.try_for_each(|slot| self.queue.wait_for(|| slot.get().is_some()))
    }

    /// Waits until every leaf that was queued is stored.
    pub fn drain(&self) -> Result<()> {
        self.queue.drain()
    }

    /// What the first worker that failed met.
    pub fn failure(&self) -> Option<CoreError> {
        self.queue.failure()
    }

    /// Gives up: what is queued is dropped, and every later call fails.
    pub fn poison(&self) {
        self.queue.poison();
    }
}

impl Drop for Encoders {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(chunks: &Chunks, queue: &Queue<Job>) {
    let mut encoder = LeafEncoder::default();
    while let Some(taken) = queue.take() {
        taken.run(|Job { work, slot }| {
            let _ = slot.set(work.run(chunks, &mut encoder)?);
            Ok(())
        });
    }
}
