//! Every row that snapshots need, decoded and compared with its id; and for a damaged chunk, which snapshots, tables and
//! columns need it.

use super::{Affected, Problem, VerifyReport, describe};
use crate::read::{LeafReader, walk};
use crate::store::OpenStore;
use crate::{Control, CoreError, Event, Result};
use offshoot_format::ids::{ChunkId, ChunkKind, SnapshotId};
use offshoot_format::leaf::LeafColumn;
use offshoot_format::manifest::{Manifest, TableEntry};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

impl OpenStore {
    pub(super) fn check_rows(
        &self,
        snapshots: &[SnapshotId],
        control: &Control,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let all = self.snapshots()?;
        let snapshots = if snapshots.is_empty() { &all } else { snapshots };
        let mut seen = HashSet::new();
        let mut damaged: BTreeMap<ChunkId, String> = BTreeMap::new();
        for snapshot in snapshots {
            let Ok(manifest) = self.manifest(snapshot) else { continue };
            for table in tables(&manifest) {
                let checked = self.check_table(table, &mut seen, control, &mut damaged)?;
                report.leaves += checked;
            }
        }
        for (id, why, affected) in self.affected(&all, damaged)? {
            let packs = self.catalog().find_all(&id).unwrap_or_default().iter().map(|found| found.pack.id).collect();
            report.problems.push(Problem { object: format!("chunk {id}"), why, affected, packs });
        }
        Ok(())
    }

    /// Checks what is below the root of a table and was not checked yet. Returns how many leaves were.
    fn check_table(
        &self,
        table: &TableEntry,
        seen: &mut HashSet<ChunkId>,
        control: &Control,
        damaged: &mut BTreeMap<ChunkId, String>,
    ) -> Result<usize> {
        let (mut found, pieces) = self.walk_new(table, seen, control, damaged)?;
        found.extend(held_leaf(table).filter(|id| seen.insert(*id)));
        let problems = Mutex::new(Vec::new());
        let columns = &table.spec.columns;
        found.par_iter().filter(|id| !damaged.contains_key(id)).try_for_each_init(
            LeafReader::default,
            |reader, id| {
                control.check()?;
                match reader.batch(self, columns, &table.root, id) {
                    Ok(batch) => {
                        control.emit(&Event::Rows { rows: batch.rows as u64, bytes: 0 });
                        Ok(())
                    }
                    Err(error) => self.find_columns(table, id, reader, error, &problems),
                }
            },
        )?;
        pieces.par_iter().try_for_each_init(LeafReader::default, |reader, id| {
            let Err(error) = reader.piece(self, id) else { return Ok(()) };
            let (_, why) = describe(error)?;
            problems.lock().unwrap_or_else(PoisonError::into_inner).push((*id, why));
            Ok::<_, CoreError>(())
        })?;
        damaged.extend(problems.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(found.len())
    }

    /// The leaves and pieces below the root of a table that were not seen yet.
    fn walk_new(
        &self,
        table: &TableEntry,
        seen: &mut HashSet<ChunkId>,
        control: &Control,
        damaged: &mut BTreeMap<ChunkId, String>,
    ) -> Result<(Vec<ChunkId>, Vec<ChunkId>)> {
        // The walk ends at the first chunk that cannot be read; what is beside it is found by walking without it.
        loop {
            let (mut walked, mut last) = (HashSet::new(), None);
            let (mut leaves, mut pieces) = (Vec::new(), Vec::new());
            let answer = walk(self, table, &mut |id, kind| {
                control.check()?;
                last = Some(*id);
                if damaged.contains_key(id) || seen.contains(id) || !walked.insert(*id) {
                    return Ok(false);
                }
                match kind {
                    ChunkKind::Leaf => leaves.push(*id),
                    ChunkKind::Piece => pieces.push(*id),
                    _ => {}
                }
                Ok(true)
            });
            match (answer, last) {
                (Ok(()), _) => {
                    seen.extend(walked);
                    return Ok((leaves, pieces));
                }
                (Err(error), Some(id)) if !damaged.contains_key(&id) => damaged.insert(id, describe(error)?.1),
                (Err(error), _) => return Err(error),
            };
        }
    }

    /// Which columns of a leaf it is that cannot be read.
    fn find_columns(
        &self,
        table: &TableEntry,
        leaf_id: &ChunkId,
        reader: &mut LeafReader,
        error: CoreError,
        problems: &Mutex<Vec<(ChunkId, String)>>,
    ) -> Result<()> {
        let (_, why) = describe(error)?;
        let mut found = Vec::new();
        let leaf = reader.leaf(self, &table.root, leaf_id)?;
        for (column, spec) in leaf.columns.iter().zip(&table.spec.columns) {
            let LeafColumn::Chunk { id, .. } = column else { continue };
            if let Err(error) = reader.column(self, column, spec, leaf.rows as usize) {
                found.push((*id, describe(error)?.1));
            }
        }
        if found.is_empty() {
            found.push((*leaf_id, why));
        }
        problems.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        Ok(())
    }

    /// Which parts of which snapshots need the damaged chunks.
    fn affected(
        &self,
        snapshots: &[SnapshotId],
        damaged: BTreeMap<ChunkId, String>,
    ) -> Result<Vec<(ChunkId, String, Vec<Affected>)>> {
        let mut affected: BTreeMap<ChunkId, Vec<Affected>> = BTreeMap::new();
        for snapshot in snapshots.iter().filter(|_| !damaged.is_empty()) {
            let Ok(manifest) = self.manifest(snapshot) else { continue };
            for table in tables(&manifest) {
                let named = format!("{}.{}", table.spec.schema, table.spec.name);
                for (id, column) in self.uses(table, &damaged) {
                    let place = Affected { snapshot: *snapshot, table: Some(named.clone()), column };
                    let places = affected.entry(id).or_default();
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
            }
        }
        let problem = |(id, why)| (id, why, affected.remove(&id).unwrap_or_default());
        Ok(damaged.into_iter().map(problem).collect())
    }

    /// The damaged chunks of a table, with the name of the column for those that are one's.
    fn uses(&self, table: &TableEntry, damaged: &BTreeMap<ChunkId, String>) -> Vec<(ChunkId, Option<String>)> {
        let mut found = Vec::new();
        let mut leaves = Vec::new();
        found.extend(held_leaf(table).filter(|id| damaged.contains_key(id)).map(|id| (id, None)));
        // What cannot be walked is among the damaged, which are not descended into.
        let _ = walk(self, table, &mut |id, kind| {
            let is_damaged = damaged.contains_key(id);
            match kind {
                ChunkKind::Leaf if !is_damaged => leaves.push(*id),
                ChunkKind::Column => {}
                _ if is_damaged => found.push((*id, None)),
                _ => {}
            }
            Ok(!is_damaged)
        });
        let mut reader = LeafReader::default();
        for id in leaves {
            let Ok(leaf) = reader.leaf(self, &table.root, &id) else { continue };
            for (column, spec) in leaf.columns.iter().zip(&table.spec.columns) {
                let LeafColumn::Chunk { id, .. } = column else { continue };
                if damaged.contains_key(id) {
                    found.push((*id, Some(spec.name.clone())));
                }
            }
        }
        found
    }
}

/// The leaf that the root of a table holds.
fn held_leaf(table: &TableEntry) -> Option<ChunkId> {
    table.root.id.filter(|_| table.root.leaf.is_some())
}

fn tables(manifest: &Manifest) -> impl Iterator<Item = &TableEntry> {
    manifest.content.tables.iter().chain(&manifest.content.large_objects)
}
