//! Checking a store: quickly its structure, or fully every byte that a snapshot needs.
//!
//! Nothing stops at the first problem: the report names every damaged object, and for a damaged chunk every snapshot, table
//! and column that needs it. Checking changes nothing; what can be mended afterwards is in [`Mended`].

mod mend;
mod rows;

pub use mend::Mended;

use crate::store::lease::read_condemned;
use crate::store::packs::{read_parts, scan};
use crate::store::{Listed, ObjectKind, ObjectName, OpenStore};
use crate::{Control, CoreError, Result};
use offshoot_format::ids::{PackId, SnapshotId};
use offshoot_format::record::Lease;
use std::collections::{HashMap, HashSet};

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
    /// Packs that must not be relied on.
    pub(crate) packs: Vec<PackId>,
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
    /// Packs that nothing new relies on, of which only what snapshots need is looked at, by a full check.
    pub condemned_packs: usize,
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
        self.of_packs(object, why, &[]);
    }

    fn of_packs(&mut self, object: impl Into<String>, why: impl Into<String>, packs: &[PackId]) {
        let (object, why, packs) = (object.into(), why.into(), packs.to_vec());
        self.problems.push(Problem { object, why, affected: Vec::new(), packs });
    }

    /// Takes an error as a problem if it says something about the store.
    fn take(&mut self, error: CoreError, packs: &[PackId]) -> Result<()> {
        let (object, why) = describe(error)?;
        self.of_packs(object, why, packs);
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
        let _span = tracing::info_span!("verify structure").entered();
        let mut report = VerifyReport::default();
        control.step("snapshots");
        let there = self.check_snapshots(&mut report)?;
        self.check_names(&there, &mut report)?;
        control.step("packs");
        let packs = self.backend().list(ObjectKind::Pack)?;
        let condemned = self.condemned();
        let is_condemned = |pack: &&Listed| matches!(pack.name, ObjectName::Pack(id) if condemned.contains(&id));
        report.condemned_packs = packs.iter().filter(is_condemned).count();
        for pack in &packs {
            control.check()?;
            self.check_pack(pack, &condemned, false, &mut report)?;
        }
        control.step("index");
        self.check_index(&packs, &condemned, &mut report)?;
        let problems = report.problems.len();
        tracing::info!(snapshots = report.snapshots, packs = report.packs, problems, "structure checked");
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
            let condemned = self.condemned();
            for pack in self.backend().list(ObjectKind::Pack)? {
                control.check()?;
                // Its structure was reported by the quick check.
                self.check_pack(&pack, &condemned, true, &mut report)?;
            }
        }
        let _span = tracing::info_span!("verify rows").entered();
        control.step("rows");
        let before = report.problems.len();
        self.check_rows(snapshots, control, &mut report)?;
        if snapshots.is_empty() && report.problems.len() == before {
            // A gc that was interrupted may leave rows of the index for a pack that nothing needs.
            report.problems.retain(|problem| problem.why != LOST_PACK);
        }
        let problems = report.problems.len();
        tracing::info!(leaves = report.leaves, bytes = report.bytes, problems, "rows checked");
        Ok(report)
    }

    fn check_snapshots(&self, report: &mut VerifyReport) -> Result<HashSet<SnapshotId>> {
        let there: HashSet<SnapshotId> = self.snapshots()?.into_iter().collect();
        report.snapshots = there.len();
        for id in &there {
            if let Err(error) = self.manifest(id) {
                let (object, why) = describe(error)?;
                let affected = vec![Affected { snapshot: *id, table: None, column: None }];
                report.problems.push(Problem { object, why, affected, packs: Vec::new() });
            }
        }
        Ok(there)
    }

    fn check_names(&self, there: &HashSet<SnapshotId>, report: &mut VerifyReport) -> Result<()> {
        for kind in [ObjectKind::Ref, ObjectKind::Tag, ObjectKind::Lease] {
            for object in self.backend().list(kind)? {
                let named = || match &object.name {
                    ObjectName::Ref(name) => self.get_ref(name),
                    ObjectName::Tag(name) => self.read_tag(name).map(|tag| tag.map(|tag| tag.snapshot)),
                    name => self.check_lease(name).map(|()| None),
                };
                // Others may commit and forget meanwhile: only what is so twice is a problem.
                let dangling = || -> Result<Option<SnapshotId>> {
                    let Some(id) = named()?.filter(|id| !there.contains(id)) else { return Ok(None) };
                    Ok(self.backend().len(&ObjectName::Manifest(id))?.is_none().then_some(id))
                };
                match dangling().and_then(|found| if found.is_some() { dangling() } else { Ok(None) }) {
                    Err(error) => report.take(error, &[])?,
                    Ok(Some(id)) => {
                        report.problem(object.name.to_string(), format!("it names snapshot {id}, which is not there"));
                    }
                    Ok(None) => {}
                }
            }
        }
        if let Err(error) = read_condemned(&**self.backend()) {
            report.take(error, &[])?;
        }
        Ok(())
    }

    fn check_lease(&self, name: &ObjectName) -> Result<()> {
        let Some(bytes) = self.backend().get(name)? else { return Ok(()) };
        let damaged = |source| CoreError::damaged(name.to_string(), source);
        Lease::decode(&bytes).map(|_| ()).map_err(damaged)
    }

    /// Packs that nothing new relies on. A list that cannot be read is a problem of its own.
    fn condemned(&self) -> HashSet<PackId> {
        let lists = read_condemned(&**self.backend()).unwrap_or_default();
        lists.into_iter().flat_map(|(_, list)| list.packs).collect()
    }

    /// Checks one pack: its end and what the index says of it, or all its bytes. Of a condemned one only that counts which
    /// snapshots still need, and their rows say that.
    fn check_pack(
        &self,
        pack: &Listed,
        condemned: &HashSet<PackId>,
        all_bytes: bool,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let ObjectName::Pack(id) = pack.name else { return Ok(()) };
        let store = &**self.backend();
        report.packs += 1;
        if condemned.contains(&id) {
            return Ok(());
        }
        let parts = match read_parts(store, self.uuid(), &id, pack.bytes) {
            Ok(parts) => parts,
            Err(_) if all_bytes => return Ok(()),
            // gc has deleted it since it was listed; who needs it finds out.
            Err(_) if store.len(&pack.name)?.is_none() => return Ok(()),
            Err(error) => return report.take(error, &[id]),
        };
        if all_bytes {
            report.bytes += pack.bytes;
            return scan(store, &id, pack.bytes, &parts).or_else(|error| report.take(error, &[id]));
        }
        if !self.catalog().packs().contains(&id) {
            // Left by a session that ended before its index was written; nothing can refer to it.
            return Ok(());
        }
        for entry in &parts.entries {
            let places = match self.catalog().find_all(&entry.id) {
                Ok(places) => places,
                Err(error) => return report.take(error, &[]),
            };
            let mut here = places.iter().filter(|found| found.pack.id == id).peekable();
            // What the index does not have of it is the index's fault, and said of that.
            let is_known = here.peek().is_some();
            let agrees = here.any(|found| {
                let found = (found.entry.offset, found.entry.stored_len, found.entry.raw_len, found.entry.kind);
                found == (entry.offset, entry.stored_len, entry.raw_len, entry.kind)
            });
            if !agrees {
                let why = format!("the index says something else of chunk {}", entry.id);
                let damaged: Vec<PackId> = is_known.then_some(id).into_iter().collect();
                report.of_packs(pack.name.to_string(), why, &damaged);
                break;
            }
        }
        Ok(())
    }

    /// Checks every bucket of the index, and that the packs it points into are there with the length it says.
    fn check_index(&self, packs: &[Listed], condemned: &HashSet<PackId>, report: &mut VerifyReport) -> Result<()> {
        for (name, source) in self.catalog().broken() {
            report.problem(ObjectName::Index(name).to_string(), source.to_string());
        }
        let lengths: HashMap<PackId, u64> = packs
            .iter()
            .filter_map(|pack| if let ObjectName::Pack(id) = pack.name { Some((id, pack.bytes)) } else { None })
            .collect();
        for segment in self.catalog().segments() {
            for pack in segment.head.packs().iter().filter(|pack| !condemned.contains(&pack.id)) {
                match lengths.get(&pack.id) {
                    Some(bytes) if *bytes == pack.bytes => {}
                    Some(_) => {
                        let object = ObjectName::Pack(pack.id).to_string();
                        report.of_packs(object, "the index knows another length", &[pack.id]);
                    }
                    // A gc between the two readings took it from the index, too.
                    None if self.refresh().map(|()| !self.catalog().packs().contains(&pack.id))? => {}
                    None => report.problem(ObjectName::Pack(pack.id).to_string(), LOST_PACK),
                }
            }
            if let Err(error) = self.catalog().check(&segment) {
                report.take(error, &[])?;
            }
        }
        Ok(())
    }
}
