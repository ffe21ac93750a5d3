//! Forgetting and gc, step by step: what goes, what stays, when, and that the space comes back.

use super::{TestClock, assert_sound};
use offshoot_core::gc::{Forget, GcOptions, GcReport, PackAction};
use offshoot_core::store::{Expected, ObjectKind, ObjectName, OpenStore, Store, Swap};
use offshoot_core::{Control, CoreError};
use offshoot_format::ids::SnapshotId;
use offshoot_format::record::{Holder, LOG_ENTRIES_MAX, Lease, LogEntry, Ref};
use offshoot_format::refname::RefName;
use offshoot_testkit::store::{HookedStore, MemoryStore, sample};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DAY: u64 = 24 * 3600;

fn fresh() -> (TestClock, MemoryStore, OpenStore) {
    let clock = TestClock::default();
    clock.advance(1000 * DAY);
    let memory = MemoryStore::new(clock.clock());
    let store = OpenStore::init_with(Arc::new(memory.clone()), true, clock.options()).unwrap();
    (clock, memory, store)
}

fn gc(store: &OpenStore, grace_seconds: u64) -> GcReport {
    let options = GcOptions { grace: Duration::from_secs(grace_seconds), ..GcOptions::default() };
    store.gc(store.plan_gc(&options, &Control::default()).unwrap(), &Control::default()).unwrap()
}

fn bytes(memory: &MemoryStore) -> u64 {
    memory.list(ObjectKind::Pack).unwrap().iter().map(|pack| pack.bytes).sum()
}

fn forget(store: &OpenStore, address: &str) {
    let id = store.resolve(address).unwrap();
    assert_eq!(store.forget(&store.plan_forget(&Forget::Snapshots(vec![id])).unwrap()).unwrap(), 1);
}

#[test]
fn forgotten_space_comes_back_after_the_grace_period() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 2, 3], clock.now()).unwrap();
    let small = bytes(&memory);
    sample::capture(&store, "big", &[16, 32, 48, 1], clock.now()).unwrap();
    assert_eq!(gc(&store, DAY), GcReport::default());
    clock.advance(DAY);
    forget(&store, "big");
    assert!(matches!(store.resolve("big"), Err(CoreError::UnknownSnapshot { .. })));
    let plan = store.plan_gc(&GcOptions::default(), &Control::default()).unwrap();
    assert!(plan.freed_bytes() > 900 << 10, "{plan:?}");
    assert!(plan.packs.iter().any(|pack| pack.action == PackAction::Drop));
    let before = bytes(&memory);
    let report = gc(&store, DAY);
    assert!(report.condemned_packs > 0 && report.deleted_packs == 0 && report.waiting_lists == 1, "{report:?}");
    assert!(bytes(&memory) >= before);
    clock.advance(DAY / 2);
    assert_eq!(gc(&store, DAY).deleted_packs, 0);
    clock.advance(DAY / 2 + 1);
    let report = gc(&store, DAY);
    assert!(report.deleted_packs > 0 && report.deleted_bytes > 900 << 10, "{report:?}");
    assert!(bytes(&memory) < small + small / 2, "{} after, {small} before", bytes(&memory));
    assert!(memory.list(ObjectKind::Condemned).unwrap().is_empty());
    assert_sound(&store, "after gc");
    assert_eq!(gc(&store, DAY), GcReport::default());
}

fn all_bytes(memory: &MemoryStore) -> i64 {
    let unfinished: u64 = memory.unfinished().unwrap().iter().map(|left| left.bytes).sum();
    let listed = ObjectKind::ALL.iter().flat_map(|kind| memory.list(*kind).unwrap());
    listed.map(|object| object.bytes as i64).sum::<i64>() + unfinished as i64
}

#[test]
fn what_is_said_to_be_freed_is_freed_to_the_byte() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 2, 3, 16], clock.now()).unwrap();
    sample::capture(&store, "prod", &[1, 2, 4, 32], clock.now()).unwrap();
    sample::prepare(&store, &[7, 48], None, clock.now()).unwrap().commit(None, Expected::Any).unwrap();
    let mut upload = memory.upload().unwrap();
    upload.write(b"half a pack").unwrap();
    std::mem::forget(upload);
    clock.advance(3 * DAY);
    // The first snapshot goes: its packs are partly needed, and what a crash left goes, too.
    let going = store.resolve("prod~1").unwrap();
    let alone = store.bytes_only_in(&[going], &Control::default()).unwrap();
    let manifest = store.backend().len(&ObjectName::Manifest(going)).unwrap().unwrap();
    forget(&store, "prod~1");
    let options = GcOptions { grace: Duration::from_secs(DAY), dead_percent: 0, ..GcOptions::default() };
    let (mut rounds, mut said) = (0, Vec::new());
    while rounds < 2 || !memory.list(ObjectKind::Condemned).unwrap().is_empty() {
        let before = all_bytes(&memory);
        let plan = store.plan_gc(&options, &Control::default()).unwrap();
        said.push((plan.freed_bytes(), bytes(&memory)));
        let report = store.gc(plan, &Control::default()).unwrap();
        assert_eq!(before - all_bytes(&memory), report.freed_bytes, "round {rounds}: {report:?}");
        clock.advance(DAY + 1);
        rounds += 1;
        assert!(rounds < 9);
    }
    let (planned, packs_before) = said[0];
    assert_eq!(packs_before - bytes(&memory), planned);
    // What was alone in the snapshot is a part of it; the rest is of the snapshot without a name and the ends of packs.
    assert!(alone - manifest < planned && alone > 300 << 10, "{alone} {manifest} {planned}");
    assert_sound(&store, "after gc");
    println!("gc: {rounds} rounds, {planned} bytes said and freed, difference 0");
}

#[test]
fn what_snapshots_have_alone_is_known_to_the_byte() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 2], clock.now()).unwrap();
    let before = all_bytes(&memory);
    let index: u64 = memory.list(ObjectKind::Index).unwrap().iter().map(|object| object.bytes).sum();
    let refs: u64 = memory.list(ObjectKind::Ref).unwrap().iter().map(|object| object.bytes).sum();
    let packs = memory.list(ObjectKind::Pack).unwrap().len() as u64;
    let second = sample::capture(&store, "prod", &[1, 16], clock.now()).unwrap();
    let others = |kind| memory.list(kind).unwrap().iter().map(|object| object.bytes).sum::<u64>();
    let grown = (all_bytes(&memory) - before) as u64
        - (others(ObjectKind::Index) - index)
        - (others(ObjectKind::Ref) - refs)
        - (memory.list(ObjectKind::Pack).unwrap().len() as u64 - packs) * 104;
    assert_eq!(store.bytes_only_in(&[second], &Control::default()).unwrap(), grown);
}

#[test]
fn without_grace_it_comes_back_at_once() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 16], clock.now()).unwrap();
    clock.advance(3600);
    forget(&store, "prod");
    let report = gc(&store, 0);
    assert!(report.deleted_bytes > 300 << 10, "{report:?}");
    assert_eq!(bytes(&memory), 0);
    assert!(memory.list(ObjectKind::Index).unwrap().is_empty());
    assert_sound(&store, "empty");
}

#[test]
fn a_session_that_began_before_makes_the_sweep_wait() {
    let (clock, _, store) = fresh();
    sample::capture(&store, "old", &[1, 2, 16], clock.now()).unwrap();
    clock.advance(DAY);
    let session = sample::prepare(&store, &[1, 2, 16, 4], None, clock.now()).unwrap();
    forget(&store, "old");
    let report = gc(&store, 0);
    assert!(report.condemned_packs > 0 && report.deleted_packs == 0 && report.waiting_lists == 1, "{report:?}");
    // One that begins now knows the list, writes the chunks again, and holds nothing up.
    let late = sample::prepare(&store, &[1, 2], None, clock.now()).unwrap();
    session.commit(Some(&"new".parse().unwrap()), Expected::Any).unwrap();
    let report = gc(&store, 0);
    assert!(report.rewritten_bytes > 0 && report.deleted_packs > 0 && report.waiting_lists == 0, "{report:?}");
    late.commit(Some(&"late".parse().unwrap()), Expected::Any).unwrap();
    assert_sound(&store, "after both");
    gc(&store, 0);
    assert_sound(&store, "after another gc");
}

#[test]
fn what_is_needed_of_condemned_packs_is_copied_and_none_of_them_is_relied_on() {
    // A gc that was taken for dead may still delete what was condemned, so no copy there counts.
    let (clock, memory, store) = fresh();
    let packs = || memory.list(ObjectKind::Pack).unwrap().into_iter().map(|pack| pack.name).collect::<Vec<_>>();
    sample::capture(&store, "prod", &[1, 2, 16], clock.now()).unwrap();
    let first = packs();
    forget(&store, "prod");
    let report = gc(&store, DAY);
    assert!(report.condemned_packs > 0, "{report:?} {first:?}");
    clock.advance(60);
    // It knows that these are condemned, and writes its own.
    sample::capture(&store, "prod", &[1, 2, 16], clock.now()).unwrap();
    let second: Vec<_> = packs().into_iter().filter(|name| !first.contains(name)).collect();
    clock.advance(3600);
    let session = sample::prepare(&store, &[1, 2, 16], None, clock.now()).unwrap();
    clock.advance(60);
    forget(&store, "prod");
    assert_eq!(gc(&store, DAY).condemned_packs, second.len());
    // Planned before anything is needed, carried out afterwards: then there are no copies yet.
    let options = GcOptions { grace: Duration::ZERO, ..GcOptions::default() };
    let plan = store.plan_gc(&options, &Control::default()).unwrap();
    session.commit(Some(&"again".parse().unwrap()), Expected::Any).unwrap();
    let report = store.gc(plan, &Control::default()).unwrap();
    assert_eq!((report.deleted_packs, report.spared_packs), (0, first.len() + second.len()), "{report:?}");
    assert_sound(&store, "with both");
    assert_eq!(memory.list(ObjectKind::Condemned).unwrap().len(), 2, "they stay condemned");
    let report = gc(&store, 0);
    assert_eq!((report.deleted_packs, report.spared_packs), (first.len() + second.len(), 0), "{report:?}");
    assert!(report.rewritten_bytes > 0 && memory.list(ObjectKind::Condemned).unwrap().is_empty());
    assert!(!packs().iter().any(|name| first.contains(name) || second.contains(name)));
    assert_sound(&store, "with copies");
}

#[test]
fn a_long_log_names_all_that_is_there() {
    let (clock, memory, store) = fresh();
    let name: RefName = "prod".parse().unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(sample::capture(&store, "prod", &[1], clock.now()).unwrap());
        clock.advance(60);
    }
    store.forget(&store.plan_forget(&Forget::Snapshots(vec![ids[1]])).unwrap()).unwrap();
    // As if as many had been taken and forgotten as a log keeps.
    let object = ObjectName::Ref(name.clone());
    let before = memory.get(&object).unwrap().unwrap();
    let mut long = Ref::decode(&before).unwrap();
    let newest = long.log.pop().unwrap();
    let gone = |at: u64| LogEntry { snapshot: SnapshotId::from_bytes([at as u8; 32]), taken_unix_ms: at };
    long.log.extend((0..LOG_ENTRIES_MAX as u64).map(gone));
    long.log.push(newest);
    memory.swap(&object, Some(&before), Some(&long.encode().unwrap())).unwrap();
    ids.push(sample::capture(&store, "prod", &[1, 2], clock.now()).unwrap());
    let log = store.read_ref(&name).unwrap().unwrap().log;
    assert_eq!(log.len(), LOG_ENTRIES_MAX, "forgotten ones went");
    assert!([0, 2, 3].iter().all(|at| log.iter().any(|entry| entry.snapshot == ids[*at])));
    assert_eq!(store.resolve("prod~2").unwrap(), ids[0], "what was before one that was forgotten");
    clock.advance(DAY);
    assert_eq!(gc(&store, 0).unnamed_snapshots, 0);
    assert_sound(&store, "after gc");
    assert_eq!(store.snapshots().unwrap().len(), 3);
}

#[test]
fn a_ref_to_a_snapshot_that_is_gone_is_no_dead_end() {
    let (clock, memory, store) = fresh();
    let first = sample::capture(&store, "prod", &[1], clock.now()).unwrap();
    clock.advance(60);
    let second = sample::capture(&store, "prod", &[1, 2], clock.now()).unwrap();
    memory.remove(&ObjectName::Manifest(second)).unwrap();
    assert_eq!(store.resolve("prod").unwrap(), first);
    clock.advance(DAY);
    gc(&store, 0);
    assert_eq!(store.snapshots().unwrap(), [first]);
}

#[test]
fn a_tag_that_comes_while_its_snapshot_is_forgotten_keeps_it() {
    let (clock, memory, store) = fresh();
    let id = sample::capture(&store, "prod", &[1, 2], clock.now()).unwrap();
    let (other, is_tagged) = (store.clone(), AtomicBool::new(false));
    let hooked = HookedStore::new(Arc::new(memory), move |operation| {
        if operation == "remove" && !is_tagged.swap(true, Ordering::SeqCst) {
            other.tag(&"kept".parse().unwrap(), &id).unwrap();
        }
        Ok(())
    });
    let forgetting = OpenStore::open_with(Arc::new(hooked), clock.options()).unwrap();
    let plan = forgetting.plan_forget(&Forget::Snapshots(vec![id])).unwrap();
    assert_eq!((plan.forget.len(), forgetting.forget(&plan).unwrap()), (1, 0));
    assert_eq!(store.resolve("kept").unwrap(), id);
    assert_sound(&store, "kept by its tag");
}

#[test]
fn what_only_a_broken_segment_knows_is_not_deleted() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 2, 16], clock.now()).unwrap();
    clock.advance(DAY);
    for segment in memory.list(ObjectKind::Index).unwrap() {
        memory.remove(&segment.name).unwrap();
        memory.put(&segment.name, b"broken").unwrap();
    }
    assert!(store.plan_gc(&GcOptions::default(), &Control::default()).is_err());
}

#[test]
fn a_session_that_slept_too_long_cannot_commit() {
    let (clock, _, store) = fresh();
    sample::capture(&store, "old", &[1, 2, 16], clock.now()).unwrap();
    clock.advance(DAY);
    let session = sample::prepare(&store, &[1, 2, 16], None, clock.now()).unwrap();
    forget(&store, "old");
    clock.advance(3600);
    let report = gc(&store, 0);
    assert!(report.deleted_packs > 0, "{report:?}");
    let answer = session.commit(Some(&"new".parse().unwrap()), Expected::Any);
    assert!(matches!(answer, Err(CoreError::LeaseLost)), "{answer:?}");
    assert!(store.snapshots().unwrap().is_empty());
}

#[test]
fn mostly_dead_packs_are_rewritten_and_small_ones_joined() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "keep", &[1], clock.now()).unwrap();
    for number in 0..40 {
        sample::capture(&store, "prod", &[1, 100 + number * 3], clock.now()).unwrap();
    }
    clock.advance(DAY);
    assert!(memory.list(ObjectKind::Index).unwrap().len() > 30);
    let report = gc(&store, 0);
    assert!(report.rewritten_bytes > 0 && report.deleted_packs > 30, "{report:?}");
    let packs = memory.list(ObjectKind::Pack).unwrap().len();
    assert!(packs < 20, "{packs} packs, {report:?}");
    assert_eq!(memory.list(ObjectKind::Index).unwrap().len(), 1);
    assert_sound(&store, "after joining");
    let name = "prod".parse().unwrap();
    let rule = Forget::Ref { name, keep_last: Some(3), keep_within: None };
    let plan = store.plan_forget(&rule).unwrap();
    assert_eq!((plan.forget.len(), plan.keep.len()), (37, 3));
    assert_eq!(plan.keep[0].why, "one of the newest 3");
    store.forget(&plan).unwrap();
    clock.advance(DAY);
    let before = bytes(&memory);
    gc(&store, 0);
    assert!(bytes(&memory) < before / 3, "{} of {before}", bytes(&memory));
    assert_sound(&store, "after forgetting");
    assert_eq!(store.lineage(&store.resolve("prod").unwrap(), 99).unwrap().len(), 3);
}

#[test]
fn rules_of_forgetting() {
    let (clock, _, store) = fresh();
    let mut ids = Vec::new();
    for day in 0..5 {
        ids.push(sample::capture(&store, "prod", &[day], clock.now()).unwrap());
        clock.advance(DAY);
    }
    store.tag(&"v1".parse().unwrap(), &ids[0]).unwrap();
    let name: offshoot_format::refname::RefName = "prod".parse().unwrap();
    let within = Some(Duration::from_secs(2 * DAY + 1));
    let plan = store.plan_forget(&Forget::Ref { name: name.clone(), keep_last: None, keep_within: within }).unwrap();
    assert_eq!(plan.forget.iter().map(|gone| gone.snapshot).collect::<Vec<_>>(), [ids[2], ids[1]]);
    assert!(plan.keep.iter().any(|kept| kept.snapshot == ids[0] && kept.why == "tag v1"));
    // The newest goes; the ref falls back to the one before, and steps over what was forgotten.
    let plan = store.plan_forget(&Forget::Snapshots(vec![ids[4], ids[2]])).unwrap();
    assert_eq!(store.forget(&plan).unwrap(), 2);
    assert_eq!(store.resolve("prod").unwrap(), ids[3]);
    assert_eq!(store.resolve("prod~1").unwrap(), ids[1]);
    assert_eq!(store.resolve("prod~2").unwrap(), ids[0]);
    let plan = store.plan_forget(&Forget::Ref { name, keep_last: None, keep_within: None }).unwrap();
    assert_eq!((plan.forget.len(), plan.keep.len(), plan.refs_removed.len()), (2, 1, 0));
    store.forget(&plan).unwrap();
    assert_eq!(store.resolve("prod").unwrap(), ids[0]);
    assert_eq!(store.resolve("v1").unwrap(), ids[0]);
    store.untag(&"v1".parse().unwrap()).unwrap();
    let plan = store.plan_forget(&Forget::Snapshots(vec![ids[0]])).unwrap();
    assert_eq!(plan.refs_removed.len(), 1);
    store.forget(&plan).unwrap();
    assert!(store.refs().unwrap().is_empty() && store.snapshots().unwrap().is_empty());
}

#[test]
fn leftovers_of_dead_sessions_go() {
    let (clock, memory, store) = fresh();
    let mut upload = memory.upload().unwrap();
    upload.write(b"half a pack").unwrap();
    std::mem::forget(upload);
    let session = sample::prepare(&store, &[1, 16], None, clock.now()).unwrap();
    session.commit(None, Expected::Any).unwrap();
    assert_eq!(gc(&store, DAY).unfinished, 0);
    clock.advance(2 * DAY);
    let report = gc(&store, DAY);
    assert_eq!((report.unfinished, report.unnamed_snapshots), (1, 1), "{report:?}");
    clock.advance(2 * DAY);
    gc(&store, DAY);
    assert!(memory.unfinished().unwrap().is_empty());
    assert_eq!(bytes(&memory), 0);
}

#[test]
fn gc_refuses_where_it_cannot_see() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1, 2], clock.now()).unwrap();
    sample::capture(&store, "other", &[3], clock.now()).unwrap();
    forget(&store, "other");
    clock.advance(DAY);
    let name = ObjectName::Manifest(store.resolve("prod").unwrap());
    memory.damage(&name, |bytes| bytes[50] ^= 1);
    let plan = store.plan_gc(&GcOptions::default(), &Control::default());
    assert!(matches!(plan, Err(CoreError::Damaged { .. })), "{plan:?}");
}

/// Leaves the lease of another gc.
fn lease_of_a_gc(memory: &MemoryStore, now_unix_ms: u64, holder: Option<Holder>) {
    let lease = Lease {
        purpose: "gc".to_owned(),
        began_unix_ms: now_unix_ms,
        renewed_unix_ms: now_unix_ms,
        avoids: Vec::new(),
        holder,
    };
    assert_eq!(memory.swap(&ObjectName::Lease([7; 32]), None, Some(&lease.encode().unwrap())).unwrap(), Swap::Done);
}

fn is_busy(store: &OpenStore) -> bool {
    let plan = store.plan_gc(&GcOptions::default(), &Control::default()).unwrap();
    matches!(store.gc(plan, &Control::default()), Err(CoreError::Busy { .. }))
}

#[test]
fn one_gc_at_a_time() {
    let (clock, memory, store) = fresh();
    sample::capture(&store, "prod", &[1], clock.now()).unwrap();
    lease_of_a_gc(&memory, clock.now(), None);
    assert!(is_busy(&store));
    clock.advance(DAY);
    gc(&store, 0);
}

#[test]
fn a_gc_that_was_killed_here_is_not_waited_for_and_one_elsewhere_is() {
    let (clock, memory, store) = fresh();
    let session = store.begin_session().unwrap();
    let listed = memory.list(ObjectKind::Lease).unwrap();
    let lease = Lease::decode(&memory.get(&listed[0].name).unwrap().unwrap()).unwrap();
    drop(session);
    let Some(this) = lease.holder else {
        println!("SKIPPED: this system does not say which process holds a lease");
        return;
    };
    let gone = Holder { pid: i32::MAX as u32, ..this.clone() };
    let reused = Holder { started_ticks: this.started_ticks + 1, ..this.clone() };
    for ended in [gone.clone(), reused.clone()] {
        lease_of_a_gc(&memory, clock.now(), Some(ended));
        assert_eq!(gc(&store, 0), GcReport::default());
        assert!(memory.list(ObjectKind::Lease).unwrap().is_empty());
    }
    let elsewhere = |holder: &Holder| Holder { boot: "another machine".to_owned(), ..holder.clone() };
    let beside = |holder: &Holder| Holder { namespaces: "another container".to_owned(), ..holder.clone() };
    for unknown in [elsewhere(&gone), beside(&gone), elsewhere(&reused), beside(&reused), this] {
        lease_of_a_gc(&memory, clock.now(), Some(unknown));
        assert!(is_busy(&store));
        clock.advance(DAY);
        gc(&store, 0);
        assert!(memory.list(ObjectKind::Lease).unwrap().is_empty());
    }
}
