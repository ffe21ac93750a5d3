//! Mending what a check found, as far as the store itself has what that takes.

use super::VerifyReport;
use crate::gc::PURPOSE;
use crate::store::lease::read_condemned;
use crate::store::packs::read_parts;
use crate::store::{ObjectKind, ObjectName, OpenStore, WriteSession, write_segment};
use crate::{CoreError, Result};
use offshoot_format::ids::PackId;
use offshoot_format::index::{IndexEntry, PackRow};
use offshoot_format::record::Condemned;
use std::collections::HashSet;

/// What was mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mended {
    /// Damaged segments of the index that were replaced by what packs say about themselves.
    pub replaced_segments: usize,
    /// Packs that the index knows now and did not before.
    pub indexed_packs: usize,
    /// Packs that nothing relies on any more: a capture writes again what it needs of them, and every snapshot that shares
    /// it is whole again.
    pub condemned_packs: usize,
}

impl OpenStore {
    /// Mends what a check found: makes damaged parts of the index again of what packs say about themselves, and condemns packs
    /// with damage. Neither changes a pack; gc deletes the condemned ones once nothing needs them. A damaged segment stays
    /// where a pack cannot say what it holds: then the segment alone may know.
    ///
    /// # Errors
    /// `Busy` if anybody else writes, whose packs belong to nobody yet; and if the store cannot be read or written.
    /// Interrupted anywhere, it can be done again.
    pub fn mend(&self, report: &VerifyReport) -> Result<Mended> {
        let _span = tracing::info_span!("mend").entered();
        self.refresh()?;
        let session = WriteSession::begin(self.clone(), PURPOSE)?;
        let mut mended = Mended::default();
        self.index_again(&session, &mut mended)?;
        mended.condemned_packs = self.condemn_damaged(report)?;
        session.end()?;
        self.refresh()?;
        tracing::info!(?mended, "mended");
        Ok(mended)
    }

    /// Makes a segment of the packs that only damaged segments knew, or none, and removes those.
    fn index_again(&self, session: &WriteSession, mended: &mut Mended) -> Result<()> {
        let store = &**self.backend();
        let check_alone = || match self.live_leases()?.iter().any(|(name, _)| *name != session.lease_name()) {
            true => Err(CoreError::Busy { place: self.place() }),
            false => Ok(()),
        };
        check_alone()?;
        let mut damaged: Vec<[u8; 32]> = self.catalog().broken().into_iter().map(|(name, _)| name).collect();
        let mut indexed = HashSet::new();
        for segment in self.catalog().segments() {
            match self.catalog().check(&segment) {
                Ok(()) => indexed.extend(segment.head.packs().iter().map(|pack| pack.id)),
                Err(CoreError::Damaged { .. }) => damaged.push(segment.name),
                Err(error) => return Err(error),
            }
        }
        let (mut packs, mut entries, mut says_nothing) = (Vec::new(), Vec::new(), false);
        let listed = store.list(ObjectKind::Pack)?;
        // Who began and has packs among these would be seen now.
        check_alone()?;
        for object in listed {
            let ObjectName::Pack(id) = object.name else { continue };
            if indexed.contains(&id) {
                continue;
            }
            let parts = match read_parts(store, self.uuid(), &id, object.bytes) {
                Ok(parts) => parts,
                Err(CoreError::Damaged { .. }) => {
                    says_nothing = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let pack = packs.len() as u32;
            packs.push(PackRow { id, bytes: object.bytes });
            entries.extend(parts.entries.iter().map(|entry| IndexEntry {
                id: entry.id,
                pack,
                offset: entry.offset,
                stored_len: entry.stored_len,
                raw_len: entry.raw_len,
                kind: entry.kind,
            }));
        }
        entries.sort_unstable();
        if !entries.is_empty() {
            write_segment(self, &packs, entries.len() as u64, entries.into_iter().map(Ok))?;
        }
        mended.indexed_packs = packs.len();
        for name in damaged.into_iter().filter(|_| !says_nothing) {
            store.remove(&ObjectName::Index(name))?;
            mended.replaced_segments += 1;
        }
        Ok(())
    }

    fn condemn_damaged(&self, report: &VerifyReport) -> Result<usize> {
        let store = &**self.backend();
        let before: HashSet<PackId> = read_condemned(store)?.into_iter().flat_map(|(_, list)| list.packs).collect();
        let mut packs: Vec<PackId> = report.problems.iter().flat_map(|problem| problem.packs.clone()).collect();
        packs.sort_unstable();
        packs.dedup();
        packs.retain(|pack| !before.contains(pack));
        let mut there = Vec::new();
        for pack in packs {
            if store.len(&ObjectName::Pack(pack))?.is_some() {
                there.push(pack);
            }
        }
        if there.is_empty() {
            return Ok(0);
        }
        let list = Condemned { published_unix_ms: self.now_unix_ms(), packs: there };
        store.put(&ObjectName::Condemned(self.options().entropy.random()?), &list.encode()?)?;
        Ok(list.packs.len())
    }
}
