//! The workers that turn cut leaves into chunks, behind a queue that is bounded in bytes.

use crate::chunks::WriteChunks;
use crate::{CoreError, Result};
use crossbeam_channel::{Receiver, Sender, unbounded};
use offshoot_format::blob::BlobRef;
use offshoot_format::codec::{Canonical, Encoder};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::ids::{ChunkId, ChunkKind};
use offshoot_format::leaf::{INLINE_COLUMN_BYTES_MAX, Leaf, LeafColumn};
use offshoot_format::manifest::ColumnStats;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// A leaf that was stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub id: ChunkId,
    pub rows: u64,
    pub logical_bytes: u64,
    pub columns: Vec<ColumnStats>,
}

/// Stored and added bytes of the large values of this ingest, which their writers know and the leaves report.
pub(super) type BlobSizes = Mutex<HashMap<ChunkId, (u64, u64)>>;

/// Where a worker leaves its result.
pub(super) type Slot = Arc<OnceLock<Stored>>;

struct Job {
    rows: Batch,
    bytes: usize,
    slot: Slot,
}

/// The workers of one ingest.
pub(super) struct Encoders {
    queue: Option<Sender<Job>>,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
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
    pub fn start(
        chunks: &Arc<dyn WriteChunks>,
        blobs: &Arc<BlobSizes>,
        threads: usize,
        queue_bytes_max: usize,
    ) -> Result<Self> {
        let (sender, receiver) = unbounded::<Job>();
        let state = Arc::new(State { progress: Mutex::default(), changed: Condvar::new(), queue_bytes_max });
        let spawn = |number: usize| {
            let (chunks, blobs) = (Arc::clone(chunks), Arc::clone(blobs));
            let (receiver, state) = (receiver.clone(), Arc::clone(&state));
            std::thread::Builder::new()
                .name(format!("encode-{number}"))
                .spawn(move || work(&*chunks, &blobs, &receiver, &state))
                .map_err(|source| CoreError::Io { operation: "start", path: "encoder thread".into(), source })
        };
        let threads = (0..threads.max(1)).map(spawn).collect::<Result<_>>()?;
        Ok(Self { queue: Some(sender), state, threads })
    }

    /// Queues a leaf; waits while the queue is full.
    pub fn submit(&self, rows: Batch) -> Result<Slot> {
        let bytes = rows.columns.iter().map(Column::capacity_bytes).sum();
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
        let job = Job { rows, bytes, slot: Arc::clone(&slot) };
        self.queue.as_ref().and_then(|queue| queue.send(job).ok()).ok_or(CoreError::Poisoned)?;
        Ok(slot)
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

fn work(chunks: &dyn WriteChunks, blobs: &BlobSizes, queue: &Receiver<Job>, state: &State) {
    let mut worker = LeafEncoder::default();
    for job in queue {
        let mut done = Done { state, bytes: job.bytes, result: None };
        if state.lock().poisoned {
            done.result = Some(Ok(()));
            continue;
        }
        done.result = Some(worker.store(chunks, blobs, &job.rows).map(|stored| {
            let _ = job.slot.set(stored);
        }));
    }
}

/// Stores leaves; holds the codec contexts and scratch memory of one thread.
#[derive(Default)]
pub(super) struct LeafEncoder {
    encoder: Encoder,
    canonical: Canonical,
    payload: Vec<u8>,
}

impl LeafEncoder {
    /// Stores the chunks of a leaf and the leaf.
    pub fn store(&mut self, chunks: &dyn WriteChunks, blobs: &BlobSizes, rows: &Batch) -> Result<Stored> {
        let mut columns = Vec::with_capacity(rows.columns.len());
        let mut stats = Vec::with_capacity(rows.columns.len());
        for column in &rows.columns {
            let (stored, mut column_stats) = self.column(chunks, column)?;
            if column.blob_count() > 0 {
                add_blobs(&mut column_stats, column, blobs);
            }
            columns.push(stored);
            stats.push(column_stats);
        }
        let leaf = Leaf { rows: rows.rows as u32, columns }.encode();
        let id = self.bytes(chunks, ChunkKind::Leaf, &leaf)?.0;
        let logical_bytes = stats.iter().map(|stats| stats.logical_bytes).sum();
        Ok(Stored { id, rows: rows.rows as u64, logical_bytes, columns: stats })
    }

    fn column(&mut self, chunks: &dyn WriteChunks, column: &Column) -> Result<(LeafColumn, ColumnStats)> {
        let logical_bytes = column.bytes_len() as u64;
        let mut stats = ColumnStats { logical_bytes, ..ColumnStats::default() };
        if let Some(inlined) = inlined(column) {
            return Ok((inlined, stats));
        }
        self.canonical.set(column);
        let id = self.canonical.id(chunks.id_key(), column);
        let bytes = self.canonical.bytes_len(column);
        if let Some(stored_bytes) = chunks.known(&id)? {
            stats.reused_logical_bytes = logical_bytes;
            stats.stored_bytes = u64::from(stored_bytes);
        } else {
            self.payload.clear();
            self.encoder.column(column, &self.canonical, &mut self.payload)?;
            stats.added_bytes = u64::from(chunks.write(&id, ChunkKind::Column, bytes, &self.payload)?);
            stats.stored_bytes = stats.added_bytes;
        }
        Ok((LeafColumn::Chunk { id, bytes: bytes as u32, blobs: column.blob_count() > 0 }, stats))
    }

    /// Stores a byte string; returns its id, its stored size and what the store grew by.
    pub fn bytes(&mut self, chunks: &dyn WriteChunks, kind: ChunkKind, plain: &[u8]) -> Result<(ChunkId, u32, u32)> {
        let id = chunks.id_key().chunk_id(kind, &[plain]);
        if let Some(stored) = chunks.known(&id)? {
            return Ok((id, stored, 0));
        }
        self.payload.clear();
        self.encoder.bytes(plain, &mut self.payload)?;
        let added = chunks.write(&id, kind, plain.len(), &self.payload)?;
        Ok((id, added, added))
    }
}

/// Counts the large values of a column in the place of their references.
fn add_blobs(stats: &mut ColumnStats, column: &Column, blobs: &BlobSizes) {
    let sizes = blobs.lock().unwrap_or_else(PoisonError::into_inner);
    for row in 0..column.rows() {
        let Cell::Blob(blob) = column.cell(row) else { continue };
        let value_bytes = blob.bytes.saturating_sub(BlobRef::ENCODED_BYTES as u64);
        let (stored_bytes, added_bytes) = sizes.get(&blob.id).copied().unwrap_or_default();
        stats.logical_bytes += value_bytes;
        stats.stored_bytes += stored_bytes;
        stats.added_bytes += added_bytes;
        if added_bytes == 0 {
            stats.reused_logical_bytes += value_bytes;
        }
    }
}

/// The form of a column that needs no chunk: NULL or one short value in every row.
fn inlined(column: &Column) -> Option<LeafColumn> {
    if column.rows() == 0 || column.null_count() == column.rows() {
        return Some(LeafColumn::Null);
    }
    if column.null_count() > 0 || column.blob_count() > 0 {
        return None;
    }
    match column.cell(0) {
        Cell::Bytes(first) if first.len() <= INLINE_COLUMN_BYTES_MAX => (1..column.rows())
            .all(|row| column.cell(row) == Cell::Bytes(first))
            .then(|| LeafColumn::Constant(first.to_vec())),
        _ => None,
    }
}
