//! The workers that turn cut leaves into chunks, behind a queue that is bounded in bytes.

use super::leaves::{Chunks, LeafEncoder, Stored};
use crate::{CoreError, Result};
use crossbeam_channel::{Receiver, Sender, unbounded};
use offshoot_format::column::{Batch, Column};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
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
            Self::Publish(slot) => slot.get().map_or(0, Stored::waiting_bytes),
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
    bytes: usize,
    slot: Slot,
}

/// The workers of one ingest.
pub(super) struct Encoders {
    queue: Option<Sender<Job>>,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
    chunks: Arc<Chunks>,
    /// For work that is done at once.
    idle: Mutex<Vec<LeafEncoder>>,
}

struct State {
    progress: Mutex<Progress>,
    changed: Condvar,
    queue_bytes_max: usize,
}

#[derive(Default)]
struct Progress {
    queued_bytes: usize,
    queued_jobs: usize,
    failure: Option<CoreError>,
    poisoned: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encoders {
    /// Starts `threads` workers; leaves of at most about `queue_bytes_max` wait for them.
    pub fn start(chunks: &Arc<Chunks>, threads: usize, queue_bytes_max: usize) -> Result<Self> {
        let (sender, receiver) = unbounded::<Job>();
        let state = Arc::new(State { progress: Mutex::default(), changed: Condvar::new(), queue_bytes_max });
        let spawn = |number: usize| {
            let (chunks, receiver, state) = (Arc::clone(chunks), receiver.clone(), Arc::clone(&state));
            std::thread::Builder::new()
                .name(format!("encode-{number}"))
                .spawn(move || work(&chunks, &receiver, &state))
                .map_err(|source| CoreError::Io { operation: "start", path: "encoder thread".into(), source })
        };
        let threads = (0..threads.max(1)).map(spawn).collect::<Result<_>>()?;
        Ok(Self { queue: Some(sender), state, threads, chunks: Arc::clone(chunks), idle: Mutex::default() })
    }

    /// Queues work on a leaf; waits while the queue is full. Small work is done at once: a small table would wait longer
    /// for its turn than its work takes.
    pub fn submit(&self, work: Work) -> Result<Slot> {
        let bytes = work.bytes();
        if bytes <= SMALL_WORK_BYTES_MAX {
            return self.do_now(&work);
        }
        let mut progress = self.state.lock();
        while progress.queued_jobs > 0
            && progress.queued_bytes + bytes > self.state.queue_bytes_max
            && !progress.poisoned
        {
            progress = self.state.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        check(&mut progress)?;
        progress.queued_bytes += bytes;
        progress.queued_jobs += 1;
        drop(progress);
        let slot = Slot::default();
        let job = Job { work, bytes, slot: Arc::clone(&slot) };
        self.queue.as_ref().and_then(|queue| queue.send(job).ok()).ok_or(CoreError::Poisoned)?;
        Ok(slot)
    }

    fn do_now(&self, work: &Work) -> Result<Slot> {
        check(&mut self.state.lock())?;
        let mut encoder = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let stored = work.run(&self.chunks, &mut encoder)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
        Ok(Arc::new(OnceLock::from(stored)))
    }

    /// Waits until these leaves are stored, whatever else is queued.
    pub fn wait<'s>(&self, slots: impl Iterator<Item = &'s Slot>) -> Result<()> {
        for slot in slots {
            let mut progress = self.state.lock();
            while slot.get().is_none() && !progress.poisoned {
                progress = self.state.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
            }
            check(&mut progress)?;
        }
        Ok(())
    }

    /// Waits until every leaf that was queued is stored.
    pub fn drain(&self) -> Result<()> {
        let mut progress = self.state.lock();
        while progress.queued_jobs > 0 && !progress.poisoned {
            progress = self.state.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        check(&mut progress)
    }

    /// What the first worker that failed met.
    pub fn failure(&self) -> Option<CoreError> {
        self.state.lock().failure.take()
    }

    /// Gives up: what is queued is dropped, and every later call fails.
    pub fn poison(&self) {
        self.state.lock().poisoned = true;
        self.state.changed.notify_all();
    }
}

impl Drop for Encoders {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn check(progress: &mut Progress) -> Result<()> {
    match progress.failure.take() {
        Some(failure) => Err(failure),
        None if progress.poisoned => Err(CoreError::Poisoned),
        None => Ok(()),
    }
}

/// Marks the job as done even if the worker panics, which poisons the ingest.
struct Done<'a> {
    state: &'a State,
    bytes: usize,
    result: Option<Result<()>>,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut progress = self.state.lock();
        progress.queued_bytes -= self.bytes;
        progress.queued_jobs -= 1;
        match self.result.take() {
            Some(Ok(())) => {}
            Some(Err(failure)) => {
                progress.poisoned = true;
                progress.failure.get_or_insert(failure);
            }
            None => progress.poisoned = true,
        }
        self.state.changed.notify_all();
    }
}

fn work(chunks: &Chunks, queue: &Receiver<Job>, state: &State) {
    let mut encoder = LeafEncoder::default();
    for Job { work, bytes, slot } in queue {
        let mut done = Done { state, bytes, result: None };
        if state.lock().poisoned {
            done.result = Some(Ok(()));
            continue;
        }
        done.result = Some(work.run(chunks, &mut encoder).map(|stored| {
            let _ = slot.set(stored);
        }));
    }
}
