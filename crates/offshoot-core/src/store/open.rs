//! A store whose config, key and index are loaded: reads chunks and manifests, begins sessions.

use super::catalog::{Catalog, Found, frame_bytes};
use super::objects::{ObjectKind, ObjectName, Store, hex};
use super::session::WriteSession;
use crate::chunks::ReadChunks;
use crate::{CoreError, Result};
use offshoot_format::FormatError;
use offshoot_format::ids::{ChunkId, ChunkKind, IdKey, SnapshotId};
use offshoot_format::manifest::Manifest;
use offshoot_format::pack::{self, FRAME_HEADER_BYTES, PackHeader, UUID_BYTES};
use offshoot_format::record::{self, Config, Domain};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tries to read a chunk while gc moves it.
const READ_TRIES: usize = 4;

/// How a store is used. The defaults fit; tests and tuning change them.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Bytes after which a pack is ended.
    pub pack_bytes: u64,
    /// Memory for entries of the index.
    pub index_cache_bytes: usize,
    /// How often a session says that it is there. None: only when it commits.
    pub heartbeat: Option<Duration>,
    /// After this time without a sign a session is taken for dead.
    pub lease_expiry: Duration,
    /// New chunks that a session keeps in memory, about; more are looked up in segments that it has written.
    pub session_chunks_max: u64,
    /// Packs that a session writes at the same time; while one is synced the next takes over.
    pub lanes: usize,
    /// What time it is.
    pub clock: Clock,
    /// Where random bytes come from.
    pub entropy: Entropy,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            pack_bytes: 64 << 20,
            index_cache_bytes: 64 << 20,
            heartbeat: Some(Duration::from_secs(60)),
            lease_expiry: Duration::from_secs(30 * 60),
            session_chunks_max: 256 << 10,
            lanes: 2,
            clock: Clock::default(),
            entropy: Entropy::default(),
        }
    }
}

/// What time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A clock that gives milliseconds since 1970 UTC.
    pub fn new(now_unix_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_unix_ms))
    }

    /// Now, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn now_unix_ms(&self) -> u64 {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Where random bytes come from. Tests take the same ones again.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) -> Result<()> + Send + Sync;

impl Entropy {
    /// A source that fills buffers.
    pub fn new(fill: impl Fn(&mut [u8]) -> Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl Default for Entropy {
    fn default() -> Self {
        Self::new(|bytes| {
            getrandom::fill(bytes).map_err(|error| CoreError::Io {
                operation: "ask the system for random bytes",
                path: PathBuf::new(),
                source: std::io::Error::other(error.to_string()),
            })
        })
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// A chunk as it is stored. Its frame was checked, its content not: the caller decodes it and compares its id.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// Bytes of the canonical plaintext.
    pub raw_len: u32,
    /// The coded bytes.
    pub payload: Vec<u8>,
}

impl fmt::Debug for StoredChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredChunk({} bytes for {})", self.payload.len(), self.raw_len)
    }
}

/// An open store. Clones share everything.
#[derive(Clone)]
pub struct OpenStore {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    config: Config,
    uuid: [u8; UUID_BYTES],
    key: IdKey,
    catalog: Catalog,
    options: OpenOptions,
}

impl OpenStore {
    /// Makes a store and opens it. `raw` lets unscrubbed rows in, for ever.
    ///
    /// # Errors
    /// `StoreExists` if there is one; if it cannot be written.
    pub fn init(store: Arc<dyn Store>, raw: bool) -> Result<Self> {
        Self::init_with(store, raw, OpenOptions::default())
    }

    /// As [`Self::init`], with options.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn init_with(store: Arc<dyn Store>, raw: bool, options: OpenOptions) -> Result<Self> {
        store.prepare()?;
        if store.len(&ObjectName::Config)?.is_some() {
            return Err(CoreError::StoreExists { place: store.place() });
        }
        // An interrupted init may have left its key; nothing was written with it, so it serves.
        store.put(&ObjectName::Key, &record::encode_key(&IdKey::from_bytes(options.entropy.random()?))?)?;
        let config = Config {
            uuid: hex(&options.entropy.random::<UUID_BYTES>()?),
            domain: if raw { Domain::Raw } else { Domain::Scrubbed },
            made_unix_ms: options.clock.now_unix_ms(),
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
        };
        if !store.put(&ObjectName::Config, &config.encode()?)? {
            return Err(CoreError::StoreExists { place: store.place() });
        }
        Self::open_with(store, options)
    }

    /// Opens a store.
    ///
    /// # Errors
    /// `NoStore` if there is none; `Damaged` if its config, key or index cannot be read or are of a newer version.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        Self::open_with(store, OpenOptions::default())
    }

    /// As [`Self::open`], with options.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(store: Arc<dyn Store>, options: OpenOptions) -> Result<Self> {
        let Some(config) = store.get(&ObjectName::Config)? else {
            return Err(CoreError::NoStore { place: store.place() });
        };
        let config = Config::decode(&config).map_err(damaged(&ObjectName::Config))?;
        let uuid = parse_uuid(&config.uuid).ok_or(FormatError::Invalid {
            what: "config",
            offset: 0,
            why: "a uuid that is not 32 hexadecimal digits",
        });
        let uuid = uuid.map_err(damaged(&ObjectName::Config))?;
        let key = store.get(&ObjectName::Key)?.ok_or_else(|| missing(&ObjectName::Key))?;
        let key = record::decode_key(&key).map_err(damaged(&ObjectName::Key))?;
        let catalog = Catalog::load(store.clone(), uuid, options.index_cache_bytes)?;
        Ok(Self { inner: Arc::new(Inner { store, config, uuid, key, catalog, options }) })
    }

    /// The key that ids are computed with.
    #[must_use]
    pub fn id_key(&self) -> &IdKey {
        &self.inner.key
    }

    /// Whether unscrubbed rows may enter.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.inner.config.domain == Domain::Raw
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Where the store is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.inner.store.place()
    }

    /// Sees what others wrote since the store was opened.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn refresh(&self) -> Result<()> {
        self.inner.catalog.refresh()
    }

    /// Stored size in bytes of a chunk, if it is there.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn contains(&self, id: &ChunkId) -> Result<Option<u32>> {
        Ok(self.inner.catalog.find(id, |_| true)?.map(|found| frame_bytes(&found.entry)))
    }

    /// Reads a chunk. Its frame is checked against its id, kind and checksum; its content is not.
    ///
    /// # Errors
    /// `Missing` or `Damaged`.
    pub fn read(&self, id: &ChunkId, kind: ChunkKind) -> Result<StoredChunk> {
        for _ in 1..READ_TRIES {
            match self.try_read(id, kind) {
                // The pack or the segment may have been rewritten by gc since the index was loaded.
                Err(CoreError::Missing { .. }) => self.refresh()?,
                answer => return answer,
            }
        }
        self.try_read(id, kind)
    }

    fn try_read(&self, id: &ChunkId, kind: ChunkKind) -> Result<StoredChunk> {
        let mut failure = None;
        for found in self.inner.catalog.find_all(id)? {
            match self.read_found(&found, kind) {
                Ok(chunk) => return Ok(chunk),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| match self.inner.catalog.broken().into_iter().next() {
            Some((name, source)) => CoreError::Damaged { object: ObjectName::Index(name).to_string(), source },
            None => CoreError::Missing { object: format!("chunk {id}") },
        }))
    }

    pub(crate) fn read_found(&self, found: &Found, kind: ChunkKind) -> Result<StoredChunk> {
        let Found { entry, pack } = found;
        let object = ObjectName::Pack(pack.id);
        let mut bytes = vec![0; FRAME_HEADER_BYTES + entry.stored_len as usize];
        self.inner.store.read_at(&object, entry.offset.into(), &mut bytes)?;
        check_frame(&entry.id, kind, bytes).map_err(|source| {
            self.newer_pack(&object)
                .unwrap_or_else(|| CoreError::damaged(format!("chunk {} in {object}", entry.id), source))
        })
    }

    /// Why a frame may look damaged that is not: its pack is of a newer version.
    fn newer_pack(&self, pack: &ObjectName) -> Option<CoreError> {
        let mut header = [0; pack::HEADER_BYTES];
        self.inner.store.read_at(pack, 0, &mut header).ok()?;
        let error = CoreError::damaged(pack.to_string(), PackHeader::decode(&header).err()?);
        matches!(error, CoreError::Newer { .. }).then_some(error)
    }

    /// The manifest of a snapshot. Its digest is checked before it is read.
    ///
    /// # Errors
    /// `Missing` or `Damaged`.
    pub fn manifest(&self, id: &SnapshotId) -> Result<Manifest> {
        let name = ObjectName::Manifest(*id);
        let bytes = self.inner.store.get(&name)?.ok_or_else(|| missing(&name))?;
        record::decode_manifest(&self.inner.key, id, &bytes).map_err(damaged(&name))
    }

    /// All snapshots, in no order.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn snapshots(&self) -> Result<Vec<SnapshotId>> {
        let listed = self.inner.store.list(ObjectKind::Manifest)?;
        let id = |name| if let ObjectName::Manifest(id) = name { Some(id) } else { None };
        Ok(listed.into_iter().filter_map(|object| id(object.name)).collect())
    }

    /// Begins to write.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn begin_session(&self) -> Result<WriteSession> {
        WriteSession::begin(self.clone(), "capture")
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    pub(crate) fn options(&self) -> &OpenOptions {
        &self.inner.options
    }

    /// What tells this store from all others.
    #[must_use]
    pub fn uuid(&self) -> [u8; UUID_BYTES] {
        self.inner.uuid
    }

    pub(crate) fn now_unix_ms(&self) -> u64 {
        self.inner.options.clock.now_unix_ms()
    }
}

impl ReadChunks for OpenStore {
    fn id_key(&self) -> &IdKey {
        self.id_key()
    }

    fn payload(&self, id: &ChunkId, kind: ChunkKind) -> Result<Vec<u8>> {
        Ok(self.read(id, kind)?.payload)
    }
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStore").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

/// Checks the frame of a chunk and takes the payload out of it.
pub(super) fn check_frame(
    id: &ChunkId,
    kind: ChunkKind,
    mut bytes: Vec<u8>,
) -> std::result::Result<StoredChunk, FormatError> {
    let (header, _) = pack::read_frame(id, &bytes)?;
    if header.kind != kind {
        return Err(FormatError::Invalid { what: "frame", offset: 9, why: "the chunk is of another kind" });
    }
    bytes.drain(..FRAME_HEADER_BYTES);
    Ok(StoredChunk { raw_len: header.raw_len, payload: bytes })
}

pub(crate) fn damaged(name: &ObjectName) -> impl FnOnce(FormatError) -> CoreError {
    let object = name.to_string();
    |source| CoreError::damaged(object, source)
}

pub(crate) fn missing(name: &ObjectName) -> CoreError {
    CoreError::Missing { object: name.to_string() }
}

fn parse_uuid(text: &str) -> Option<[u8; UUID_BYTES]> {
    let mut uuid = [0; UUID_BYTES];
    if text.len() != 2 * UUID_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in uuid.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(uuid)
}
