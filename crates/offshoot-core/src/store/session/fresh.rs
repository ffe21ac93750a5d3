//! The new chunks of a session: where each is, until a segment of the index says so.
//!
//! Several threads put chunks while one moves those that are durable to the index. A chunk is at every moment found here
//! or there, and is placed once. It does no IO; what does comes as closures.

#[cfg(all(test, loom))]
mod models;

use crate::Result;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use offshoot_format::ids::ChunkId;
use std::collections::HashMap;

/// Parts of the map, so that threads seldom wait for each other.
const SHARDS: usize = if cfg!(loom) { 1 } else { 64 };

/// New chunks and their places.
pub(super) struct Fresh<P> {
    shards: Vec<Mutex<HashMap<ChunkId, P>>>,
    /// Held by the one thread that moves chunks to the index.
    indexing: Mutex<()>,
    /// How often chunks were moved.
    moves: AtomicU64,
}

/// What became of a chunk that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed<K> {
    /// It was placed.
    Now(K),
    /// It was there.
    Before(K),
}

impl<P: Clone> Fresh<P> {
    pub fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect();
        Self { shards, indexing: Mutex::new(()), moves: AtomicU64::new(0) }
    }

    /// Where a chunk is, if it is still here.
    pub fn get(&self, id: &ChunkId) -> Option<P> {
        lock(self.shard(id)).get(id).cloned()
    }

    /// What is known of a chunk, here or in the index.
    pub fn known<K>(
        &self,
        id: &ChunkId,
        known: impl Fn(&P) -> K,
        indexed: impl Fn() -> Result<Option<K>>,
    ) -> Result<Option<K>> {
        // In this order: what is no longer here is in the index already.
        let here = lock(self.shard(id)).get(id).map(known);
        if here.is_some() { Ok(here) } else { indexed() }
    }

    /// Places a chunk, unless it is known.
    pub fn put<K>(
        &self,
        id: &ChunkId,
        known: impl Fn(&P) -> K,
        indexed: impl Fn() -> Result<Option<K>>,
        place: impl FnOnce() -> Result<P>,
    ) -> Result<Placed<K>> {
        loop {
            let moves = self.moves.load(Ordering::Acquire);
            if let Some(before) = self.known(id, &known, &indexed)? {
                return Ok(Placed::Before(before));
            }
            // Held while the chunk is placed, so that two threads with one chunk place it once.
            let mut shard = lock(self.shard(id));
            if let Some(before) = shard.get(id) {
                return Ok(Placed::Before(known(before)));
            }
            // Another thread may have put it and a third one have moved it since the index was asked.
            if self.moves.load(Ordering::Acquire) == moves {
                let placed = place()?;
                let now = known(&placed);
                shard.insert(*id, placed);
                return Ok(Placed::Now(now));
            }
        }
    }

    /// Moves what is durable to the index: `publish` makes it known there. Another call beside this one does nothing.
    /// Returns how many were moved.
    pub fn index(&self, is_durable: impl Fn(&P) -> bool, publish: impl FnOnce(Vec<P>) -> Result<()>) -> Result<u64> {
        let Ok(_only_one) = self.indexing.try_lock() else { return Ok(0) };
        let mut ids = Vec::new();
        let mut durable = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let found = shard.iter().filter(|(_, placed)| is_durable(placed));
            found.for_each(|(id, placed)| {
                ids.push(*id);
                durable.push(placed.clone());
            });
        }
        if ids.is_empty() {
            return Ok(0);
        }
        publish(durable)?;
        // From here on others find them, too; so they are found at every moment.
        self.moves.fetch_add(1, Ordering::AcqRel);
        for id in &ids {
            lock(self.shard(id)).remove(id);
        }
        Ok(ids.len() as u64)
    }

    /// Everything that is here; nothing is afterwards.
    pub fn take(&self) -> impl Iterator<Item = P> {
        self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard)).into_values())
    }

    fn shard(&self, id: &ChunkId) -> &Mutex<HashMap<ChunkId, P>> {
        &self.shards[usize::from(id.as_bytes()[31]) % SHARDS]
    }
}
