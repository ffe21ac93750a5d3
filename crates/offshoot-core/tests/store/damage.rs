//! Bit rot: every byte of a small store is flipped, and every file is cut; all of it is noticed, and nothing dies.

use super::{open, options};
use offshoot_core::gc::GcOptions;
use offshoot_core::read::{LeafReader, walk};
use offshoot_core::store::{DirStore, ObjectKind, ObjectName, OpenStore, Store};
use offshoot_core::verify::{Affected, Mended};
use offshoot_core::{Control, CoreError};
use offshoot_format::ids::{ChunkId, ChunkKind};
use offshoot_format::leaf::LeafColumn;
use offshoot_format::pack::{FOOTER_BYTES, Footer};
use offshoot_testkit::store::{MemoryStore, sample};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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

/// What each chunk is to whom, as the manifests and leaves say.
fn uses(store: &OpenStore) -> BTreeMap<ChunkId, BTreeSet<Affected>> {
    let mut uses: BTreeMap<ChunkId, BTreeSet<Affected>> = BTreeMap::new();
    for snapshot in store.snapshots().unwrap() {
        for table in store.manifest(&snapshot).unwrap().content.tables {
            let name = format!("{}.{}", table.spec.schema, table.spec.name);
            let mut add = |id: &ChunkId, column: Option<&str>| {
                let column = column.map(str::to_owned);
                uses.entry(*id).or_default().insert(Affected { snapshot, table: Some(name.clone()), column });
            };
            let mut leaves = Vec::new();
            walk(store, &table, &mut |id, kind| {
                match kind {
                    ChunkKind::Column => {}
                    kind => {
                        add(id, None);
                        leaves.extend((kind == ChunkKind::Leaf).then_some(*id));
                    }
                }
                Ok(true)
            })
            .unwrap();
            for leaf in leaves {
                let leaf = LeafReader::default().leaf(store, &table.root, &leaf).unwrap();
                for (column, spec) in leaf.columns.iter().zip(&table.spec.columns) {
                    if let LeafColumn::Chunk { id, .. } = column {
                        add(id, Some(&spec.name));
                    }
                }
            }
        }
    }
    uses
}

#[test]
fn a_report_names_snapshot_table_and_column() {
    let (memory, store) = small();
    sample::capture(&store, "other", &[2, 16], 3).unwrap();
    let uses = uses(&store);
    let mut named = 0;
    for pack in memory.list(ObjectKind::Pack).unwrap() {
        let bytes = memory.get(&pack.name).unwrap().unwrap();
        let (rest, footer) = bytes.split_at(bytes.len() - FOOTER_BYTES);
        let footer = Footer::decode(footer, pack.bytes).unwrap();
        for entry in footer.decode_index(&rest[footer.index_offset as usize..]).unwrap() {
            let place = entry.offset as usize + entry.frame_bytes() - 1;
            memory.damage(&pack.name, |bytes| bytes[place] ^= 1);
            let report = open(Arc::new(memory.clone())).unwrap().verify_full(&[], &Control::default()).unwrap();
            let affected: BTreeSet<_> = report.problems.iter().flat_map(|problem| problem.affected.clone()).collect();
            assert_eq!(affected, uses[&entry.id], "{:?} {}", entry.kind, entry.id);
            memory.damage(&pack.name, |bytes| bytes[place] ^= 1);
            named += 1;
        }
    }
    assert_eq!(named, uses.len());
    println!("damage: {named} chunks, named with snapshot, table and column {named}");
}

#[test]
fn a_lost_index_is_made_again() {
    let (memory, store) = small();
    let snapshots = store.snapshots().unwrap();
    // In the head, which sets the whole segment aside, and in the entries.
    for place in [40, 200] {
        for object in memory.list(ObjectKind::Index).unwrap() {
            let place = place.min(object.bytes as usize - 1);
            memory.damage(&object.name, |bytes| bytes[place] ^= 1);
        }
        let store = open(Arc::new(memory.clone())).unwrap();
        let report = store.verify_full(&[], &Control::default()).unwrap();
        assert!(!report.is_sound());
        let mended = store.mend(&report).unwrap();
        assert!(mended.indexed_packs > 0 && mended.replaced_segments > 0, "{mended:?}");
        super::assert_sound(&store, "indexed again");
        assert_eq!(store.snapshots().unwrap().len(), snapshots.len());
        store.gc(store.plan_gc(&GcOptions::default(), &Control::default()).unwrap(), &Control::default()).unwrap();
    }
}

/// A damaged segment may be all that knows where the frames of a damaged pack are: it stays, and so nothing is deleted.
#[test]
fn what_only_a_damaged_segment_knows_is_not_thrown_away() {
    let (memory, _) = small();
    let indexes: Vec<_> = memory.list(ObjectKind::Index).unwrap().into_iter().map(|object| object.name).collect();
    for name in &indexes {
        memory.damage(name, |bytes| bytes[200] ^= 1);
    }
    let pack = memory.list(ObjectKind::Pack).unwrap().remove(0);
    let flip = |memory: &MemoryStore| memory.damage(&pack.name, |bytes| *bytes.last_mut().unwrap() ^= 1);
    flip(&memory);
    let damaged = open(Arc::new(memory.clone())).unwrap();
    let report = damaged.verify_full(&[], &Control::default()).unwrap();
    let mended = damaged.mend(&report).unwrap();
    assert_eq!((mended.replaced_segments, mended.condemned_packs), (0, 1), "{mended:?}");
    let there: Vec<_> = memory.list(ObjectKind::Index).unwrap().into_iter().map(|object| object.name).collect();
    assert!(indexes.iter().all(|name| there.contains(name)));
    let refused = damaged.plan_gc(&GcOptions::default(), &Control::default());
    assert!(matches!(refused, Err(CoreError::Damaged { .. })), "{refused:?}");
    // A quick check says that it did not look at what is condemned.
    assert_eq!(damaged.verify_quick(&Control::default()).unwrap().condemned_packs, 1);
    flip(&memory);
    assert_eq!(damaged.mend(&report).unwrap().replaced_segments, indexes.len());
    super::assert_sound(&damaged, "with the pack as it was");
}

#[test]
fn nothing_is_mended_beside_somebody_who_writes() {
    let (_, store) = small();
    let report = store.verify_full(&[], &Control::default()).unwrap();
    let session = store.begin_session().unwrap();
    assert!(matches!(store.mend(&report), Err(CoreError::Busy { .. })));
    drop(session);
    assert_eq!(store.mend(&report).unwrap(), Mended::default());
}

/// Bit rot: a capture relies on what the index says is there. Once damage was found, it writes what it needs anew, and
/// the snapshots that share it are whole again.
#[test]
fn a_damaged_pack_is_written_again_once_it_was_found() {
    let (mut healed, mut tried) = (0, 0);
    let packs = small().0.list(ObjectKind::Pack).unwrap().len();
    for number in 0..packs {
        for part in [0.1, 0.5, 0.99] {
            let (memory, _) = small();
            let object = memory.list(ObjectKind::Pack).unwrap().swap_remove(number);
            let place = (object.bytes as f64 * part) as usize;
            memory.damage(&object.name, |bytes| bytes[place] ^= 1);
            let store = open(Arc::new(memory.clone())).unwrap();
            tried += 1;
            let report = store.verify_full(&[], &Control::default()).unwrap();
            assert!(!report.is_sound(), "{} at {place}", object.name);
            let mended = store.mend(&report).unwrap();
            assert_eq!(mended.condemned_packs, 1, "{} at {place}", object.name);
            assert_eq!(store.mend(&report).unwrap().condemned_packs, 0);
            let again = sample::capture(&store, "prod", &[1, 2], 3).unwrap();
            let store = open(Arc::new(memory.clone())).unwrap();
            assert!(store.verify_full(&[again], &Control::default()).unwrap().is_sound());
            // Where an older snapshot still needs a column that cannot be read, gc copies the rest and ends well; where a
            // tree cannot be walked, it does nothing.
            let at_once = GcOptions { grace: Duration::ZERO, ..GcOptions::default() };
            for _ in 0..2 {
                match store.plan_gc(&at_once, &Control::default()) {
                    Ok(plan) => drop(store.gc(plan, &Control::default()).unwrap()),
                    Err(error) => assert!(matches!(error, CoreError::Damaged { .. }), "{error}"),
                }
            }
            assert!(store.verify_full(&[again], &Control::default()).unwrap().is_sound());
            healed += usize::from(store.verify_full(&[], &Control::default()).unwrap().is_sound());
        }
    }
    assert!(healed > 0);
    println!("damage: of {tried} stores {healed} are sound again after another capture");
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
