//! The index of an open store: the heads of all segments in memory, and as many whole segments as a limit allows;
//! buckets of the others are read when they are needed.
//!
//! Segments come (captures) and go (gc merges them), so the catalog can be refreshed. A segment that is damaged is set
//! aside, and so is a damaged bucket: what it alone knew is reported as damaged when it is read, and counts as not
//! there for a writer, who writes it again. All the rest stays readable.

use super::cache::Cache;
use super::objects::{ObjectKind, ObjectName, Store};
use crate::{CoreError, Result};
use offshoot_format::FormatError;
use offshoot_format::ids::{ChunkId, PackId};
use offshoot_format::index::{
    self, BucketPlace, FOOTER_BYTES, HEADER_BYTES, IndexEntry, PackRow, SegmentFooter, SegmentHead,
};
use offshoot_format::pack::{FRAME_HEADER_BYTES, UUID_BYTES};
use std::collections::HashSet;
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Tries to list segments while others replace them.
const LOAD_TRIES: usize = 5;

/// One segment.
pub(crate) struct Segment {
    /// Its name.
    pub(crate) name: [u8; 32],
    /// What is in memory of it.
    pub(crate) head: SegmentHead,
    /// Tells it from all other segments that this process has seen.
    serial: u64,
    /// Bytes of the limit that all its entries would take; none if they do not fit.
    reserved_bytes: Option<u64>,
    /// All entries, checked; empty if they could not be read whole.
    resident: OnceLock<Vec<u8>>,
}

/// The entries of a bucket.
pub(crate) enum Bucket<'a> {
    /// Of a segment that is in memory.
    Resident(&'a [u8]),
    /// Read for themselves.
    Cached(Arc<Vec<u8>>),
}

impl Deref for Bucket<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Resident(bytes) => bytes,
            Self::Cached(bytes) => bytes,
        }
    }
}

/// Where a chunk was found.
#[derive(Clone)]
pub(crate) struct Found {
    /// The entry, whose pack is a row of the segment's table.
    pub(crate) entry: IndexEntry,
    /// The pack.
    pub(crate) pack: PackRow,
}

/// Bytes of the frame that an entry points to.
pub(crate) fn frame_bytes(entry: &IndexEntry) -> u32 {
    FRAME_HEADER_BYTES as u32 + entry.stored_len
}

/// A segment that could not be read, and why.
type Broken = ([u8; 32], FormatError);

#[derive(Default)]
struct Loaded {
    /// Newest first.
    segments: Vec<Arc<Segment>>,
    broken: Vec<Broken>,
}

/// All segments.
pub(crate) struct Catalog {
    store: Arc<dyn Store>,
    uuid: [u8; UUID_BYTES],
    loaded: RwLock<Arc<Loaded>>,
    limit_bytes: u64,
    cache: Cache<(u64, u32)>,
    serials: AtomicU64,
}

impl Catalog {
    /// Loads the heads of all segments.
    pub(crate) fn load(store: Arc<dyn Store>, uuid: [u8; UUID_BYTES], cache_bytes: usize) -> Result<Self> {
        let catalog = Self {
            store,
            uuid,
            loaded: RwLock::default(),
            limit_bytes: cache_bytes as u64,
            cache: Cache::new(cache_bytes / 4),
            serials: AtomicU64::new(0),
        };
        catalog.refresh()?;
        Ok(catalog)
    }

    /// Loads segments that are new and drops those that are gone.
    pub(crate) fn refresh(&self) -> Result<()> {
        for last in (0..LOAD_TRIES).map(|n| n + 1 == LOAD_TRIES) {
            match self.try_refresh() {
                // A merge removed a segment after it was listed; the merged one is in the next list.
                Err(CoreError::Missing { .. }) if !last => {}
                answer => return answer,
            }
        }
        Ok(())
    }

    fn try_refresh(&self) -> Result<()> {
        let mut listed = self.store.list(ObjectKind::Index)?;
        listed.sort_by(|a, b| (b.modified_unix_ms, &b.name).cmp(&(a.modified_unix_ms, &a.name)));
        let before = self.loaded();
        let mut loaded = Loaded::default();
        let is_listed = |name| listed.iter().any(|object| object.name == ObjectName::Index(name));
        let staying = before.segments.iter().filter(|segment| is_listed(segment.name));
        let mut reserved_bytes: u64 = staying.filter_map(|segment| segment.reserved_bytes).sum();
        for object in listed {
            let ObjectName::Index(name) = object.name else { continue };
            if let Some(segment) = before.segments.iter().find(|segment| segment.name == name) {
                loaded.segments.push(segment.clone());
                continue;
            }
            match self.load_segment(name, object.bytes, self.limit_bytes.saturating_sub(reserved_bytes)) {
                Ok(segment) => {
                    reserved_bytes += segment.reserved_bytes.unwrap_or(0);
                    loaded.segments.push(Arc::new(segment));
                }
                Err(CoreError::Damaged { source, .. }) => loaded.broken.push((name, source)),
                Err(error) => return Err(error),
            }
        }
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(())
    }

    fn load_segment(&self, name: [u8; 32], bytes: u64, free_bytes: u64) -> Result<Segment> {
        let object = ObjectName::Index(name);
        let damaged = |source| CoreError::damaged(object.to_string(), source);
        let read = |range: Range<u64>| {
            // The footer has been checked against the length of the object, so this is at most its length.
            let mut buffer = vec![0; (range.end - range.start) as usize];
            self.store.read_at(&object, range.start, &mut buffer).map(|()| buffer)
        };
        SegmentFooter::check_version(&read(0..bytes.min(HEADER_BYTES as u64))?).map_err(damaged)?;
        let footer = read(bytes.saturating_sub(FOOTER_BYTES as u64)..bytes)?;
        let footer = SegmentFooter::decode(&footer, bytes).map_err(damaged)?;
        let head = footer.decode_head(self.uuid, &read(footer.front())?, &read(footer.fanout())?).map_err(damaged)?;
        let entries_bytes = head.range().end - head.range().start;
        let reserved_bytes = (entries_bytes <= free_bytes).then_some(entries_bytes);
        let serial = self.serials.fetch_add(1, Ordering::Relaxed);
        Ok(Segment { name, head, serial, reserved_bytes, resident: OnceLock::new() })
    }

    fn loaded(&self) -> Arc<Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The segments, newest first.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.loaded().segments.clone()
    }

    /// Segments that could not be read.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        self.loaded().broken.clone()
    }

    /// The first place of a chunk in a pack that `accept` takes; `None` if there is none. What only a damaged segment
    /// or bucket knows counts as not there: who wants to write the chunk writes it again.
    pub(crate) fn find(&self, id: &ChunkId, accept: impl Fn(&PackId) -> bool) -> Result<Option<Found>> {
        let search = || {
            for segment in &self.loaded().segments {
                let bucket = match self.bucket(segment, segment.head.bucket_of(id)) {
                    Ok(Some(bucket)) => bucket,
                    Ok(None) | Err(CoreError::Damaged { .. }) => continue,
                    Err(error) => return Err(error),
                };
                let found = index::find(&bucket, id).find_map(|(_, entry)| {
                    let pack = segment.head.packs()[entry.pack as usize];
                    accept(&pack.id).then_some(Found { entry, pack })
                });
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        };
        match search() {
            Err(CoreError::Missing { .. }) => self.refresh().and_then(|()| search()),
            answer => answer,
        }
    }

    /// Every place of a chunk.
    ///
    /// # Errors
    /// `Damaged` if none was found and a bucket that may have known one cannot be read.
    pub(crate) fn find_all(&self, id: &ChunkId) -> Result<Vec<Found>> {
        let (mut places, mut failure) = (Vec::new(), None);
        for segment in &self.loaded().segments {
            match self.bucket(segment, segment.head.bucket_of(id)) {
                Ok(Some(bucket)) => places.extend(
                    index::find(&bucket, id)
                        .map(|(_, entry)| Found { entry, pack: segment.head.packs()[entry.pack as usize] }),
                ),
                Ok(None) => {}
                Err(error @ CoreError::Damaged { .. }) => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        match failure {
            Some(error) if places.is_empty() => Err(error),
            _ => Ok(places),
        }
    }

    /// Calls `visit` with every entry of every segment, newest segment first.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&PackRow, &IndexEntry) -> Result<()>) -> Result<()> {
        for segment in &self.loaded().segments {
            for bucket in 0..segment.head.buckets() {
                let Some(bytes) = self.bucket(segment, bucket)? else { continue };
                for entry in index::entries(&bytes) {
                    visit(&segment.head.packs()[entry.pack as usize], &entry)?;
                }
            }
        }
        Ok(())
    }

    /// The packs that the index points into.
    pub(crate) fn packs(&self) -> HashSet<PackId> {
        let segments = &self.loaded().segments;
        segments.iter().flat_map(|segment| segment.head.packs()).map(|pack| pack.id).collect()
    }

    /// A bucket of a segment; `None` if it is empty.
    pub(crate) fn bucket<'a>(&self, segment: &'a Segment, bucket: usize) -> Result<Option<Bucket<'a>>> {
        let Some(place) = segment.head.place(bucket) else { return Ok(None) };
        if segment.reserved_bytes.is_some() {
            // Where two threads come first, both read, and one's bytes are kept.
            let resident = segment.resident.get_or_init(|| self.read_whole(segment).unwrap_or_default());
            let start = segment.head.range().start;
            let bytes = resident.get((place.range.start - start) as usize..(place.range.end - start) as usize);
            if let Some(bytes) = bytes {
                return Ok(Some(Bucket::Resident(bytes)));
            }
        }
        let key = (segment.serial, bucket as u32);
        if let Some(bytes) = self.cache.get(key) {
            return Ok(Some(Bucket::Cached(bytes)));
        }
        let bytes = Arc::new(self.read_bucket(segment, &place)?);
        self.cache.put(key, bytes.clone());
        Ok(Some(Bucket::Cached(bytes)))
    }

    /// All entries of a segment, checked.
    fn read_whole(&self, segment: &Segment) -> Result<Vec<u8>> {
        let object = ObjectName::Index(segment.name);
        let range = segment.head.range();
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.store.read_at(&object, range.start, &mut bytes)?;
        for place in (0..segment.head.buckets()).filter_map(|bucket| segment.head.place(bucket)) {
            let part = (place.range.start - range.start) as usize..(place.range.end - range.start) as usize;
            let checked = segment.head.check_bucket(&place, &bytes[part]);
            checked.map_err(|source| CoreError::damaged(object.to_string(), source))?;
        }
        Ok(bytes)
    }

    /// A bucket as it is in the store now, checked.
    fn read_bucket(&self, segment: &Segment, place: &BucketPlace) -> Result<Vec<u8>> {
        let object = ObjectName::Index(segment.name);
        let mut bytes = vec![0; (place.range.end - place.range.start) as usize];
        self.store.read_at(&object, place.range.start, &mut bytes)?;
        let checked = segment.head.check_bucket(place, &bytes);
        checked.map_err(|source| CoreError::damaged(object.to_string(), source))?;
        Ok(bytes)
    }

    /// Reads and checks all of a segment's buckets, whatever is in memory.
    pub(crate) fn check(&self, segment: &Segment) -> Result<()> {
        (0..segment.head.buckets())
            .filter_map(|bucket| segment.head.place(bucket))
            .try_for_each(|place| self.read_bucket(segment, &place).map(drop))
    }
}
