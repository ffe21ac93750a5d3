//! Forgetting snapshots: which ones, as a plan, and then the removal of their manifests.
//!
//! A forgotten snapshot is gone at once; its space is given back by gc. A tag keeps its snapshot. The log of a ref
//! keeps the entry of a forgotten snapshot, unless nothing older is left of the ref, so that `prod~2` still knows what
//! came before it.

use super::is_over;
use super::mark::Marks;
use crate::store::{ObjectName, OpenStore};
use crate::{Control, CoreError, Result};
use offshoot_format::ids::SnapshotId;
use offshoot_format::pack::ENTRY_BYTES;
use offshoot_format::record::LogEntry;
use offshoot_format::refname::RefName;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// What to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// These snapshots.
    Snapshots(Vec<SnapshotId>),
    /// The snapshots of a ref, but for the newest `keep_last` and those taken within `keep_within`. Without both, all
    /// of them and the ref.
    Ref {
        /// The ref.
        name: RefName,
        /// Newest snapshots that stay.
        keep_last: Option<usize>,
        /// Age under which snapshots stay.
        keep_within: Option<Duration>,
    },
}

/// A snapshot that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When it was taken, in milliseconds since 1970 UTC.
    pub taken_unix_ms: u64,
}

/// A snapshot that stays although it was named, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Why: `tag v1`, `one of the newest 3`.
    pub why: String,
}

/// What forgetting would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForgetPlan {
    /// What goes, newest first.
    pub forget: Vec<Forgotten>,
    /// What stays of that which was looked at, newest first.
    pub keep: Vec<Kept>,
    /// Refs that have nothing left to name.
    pub refs_removed: Vec<RefName>,
}

impl OpenStore {
    /// What forgetting would do.
    ///
    /// # Errors
    /// `UnknownSnapshot` if a snapshot or the ref is not there.
    pub fn plan_forget(&self, what: &Forget) -> Result<ForgetPlan> {
        let there: HashSet<SnapshotId> = self.snapshots()?.into_iter().collect();
        let mut tags: HashMap<SnapshotId, String> = HashMap::new();
        for tag in self.tags()? {
            tags.insert(tag.snapshot, format!("tag {}", tag.name));
        }
        let mut plan = ForgetPlan::default();
        for (age, entry) in self.candidates(what, &there)?.into_iter().enumerate() {
            let reason = tags.get(&entry.snapshot).cloned().or_else(|| self.reason(what, age, &entry));
            match reason {
                Some(why) => plan.keep.push(Kept { snapshot: entry.snapshot, why }),
                None => {
                    plan.forget.push(Forgotten { snapshot: entry.snapshot, taken_unix_ms: entry.taken_unix_ms });
                }
            }
        }
        let going: HashSet<SnapshotId> = plan.forget.iter().map(|gone| gone.snapshot).collect();
        for found in self.refs()? {
            let names = |id: &SnapshotId| there.contains(id) && !going.contains(id);
            if !found.log.iter().any(|entry| names(&entry.snapshot)) {
                plan.refs_removed.push(found.name);
            }
        }
        Ok(plan)
    }

    /// The snapshots that are asked for, newest first.
    fn candidates(&self, what: &Forget, there: &HashSet<SnapshotId>) -> Result<Vec<LogEntry>> {
        let mut entries = Vec::new();
        match what {
            Forget::Snapshots(ids) => {
                for id in ids.iter().copied().collect::<BTreeSet<_>>() {
                    if !there.contains(&id) {
                        let why = "it is not in the store".to_owned();
                        return Err(CoreError::UnknownSnapshot { address: id.to_string(), why, near: Vec::new() });
                    }
                    entries.push(LogEntry { snapshot: id, taken_unix_ms: self.manifest(&id)?.taken_unix_ms });
                }
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.taken_unix_ms));
            }
            Forget::Ref { name, .. } => {
                let Some(found) = self.read_ref(name)? else {
                    let why = "there is no such ref".to_owned();
                    return Err(CoreError::UnknownSnapshot { address: name.to_string(), why, near: Vec::new() });
                };
                let mut seen = HashSet::new();
                let newest_first = found.log.into_iter().rev();
                entries.extend(
                    newest_first.filter(|entry| there.contains(&entry.snapshot) && seen.insert(entry.snapshot)),
                );
            }
        }
        Ok(entries)
    }

    /// Bytes that no other snapshot needs: the chunks of these alone, and their manifests. It is what gc can give back
    /// once they are forgotten; packs of which little is dead stay as they are for now.
    ///
    /// # Errors
    /// `Damaged` or `Missing` if a snapshot cannot be walked.
    pub fn bytes_only_in(&self, snapshots: &[SnapshotId], control: &Control) -> Result<u64> {
        let mut marks = Marks::default();
        marks.update(self, control, snapshots)?;
        let mut bytes = 0;
        for snapshot in snapshots {
            bytes += self.backend().len(&ObjectName::Manifest(*snapshot))?.unwrap_or(0);
            marks.walk(self, control, &self.manifest(snapshot)?, &mut |id| {
                let stored_bytes = self.contains(id)?.unwrap_or(0);
                bytes += u64::from(stored_bytes) + ENTRY_BYTES as u64;
                Ok(())
            })?;
        }
        Ok(bytes)
    }

    fn reason(&self, what: &Forget, age: usize, entry: &LogEntry) -> Option<String> {
        let Forget::Ref { keep_last, keep_within, .. } = what else { return None };
        if keep_last.is_some_and(|last| age < last) {
            return keep_last.map(|last| format!("one of the newest {last}"));
        }
        let within = keep_within.is_some_and(|within| !is_over(entry.taken_unix_ms, within, self.now_unix_ms()));
        within.then(|| "taken within the time to keep".to_owned())
    }

    /// Carries out a plan. Space is given back by gc. Returns how many snapshots went.
    ///
    /// # Errors
    /// If the store cannot be written. Refs move first, so none ever names a snapshot that is not there.
    pub fn forget(&self, plan: &ForgetPlan) -> Result<usize> {
        let going: HashSet<SnapshotId> = plan.forget.iter().map(|gone| gone.snapshot).collect();
        for found in self.refs()? {
            self.step_back(&found.name, &going)?;
        }
        let mut forgotten = 0;
        for id in going.difference(&self.tagged()?) {
            forgotten += usize::from(self.remove_manifest(id)?.is_some());
        }
        // A commit may have moved a ref to one of them in between.
        for found in self.refs()? {
            self.step_back(&found.name, &going)?;
        }
        Ok(forgotten)
    }

    fn tagged(&self) -> Result<HashSet<SnapshotId>> {
        Ok(self.tags()?.into_iter().map(|tag| tag.snapshot).collect())
    }

    /// Removes a manifest, and puts it back if somebody has given its snapshot a tag meanwhile. Returns its length if it is gone
    /// now and was not before.
    pub(super) fn remove_manifest(&self, id: &SnapshotId) -> Result<Option<u64>> {
        let name = ObjectName::Manifest(*id);
        let Some(bytes) = self.backend().get(&name)? else { return Ok(None) };
        let removed = self.backend().remove(&name)?;
        // In this order: who gives a tag looks afterwards whether the snapshot is there.
        if self.tagged()?.contains(id) {
            self.backend().put(&name, &bytes)?;
            return Ok(None);
        }
        Ok(removed.then_some(bytes.len() as u64))
    }
}
