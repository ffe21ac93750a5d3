//! Merging all segments of the index into one, without the entries of packs that are going.
//!
//! Segments are read bucket by bucket and written as a stream, so memory does not grow with the index. The new
//! segment is durable before the old ones are removed; a reader that listed an old one reads the list again.

use crate::Result;
use crate::store::catalog::{Catalog, Segment};
use crate::store::{ObjectName, OpenStore, write_segment};
use offshoot_format::ids::PackId;
use offshoot_format::index::{self, IndexEntry, PackRow};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet, VecDeque};
use std::sync::Arc;

impl OpenStore {
    /// Replaces all segments that can be read by one without the packs of `gone`. `may_go_on` is asked before the old
    /// ones are removed; if not, the new one is. Returns what the index grew by, in bytes.
    pub(super) fn merge_segments(&self, gone: &HashSet<PackId>, may_go_on: &dyn Fn() -> Result<()>) -> Result<i64> {
        let segments = self.catalog().segments();
        let mut rows: BTreeMap<PackId, u64> = BTreeMap::new();
        for pack in segments.iter().flat_map(|segment| segment.head.packs()) {
            if !gone.contains(&pack.id) {
                rows.insert(pack.id, pack.bytes);
            }
        }
        let packs: Vec<PackRow> = rows.iter().map(|(id, bytes)| PackRow { id: *id, bytes: *bytes }).collect();
        let store = &**self.backend();
        let count = segments.iter().map(|segment| segment.head.entries()).sum();
        let mut written = None;
        if !packs.is_empty() {
            let merged = Merged::new(self.catalog(), &segments, &packs)?;
            written = Some(write_segment(self, &packs, count, merged)?);
        }
        if let Err(error) = may_go_on() {
            if let Some((name, _)) = written {
                store.remove(&ObjectName::Index(name))?;
            }
            return Err(error);
        }
        let mut grown_bytes = written.map_or(0, |(_, bytes)| bytes as i64);
        for segment in segments {
            let name = ObjectName::Index(segment.name);
            let bytes = store.len(&name)?.unwrap_or(0);
            if store.remove(&name)? {
                grown_bytes -= bytes as i64;
            }
        }
        self.refresh()?;
        Ok(grown_bytes)
    }
}

/// The entries of several segments in order, with the pack rows of a new table.
struct Merged<'a> {
    inputs: Vec<Input<'a>>,
    /// The next entry of each input that has one.
    heads: BinaryHeap<Reverse<(IndexEntry, usize)>>,
    /// Entries of one id.
    group: VecDeque<IndexEntry>,
}

/// One segment.
struct Input<'a> {
    catalog: &'a Catalog,
    segment: &'a Arc<Segment>,
    /// For each row of the old pack table, that of the new one.
    rows: Vec<Option<u32>>,
    bucket: usize,
    entries: VecDeque<IndexEntry>,
}

impl<'a> Merged<'a> {
    fn new(catalog: &'a Catalog, segments: &'a [Arc<Segment>], packs: &[PackRow]) -> Result<Self> {
        let row = |id: &PackId| packs.binary_search_by_key(id, |pack| pack.id).ok().map(|row| row as u32);
        let mut merged = Self { inputs: Vec::new(), heads: BinaryHeap::new(), group: VecDeque::new() };
        for segment in segments {
            let rows = segment.head.packs().iter().map(|pack| row(&pack.id)).collect();
            merged.inputs.push(Input { catalog, segment, rows, bucket: 0, entries: VecDeque::new() });
            merged.advance(merged.inputs.len() - 1)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, input: usize) -> Result<()> {
        if let Some(entry) = self.inputs[input].next()? {
            self.heads.push(Reverse((entry, input)));
        }
        Ok(())
    }

    fn next_entry(&mut self) -> Result<Option<IndexEntry>> {
        while self.group.is_empty() {
            let Some(Reverse((first, _))) = self.heads.peek() else { return Ok(None) };
            let id = first.id;
            let mut group = Vec::new();
            while let Some(Reverse((entry, _))) = self.heads.peek() {
                if entry.id != id {
                    break;
                }
                if let Some(Reverse((entry, input))) = self.heads.pop() {
                    group.push(entry);
                    self.advance(input)?;
                }
            }
            group.sort_unstable();
            group.dedup_by_key(|entry| entry.pack);
            self.group.extend(group);
        }
        Ok(self.group.pop_front())
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<IndexEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

impl Input<'_> {
    fn next(&mut self) -> Result<Option<IndexEntry>> {
        while self.entries.is_empty() {
            if self.bucket >= self.segment.head.buckets() {
                return Ok(None);
            }
            if let Some(bytes) = self.catalog.bucket(self.segment, self.bucket)? {
                let rows = &self.rows;
                let kept = |entry: IndexEntry| Some(IndexEntry { pack: rows[entry.pack as usize]?, ..entry });
                self.entries.extend(index::entries(&bytes).filter_map(kept));
            }
            self.bucket += 1;
        }
        Ok(self.entries.pop_front())
    }
}
