//! Checking a store: quickly its structure, or fully every byte that a snapshot needs.
//!
//! Nothing is mended here, and nothing stops at the first problem: the report names every damaged object, and for a
//! damaged chunk every snapshot, table and column that needs it.

use crate::read::{LeafReader, walk};
use crate::store::lease::read_condemned;
use crate::store::packs::{read_parts, scan};
use crate::store::{Listed, ObjectKind, ObjectName, OpenStore};
use crate::{Control, CoreError, Event, Result};
use offshoot_format::ids::{ChunkId, ChunkKind, PackId, SnapshotId};
use offshoot_format::leaf::LeafColumn;
use offshoot_format::manifest::{Manifest, TableEntry};
use offshoot_format::record::Lease;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// What is said of a pack that the index knows and that is not there.
const LOST_PACK: &str = "it is missing; a full check says whether a snapshot needs it";

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The damaged or missing object.
    pub object: String,
    /// What is wrong with it.
    pub why: String,
    /// What is affected; empty if no snapshot is, or that is not known.
    pub affected: Vec<Affected>,
}

/// A part of a snapshot that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affected {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The table, as `schema.table`; none if the whole snapshot is affected.
    pub table: Option<String>,
    /// The column; none if all columns are affected.
    pub column: Option<String>,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Snapshots that were looked at.
    pub snapshots: usize,
    /// Packs that were looked at.
    pub packs: usize,
    /// Bytes of the packs that were read.
    pub bytes: u64,
    /// Leaves whose rows were decoded and compared with their ids.
    pub leaves: usize,
    /// What is wrong; empty for a sound store.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, object: impl Into<String>, why: impl Into<String>) {
        self.problems.push(Problem { object: object.into(), why: why.into(), affected: Vec::new() });
    }

    /// Takes an error as a problem if it says something about the store.
    fn take(&mut self, error: CoreError) -> Result<()> {
        let (object, why) = describe(error)?;
        self.problem(object, why);
        Ok(())
    }
}

/// What an error says about the store; other errors stay errors.
fn describe(error: CoreError) -> Result<(String, String)> {
    match error {
        CoreError::Damaged { object, source } => Ok((object, source.to_string())),
        CoreError::Newer { object, found, .. } => Ok((object, format!("it has version {found}, which is newer"))),
        CoreError::Missing { object } => Ok((object, "it is missing".to_owned())),
        CoreError::Io { operation: "read", path, source } => Ok((path.display().to_string(), source.to_string())),
        error => Err(error),
    }
}

impl OpenStore {
    /// Checks the structure: every pack is whole and belongs here, the index says of it what it says of itself, every
    /// manifest hashes to its name, and refs and tags name snapshots that are there. Payloads are not read.
    ///
    /// # Errors
    /// If the store cannot be listed. What is damaged is in the report.
    pub fn verify_quick(&self, control: &Control) -> Result<VerifyReport> {
        self.refresh()?;
        let mut report = VerifyReport::default();
        control.step("snapshots");
        let there = self.check_snapshots(&mut report)?;
        self.check_names(&there, &mut report)?;
        control.step("packs");
        let packs = self.backend().list(ObjectKind::Pack)?;
        for pack in &packs {
            control.check()?;
            self.check_pack(pack, false, &mut report)?;
        }
        control.step("index");
        self.check_index(&packs, &mut report)?;
        Ok(report)
    }

    /// Checks the structure, then every byte of every pack, then every row of these snapshots (all, if none is
    /// named): frames, codecs, and that the content hashes to its id.
    ///
    /// # Errors
    /// If the store cannot be listed. What is damaged is in the report.
    pub fn verify_full(&self, snapshots: &[SnapshotId], control: &Control) -> Result<VerifyReport> {
        let mut report = self.verify_quick(control)?;
        if snapshots.is_empty() {
            control.step("bytes");
            report.packs = 0;
            for pack in self.backend().list(ObjectKind::Pack)? {
                control.check()?;
                // Its structure was reported by the quick check.
                self.check_pack(&pack, true, &mut report)?;
            }
        }
        control.step("rows");
        let before = report.problems.len();
        self.check_rows(snapshots, control, &mut report)?;
        if snapshots.is_empty() && report.problems.len() == before {
            // A gc that was interrupted may leave rows of the index for a pack that nothing needs.
            report.problems.retain(|problem| problem.why != LOST_PACK);
        }
        Ok(report)
    }

    fn check_snapshots(&self, report: &mut VerifyReport) -> Result<HashSet<SnapshotId>> {
        let there: HashSet<SnapshotId> = self.snapshots()?.into_iter().collect();
        report.snapshots = there.len();
        for id in &there {
            if let Err(error) = self.manifest(id) {
                let (object, why) = describe(error)?;
                let affected = vec![Affected { snapshot: *id, table: None, column: None }];
                report.problems.push(Problem { object, why, affected });
            }
        }
        Ok(there)
    }

    fn check_names(&self, there: &HashSet<SnapshotId>, report: &mut VerifyReport) -> Result<()> {
        for kind in [ObjectKind::Ref, ObjectKind::Tag, ObjectKind::Lease] {
            for object in self.backend().list(kind)? {
                let named = match &object.name {
                    ObjectName::Ref(name) => self.get_ref(name),
                    ObjectName::Tag(name) => self.read_tag(name).map(|tag| tag.map(|tag| tag.snapshot)),
                    name => self.check_lease(name).map(|()| None),
                };
                match named {
                    Err(error) => report.take(error)?,
                    Ok(Some(id)) if !there.contains(&id) => {
                        report.problem(object.name.to_string(), format!("it names snapshot {id}, which is not there"));
                    }
                    Ok(_) => {}
                }
            }
        }
        if let Err(error) = read_condemned(&**self.backend()) {
            report.take(error)?;
        }
        Ok(())
    }

    fn check_lease(&self, name: &ObjectName) -> Result<()> {
        let Some(bytes) = self.backend().get(name)? else { return Ok(()) };
        let damaged = |source| CoreError::damaged(name.to_string(), source);
        Lease::decode(&bytes).map(|_| ()).map_err(damaged)
    }

    /// Checks one pack: its end and what the index says of it, or all its bytes.
    fn check_pack(&self, pack: &Listed, all_bytes: bool, report: &mut VerifyReport) -> Result<()> {
        let ObjectName::Pack(id) = pack.name else { return Ok(()) };
        let store = &**self.backend();
        report.packs += 1;
        let parts = match read_parts(store, self.uuid(), &id, pack.bytes) {
            Ok(parts) => parts,
            Err(_) if all_bytes => return Ok(()),
            Err(error) => return report.take(error),
        };
        if all_bytes {
            report.bytes += pack.bytes;
            return scan(store, &id, pack.bytes, &parts).or_else(|error| report.take(error));
        }
        if !self.catalog().packs().contains(&id) {
            // Left by a session that ended before its index was written; nothing can refer to it.
            return Ok(());
        }
        for entry in &parts.entries {
            let places = match self.catalog().find_all(&entry.id) {
                Ok(places) => places,
                Err(error) => return report.take(error),
            };
            let agrees = places.iter().filter(|found| found.pack.id == id).any(|found| {
                let found = (found.entry.offset, found.entry.stored_len, found.entry.raw_len, found.entry.kind);
                found == (entry.offset, entry.stored_len, entry.raw_len, entry.kind)
            });
            if !agrees {
                report.problem(pack.name.to_string(), format!("the index says something else of chunk {}", entry.id));
                break;
            }
        }
        Ok(())
    }

    /// Checks every bucket of the index, and that the packs it points into are there with the length it says.
    fn check_index(&self, packs: &[Listed], report: &mut VerifyReport) -> Result<()> {
        for (name, source) in self.catalog().broken() {
            report.problem(ObjectName::Index(name).to_string(), source.to_string());
        }
        let lengths: HashMap<PackId, u64> = packs
            .iter()
            .filter_map(|pack| if let ObjectName::Pack(id) = pack.name { Some((id, pack.bytes)) } else { None })
            .collect();
        for segment in self.catalog().segments() {
            for pack in segment.head.packs() {
                match lengths.get(&pack.id) {
                    Some(bytes) if *bytes == pack.bytes => {}
                    Some(_) => report.problem(ObjectName::Pack(pack.id).to_string(), "the index knows another length"),
                    None => report.problem(ObjectName::Pack(pack.id).to_string(), LOST_PACK),
                }
            }
            if let Err(error) = self.catalog().check(&segment) {
                report.take(error)?;
            }
        }
        Ok(())
    }

    fn check_rows(&self, snapshots: &[SnapshotId], control: &Control, report: &mut VerifyReport) -> Result<()> {
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
        for (object, why, affected) in self.affected(&all, damaged)? {
            report.problems.push(Problem { object, why, affected });
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
        let (found, pieces) = self.walk_new(table, seen, control, damaged)?;
        let problems = Mutex::new(Vec::new());
        let columns = &table.spec.columns;
        found.par_iter().filter(|id| !damaged.contains_key(id)).try_for_each_init(
            LeafReader::default,
            |reader, id| {
                control.check()?;
                match reader.batch(self, columns, id) {
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
        let leaf = reader.leaf(self, leaf_id)?;
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
    ) -> Result<Vec<(String, String, Vec<Affected>)>> {
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
        let problem = |(id, why)| (format!("chunk {id}"), why, affected.remove(&id).unwrap_or_default());
        Ok(damaged.into_iter().map(problem).collect())
    }

    /// The damaged chunks of a table, with the name of the column for those that are one's.
    fn uses(&self, table: &TableEntry, damaged: &BTreeMap<ChunkId, String>) -> Vec<(ChunkId, Option<String>)> {
        let mut found = Vec::new();
        let mut leaves = Vec::new();
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
            let Ok(leaf) = reader.leaf(self, &id) else { continue };
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

fn tables(manifest: &Manifest) -> impl Iterator<Item = &TableEntry> {
    manifest.content.tables.iter().chain(&manifest.content.large_objects)
}
