//! A store that a newer program has written to, one kind of object at a time: whoever needs the object is told that it
//! is newer, never that it is damaged, and gc deletes nothing.

use super::{open, options};
use offshoot_core::gc::GcOptions;
use offshoot_core::store::{ObjectKind, ObjectName, OpenStore, Store};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::record::{Condemned, Lease};
use offshoot_testkit::store::{MemoryStore, sample};
use std::sync::Arc;

/// A store with an object of every kind.
fn every_kind() -> MemoryStore {
    let memory = MemoryStore::default();
    let store = OpenStore::init_with(Arc::new(memory.clone()), true, options()).unwrap();
    let first = sample::capture(&store, "prod", &[1, 2, 16], 1).unwrap();
    store.tag(&"v1".parse().unwrap(), &first).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let lease = Lease { purpose: "test".into(), began_unix_ms: now, renewed_unix_ms: now, avoids: Vec::new() };
    memory.put(&ObjectName::Lease([1; 32]), &lease.encode().unwrap()).unwrap();
    let list = Condemned { published_unix_ms: now, packs: Vec::new() };
    memory.put(&ObjectName::Condemned([2; 32]), &list.encode().unwrap()).unwrap();
    memory
}

/// What needs an object of this kind.
fn use_of(kind: ObjectKind, memory: &MemoryStore) -> Result<()> {
    let store = open(Arc::new(memory.clone()))?;
    match kind {
        ObjectKind::Config | ObjectKind::Key | ObjectKind::Index => {}
        ObjectKind::Manifest | ObjectKind::Ref | ObjectKind::Tag => {
            let address = if kind == ObjectKind::Tag { "v1" } else { "prod" };
            store.manifest(&store.resolve(address)?)?;
        }
        ObjectKind::Pack => {
            for table in &store.manifest(&store.resolve("prod")?)?.content.tables {
                offshoot_core::read::walk(&store, table, &mut |_, _| Ok(true))?;
            }
        }
        ObjectKind::Lease => drop(store.plan_gc(&GcOptions::default(), &Control::default())?),
        ObjectKind::Condemned => drop(store.begin_session()?),
    }
    Ok(())
}

#[test]
fn a_newer_object_is_called_newer_and_not_damaged() {
    let mut kinds = 0;
    for kind in ObjectKind::ALL {
        let memory = every_kind();
        use_of(kind, &memory).unwrap();
        let objects = memory.list(kind).unwrap();
        assert!(!objects.is_empty(), "{kind:?}");
        for object in &objects {
            // Nothing but magic and version can be relied on to be the same in a newer version.
            memory.damage(&object.name, |bytes| {
                bytes[8] = 2;
                bytes[10..].iter_mut().for_each(|byte| *byte = !*byte);
            });
        }
        let error = use_of(kind, &memory).unwrap_err();
        assert!(matches!(error, CoreError::Newer { found: 2, supported: 1, .. }), "{kind:?}: {error:?}");
        assert!(error.to_string().contains("Update offshoot"), "{error}");
        if let Ok(store) = open(Arc::new(memory.clone())) {
            let found = store.verify_quick(&Control::default()).unwrap().problems;
            assert!(found.iter().any(|problem| problem.why.contains("newer")), "{kind:?}: {found:?}");
            if !matches!(kind, ObjectKind::Tag | ObjectKind::Ref) {
                assert!(store.plan_gc(&GcOptions::default(), &Control::default()).is_err(), "{kind:?}");
            }
        }
        kinds += 1;
    }
    println!("newer: {kinds} kinds, called damaged 0");
}
