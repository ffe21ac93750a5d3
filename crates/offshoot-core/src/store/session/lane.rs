//! A lane: one open pack after the other, and the thread that hashes, writes and seals them.
//!
//! Encoders append frames to a buffer in memory under a short lock; a full buffer goes to the thread over a bounded
//! queue. Nothing slow happens under a lock that an encoder waits for, unless the queue is full.

use super::{Failure, lock};
use crate::queue::Queue;
use crate::store::objects::{ObjectName, Store, Upload};
use crate::store::open::{Entropy, OpenStore};
use crate::store::vfs::ReadAt;
use crate::{CoreError, Result};
use offshoot_format::ids::PackId;
use offshoot_format::index::PackRow;
use offshoot_format::pack::{self, FRAME_HEADER_BYTES, HEADER_BYTES, PackEntry, PackHeader, UUID_BYTES};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

/// Bytes after which a buffer goes to the thread.
const BUFFER_BYTES: usize = 1 << 20;
/// Bytes of buffers that may wait for the thread.
const WAITING_BYTES_MAX: usize = 5 << 20;
/// Chunks after which a pack is ended however short it is: its index is in memory until then.
const PACK_CHUNKS_MAX: u64 = 1 << 16;
/// But no pack is ended before it has so many, unless it is long.
const PACK_CHUNKS_MIN: u64 = 64;
/// Longest pack that options can ask for, so that offsets fit with the longest chunk at the end.
const PACK_BYTES_MAX: u64 = 2 << 30;

/// A pack that this session writes.
#[derive(Default)]
pub(super) struct SessionPack {
    tail: Mutex<Tail>,
    /// Reads what was written, before and after the pack was published.
    reader: OnceLock<Arc<dyn ReadAt>>,
    /// Set when the pack is durable.
    sealed: OnceLock<PackRow>,
}

/// What is not written yet.
#[derive(Default)]
struct Tail {
    /// Where `buffer` begins in the pack.
    start: u32,
    buffer: Vec<u8>,
    /// Buffers that the thread has not written yet, with where they begin.
    waiting: VecDeque<(u32, Arc<Vec<u8>>)>,
    entries: Vec<PackEntry>,
}

impl SessionPack {
    /// The name and length of the pack, once it is durable.
    pub(super) fn sealed(&self) -> Option<PackRow> {
        self.sealed.get().copied()
    }

    /// Bytes of the pack, wherever they are by now.
    pub(super) fn read(&self, offset: u32, length: usize) -> Result<Vec<u8>> {
        let copy = |start: u32, bytes: &[u8]| {
            let from = (offset.checked_sub(start)?) as usize;
            bytes.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
        };
        {
            let tail = lock(&self.tail);
            let waiting = tail.waiting.iter().find_map(|(start, bytes)| copy(*start, bytes));
            if let Some(bytes) = waiting.or_else(|| copy(tail.start, &tail.buffer)) {
                return Ok(bytes);
            }
        }
        let mut bytes = vec![0; length];
        let reader = self.reader.get().ok_or(CoreError::Poisoned)?;
        reader.read_exact_at(&mut bytes, offset.into()).map_err(|source| CoreError::Io {
            operation: "read back",
            path: PathBuf::from("a new pack"),
            source,
        })?;
        Ok(bytes)
    }
}

enum Job {
    Write(Arc<SessionPack>, u32, Arc<Vec<u8>>),
    Seal(Arc<SessionPack>, Vec<PackEntry>, u64),
}

/// One open pack after the other.
pub(super) struct Lane {
    store: [u8; UUID_BYTES],
    pack_bytes: u64,
    chunks_max: usize,
    entropy: Entropy,
    current: Mutex<Option<Arc<SessionPack>>>,
    jobs: Arc<Queue<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Lane {
    pub(super) fn start(open: &OpenStore, failure: &Arc<Failure>, published_bytes: &Arc<AtomicU64>) -> Result<Self> {
        let jobs = Arc::new(Queue::new(WAITING_BYTES_MAX));
        let received = Arc::clone(&jobs);
        let writer = Writer {
            store: open.backend().clone(),
            failure: failure.clone(),
            published_bytes: published_bytes.clone(),
            open: None,
        };
        let thread = spawn("offshoot-pack", move || writer.run(&received))?;
        let options = open.options();
        // What is in open packs cannot leave the memory of the session: half of it at most.
        let chunks_max = options.session_chunks_max / (2 * options.lanes.max(1) as u64);
        Ok(Self {
            store: open.uuid(),
            pack_bytes: options.pack_bytes.min(PACK_BYTES_MAX),
            chunks_max: chunks_max.clamp(PACK_CHUNKS_MIN, PACK_CHUNKS_MAX) as usize,
            entropy: options.entropy.clone(),
            current: Mutex::default(),
            jobs,
            thread: Some(thread),
        })
    }

    /// Whether the thread has more to do than it should; it is syncing a pack, for example.
    pub(super) fn is_behind(&self) -> bool {
        self.jobs.is_full(BUFFER_BYTES)
    }

    /// Appends a frame. Returns where it is.
    pub(super) fn append(
        &self,
        header: &[u8; FRAME_HEADER_BYTES],
        payload: &[u8],
        entry: impl FnOnce(u32) -> PackEntry,
    ) -> Result<(Arc<SessionPack>, PackEntry)> {
        let mut current = lock(&self.current);
        let pack = match &*current {
            Some(pack) => pack.clone(),
            None => current.insert(self.new_pack()?).clone(),
        };
        let mut tail = lock(&pack.tail);
        let entry = entry(tail.start + tail.buffer.len() as u32);
        tail.buffer.extend_from_slice(header);
        tail.buffer.extend_from_slice(payload);
        tail.entries.push(entry);
        let end = u64::from(tail.start) + tail.buffer.len() as u64;
        let full = end >= self.pack_bytes || tail.entries.len() >= self.chunks_max;
        let job = (full || tail.buffer.len() >= BUFFER_BYTES).then(|| next_buffer(&pack, &mut tail));
        let entries = full.then(|| std::mem::take(&mut tail.entries));
        drop(tail);
        if let Some(job) = job {
            self.send(job)?;
        }
        if let Some(entries) = entries {
            *current = None;
            self.send(Job::Seal(pack.clone(), entries, end))?;
        }
        Ok((pack, entry))
    }

    fn new_pack(&self) -> Result<Arc<SessionPack>> {
        let header = PackHeader { store: self.store, nonce: self.entropy.random()? };
        let pack = SessionPack::default();
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4);
        buffer.extend_from_slice(&header.encode());
        lock(&pack.tail).buffer = buffer;
        Ok(Arc::new(pack))
    }

    fn send(&self, job: Job) -> Result<()> {
        let bytes = match &job {
            Job::Write(_, _, bytes) => bytes.len(),
            Job::Seal(_, entries, _) => size_of_val(entries.as_slice()),
        };
        self.jobs.push(job, bytes)
    }

    /// Seals what is open and waits until the thread has done everything.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Some(pack) = lock(&self.current).take() {
            let mut tail = lock(&pack.tail);
            let end = u64::from(tail.start) + tail.buffer.len() as u64;
            let entries = std::mem::take(&mut tail.entries);
            let job = next_buffer(&pack, &mut tail);
            drop(tail);
            self.send(job)?;
            self.send(Job::Seal(pack, entries, end))?;
        }
        self.jobs.close();
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(CoreError::Poisoned),
            _ => Ok(()),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn next_buffer(pack: &Arc<SessionPack>, tail: &mut Tail) -> Job {
    let bytes = Arc::new(std::mem::replace(&mut tail.buffer, Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4)));
    let start = tail.start;
    tail.start += bytes.len() as u32;
    tail.waiting.push_back((start, bytes.clone()));
    Job::Write(pack.clone(), start, bytes)
}

/// What the thread of a lane owns.
struct Writer {
    store: Arc<dyn Store>,
    failure: Arc<Failure>,
    published_bytes: Arc<AtomicU64>,
    open: Option<(Box<dyn Upload>, blake3::Hasher)>,
}

impl Writer {
    fn run(mut self, jobs: &Queue<Job>) {
        let mut broken = false;
        while let Some(taken) = jobs.take() {
            taken.run(|job| {
                // Senders must not wait for ever; they hear of the failure at their next call.
                if broken {
                    return Ok(());
                }
                if let Err(error) = self.work(job) {
                    self.open = None;
                    self.failure.set(error);
                    broken = true;
                }
                Ok(())
            });
        }
    }

    fn work(&mut self, job: Job) -> Result<()> {
        match job {
            Job::Write(pack, start, bytes) => {
                self.write(&pack, &bytes)?;
                lock(&pack.tail).waiting.retain(|(other, _)| *other != start);
            }
            Job::Seal(pack, entries, end) => {
                let row = self.seal(entries, end)?;
                let _ = pack.sealed.set(row);
            }
        }
        Ok(())
    }

    fn write(&mut self, pack: &SessionPack, bytes: &[u8]) -> Result<()> {
        if self.open.is_none() {
            let upload = self.store.upload()?;
            let _ = pack.reader.set(upload.reader());
            self.open = Some((upload, blake3::Hasher::new()));
        }
        let Some((upload, hasher)) = &mut self.open else { return Err(CoreError::Poisoned) };
        hasher.update(bytes);
        upload.write(bytes)
    }

    fn seal(&mut self, mut entries: Vec<PackEntry>, end: u64) -> Result<PackRow> {
        debug_assert!(end >= HEADER_BYTES as u64);
        let Some((mut upload, mut hasher)) = self.open.take() else { return Err(CoreError::Poisoned) };
        let (index, footer) = pack::encode_end(&mut entries, end);
        hasher.update(&index);
        upload.write(&index)?;
        upload.write(&footer)?;
        let id: PackId = pack::pack_id(&hasher.finalize());
        upload.publish(&ObjectName::Pack(id))?;
        let row = PackRow { id, bytes: end + (index.len() + footer.len()) as u64 };
        tracing::debug!(pack = %id, chunks = entries.len(), bytes = row.bytes, "pack published");
        self.published_bytes.fetch_add(row.bytes, Ordering::Relaxed);
        Ok(row)
    }
}

pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let failed = |source: io::Error| CoreError::Io { operation: "start the thread", path: PathBuf::from(name), source };
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(failed)
}
