//! Adding a snapshot: chunks from several threads, then one commit that makes them visible or not.
//!
//! A session holds a lease, so gc deletes nothing that the session found in the store. Chunks go into open packs, two
//! at most ("lanes"); a thread per lane hashes, writes and syncs, so that encoders only wait when the disk is the
//! limit. A session that is dropped without a commit leaves nothing visible.

mod commit;
mod fresh;
mod lane;

pub(crate) use commit::write_segment;

use super::catalog::frame_bytes;
use super::lease::HeldLease;
use super::objects::ObjectName;
use super::open::{OpenStore, StoredChunk, check_frame};
use crate::chunks::{ReadChunks, WriteChunks};
use crate::{CoreError, Result};
use fresh::{Fresh, Placed};
use lane::{Lane, SessionPack};
use offshoot_format::FormatError;
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey, PackId, SnapshotId};
use offshoot_format::pack::{self, FRAME_HEADER_BYTES, PackEntry};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was written.
    New {
        /// Its size in the store.
        stored_bytes: u32,
    },
    /// It was there.
    Existed {
        /// Its size in the store.
        stored_bytes: u32,
    },
}

impl Put {
    /// The chunk's size in the store.
    #[must_use]
    pub fn stored_bytes(self) -> u32 {
        match self {
            Self::New { stored_bytes } | Self::Existed { stored_bytes } => stored_bytes,
        }
    }
}

/// What a ref must name when a commit moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anything, or nothing.
    Any,
    /// This snapshot, or nothing.
    Exactly(Option<SnapshotId>),
}

/// A chunk that this session wrote.
#[derive(Clone)]
pub(super) struct Place {
    pack: Arc<SessionPack>,
    entry: PackEntry,
}

impl Place {
    fn stored_bytes(&self) -> u32 {
        self.entry.frame_bytes() as u32
    }
}

/// Adds to a store.
pub struct WriteSession {
    // Dropped in this order: writers end and remove their files before the lease is given back.
    lanes: Vec<Lane>,
    fresh: Fresh<Place>,
    failure: Arc<Failure>,
    open: OpenStore,
    /// Packs of others that this session came across, and whether it may rely on them: they are there, and gc is not
    /// about to delete them.
    met: RwLock<HashMap<PackId, bool>>,
    added_bytes: AtomicU64,
    /// Length of the packs and segments that it published.
    published_bytes: Arc<AtomicU64>,
    /// Chunks that the next segment will hold.
    unindexed: AtomicU64,
    /// Packs of this session that a published segment names, so that others may rely on them.
    indexed_packs: Mutex<HashSet<PackId>>,
    heartbeat: Option<Heartbeat>,
    lease: Arc<HeldLease>,
}

/// The first thing that went wrong. From then on nothing is written.
#[derive(Default)]
struct Failure {
    first: Mutex<(bool, Option<CoreError>)>,
}

impl Failure {
    fn set(&self, error: CoreError) {
        let mut first = lock(&self.first);
        if !first.0 {
            *first = (true, Some(error));
        }
    }

    /// The first caller gets the error itself, later ones only hear of it.
    fn check(&self) -> Result<()> {
        let mut first = lock(&self.first);
        match (first.0, first.1.take()) {
            (false, _) => Ok(()),
            (true, Some(error)) => Err(error),
            (true, None) => Err(CoreError::Poisoned),
        }
    }
}

struct Heartbeat {
    _stop: crossbeam_channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WriteSession {
    pub(crate) fn begin(open: OpenStore, purpose: &str) -> Result<Self> {
        Self::begin_avoiding(open, purpose, &HashSet::new())
    }

    /// Begins a session that takes nothing from some packs, besides those that are condemned.
    pub(crate) fn begin_avoiding(open: OpenStore, purpose: &str, packs: &HashSet<PackId>) -> Result<Self> {
        let options = open.options();
        let (lease, mut avoided) = HeldLease::take(open.backend().clone(), options, purpose)?;
        avoided.extend(packs);
        // After the lease was taken, nothing that this finds can go away.
        open.refresh()?;
        let failure = Arc::<Failure>::default();
        let published_bytes = Arc::<AtomicU64>::default();
        let start = |_| Lane::start(&open, &failure, &published_bytes);
        let lanes = (0..options.lanes.max(1)).map(start).collect::<Result<_>>()?;
        let met = RwLock::new(avoided.into_iter().map(|pack| (pack, false)).collect());
        let lease = Arc::new(lease);
        let heartbeat = Heartbeat::start(&open, &lease, &failure)?;
        Ok(Self {
            lanes,
            fresh: Fresh::new(),
            failure,
            open,
            met,
            added_bytes: AtomicU64::new(0),
            published_bytes,
            unindexed: AtomicU64::new(0),
            indexed_packs: Mutex::default(),
            heartbeat,
            lease,
        })
    }

    /// Size in the store of a chunk that need not be written again. A snapshot may refer to no other chunks than those
    /// that this or [`Self::put`] was asked for, each of them: a node that is there does not mean that what it refers
    /// to is.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn known(&self, id: &ChunkId) -> Result<Option<u32>> {
        self.fresh.known(id, Place::stored_bytes, || self.indexed(id))
    }

    fn indexed(&self, id: &ChunkId) -> Result<Option<u32>> {
        let found = self.open.catalog().find(id, |pack| self.may_rely_on(pack))?;
        Ok(found.map(|found| frame_bytes(&found.entry)))
    }

    /// Whether chunks of a pack need not be written again. A pack that was lost is as if its chunks were: they are
    /// written again, and the store heals.
    fn may_rely_on(&self, pack: &PackId) -> bool {
        let known = self.met.read().unwrap_or_else(PoisonError::into_inner).get(pack).copied();
        known.unwrap_or_else(|| {
            let there = matches!(self.open.backend().len(&ObjectName::Pack(*pack)), Ok(Some(_)));
            self.met.write().unwrap_or_else(PoisonError::into_inner).insert(*pack, there);
            there
        })
    }

    /// Writes a chunk, unless it is there. `raw_len` is the length of its plaintext.
    ///
    /// # Errors
    /// The first error of the session's writers, then `Poisoned`; `TooLarge` for a chunk over the format's limit.
    pub fn put(&self, id: &ChunkId, kind: ChunkKind, raw_len: u32, payload: &[u8]) -> Result<Put> {
        self.failure.check()?;
        let place = || {
            let header = pack::frame_header(id, kind, raw_len, payload)?;
            let lane = self.lanes.iter().find(|lane| !lane.is_behind()).unwrap_or(&self.lanes[0]);
            let stored_len = payload.len() as u32;
            let entry = |offset| PackEntry { id: *id, offset, stored_len, raw_len, kind };
            let (pack, entry) = lane.append(&header, payload, entry)?;
            Ok(Place { pack, entry })
        };
        let stored_bytes = match self.fresh.put(id, Place::stored_bytes, || self.indexed(id), place)? {
            Placed::Before(stored_bytes) => return Ok(Put::Existed { stored_bytes }),
            Placed::Now(stored_bytes) => stored_bytes,
        };
        let unindexed = self.unindexed.fetch_add(1, Ordering::Relaxed) + 1;
        if unindexed.is_multiple_of(self.open.options().session_chunks_max / 2 + 1) {
            self.index_sealed()?;
        }
        self.added_bytes.fetch_add(stored_bytes.into(), Ordering::Relaxed);
        Ok(Put::New { stored_bytes })
    }

    /// Reads a chunk, also one that this session wrote.
    ///
    /// # Errors
    /// `Missing` or `Damaged`.
    pub fn read(&self, id: &ChunkId, kind: ChunkKind) -> Result<StoredChunk> {
        let Some(Place { pack, entry }) = self.fresh.get(id) else { return self.open.read(id, kind) };
        let frame = pack.read(entry.offset, FRAME_HEADER_BYTES + entry.stored_len as usize)?;
        check_frame(id, kind, frame).map_err(|source| CoreError::damaged(format!("chunk {id} of a new pack"), source))
    }

    /// Bytes that this session added so far, without the index and the manifest.
    #[must_use]
    pub fn added_bytes(&self) -> u64 {
        self.added_bytes.load(Ordering::Relaxed)
    }

    /// Length of the packs and segments that this session published so far.
    pub(crate) fn published_bytes(&self) -> u64 {
        self.published_bytes.load(Ordering::Relaxed)
    }

    /// The store that is written to, as it was when the session began.
    #[must_use]
    pub fn store(&self) -> &OpenStore {
        &self.open
    }

    pub(crate) fn lease_name(&self) -> [u8; 32] {
        self.lease.name()
    }

    /// Says that the session is still there; an error if it was taken for dead.
    pub(crate) fn renew(&self) -> Result<()> {
        self.lease.renew()
    }

    /// Ends without a snapshot.
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.heartbeat.take());
        self.lease.release()
    }

    /// Ends without a snapshot, and deletes what it wrote at once. Chunks that others may have found in the meantime, after
    /// very many chunks, are left to gc.
    pub(crate) fn discard(mut self) {
        // What is in open packs was never published.
        self.lanes.clear();
        let packs: HashSet<PackId> = self.fresh.take().filter_map(|place| Some(place.pack.sealed()?.id)).collect();
        let indexed = std::mem::take(&mut *lock(&self.indexed_packs));
        // What cannot be deleted now, gc finds.
        for pack in packs.difference(&indexed) {
            if let Err(error) = self.open.backend().remove(&ObjectName::Pack(*pack)) {
                tracing::warn!(%pack, %error, "a pack that must not stay could not be deleted; run gc");
            }
        }
        if let Err(error) = self.end() {
            tracing::debug!(%error, "the lease was not given back");
        }
    }
}

impl ReadChunks for WriteSession {
    fn id_key(&self) -> &IdKey {
        self.open.id_key()
    }

    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>> {
        Ok(self.read(id, kind)?.payload)
    }
}

impl WriteChunks for WriteSession {
    fn known(&self, id: &ChunkId) -> Result<Option<u32>> {
        self.known(id)
    }

    fn write(&self, id: &ChunkId, kind: ChunkKind, plain_bytes: usize, payload: &[u8]) -> Result<u32> {
        let max = u64::from(pack::CHUNK_BYTES_MAX);
        let too_large = |_| FormatError::TooLarge { what: "bytes of a chunk", declared: plain_bytes as u64, max };
        let raw_len = u32::try_from(plain_bytes).map_err(too_large)?;
        Ok(self.put(id, kind, raw_len, payload)?.stored_bytes())
    }
}

impl fmt::Debug for WriteSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteSession").field("added_bytes", &self.added_bytes()).finish_non_exhaustive()
    }
}

impl Heartbeat {
    fn start(open: &OpenStore, lease: &Arc<HeldLease>, failure: &Arc<Failure>) -> Result<Option<Self>> {
        let Some(every) = open.options().heartbeat else { return Ok(None) };
        let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
        let (lease, failure) = (lease.clone(), failure.clone());
        let beat = move || {
            while stopped.recv_timeout(every) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
                if let Err(error) = lease.renew() {
                    return failure.set(error);
                }
            }
        };
        let thread = lane::spawn("offshoot-lease", beat)?;
        Ok(Some(Self { _stop: stop, thread: Some(thread) }))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        let (closed, _) = crossbeam_channel::bounded(0);
        drop(std::mem::replace(&mut self._stop, closed));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
