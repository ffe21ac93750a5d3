//! What every store must do, whatever it is made of.

// A suite is a test that lives outside of `cfg(test)`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use offshoot_core::CoreError;
use offshoot_core::store::{ObjectKind, ObjectName, Store, Swap};
use offshoot_format::ids::{PackId, SnapshotId};
use offshoot_format::refname::RefName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs the suite. `make` gives a new, empty store each time.
///
/// # Panics
/// If the store does not do what it must.
pub fn store_conformance(make: &mut dyn FnMut() -> Arc<dyn Store>) {
    let checks: [fn(&Arc<dyn Store>); 8] = [
        objects_are_created_once,
        ranges_are_exact,
        uploads_appear_whole,
        dropped_uploads_leave_nothing,
        lists_are_of_one_kind,
        moving_objects_are_compared,
        one_of_many_swaps_wins,
        names_do_not_meet,
    ];
    for check in checks {
        let store = make();
        store.prepare().expect("a store that can be prepared");
        check(&store);
    }
}

fn pack(number: u8) -> ObjectName {
    ObjectName::Pack(PackId::from_bytes([number; 32]))
}

fn reference(name: &str) -> ObjectName {
    ObjectName::Ref(name.parse().expect("a valid name"))
}

fn objects_are_created_once(store: &Arc<dyn Store>) {
    let names = [ObjectName::Config, ObjectName::Key, pack(1), ObjectName::Manifest(SnapshotId::from_bytes([1; 32]))];
    for name in names {
        assert_eq!(store.get(&name).unwrap(), None);
        assert_eq!(store.len(&name).unwrap(), None);
        assert!(store.put(&name, b"first").unwrap());
        assert!(!store.put(&name, b"second").unwrap());
        assert_eq!(store.get(&name).unwrap().unwrap(), b"first");
        assert_eq!(store.len(&name).unwrap(), Some(5));
        assert!(store.remove(&name).unwrap());
        assert!(!store.remove(&name).unwrap());
        assert_eq!(store.get(&name).unwrap(), None);
    }
    assert!(store.put(&pack(2), b"").unwrap());
    assert_eq!(store.get(&pack(2)).unwrap().unwrap(), b"");
    store.settle(ObjectKind::Pack).unwrap();
}

fn ranges_are_exact(store: &Arc<dyn Store>) {
    let bytes: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
    store.put(&pack(1), &bytes).unwrap();
    for (offset, length) in [(0, 0), (0, 100_000), (1, 10), (99_999, 1), (100_000, 0), (65_530, 20)] {
        let mut buffer = vec![0; length];
        store.read_at(&pack(1), offset as u64, &mut buffer).unwrap();
        assert_eq!(buffer, bytes[offset..offset + length]);
    }
    for (offset, length) in [(100_000, 1), (99_999, 2), (1 << 40, 1)] {
        let read = store.read_at(&pack(1), offset, &mut vec![0; length]);
        assert!(matches!(read, Err(CoreError::Damaged { .. })), "{offset} {length}");
    }
    assert!(matches!(store.read_at(&pack(2), 0, &mut [0]), Err(CoreError::Missing { .. })));
    store.remove(&pack(1)).unwrap();
    assert!(matches!(store.read_at(&pack(1), 0, &mut [0]), Err(CoreError::Missing { .. })));
}

fn uploads_appear_whole(store: &Arc<dyn Store>) {
    let mut upload = store.upload().unwrap();
    let reader = upload.reader();
    upload.write(b"hello ").unwrap();
    upload.write(b"").unwrap();
    upload.write(b"world").unwrap();
    let mut buffer = [0; 5];
    reader.read_exact_at(&mut buffer, 6).unwrap();
    assert_eq!(&buffer, b"world");
    assert!(reader.read_exact_at(&mut buffer, 7).is_err());
    assert!(store.list(ObjectKind::Pack).unwrap().is_empty());
    assert_eq!(store.unfinished().unwrap().len(), 1);
    upload.publish(&pack(3)).unwrap();
    assert_eq!(store.get(&pack(3)).unwrap().unwrap(), b"hello world");
    assert!(store.unfinished().unwrap().is_empty());
    reader.read_exact_at(&mut buffer, 0).unwrap();
    assert_eq!(&buffer, b"hello");
}

fn dropped_uploads_leave_nothing(store: &Arc<dyn Store>) {
    let mut upload = store.upload().unwrap();
    upload.write(&[0; 1000]).unwrap();
    drop(upload);
    assert!(store.unfinished().unwrap().is_empty());
    let mut left = store.upload().unwrap();
    left.write(b"x").unwrap();
    for unfinished in store.unfinished().unwrap() {
        store.remove_unfinished(&unfinished).unwrap();
        store.remove_unfinished(&unfinished).unwrap();
    }
    assert!(store.unfinished().unwrap().is_empty());
}

fn lists_are_of_one_kind(store: &Arc<dyn Store>) {
    for number in 0..50 {
        store.put(&pack(number), &vec![0; usize::from(number)]).unwrap();
    }
    store.put(&ObjectName::Manifest(SnapshotId::from_bytes([9; 32])), b"m").unwrap();
    store.swap(&reference("prod"), None, Some(b"r")).unwrap();
    let listed = store.list(ObjectKind::Pack).unwrap();
    let names: BTreeSet<_> = listed.iter().map(|object| object.name.clone()).collect();
    assert_eq!(names, (0..50).map(pack).collect());
    assert!(listed.iter().all(|object| Some(object.bytes) == store.len(&object.name).unwrap()));
    assert_eq!(store.list(ObjectKind::Manifest).unwrap().len(), 1);
    assert_eq!(store.list(ObjectKind::Ref).unwrap()[0].name, reference("prod"));
    for kind in [ObjectKind::Index, ObjectKind::Lease, ObjectKind::Condemned, ObjectKind::Tag, ObjectKind::Config] {
        assert!(store.list(kind).unwrap().is_empty(), "{kind:?}");
    }
}

fn moving_objects_are_compared(store: &Arc<dyn Store>) {
    let name = reference("prod");
    let lost = |current: Option<&[u8]>| Swap::Lost { current: current.map(<[u8]>::to_vec) };
    assert_eq!(store.swap(&name, Some(b"x"), Some(b"a")).unwrap(), lost(None));
    assert_eq!(store.swap(&name, Some(b"x"), None).unwrap(), lost(None));
    assert_eq!(store.swap(&name, None, Some(b"a")).unwrap(), Swap::Done);
    assert_eq!(store.swap(&name, None, Some(b"b")).unwrap(), lost(Some(b"a")));
    assert_eq!(store.swap(&name, Some(b"b"), Some(b"c")).unwrap(), lost(Some(b"a")));
    assert_eq!(store.swap(&name, Some(b"a"), Some(b"longer than before")).unwrap(), Swap::Done);
    assert_eq!(store.get(&name).unwrap().unwrap(), b"longer than before");
    assert_eq!(store.swap(&name, Some(b"longer than before"), None).unwrap(), Swap::Done);
    assert_eq!(store.get(&name).unwrap(), None);
    assert_eq!(store.swap(&name, None, None).unwrap(), Swap::Done);
}

fn one_of_many_swaps_wins(store: &Arc<dyn Store>) {
    let name = reference("count");
    store.swap(&name, None, Some(&0u64.to_le_bytes())).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let mut current = store.get(&name).unwrap().unwrap();
                    loop {
                        let count = u64::from_le_bytes(current[..].try_into().unwrap());
                        match store.swap(&name, Some(&current), Some(&(count + 1).to_le_bytes())).unwrap() {
                            Swap::Done => break,
                            Swap::Lost { current: found } => current = found.unwrap(),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.get(&name).unwrap().unwrap(), 100u64.to_le_bytes());
}

fn names_do_not_meet(store: &Arc<dyn Store>) {
    let names =
        ["prod", "Prod", "PROD", "team/prod", "team%2Fprod", "prod%", "данные", "a.b", "a_b", "a-b", "tmp", "lock"];
    for name in names {
        assert_eq!(store.swap(&reference(name), None, Some(name.as_bytes())).unwrap(), Swap::Done, "{name}");
    }
    let tag = ObjectName::Tag("prod".parse().expect("a valid name"));
    assert_eq!(store.get(&tag).unwrap(), None);
    for name in names {
        assert_eq!(store.get(&reference(name)).unwrap().unwrap(), name.as_bytes());
    }
    let listed = store.list(ObjectKind::Ref).unwrap();
    let listed: BTreeSet<_> = listed.into_iter().map(|object| object.name).collect();
    let wanted = names.iter().map(|name| ObjectName::Ref(name.parse::<RefName>().expect("a valid name"))).collect();
    assert_eq!(listed, wanted);
}
