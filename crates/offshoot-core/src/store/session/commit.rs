//! Making a session's snapshot visible: packs, index segment, manifest, ref, in this order, each durable before the
//! next begins.

use super::{Expected, Place, WriteSession, lock};
use crate::store::objects::{ObjectKind, ObjectName, Store, Swap};
use crate::store::open::{OpenStore, damaged};
use crate::{CoreError, Result};
use offshoot_format::ids::{PackId, SnapshotId};
use offshoot_format::index::{IndexEntry, PackRow, SegmentEncoder};
use offshoot_format::manifest::{Manifest, Trust};
use offshoot_format::record::{self, LOG_ENTRIES_MAX, LogEntry, Ref};
use offshoot_format::refname::RefName;
use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Bytes of a segment that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

impl WriteSession {
    /// Publishes a snapshot, whose chunks have all been asked for or put, and moves `name` to it. When this returns,
    /// a crash does not lose the snapshot.
    ///
    /// # Errors
    /// `Conflict` if the ref is not what was expected; `LeaseLost` if the session was taken for dead; `Domain` for raw
    /// rows in a scrubbed store; the first error of the session's writers. Nothing is visible then, except that the
    /// outcome is unknown after a failed sync of the ref itself.
    pub fn commit(mut self, manifest: &Manifest, name: Option<&RefName>, expected: Expected) -> Result<SnapshotId> {
        if manifest.trust == Trust::Raw && !self.open.is_raw() {
            return Err(CoreError::Domain { place: self.open.place() });
        }
        self.write_chunks()?;
        let store = self.open.backend().clone();
        // Somebody else's segment that this session relied on may not be durable yet.
        store.settle(ObjectKind::Index)?;
        self.lease.renew()?;
        self.check_used()?;
        let (id, bytes) = record::encode_manifest(self.open.id_key(), manifest)?;
        let object = ObjectName::Manifest(id);
        let created = store.put(&object, &bytes)?;
        tracing::debug!(snapshot = %id, bytes = bytes.len(), created, "manifest written");
        let undo = || {
            if let Some(name) = name {
                let _ = self.open.step_back(name, &HashSet::from([id]));
            }
            if created {
                let _ = store.remove(&object);
                // Who gave it a tag meanwhile did so before it was acknowledged.
                let _ = self.open.untag_all(&id);
            }
        };
        if let Some(name) = name {
            let entry = LogEntry { snapshot: id, taken_unix_ms: manifest.taken_unix_ms };
            match move_ref(&*store, name, expected, entry) {
                Err(error @ CoreError::Conflict { .. }) => {
                    undo();
                    return Err(error);
                }
                answer => answer?,
            }
            tracing::debug!(%name, snapshot = %id, "ref moved");
        }
        drop(self.heartbeat.take());
        // If the process slept so long that it was taken for dead, gc may have deleted what the snapshot needs, or be
        // about to; nobody was told of it yet. And somebody may have forgotten it before it had its name.
        let intact = self.lease.release().and_then(|()| match store.len(&object)? {
            Some(_) => Ok(()),
            None => Err(CoreError::Missing { object: object.to_string() }),
        });
        if let Err(error) = intact {
            undo();
            return Err(error);
        }
        self.open.refresh()?;
        Ok(id)
    }

    /// Publishes what was put so far as packs and an index segment, without a snapshot.
    pub(crate) fn write_chunks(&mut self) -> Result<()> {
        for lane in &mut self.lanes {
            let finished = lane.finish();
            self.failure.check()?;
            finished?;
        }
        let (packs, entries) = gather(self.fresh.take())?;
        if entries.is_empty() {
            return Ok(());
        }
        self.write_segment(&packs, &entries)
    }

    fn write_segment(&self, packs: &[PackRow], entries: &[IndexEntry]) -> Result<()> {
        lock(&self.indexed_packs).extend(packs.iter().map(|pack| pack.id));
        let (_, bytes) = write_segment(&self.open, packs, entries.len() as u64, entries.iter().copied().map(Ok))?;
        self.published_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Publishes a segment of the chunks whose packs are durable, and keeps them in mind no longer: memory does not
    /// grow with the number of chunks.
    pub(super) fn index_sealed(&self) -> Result<()> {
        let moved = self.fresh.index(
            |place| place.pack.sealed().is_some(),
            |durable| {
                let (packs, entries) = gather(durable.into_iter())?;
                self.write_segment(&packs, &entries)?;
                self.open.refresh()
            },
        )?;
        self.unindexed.fetch_sub(moved, Ordering::Relaxed);
        Ok(())
    }

    /// Checks that the packs of others that this session relies on are there.
    fn check_used(&self) -> Result<()> {
        let met = self.met.read().unwrap_or_else(PoisonError::into_inner);
        for (id, _) in met.iter().filter(|(_, relied_on)| **relied_on) {
            if self.open.backend().len(&ObjectName::Pack(*id))?.is_none() {
                return Err(CoreError::LeaseLost);
            }
        }
        Ok(())
    }
}

/// The new packs, and the new chunks in order.
fn gather(placed: impl Iterator<Item = Place>) -> Result<(Vec<PackRow>, Vec<IndexEntry>)> {
    let mut packs: Vec<PackRow> = Vec::new();
    let mut rows: HashMap<PackId, u32> = HashMap::new();
    let mut entries = Vec::new();
    for Place { pack, entry } in placed {
        let row = pack.sealed().ok_or(CoreError::Poisoned)?;
        let pack = *rows.entry(row.id).or_insert_with(|| {
            packs.push(row);
            packs.len() as u32 - 1
        });
        let (offset, stored_len, raw_len, kind) = (entry.offset, entry.stored_len, entry.raw_len, entry.kind);
        entries.push(IndexEntry { id: entry.id, pack, offset, stored_len, raw_len, kind });
    }
    entries.sort_unstable();
    Ok((packs, entries))
}

/// Writes and publishes an index segment. `entries` come in order; `count` is about how many. Returns its name and length.
pub(crate) fn write_segment(
    open: &OpenStore,
    packs: &[PackRow],
    count: u64,
    entries: impl Iterator<Item = Result<IndexEntry>>,
) -> Result<([u8; 32], u64)> {
    let mut upload = open.backend().upload()?;
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut out = Vec::with_capacity(WRITE_BYTES + WRITE_BYTES / 8);
    let mut encoder = SegmentEncoder::new(open.uuid(), open.options().entropy.random()?, packs, count, &mut out)?;
    for entry in entries {
        encoder.push(&entry?, &mut out)?;
        if out.len() >= WRITE_BYTES {
            hasher.update(&out);
            upload.write(&out)?;
            bytes += out.len() as u64;
            out.clear();
        }
    }
    let footer = encoder.finish(&mut out);
    hasher.update(&out);
    out.extend_from_slice(&footer);
    upload.write(&out)?;
    let name = *hasher.finalize().as_bytes();
    upload.publish(&ObjectName::Index(name))?;
    tracing::debug!(packs = packs.len(), chunks = count, "index segment published");
    Ok((name, bytes + out.len() as u64))
}

/// Moves a ref.
fn move_ref(store: &dyn Store, name: &RefName, expected: Expected, entry: LogEntry) -> Result<()> {
    let object = ObjectName::Ref(name.clone());
    let mut current = store.get(&object)?;
    loop {
        let mut moved = match &current {
            Some(bytes) => Ref::decode(bytes).map_err(damaged(&object))?,
            None => Ref { name: name.clone(), log: Vec::new() },
        };
        let newest = moved.newest().map(|entry| entry.snapshot);
        if matches!(expected, Expected::Exactly(wanted) if wanted != newest) {
            return Err(CoreError::Conflict { name: name.to_string() });
        }
        moved.log.push(entry);
        shorten(store, &mut moved.log)?;
        let after = moved.encode()?;
        match store.swap(&object, current.as_deref(), Some(&after))? {
            Swap::Done => return Ok(()),
            Swap::Lost { current: found } => current = found,
        }
    }
}

/// Takes forgotten snapshots off a log that is long, the oldest first. Those that are there stay in it, however many they are: gc
/// tells by the logs what has a name.
fn shorten(store: &dyn Store, log: &mut Vec<LogEntry>) -> Result<()> {
    let mut surplus = log.len().saturating_sub(LOG_ENTRIES_MAX);
    if surplus == 0 {
        return Ok(());
    }
    let there: HashSet<ObjectName> = store.list(ObjectKind::Manifest)?.into_iter().map(|object| object.name).collect();
    log.retain(|entry| {
        let goes = surplus > 0 && !there.contains(&ObjectName::Manifest(entry.snapshot));
        surplus -= usize::from(goes);
        !goes
    });
    Ok(())
}
