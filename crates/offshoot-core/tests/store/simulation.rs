//! Captures, gc, forgetting and readers at the same time, as dice will have it.
//!
//! Strategy: several actors share a store. Between any two operations of one of them, dice may let others act: begin
//! or commit a capture, forget, give a tag or take it away, run gc, let hours pass. The seed decides everything, so a failure can be run again.
//!
//! Invariants: a snapshot that was acknowledged and not forgotten is there, and all of it can be read; whatever is
//! visible at all can be read; one that was given a tag stays; a session that cannot commit says why with one of a few typed errors;
//! and when all is forgotten, nothing stays.

use super::{TestClock, assert_sound};
use offshoot_core::gc::{Forget, GcOptions};
use offshoot_core::store::{Entropy, Expected, ObjectKind, OpenOptions, OpenStore, Store};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::ids::SnapshotId;
use offshoot_testkit::store::{Dice, HookedStore, MemoryStore, drawn_seed, sample};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Actors within actors, at most.
const DEPTH_MAX: usize = 3;

const TAGS: [&str; 3] = ["v1", "v2", "v3"];

struct World {
    clock: TestClock,
    options: OpenOptions,
    memory: MemoryStore,
    dice: Dice,
    depth: usize,
    sessions: Vec<sample::Prepared>,
    promised: BTreeSet<SnapshotId>,
    /// Somebody wants them gone, maybe already before their commit was acknowledged.
    unwanted: BTreeSet<SnapshotId>,
    /// Their commits were acknowledged.
    acknowledged: BTreeSet<SnapshotId>,
    tagged: BTreeMap<&'static str, SnapshotId>,
    counts: Counts,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    actions: usize,
    commits: usize,
    refused: usize,
    deleted_packs: usize,
    nested: usize,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fn with<T>(act: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| act(world.as_mut().unwrap()))
}

/// An open store whose every operation may be preceded by somebody else's action.
fn actor() -> Result<OpenStore> {
    let (memory, options) = with(|world| (world.memory.clone(), world.options.clone()));
    let store = HookedStore::new(Arc::new(memory), |_| {
        // After the run, sessions that are dropped still give back their leases.
        let acts = WORLD.try_with(|world| {
            let mut world = world.try_borrow_mut().ok()?;
            let world = world.as_mut()?;
            let acts = world.depth < DEPTH_MAX && world.dice.below(25) == 0;
            world.depth += usize::from(acts);
            world.counts.nested += usize::from(acts);
            Some(acts)
        });
        if acts.is_ok_and(|acts| acts == Some(true)) {
            act();
            with(|world| world.depth -= 1);
        }
        Ok(())
    });
    OpenStore::open_with(Arc::new(store), options)
}

fn act() {
    let choice = with(|world| {
        world.counts.actions += 1;
        world.dice.below(100)
    });
    let answer = match choice {
        0..25 => begin(),
        25..50 => commit(),
        50..55 => {
            let dropped = with(|world| world.sessions.pop());
            drop(dropped);
            Ok(())
        }
        55..65 => forget(),
        65..85 => gc(),
        85..95 => {
            with(|world| {
                let minutes = [1, 10, 60, 600][world.dice.below(4)];
                world.clock.advance(minutes * 60);
            });
            Ok(())
        }
        95..97 => tag(),
        97 => untag(),
        _ => read(),
    };
    match answer {
        Ok(()) => {}
        // What an honest actor may hear when others act at the same time.
        Err(
            CoreError::LeaseLost
            | CoreError::Busy { .. }
            | CoreError::Conflict { .. }
            | CoreError::UnknownSnapshot { .. }
            | CoreError::NameTaken { .. }
            | CoreError::Missing { .. },
        ) => with(|world| world.counts.refused += 1),
        Err(error) => panic!("{error:?}"),
    }
}

fn begin() -> Result<()> {
    let (numbers, now) = with(|world| {
        let tables = 1 + world.dice.below(4);
        let numbers: Vec<u64> = (0..tables).map(|_| 1 + world.dice.below(12) as u64).collect();
        // No two snapshots are taken at the same time, so no two are the same.
        (numbers, world.clock.now() + world.counts.actions as u64)
    });
    let session = sample::prepare(&actor()?, &numbers, None, now)?;
    with(|world| world.sessions.push(session));
    Ok(())
}

fn commit() -> Result<()> {
    let Some((session, name)) = with(|world| {
        if world.sessions.is_empty() {
            return None;
        }
        let chosen = world.dice.below(world.sessions.len());
        let name = ["prod", "staging"][world.dice.below(2)];
        Some((world.sessions.swap_remove(chosen), name))
    }) else {
        return Ok(());
    };
    let id = session.commit(Some(&name.parse().unwrap()), Expected::Any)?;
    with(|world| {
        if !world.unwanted.contains(&id) {
            world.promised.insert(id);
        }
        world.acknowledged.insert(id);
        world.counts.commits += 1;
    });
    Ok(())
}

fn forget() -> Result<()> {
    let store = actor()?;
    let there = store.snapshots()?;
    if there.is_empty() {
        return Ok(());
    }
    let id = with(|world| there[world.dice.below(there.len())]);
    with(|world| {
        world.unwanted.insert(id);
        world.promised.remove(&id)
    });
    store.forget(&store.plan_forget(&Forget::Snapshots(vec![id]))?)?;
    Ok(())
}

fn tag() -> Result<()> {
    let store = actor()?;
    let there = store.snapshots()?;
    if there.is_empty() {
        return Ok(());
    }
    let (id, name) = with(|world| (there[world.dice.below(there.len())], TAGS[world.dice.below(TAGS.len())]));
    // One that was never acknowledged may be taken back by its own commit.
    let is_acknowledged = with(|world| world.acknowledged.contains(&id));
    store.tag(&name.parse().unwrap(), &id)?;
    with(|world| is_acknowledged && world.tagged.insert(name, id).is_none());
    Ok(())
}

fn untag() -> Result<()> {
    let name = with(|world| TAGS[world.dice.below(TAGS.len())]);
    with(|world| world.tagged.remove(name));
    actor()?.untag(&name.parse().unwrap())?;
    // Somebody may have given it again meanwhile, and seen it go.
    with(|world| world.tagged.remove(name));
    Ok(())
}

fn gc() -> Result<()> {
    let grace = with(|world| [0, 0, 300, 3600][world.dice.below(4)]);
    let options =
        GcOptions { grace: Duration::from_secs(grace), small_packs_max: 4, segments_max: 2, ..GcOptions::default() };
    let store = actor()?;
    let plan = store.plan_gc(&options, &Control::default())?;
    let report = store.gc(plan, &Control::default())?;
    with(|world| world.counts.deleted_packs += report.deleted_packs);
    Ok(())
}

/// Reads a snapshot that nobody wants forgotten.
fn read() -> Result<()> {
    let chosen = with(|world| {
        let promised: Vec<_> = world.promised.iter().copied().collect();
        if promised.is_empty() { None } else { Some(promised[world.dice.below(promised.len())]) }
    });
    let Some(id) = chosen else { return Ok(()) };
    let store = actor()?;
    let outcome = store.manifest(&id).and_then(|manifest| {
        for table in &manifest.content.tables {
            for leaf in offshoot_core::read::leaves(&store, &table.root)? {
                offshoot_core::read::LeafReader::default().batch(&store, &table.spec.columns, &table.root, &leaf.id)?;
            }
        }
        Ok(())
    });
    let still_promised = with(|world| world.promised.contains(&id));
    assert!(outcome.is_ok() || !still_promised, "a reader lost {id}: {outcome:?}");
    Ok(())
}

fn run(seed: u64, actions: usize) -> Counts {
    let clock = TestClock::default();
    clock.advance(1_000_000_000);
    let memory = MemoryStore::new(clock.clock());
    let dice = std::sync::Mutex::new(Dice::new(seed ^ 0xe4));
    let entropy = Entropy::new(move |bytes| {
        let mut dice = dice.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = dice.roll() as u8);
        Ok(())
    });
    // What depends on how fast threads are is left out, so that a seed means one schedule.
    let options = OpenOptions { lanes: 1, session_chunks_max: 1 << 20, entropy, ..clock.options() };
    OpenStore::init_with(Arc::new(memory.clone()), true, options.clone()).unwrap();
    let world = World {
        clock: clock.clone(),
        options: options.clone(),
        memory: memory.clone(),
        dice: Dice::new(seed),
        depth: 0,
        sessions: Vec::new(),
        promised: BTreeSet::new(),
        unwanted: BTreeSet::new(),
        acknowledged: BTreeSet::new(),
        tagged: BTreeMap::new(),
        counts: Counts::default(),
    };
    WORLD.set(Some(world));
    let check = |step: usize| {
        let context = format!("seed {seed}, action {step}");
        let store = OpenStore::open_with(Arc::new(memory.clone()), options.clone()).unwrap();
        let there: BTreeSet<_> = store.snapshots().unwrap().into_iter().collect();
        with(|world| assert!(world.promised.is_subset(&there), "{context}: a snapshot was lost"));
        with(|world| assert!(world.tagged.values().all(|id| there.contains(id)), "{context}: one with a tag was lost"));
        assert_sound(&store, &context);
        for reference in store.refs().unwrap() {
            store.manifest(&store.resolve(reference.name.as_str()).unwrap()).unwrap();
        }
    };
    for step in 0..actions {
        act();
        if step % 10 == 0 {
            check(step);
        }
    }
    check(actions);
    let world = WORLD.take().unwrap();
    drop(world.sessions);
    assert!(memory.unfinished().unwrap().is_empty(), "seed {seed}: left-overs of sessions that ended");
    // Without a snapshot, all that was written goes.
    let store = OpenStore::open_with(Arc::new(memory.clone()), options).unwrap();
    for name in TAGS {
        store.untag(&name.parse().unwrap()).unwrap();
    }
    store.forget(&store.plan_forget(&Forget::Snapshots(store.snapshots().unwrap())).unwrap()).unwrap();
    clock.advance(30 * 24 * 3600);
    for _ in 0..2 {
        let options = GcOptions { grace: Duration::ZERO, ..GcOptions::default() };
        store.gc(store.plan_gc(&options, &Control::default()).unwrap(), &Control::default()).unwrap();
    }
    for kind in [ObjectKind::Manifest, ObjectKind::Pack, ObjectKind::Index, ObjectKind::Condemned, ObjectKind::Lease] {
        assert!(memory.list(kind).unwrap().is_empty(), "seed {seed}: {kind:?} that nobody needs stay");
    }
    world.counts
}

#[test]
fn nothing_that_is_needed_is_lost() {
    let seeds: usize = std::env::var("OFFSHOOT_SCHEDULES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let first = drawn_seed();
    println!("schedules: OFFSHOOT_SEED={first}");
    let mut total = Counts::default();
    for seed in (0..seeds as u64).map(|number| first.wrapping_add(number)) {
        let counts = std::panic::catch_unwind(|| run(seed, 60)).unwrap_or_else(|panic| {
            eprintln!("schedule with seed {seed} failed; run it alone with OFFSHOOT_SEED={seed} OFFSHOOT_SCHEDULES=1");
            std::panic::resume_unwind(panic)
        });
        total.actions += counts.actions;
        total.commits += counts.commits;
        total.refused += counts.refused;
        total.deleted_packs += counts.deleted_packs;
        total.nested += counts.nested;
    }
    assert!(total.commits > seeds && total.deleted_packs > seeds, "{total:?}");
    println!("simulation: {seeds} schedules from seed {first}, {total:?}, referenced chunks lost 0");
}
