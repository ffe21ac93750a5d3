//! Marking: every chunk that a snapshot needs.
//!
//! Ids are kept cut to 16 of their 32 bytes. They are keyed hashes, so two of a store's chunks do not meet in 128
//! bits, by chance or on purpose.

use crate::read::walk;
use crate::store::{ObjectName, OpenStore};
use crate::{Control, CoreError, Result};
use offshoot_format::ids::{ChunkId, SnapshotId};
use offshoot_format::manifest::Manifest;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A set of chunk ids in little memory.
#[derive(Default)]
pub(super) struct IdSet(HashSet<u128, BuildHasherDefault<IdHasher>>);

impl IdSet {
    /// Adds an id; false if it was there.
    pub(super) fn insert(&mut self, id: &ChunkId) -> bool {
        self.0.insert(short(id))
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.0.contains(&short(id))
    }
}

fn short(id: &ChunkId) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&id.as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}

/// Ids are hashes already.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = (value >> 64) as u64 ^ value as u64;
    }
}

/// What is live.
#[derive(Default)]
pub(super) struct Marks {
    ids: IdSet,
    walked: HashSet<SnapshotId>,
}

impl Marks {
    /// Marks what the snapshots need that have not been walked yet, all but `except`. What was marked stays marked,
    /// also if its snapshot was forgotten in between: that only keeps too much.
    pub(super) fn update(&mut self, open: &OpenStore, control: &Control, except: &[SnapshotId]) -> Result<()> {
        for snapshot in open.snapshots()? {
            if self.walked.contains(&snapshot) || except.contains(&snapshot) {
                continue;
            }
            let manifest = match open.manifest(&snapshot) {
                // Forgotten between listing and reading.
                Err(CoreError::Missing { .. }) => continue,
                answer => answer?,
            };
            self.walk(open, control, &manifest, &mut |_| Ok(()))?;
            self.walked.insert(snapshot);
        }
        // Whoever forgets one that was given a tag meanwhile is about to put it back.
        for tag in open.tags()? {
            let object = ObjectName::Manifest(tag.snapshot);
            if !self.walked.contains(&tag.snapshot) && open.backend().len(&object)?.is_none() {
                return Err(CoreError::Missing { object: object.to_string() });
            }
        }
        Ok(())
    }

    /// Marks what one snapshot needs; `visit` sees what was not marked yet.
    pub(super) fn walk(
        &mut self,
        open: &OpenStore,
        control: &Control,
        manifest: &Manifest,
        visit: &mut dyn FnMut(&ChunkId) -> Result<()>,
    ) -> Result<()> {
        for table in manifest.content.tables.iter().chain(&manifest.content.large_objects) {
            walk(open, table, &mut |id, _| {
                control.check()?;
                let is_new = self.ids.insert(id);
                if is_new {
                    visit(id)?;
                }
                Ok(is_new)
            })?;
        }
        Ok(())
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn snapshots(&self) -> usize {
        self.walked.len()
    }

    pub(super) fn chunks(&self) -> usize {
        self.ids.0.len()
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Marks({} chunks of {} snapshots)", self.chunks(), self.snapshots())
    }
}
