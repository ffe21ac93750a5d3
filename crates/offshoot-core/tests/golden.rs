//! Stores that were made once and are kept: a program must read every version of the format that was ever released.
//!
//! `golden/v1` holds the store of version 1. To make it anew, which is right only while the version was not released:
//! `cargo test -p offshoot-core --test golden -- --ignored`.
#![allow(clippy::unwrap_used)]

use offshoot_core::gc::GcOptions;
use offshoot_core::read::walk;
use offshoot_core::store::{DirStore, ObjectKind, ObjectName, OpenStore, Store};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::ids::ChunkKind;
use offshoot_format::wire::Reader;
use offshoot_testkit::store::{MemoryStore, golden};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The versions that are kept.
const VERSIONS: [u16; 1] = [1];
/// What all kept stores may have together, in bytes.
const KEPT_BYTES_MAX: usize = 200 << 10;

const ADVICE: &str = "The format has changed: stores that exist could not be read, or equal data would get other roots. If \
    this version was released, keep reading it: give the changed kind of object a new version (docs/format.md, section \
    3) and add its store beside this one. If it was not, make the store anew: \
    cargo test -p offshoot-core --test golden -- --ignored";

fn folder(version: u16) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"))
}

/// A kept store, in memory.
fn kept(version: u16) -> MemoryStore {
    let memory = MemoryStore::default();
    copy(&DirStore::new(folder(version)), &memory);
    memory
}

fn copy(from: &dyn Store, to: &dyn Store) {
    for object in ObjectKind::ALL.iter().flat_map(|kind| from.list(*kind).unwrap()) {
        let bytes = from.get(&object.name).unwrap().unwrap();
        assert!(to.put(&object.name, &bytes).unwrap());
    }
}

fn made() -> MemoryStore {
    let memory = MemoryStore::default();
    golden::make(&(Arc::new(memory.clone()) as Arc<dyn Store>)).unwrap();
    memory
}

fn objects(store: &MemoryStore) -> Vec<(ObjectName, Vec<u8>)> {
    let listed = ObjectKind::ALL.iter().flat_map(|kind| store.list(*kind).unwrap());
    listed.map(|object| (object.name.clone(), store.get(&object.name).unwrap().unwrap())).collect()
}

/// The codecs of the first sections of everything that a store's snapshots need.
fn codecs(store: &OpenStore) -> BTreeSet<u8> {
    let mut codecs = BTreeSet::new();
    for snapshot in store.snapshots().unwrap() {
        let content = store.manifest(&snapshot).unwrap().content;
        for table in content.tables.iter().chain(&content.large_objects) {
            walk(store, table, &mut |id, kind| {
                let payload = store.read(id, kind)?.payload;
                let mut reader = Reader::new("payload", &payload);
                if kind == ChunkKind::Column {
                    reader.u8()?;
                    reader.varint()?;
                }
                let first = reader.u8()?;
                codecs.insert(first);
                // Lengths of few values are not coded; the values are next.
                if first == 0 && kind == ChunkKind::Column {
                    reader.bytes("section", u64::MAX)?;
                    codecs.extend(reader.u8().ok());
                }
                Ok(true)
            })
            .unwrap();
        }
    }
    codecs
}

#[test]
fn every_version_that_was_ever_released_is_read() {
    let expected = OpenStore::open(Arc::new(made())).unwrap();
    for version in VERSIONS {
        let memory = kept(version);
        for kind in ObjectKind::ALL {
            assert!(!memory.list(kind).unwrap().is_empty(), "no {kind:?} in version {version}. {ADVICE}");
        }
        let read = || -> std::result::Result<(), Box<dyn std::error::Error>> {
            let store = OpenStore::open(Arc::new(memory.clone()))?;
            let report = store.verify_full(&[], &Control::default())?;
            assert!(report.is_sound(), "version {version}: {:?}. {ADVICE}", report.problems);
            for address in ["prod", "v1"] {
                let (kept, made) = (store.resolve(address)?, expected.resolve(address)?);
                let (kept, made) = (store.manifest(&kept)?, expected.manifest(&made)?);
                assert_eq!(kept.content_root, made.content_root, "version {version}: {address}. {ADVICE}");
                assert_eq!(kept.content, made.content, "version {version}: {address}. {ADVICE}");
                assert_eq!(kept.environment, made.environment, "version {version}: {address}. {ADVICE}");
            }
            // What lay between was forgotten.
            assert_eq!(store.resolve("prod~1")?, store.resolve("v1")?);
            println!("golden: version {version} has the codecs {:?}", codecs(&store));
            Ok(())
        };
        read().unwrap_or_else(|error| panic!("version {version}: {error}. {ADVICE}"));
    }
    println!("golden: {} pairs of a kept version and this program, unreadable 0", VERSIONS.len());
}

#[test]
fn the_newest_kept_store_has_everything() {
    let store = OpenStore::open(Arc::new(kept(*VERSIONS.last().unwrap()))).unwrap();
    assert_eq!(codecs(&store), (0..=5).collect(), "a codec is new or gone. {ADVICE}");
    let manifest = store.manifest(&store.resolve("prod").unwrap()).unwrap();
    let roots = || manifest.content.tables.iter().map(|table| &table.root);
    assert!(roots().any(|root| root.leaf.is_some()) && roots().any(|root| root.height > 0));
    assert!(roots().any(|root| root.rows == 0) && manifest.content.large_objects.is_some());
    assert_eq!(store.read_ref(&"prod".parse().unwrap()).unwrap().unwrap().log.len(), 3);
    assert_eq!(store.snapshots().unwrap().len(), 2);
    let bytes: usize = objects(&kept(1)).iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < KEPT_BYTES_MAX, "{bytes}");
}

/// What needs an object of this kind.
fn use_of(kind: ObjectKind, memory: &MemoryStore) -> Result<()> {
    let store = OpenStore::open(Arc::new(memory.clone()))?;
    match kind {
        ObjectKind::Config | ObjectKind::Key | ObjectKind::Index => {}
        ObjectKind::Manifest | ObjectKind::Ref | ObjectKind::Tag => {
            store.manifest(&store.resolve(if kind == ObjectKind::Tag { "v1" } else { "prod" })?)?;
        }
        ObjectKind::Pack => {
            for table in &store.manifest(&store.resolve("prod")?)?.content.tables {
                walk(&store, table, &mut |_, _| Ok(true))?;
            }
        }
        ObjectKind::Lease => drop(store.plan_gc(&GcOptions::default(), &Control::default())?),
        ObjectKind::Condemned => drop(store.begin_session()?),
    }
    Ok(())
}

#[test]
fn a_store_of_a_future_version_is_called_newer_and_not_damaged() {
    let mut pairs = 0;
    for kind in ObjectKind::ALL {
        use_of(kind, &kept(1)).unwrap();
        let memory = kept(1);
        for object in memory.list(kind).unwrap() {
            // Nothing but magic and version can be relied on to be the same in a newer version.
            memory.damage(&object.name, |bytes| {
                bytes[8..10].copy_from_slice(&2u16.to_le_bytes());
                bytes[10..].iter_mut().for_each(|byte| *byte = !*byte);
            });
        }
        let error = use_of(kind, &memory).unwrap_err();
        assert!(matches!(error, CoreError::Newer { found: 2, supported: 1, .. }), "{kind:?}: {error:?}");
        assert!(error.to_string().contains("Update offshoot"), "{error}");
        if let Ok(store) = OpenStore::open(Arc::new(memory.clone())) {
            let found = store.verify_quick(&Control::default()).unwrap().problems;
            assert!(found.iter().any(|problem| problem.why.contains("newer")), "{kind:?}: {found:?}");
            // gc deletes nothing where it does not understand what is needed.
            if !matches!(kind, ObjectKind::Tag | ObjectKind::Ref) {
                assert!(store.plan_gc(&GcOptions::default(), &Control::default()).is_err(), "{kind:?}");
            }
        }
        pairs += 1;
    }
    println!("golden: {pairs} pairs of a newer kind of object and this program, called damaged 0");
}

#[test]
fn making_it_twice_gives_equal_bytes() {
    let (first, second) = (objects(&made()), objects(&made()));
    let names =
        |objects: &[(ObjectName, Vec<u8>)]| objects.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    assert!(first == second);
}

/// Not a test: makes the store of the newest version anew.
#[test]
#[ignore = "writes into the repository"]
fn make() {
    let folder = folder(*VERSIONS.last().unwrap());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let store: Arc<dyn Store> = Arc::new(DirStore::new(folder.clone()));
    golden::make(&store).unwrap();
    std::fs::remove_dir_all(folder.join("tmp")).unwrap();
    std::fs::remove_file(folder.join("lock")).unwrap();
}
