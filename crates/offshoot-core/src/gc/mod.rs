//! Giving space back: which packs hold nothing that a snapshot needs, and deleting them without a risk to anybody.
//!
//! In two steps, so that it is safe beside writers and safe when it is interrupted anywhere. First the packs are
//! *condemned*: a list is published; sessions that begin from then on keep away from them. Later, after the grace
//! period, when every session that does not know the list has ended, everything is marked a second time, and what is
//! still not needed is deleted. A session says in its lease which lists it knows. `docs/format.md` has the argument.
//!
//! A plan is a value: it can be printed without doing anything.

mod forget;
mod mark;
mod merge;
mod sweep;

use crate::store::lease::{live_leases, read_condemned};
use crate::store::{ObjectKind, ObjectName, OpenStore, Unfinished, WriteSession};
use crate::{Control, CoreError, Result};
pub use forget::{Forget, ForgetPlan, Forgotten, Kept};
use mark::Marks;
use offshoot_format::ids::{ChunkId, ChunkKind, PackId, SnapshotId};
use offshoot_format::{index, pack};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// What a gc session is called in its lease.
pub(crate) const PURPOSE: &str = "gc";
/// Clocks of a writer and of the file system may differ by this much before work is done in vain.
const SKEW_MS: u64 = 5 * 60 * 1000;
/// Left-overs of writing that are younger than this are never touched.
const UNFINISHED_MS_MIN: u64 = 60 * 1000;

/// What a pack has beside its frames and their entries.
const PACK_AROUND_BYTES: u64 = (pack::HEADER_BYTES + pack::FOOTER_BYTES) as u64;

/// When packs are dropped and rewritten.
#[derive(Debug, Clone)]
pub struct GcOptions {
    /// Time between condemning a pack and deleting it.
    pub grace: Duration,
    /// A pack is rewritten when more than this share of it is dead.
    pub dead_percent: u64,
    /// Packs under a quarter of the usual size are joined when there are more than this many.
    pub small_packs_max: usize,
    /// Index segments are merged when there are more than this many.
    pub segments_max: usize,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self { grace: Duration::from_secs(24 * 3600), dead_percent: 30, small_packs_max: 32, segments_max: 8 }
    }
}

/// What becomes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackAction {
    /// It stays.
    Keep,
    /// Nothing in it is needed.
    Drop,
    /// What is needed is copied to a new pack.
    Rewrite,
    /// It is condemned already. What is needed all the same is copied to a new pack.
    Condemned,
}

/// A pack, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPlan {
    /// The pack.
    pub id: PackId,
    /// Its length.
    pub bytes: u64,
    /// Bytes that it would have if it held nothing but what snapshots need and no other pack is taken to have; 0 if
    /// that is nothing. Of a condemned pack, what no pack has that is not condemned.
    pub live_bytes: u64,
    /// What becomes of it.
    pub action: PackAction,
}

/// A list of packs that wait for their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingList {
    name: [u8; 32],
    /// When it was published, in milliseconds since 1970 UTC.
    pub published_unix_ms: u64,
    /// Its packs.
    pub packs: Vec<PackId>,
    /// Whether the grace period is over.
    pub is_due: bool,
    /// Sessions that began before it was published and have not ended.
    pub blocking_sessions: usize,
}

/// What gc would do.
#[derive(Debug)]
pub struct GcPlan {
    /// Snapshots in the store.
    pub snapshots: usize,
    /// Chunks that they need.
    pub live_chunks: usize,
    /// Every pack.
    pub packs: Vec<PackPlan>,
    /// Packs that were condemned before.
    pub waiting: Vec<WaitingList>,
    /// Snapshots that no ref or tag leads to: left by a crash before the ref moved.
    pub unnamed: Vec<SnapshotId>,
    /// What is left of sessions that ended early.
    pub unfinished: Vec<Unfinished>,
    /// Whether segments of the index will be merged.
    pub merge_segments: bool,
    /// What is live, for the execution; the second mark adds to it.
    marks: Marks,
    options: GcOptions,
    pack_bytes: u64,
    copies: BTreeMap<PackId, Vec<(ChunkId, ChunkKind)>>,
}

impl GcPlan {
    /// Bytes of packs that the plan frees once the grace period is over: those of the packs that end, less those of the
    /// packs that what is live in them is copied to.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        let ending = || self.packs.iter().filter(|pack| pack.action != PackAction::Keep);
        let ending_bytes: u64 = ending().map(|pack| pack.bytes).sum();
        let copied_bytes: u64 = ending().map(|pack| pack.live_bytes.saturating_sub(PACK_AROUND_BYTES)).sum();
        let new_packs = copied_bytes.div_ceil(self.pack_bytes);
        ending_bytes.saturating_sub(copied_bytes + new_packs * PACK_AROUND_BYTES)
    }
}

/// What gc did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Packs that were condemned now.
    pub condemned_packs: usize,
    /// Their bytes.
    pub condemned_bytes: u64,
    /// Bytes of chunks that were copied out of them.
    pub rewritten_bytes: u64,
    /// Packs that were deleted now.
    pub deleted_packs: usize,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Condemned packs that a snapshot needs after all; they stay until the next gc has copied what it needs.
    pub spared_packs: usize,
    /// Condemned lists that wait for their grace period or for a session.
    pub waiting_lists: usize,
    /// Snapshots that no ref or tag led to and that were removed.
    pub unnamed_snapshots: usize,
    /// Left-overs that were removed.
    pub unfinished: usize,
    /// What the store is smaller by: everything that was removed, less what was written. Below 0 while copies lie beside
    /// the condemned packs that they were made of.
    pub freed_bytes: i64,
}

impl OpenStore {
    /// What gc would do now.
    ///
    /// # Errors
    /// `Damaged` or `Missing` if a snapshot cannot be walked: then nothing may be deleted, because it cannot be known
    /// what is needed.
    pub fn plan_gc(&self, options: &GcOptions, control: &Control) -> Result<GcPlan> {
        let _span = tracing::info_span!("plan gc").entered();
        self.refresh()?;
        if let Some((name, source)) = self.catalog().broken().into_iter().next() {
            // What only it knows looks as if nobody needed it.
            return Err(CoreError::damaged(ObjectName::Index(name).to_string(), source));
        }
        let store = &**self.backend();
        control.step("mark");
        let mut marks = Marks::default();
        let unnamed = self.unnamed(options, &[])?;
        marks.update(self, control, &unnamed)?;
        let condemned = read_condemned(store)?;
        let condemned_packs: HashSet<PackId> =
            condemned.iter().flat_map(|(_, list)| list.packs.iter().copied()).collect();
        control.step("count");
        let leases = self.live_leases()?;
        tracing::info!(snapshots = marks.snapshots(), chunks = marks.chunks(), sessions = leases.len(), "marked");
        let young = leases.iter().map(|(_, lease)| lease.began_unix_ms.saturating_sub(SKEW_MS)).min();
        let (packs, copies) = self.plan_packs(&marks, &condemned_packs, young, options)?;
        let now = self.now_unix_ms();
        let waiting = condemned.into_iter().map(|(name, list)| WaitingList {
            name,
            published_unix_ms: list.published_unix_ms,
            is_due: is_over(list.published_unix_ms, options.grace, now),
            blocking_sessions: sweep::blocking(&name, &leases, None),
            packs: list.packs,
        });
        Ok(GcPlan {
            snapshots: marks.snapshots(),
            live_chunks: marks.chunks(),
            packs,
            waiting: waiting.collect(),
            unnamed,
            unfinished: self.stale_unfinished(options, young)?,
            merge_segments: self.catalog().segments().len() > options.segments_max,
            marks,
            options: options.clone(),
            pack_bytes: self.options().pack_bytes.max(1),
            copies,
        })
    }

    /// Carries out a plan: condemns packs, and deletes those whose time has come.
    ///
    /// # Errors
    /// `Busy` if another gc runs; `Damaged` or `Missing` if a snapshot cannot be walked. Interrupted anywhere, the
    /// store is whole, and the next gc goes on.
    pub fn gc(&self, plan: GcPlan, control: &Control) -> Result<GcReport> {
        let _span = tracing::info_span!("gc").entered();
        let mut report = GcReport::default();
        let ending = plan.packs.iter().filter(|pack| pack.action != PackAction::Keep).map(|pack| pack.id);
        let mut session = WriteSession::begin_avoiding(self.clone(), PURPOSE, &ending.collect())?;
        self.check_alone(&session)?;
        self.remove_unnamed(&plan, &session, &mut report)?;
        control.step("rewrite");
        let condemned = plan.packs.iter().filter(|pack| pack.action == PackAction::Condemned);
        let condemned: HashSet<PackId> = condemned.map(|pack| pack.id).collect();
        for (pack, chunks) in &plan.copies {
            for (id, kind) in chunks {
                control.check()?;
                let chunk = match self.read_from(id, *kind, pack) {
                    // A pack can be condemned for its damage. What of it can be read is copied; it stays while a snapshot needs
                    // the rest.
                    Err(CoreError::Damaged { .. }) if condemned.contains(pack) => continue,
                    chunk => chunk?,
                };
                report.rewritten_bytes +=
                    u64::from(session.put(id, *kind, chunk.raw_len, &chunk.payload)?.stored_bytes());
            }
        }
        session.write_chunks()?;
        report.freed_bytes -= session.published_bytes() as i64;
        self.refresh()?;
        self.condemn(&plan, &mut report)?;
        tracing::info!(packs = report.condemned_packs, rewritten_bytes = report.rewritten_bytes, "condemned");
        control.step("sweep");
        self.sweep(plan, &session, control, &mut report)?;
        session.end()?;
        self.refresh()?;
        let GcReport { deleted_packs, deleted_bytes, spared_packs, unfinished, .. } = report;
        tracing::info!(deleted_packs, deleted_bytes, spared_packs, unfinished, "swept");
        Ok(report)
    }

    fn check_alone(&self, session: &WriteSession) -> Result<()> {
        let others = self.live_leases()?.into_iter().filter(|(name, _)| *name != session.lease_name());
        if others.into_iter().any(|(_, lease)| lease.purpose == PURPOSE) {
            return Err(CoreError::Busy { place: self.place() });
        }
        Ok(())
    }

    /// Leases of all that write now.
    pub(crate) fn live_leases(&self) -> Result<Vec<([u8; 32], offshoot_format::record::Lease)>> {
        let expiry_ms = self.options().lease_expiry.as_millis() as u64;
        live_leases(&**self.backend(), self.now_unix_ms(), expiry_ms)
    }

    /// Which packs hold what. Each live chunk counts in one pack only, the newest that is not condemned if there is one.
    #[allow(clippy::type_complexity)]
    fn plan_packs(
        &self,
        marks: &Marks,
        condemned: &HashSet<PackId>,
        young: Option<u64>,
        options: &GcOptions,
    ) -> Result<(Vec<PackPlan>, BTreeMap<PackId, Vec<(ChunkId, ChunkKind)>>)> {
        let listed = self.backend().list(ObjectKind::Pack)?;
        let there: HashSet<PackId> = listed.iter().filter_map(|object| pack_of(&object.name)).collect();
        let mut live: BTreeMap<PackId, Vec<(ChunkId, ChunkKind)>> = BTreeMap::new();
        let mut live_bytes: HashMap<PackId, u64> = HashMap::new();
        let mut counted = mark::IdSet::default();
        // What is in condemned packs alone is copied from these.
        let passes: &[bool] = if condemned.is_empty() { &[false] } else { &[false, true] };
        for &is_condemned in passes {
            self.catalog().for_each(&mut |pack, entry: &index::IndexEntry| {
                let is_live = marks.contains(&entry.id) && there.contains(&pack.id);
                if is_live && condemned.contains(&pack.id) == is_condemned && counted.insert(&entry.id) {
                    live.entry(pack.id).or_default().push((entry.id, entry.kind));
                    *live_bytes.entry(pack.id).or_default() += u64::from(crate::store::frame_bytes(entry));
                }
                Ok(())
            })?;
        }
        let mut packs = Vec::new();
        for object in &listed {
            let Some(id) = pack_of(&object.name) else { continue };
            let chunks = live.get(&id).map_or(0, Vec::len) as u64;
            let around = PACK_AROUND_BYTES + chunks * pack::ENTRY_BYTES as u64;
            let live_bytes = live_bytes.get(&id).map_or(0, |frames| frames + around);
            let is_young = young.is_some_and(|began| object.modified_unix_ms >= began);
            let action = match live_bytes {
                _ if condemned.contains(&id) => PackAction::Condemned,
                _ if is_young => PackAction::Keep,
                0 => PackAction::Drop,
                _ if (object.bytes - live_bytes.min(object.bytes)) * 100 > object.bytes * options.dead_percent => {
                    PackAction::Rewrite
                }
                _ => PackAction::Keep,
            };
            packs.push(PackPlan { id, bytes: object.bytes, live_bytes, action });
        }
        let small = |pack: &PackPlan| pack.action == PackAction::Keep && pack.bytes < self.options().pack_bytes / 4;
        if packs.iter().filter(|pack| small(pack)).count() > options.small_packs_max {
            let is_young: HashSet<PackId> = listed
                .iter()
                .filter(|object| young.is_some_and(|began| object.modified_unix_ms >= began))
                .filter_map(|object| pack_of(&object.name))
                .collect();
            for pack in packs.iter_mut().filter(|pack| small(pack) && !is_young.contains(&pack.id)) {
                pack.action = PackAction::Rewrite;
            }
        }
        packs.sort_by_key(|pack| pack.id);
        let copied = |pack: &PackPlan| matches!(pack.action, PackAction::Rewrite | PackAction::Condemned);
        let copied: HashSet<PackId> = packs.iter().filter(|pack| copied(pack)).map(|pack| pack.id).collect();
        live.retain(|id, _| copied.contains(id));
        Ok((packs, live))
    }

    fn stale_unfinished(&self, options: &GcOptions, young: Option<u64>) -> Result<Vec<Unfinished>> {
        let now = self.now_unix_ms();
        let wait = options.grace.max(Duration::from_millis(UNFINISHED_MS_MIN));
        let mut stale = self.backend().unfinished()?;
        stale.retain(|left| {
            is_over(left.modified_unix_ms, wait, now) && young.is_none_or(|began| left.modified_unix_ms < began)
        });
        Ok(stale)
    }
}

fn pack_of(name: &ObjectName) -> Option<PackId> {
    if let ObjectName::Pack(id) = name { Some(*id) } else { None }
}

fn is_over(since_unix_ms: u64, wait: Duration, now_unix_ms: u64) -> bool {
    since_unix_ms.saturating_add(wait.as_millis() as u64) <= now_unix_ms
}
