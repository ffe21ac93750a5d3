//! Power failures: after every prefix of the operations of a store's life, with what was not synced lost, torn and
//! reordered, an acknowledged snapshot is there and whole, and a half one is not visible.

use super::{assert_sound, open, options};
use offshoot_core::Control;
use offshoot_core::CoreError;
use offshoot_core::gc::{Forget, GcOptions};
use offshoot_core::store::{DirStore, OpenStore};
use offshoot_testkit::store::{MemoryVfs, crashes, drawn_seed, sample};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn at_once() -> GcOptions {
    GcOptions { grace: Duration::ZERO, small_packs_max: 2, segments_max: 1, ..GcOptions::default() }
}

/// Everything that a store does in its life, once. What has been promised is noted: `+id` a snapshot is there, `-id`
/// it may go.
fn life(vfs: &MemoryVfs) {
    let store = Arc::new(DirStore::with_vfs("/s", Arc::new(vfs.clone())));
    let store = OpenStore::init_with(store, true, options()).unwrap();
    vfs.note("made");
    let first = sample::capture(&store, "prod", &[1, 2, 3, 16], 1).unwrap();
    vfs.note(format!("+{first}"));
    let second = sample::capture(&store, "prod", &[1, 2, 4, 16], 2).unwrap();
    vfs.note(format!("+{second}"));
    store.tag(&"v1".parse().unwrap(), &second).unwrap();
    drop(sample::prepare(&store, &[8, 9], None, 3).unwrap());
    vfs.note(format!("-{first}"));
    store.forget(&store.plan_forget(&Forget::Snapshots(vec![first])).unwrap()).unwrap();
    store.gc(store.plan_gc(&at_once(), &Control::default()).unwrap(), &Control::default()).unwrap();
    let third = sample::capture(&store, "other", &[2, 5], 4).unwrap();
    vfs.note(format!("+{third}"));
    store.gc(store.plan_gc(&at_once(), &Control::default()).unwrap(), &Control::default()).unwrap();
}

#[test]
fn no_crash_loses_or_shows_half() {
    let vfs = MemoryVfs::default();
    life(&vfs);
    let operations = vfs.operations();
    let seed = drawn_seed();
    println!("crashes: OFFSHOOT_SEED={seed}");
    let mut visible = 0;
    let mut continued = 0;
    let states = crashes(&operations, 4, seed, |state| {
        let context = format!("seed {seed}, after {} operations, variant {}", state.prefix, state.variant);
        let mut promised = BTreeSet::new();
        for note in &state.notes {
            match note.split_at(1) {
                ("+", id) => drop(promised.insert(id.to_owned())),
                ("-", id) => drop(promised.remove(id)),
                _ => {}
            }
        }
        let store = match open(Arc::new(DirStore::with_vfs("/s", Arc::new(state.vfs.clone())))) {
            Err(CoreError::NoStore { .. } | CoreError::Io { .. }) if state.notes.is_empty() => return,
            answer => answer.unwrap_or_else(|error| panic!("{context}: {error:?}")),
        };
        let there: BTreeSet<String> = store.snapshots().unwrap().iter().map(ToString::to_string).collect();
        assert!(promised.is_subset(&there), "{context}: lost {:?}", promised.difference(&there));
        visible += there.len();
        assert_sound(&store, &context);
        for reference in store.refs().unwrap() {
            store.resolve(reference.name.as_str()).unwrap();
        }
        if state.prefix % 5 == 0 {
            go_on(&store, &promised, &context);
            continued += 1;
        }
    });
    println!(
        "crash: {} operations, {states} states, {visible} visible snapshots checked, {continued} stores used on; lost 0, half visible 0",
        operations.len()
    );
}

/// A store that survived can be used as before.
fn go_on(store: &OpenStore, promised: &BTreeSet<String>, context: &str) {
    // Sessions that were under way have left their leases; tomorrow they count as dead.
    let clock = super::TestClock::default();
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    clock.advance(since_1970.as_secs() + 24 * 3600);
    let later = OpenStore::open_with(store.backend().clone(), clock.options()).unwrap();
    let added = sample::capture(&later, "after", &[1, 6], 9).unwrap_or_else(|error| panic!("{context}: {error:?}"));
    let plan = later.plan_gc(&at_once(), &Control::default()).unwrap_or_else(|error| panic!("{context}: {error:?}"));
    later.gc(plan, &Control::default()).unwrap_or_else(|error| panic!("{context}: {error:?}"));
    let there: BTreeSet<String> = later.snapshots().unwrap().iter().map(ToString::to_string).collect();
    assert!(there.contains(&added.to_string()) && promised.is_subset(&there), "{context}: lost by going on");
    assert_sound(&later, context);
}
