//! The second step of gc: deleting what was condemned, if nobody has come to need it.
//!
//! The order matters. Lists are read, then leases, then snapshots: a session either has ended before the leases were
//! read, and then its snapshot is seen; or knows the list, and then needs nothing of it; or makes the list wait. The
//! index stops pointing at a pack before the pack goes, and the list goes last, so that an interrupted sweep is done
//! again.

use super::{GcPlan, GcReport, PackAction, is_over, pack_of};
use crate::store::lease::read_condemned;
use crate::store::{ObjectKind, ObjectName, OpenStore, StoredChunk, WriteSession, hex};
use crate::{Control, CoreError, Result};
use offshoot_format::ids::{ChunkId, ChunkKind, PackId, SnapshotId};
use offshoot_format::record::{Condemned, Lease};
use std::collections::{BTreeSet, HashSet};

/// Sessions that do not know a condemned list.
pub(super) fn blocking(list: &[u8; 32], leases: &[([u8; 32], Lease)], own: Option<[u8; 32]>) -> usize {
    let name = hex(list);
    leases.iter().filter(|(lease, _)| Some(*lease) != own).filter(|(_, lease)| !lease.avoids.contains(&name)).count()
}

impl OpenStore {
    /// Publishes the packs that the plan drops and rewrites.
    pub(super) fn condemn(&self, plan: &GcPlan, report: &mut GcReport) -> Result<()> {
        let ending = |action| matches!(action, PackAction::Drop | PackAction::Rewrite);
        let packs: Vec<_> = plan.packs.iter().filter(|pack| ending(pack.action)).collect();
        if packs.is_empty() {
            return Ok(());
        }
        let list =
            Condemned { published_unix_ms: self.now_unix_ms(), packs: packs.iter().map(|pack| pack.id).collect() };
        let list = list.encode()?;
        self.backend().put(&ObjectName::Condemned(self.options().entropy.random()?), &list)?;
        report.freed_bytes -= list.len() as i64;
        report.condemned_packs = packs.len();
        report.condemned_bytes = packs.iter().map(|pack| pack.bytes).sum();
        Ok(())
    }

    /// Deletes what was condemned long enough ago and is still not needed.
    pub(super) fn sweep(
        &self,
        mut plan: GcPlan,
        session: &WriteSession,
        control: &Control,
        report: &mut GcReport,
    ) -> Result<()> {
        let store = &**self.backend();
        let lists = read_condemned(store)?;
        let condemned: HashSet<PackId> = lists.iter().flat_map(|(_, list)| list.packs.iter().copied()).collect();
        let leases = self.live_leases()?;
        // What sessions that have ended by now wrote is in the index.
        self.refresh()?;
        let now = self.now_unix_ms();
        let (due, waiting): (Vec<_>, Vec<_>) = lists.into_iter().partition(|(name, list)| {
            is_over(list.published_unix_ms, plan.options.grace, now)
                && blocking(name, &leases, Some(session.lease_name())) == 0
        });
        report.waiting_lists = waiting.len();
        plan.marks.update(self, control, &[])?;
        let ending: HashSet<PackId> = due.iter().flat_map(|(_, list)| list.packs.iter().copied()).collect();
        let needed = self.still_needed(&plan, &ending, &condemned)?;
        let gone: BTreeSet<PackId> = ending.difference(&needed).copied().collect();
        report.spared_packs = needed.len();
        // From here on the lease must still be held: a gc that was taken for dead may not delete.
        session.renew()?;
        let unindexed = self.ending_rows(&gone)?;
        if plan.merge_segments || !unindexed.is_empty() {
            report.freed_bytes -= self.merge_segments(&unindexed, &|| session.renew())?;
        }
        for id in gone {
            control.check()?;
            // One that was taken for dead leaves the rest to the gc that did so.
            session.renew()?;
            let name = ObjectName::Pack(id);
            if let Some(bytes) = self.remove_counted(&name, report)? {
                report.deleted_packs += 1;
                report.deleted_bytes += bytes;
            }
        }
        // A pack that stays remains condemned: nobody comes to rely on it, and the next gc copies what is needed of it.
        for (name, _) in due.iter().filter(|(_, list)| !list.packs.iter().any(|pack| needed.contains(pack))) {
            self.remove_counted(&ObjectName::Condemned(*name), report)?;
        }
        for left in &plan.unfinished {
            store.remove_unfinished(left)?;
            report.freed_bytes += left.bytes as i64;
            report.unfinished += 1;
        }
        Ok(())
    }

    /// Packs that the index must no longer point into: those of `gone`, and those that were lost.
    fn ending_rows(&self, gone: &BTreeSet<PackId>) -> Result<HashSet<PackId>> {
        let indexed = self.catalog().packs();
        let listed = self.backend().list(ObjectKind::Pack)?;
        let there: HashSet<PackId> = listed.iter().filter_map(|object| pack_of(&object.name)).collect();
        Ok(indexed.into_iter().filter(|pack| gone.contains(pack) || !there.contains(pack)).collect())
    }

    /// Packs of `ending` that hold a chunk which is live and in no pack that is not condemned.
    ///
    /// A copy in another condemned pack does not count: that pack can be in the hands of a gc that was taken for dead and goes on
    /// deleting.
    fn still_needed(
        &self,
        plan: &GcPlan,
        ending: &HashSet<PackId>,
        condemned: &HashSet<PackId>,
    ) -> Result<HashSet<PackId>> {
        let listed = self.backend().list(ObjectKind::Pack)?;
        let there: HashSet<PackId> = listed.iter().filter_map(|object| pack_of(&object.name)).collect();
        let mut needed = HashSet::new();
        self.catalog().for_each(&mut |pack, entry| {
            if ending.contains(&pack.id) && !needed.contains(&pack.id) && plan.marks.contains(&entry.id) {
                let stays = |id: &PackId| there.contains(id) && !condemned.contains(id);
                if self.catalog().find(&entry.id, stays)?.is_none() {
                    needed.insert(pack.id);
                }
            }
            Ok(())
        })?;
        Ok(needed)
    }

    /// Reads a chunk from one pack, to copy it.
    pub(super) fn read_from(&self, id: &ChunkId, kind: ChunkKind, pack: &PackId) -> Result<StoredChunk> {
        let places = self.catalog().find_all(id)?;
        match places.iter().find(|found| found.pack.id == *pack) {
            Some(found) => self.read_found(found, kind),
            None => Err(CoreError::Missing { object: format!("chunk {id}") }),
        }
    }

    /// Snapshots that no ref or tag leads to, and that no session can be about to name.
    pub(super) fn unnamed(&self, options: &super::GcOptions, own: &[[u8; 32]]) -> Result<Vec<SnapshotId>> {
        // In this order: a session that had its manifest listed here still has its lease, or has moved its ref.
        let listed = self.backend().list(ObjectKind::Manifest)?;
        let leases = self.live_leases()?;
        if leases.iter().any(|(name, _)| !own.contains(name)) {
            return Ok(Vec::new());
        }
        let mut named: HashSet<SnapshotId> = self.tags()?.into_iter().map(|tag| tag.snapshot).collect();
        named.extend(self.refs()?.into_iter().flat_map(|found| found.log).map(|entry| entry.snapshot));
        let mut unnamed = Vec::new();
        for object in listed {
            let ObjectName::Manifest(id) = object.name else { continue };
            let is_old = is_over(object.modified_unix_ms, options.grace, self.now_unix_ms());
            if !named.contains(&id) && is_old {
                unnamed.push(id);
            }
        }
        // What a named snapshot descends from is named by that.
        for name in self.refs()? {
            let Some(newest) = name.newest() else { continue };
            match self.lineage(&newest.snapshot, usize::MAX) {
                Ok(lineage) => unnamed.retain(|id| !lineage.contains(id)),
                // Its commit slept, was taken for dead, and was killed before it could take the ref back.
                Err(CoreError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(unnamed)
    }

    /// Removes the snapshots of the plan that still nobody names.
    pub(super) fn remove_unnamed(&self, plan: &GcPlan, session: &WriteSession, report: &mut GcReport) -> Result<()> {
        if plan.unnamed.is_empty() {
            return Ok(());
        }
        let now = self.unnamed(&plan.options, &[session.lease_name()])?;
        for id in plan.unnamed.iter().filter(|id| now.contains(id)) {
            session.renew()?;
            if let Some(bytes) = self.remove_manifest(id)? {
                report.freed_bytes += bytes as i64;
                report.unnamed_snapshots += 1;
            }
        }
        Ok(())
    }

    /// Removes an object. Returns its length, unless it was gone.
    fn remove_counted(&self, name: &ObjectName, report: &mut GcReport) -> Result<Option<u64>> {
        let bytes = self.backend().len(name)?.unwrap_or(0);
        let removed = self.backend().remove(name)?.then_some(bytes);
        report.freed_bytes += removed.unwrap_or(0) as i64;
        Ok(removed)
    }
}
