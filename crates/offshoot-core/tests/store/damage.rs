//! Bit rot: every byte of a small store is flipped, and every file is cut; all of it is noticed, and nothing dies.

use super::{open, options};
use offshoot_core::store::{DirStore, ObjectKind, ObjectName, OpenStore, Store};
use offshoot_core::{Control, CoreError};
use offshoot_format::ids::ChunkKind;
use offshoot_testkit::store::{MemoryStore, sample};
use std::sync::Arc;

fn small() -> (MemoryStore, OpenStore) {
    let memory = MemoryStore::default();
    let store = OpenStore::init_with(Arc::new(memory.clone()), true, options()).unwrap();
    let first = sample::capture(&store, "prod", &[1, 2], 1).unwrap();
    sample::capture(&store, "prod", &[1, 3], 2).unwrap();
    store.tag(&"v1".parse().unwrap(), &first).unwrap();
    (memory, store)
}

fn is_noticed(store: &MemoryStore) -> bool {
    match open(Arc::new(store.clone())) {
        Err(_) => true,
        Ok(store) => store.verify_full(&[], &Control::default()).map_or(true, |report| !report.is_sound()),
    }
}

#[test]
fn every_flip_is_noticed() {
    let (memory, _) = small();
    assert!(!is_noticed(&memory));
    let (mut flips, mut missed) = (0, Vec::new());
    for kind in ObjectKind::ALL {
        for object in memory.list(kind).unwrap() {
            for place in 0..object.bytes as usize {
                memory.damage(&object.name, |bytes| bytes[place] ^= 1 << (place % 8));
                flips += 1;
                if !is_noticed(&memory) {
                    missed.push(format!("{} at {place}", object.name));
                }
                memory.damage(&object.name, |bytes| bytes[place] ^= 1 << (place % 8));
            }
        }
    }
    println!("damage: {flips} flips, detected {}", flips - missed.len());
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn every_lost_or_cut_object_is_noticed() {
    let (memory, _) = small();
    let mut cuts = 0;
    for kind in ObjectKind::ALL {
        for object in memory.list(kind).unwrap() {
            let whole = memory.get(&object.name).unwrap().unwrap();
            for length in (0..whole.len()).step_by(7) {
                memory.damage(&object.name, |bytes| bytes.truncate(length));
                assert!(is_noticed(&memory), "{} cut at {length}", object.name);
                memory.damage(&object.name, |bytes| bytes.clone_from(&whole));
                cuts += 1;
            }
            // A ref or a tag that is gone cannot be told from one that was never made.
            if !kind.moves() {
                memory.remove(&object.name).unwrap();
                assert!(is_noticed(&memory) || kind == ObjectKind::Manifest, "{} lost", object.name);
                memory.put(&object.name, &whole).unwrap();
            }
        }
    }
    println!("damage: {cuts} cuts, detected {cuts}");
}

#[test]
fn a_report_names_snapshot_table_and_column() {
    let (memory, store) = small();
    let snapshot = store.resolve("prod").unwrap();
    let mut named = std::collections::BTreeSet::new();
    for pack in memory.list(ObjectKind::Pack).unwrap() {
        for place in (48..pack.bytes as usize).step_by(50) {
            memory.damage(&pack.name, |bytes| bytes[place] ^= 1);
            let report = open(Arc::new(memory.clone())).unwrap().verify_full(&[], &Control::default()).unwrap();
            for affected in report.problems.iter().flat_map(|problem| &problem.affected) {
                if affected.snapshot == snapshot {
                    named.insert((affected.table.clone().unwrap(), affected.column.clone()));
                }
            }
            memory.damage(&pack.name, |bytes| bytes[place] ^= 1);
        }
    }
    for table in ["public.t00", "public.t01"] {
        for column in ["id", "text", "more"] {
            assert!(named.contains(&(table.to_owned(), Some(column.to_owned()))), "{table}.{column} in {named:?}");
        }
    }
}

#[test]
fn a_lost_index_is_made_again() {
    let (memory, store) = small();
    let snapshots = store.snapshots().unwrap();
    for object in memory.list(ObjectKind::Index).unwrap() {
        memory.damage(&object.name, |bytes| bytes[40] ^= 1);
    }
    let store = open(Arc::new(memory.clone())).unwrap();
    assert!(!store.verify_full(&[], &Control::default()).unwrap().is_sound());
    assert!(store.rebuild_index().unwrap() > 0);
    super::assert_sound(&store, "rebuilt");
    assert_eq!(store.snapshots().unwrap().len(), snapshots.len());
}

#[test]
fn a_lost_pack_is_written_again() {
    let (memory, store) = small();
    for object in memory.list(ObjectKind::Pack).unwrap() {
        memory.remove(&object.name).unwrap();
    }
    let again = sample::capture(&store, "prod", &[1, 2], 3).unwrap();
    let report = open(Arc::new(memory)).unwrap().verify_full(&[again], &Control::default()).unwrap();
    let affected = report.problems.iter().flat_map(|problem| &problem.affected);
    assert_eq!(affected.filter(|affected| affected.snapshot == again).count(), 0);
}

#[test]
fn cutting_a_pack_while_it_is_read_kills_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = OpenStore::init_with(Arc::new(DirStore::new(dir.path().join("s"))), true, options()).unwrap();
    sample::capture(&store, "prod", &[1, 2, 16], 1).unwrap();
    let manifest = store.manifest(&store.resolve("prod").unwrap()).unwrap();
    let leaf = manifest.content.tables[0].root.id.unwrap();
    assert!(store.read(&leaf, ChunkKind::Leaf).is_ok());
    let mut errors = 0;
    for object in store.backend().list(ObjectKind::Pack).unwrap() {
        let path = dir.path().join("s/packs").join(object.name.key());
        // The store has the file open.
        for length in [object.bytes / 2, 48, 0] {
            std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
            errors += store.verify_full(&[], &Control::default()).unwrap().problems.len();
        }
    }
    assert!(errors > 0);
    assert!(matches!(store.read(&leaf, ChunkKind::Leaf), Err(CoreError::Damaged { .. } | CoreError::Missing { .. })));
    println!("damage: cut while open, errors {errors}, deaths 0");
}

#[test]
fn names_are_not_paths() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(DirStore::new(dir.path().join("s")));
    let opened = OpenStore::init_with(store.clone(), true, options()).unwrap();
    std::fs::write(dir.path().join("s/refs/..%2fconfig"), b"x").unwrap();
    std::fs::write(dir.path().join("s/packs/readme.txt"), b"x").unwrap();
    assert!(opened.refs().unwrap().is_empty());
    assert!(store.list(ObjectKind::Pack).unwrap().is_empty());
    assert_eq!(ObjectName::from_key(ObjectKind::Ref, "../config"), None);
    super::assert_sound(&opened, "foreign files");
}
