//! Sessions on a real directory: what is committed is there for everybody, what is not is there for nobody.

use super::*;
use crate::CoreError;
use offshoot_format::ids::{ChunkId, ChunkKind};
use offshoot_format::manifest::{Content, Environment, Manifest, Origin, Stats, Trust};
use offshoot_format::refname::RefName;
use std::sync::Arc;

fn manifest(open: &OpenStore, taken_unix_ms: u64) -> Manifest {
    Manifest {
        taken_unix_ms,
        parent: None,
        content_root: open.id_key().content_root(b""),
        trust: Trust::Raw,
        origin: Origin {
            engine: "none".to_owned(),
            system_id: String::new(),
            database_id: String::new(),
            database: String::new(),
            position: String::new(),
        },
        environment: Environment::default(),
        content: Content::default(),
        omitted: Vec::new(),
        not_carried: Vec::new(),
        stats: Stats::default(),
        facts: Vec::new(),
        receipt: None,
        written_by: "test".to_owned(),
    }
}

fn chunk(open: &OpenStore, number: u32) -> (ChunkId, Vec<u8>) {
    let payload: Vec<u8> = (0..number % 5000).map(|i| (i ^ number) as u8).chain(number.to_le_bytes()).collect();
    (open.id_key().chunk_id(ChunkKind::Column, &[&payload]), payload)
}

fn put(session: &WriteSession, number: u32) -> Put {
    let (id, payload) = chunk(session.store(), number);
    session.put(&id, ChunkKind::Column, payload.len() as u32, &payload).unwrap()
}

fn small_packs() -> OpenOptions {
    OpenOptions { pack_bytes: 1 << 20, ..OpenOptions::default() }
}

fn fresh() -> (tempfile::TempDir, OpenStore) {
    let dir = tempfile::tempdir().unwrap();
    let open = OpenStore::init_with(Arc::new(DirStore::new(dir.path().join("s"))), true, small_packs()).unwrap();
    (dir, open)
}

fn reopen(open: &OpenStore) -> OpenStore {
    OpenStore::open_with(open.backend().clone(), small_packs()).unwrap()
}

#[test]
fn several_threads_write_and_everybody_reads() {
    let (_dir, open) = fresh();
    let other = reopen(&open);
    let session = open.begin_session().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let session = &session;
            scope.spawn(move || {
                for number in 0..1500 {
                    put(session, number + thread * 500);
                    if number % 7 == 0 {
                        let (id, payload) = chunk(session.store(), number + thread * 500);
                        assert_eq!(session.read(&id, ChunkKind::Column).unwrap().payload, payload);
                    }
                }
            });
        }
    });
    let (id, payload) = chunk(&open, 17);
    assert_eq!(session.read(&id, ChunkKind::Column).unwrap().payload, payload);
    assert!(matches!(session.read(&id, ChunkKind::Leaf), Err(CoreError::Damaged { .. })));
    assert!(open.contains(&id).unwrap().is_none());
    let name: RefName = "prod".parse().unwrap();
    let snapshot = session.commit(&manifest(&open, 5), Some(&name), Expected::Exactly(None)).unwrap();
    other.refresh().unwrap();
    for open in [&open, &other, &reopen(&open)] {
        assert_eq!(open.snapshots().unwrap(), [snapshot]);
        assert_eq!(open.manifest(&snapshot).unwrap().taken_unix_ms, 5);
        for number in 0..3000 {
            let (id, payload) = chunk(open, number);
            let read = open.read(&id, ChunkKind::Column).unwrap();
            assert_eq!((read.raw_len as usize, &read.payload), (payload.len(), &payload));
            assert_eq!(open.contains(&id).unwrap(), Some(payload.len() as u32 + 20));
        }
        assert!(matches!(open.read(&chunk(open, 3001).0, ChunkKind::Column), Err(CoreError::Missing { .. })));
    }
    assert!(open.backend().list(ObjectKind::Pack).unwrap().len() >= 5);
    assert!(open.backend().unfinished().unwrap().is_empty());
    assert!(open.backend().list(ObjectKind::Lease).unwrap().is_empty());
    // Everything is there the second time.
    let again = open.begin_session().unwrap();
    assert!((0..3000).all(|number| matches!(put(&again, number), Put::Existed { .. })));
    assert_eq!(again.added_bytes(), 0);
    let second = again.commit(&manifest(&open, 6), Some(&name), Expected::Exactly(Some(snapshot))).unwrap();
    assert_eq!(open.backend().list(ObjectKind::Index).unwrap().len(), 1);
    let late = open.begin_session().unwrap();
    let conflict = late.commit(&manifest(&open, 7), Some(&name), Expected::Exactly(Some(snapshot)));
    assert!(matches!(conflict, Err(CoreError::Conflict { .. })));
    let mut left = open.snapshots().unwrap();
    left.sort();
    let mut expected = [snapshot, second];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn a_dropped_session_leaves_nothing() {
    let (_dir, open) = fresh();
    let session = open.begin_session().unwrap();
    for number in 0..200 {
        put(&session, number);
    }
    drop(session);
    assert!(open.backend().unfinished().unwrap().is_empty());
    for kind in [ObjectKind::Index, ObjectKind::Manifest, ObjectKind::Lease, ObjectKind::Ref] {
        assert!(open.backend().list(kind).unwrap().is_empty(), "{kind:?}");
    }
}

#[test]
fn stores_are_made_once_and_found() {
    let (dir, open) = fresh();
    assert!(matches!(OpenStore::init(open.backend().clone(), true), Err(CoreError::StoreExists { .. })));
    let nothing = Arc::new(DirStore::new(dir.path().join("nothing")));
    assert!(matches!(OpenStore::open(nothing), Err(CoreError::NoStore { .. })));
    std::fs::write(dir.path().join("somebody's file"), "x").unwrap();
    assert!(OpenStore::init(Arc::new(DirStore::new(dir.path())), true).is_err());
    std::fs::create_dir_all(dir.path().join("project/src")).unwrap();
    assert!(OpenStore::init(Arc::new(DirStore::new(dir.path().join("project"))), true).is_err());
    assert!(!dir.path().join("project/packs").exists());
    let scrubbed = OpenStore::init(Arc::new(DirStore::new(dir.path().join("scrubbed"))), false).unwrap();
    assert!(!scrubbed.is_raw());
    let refused = scrubbed.begin_session().unwrap().commit(&manifest(&scrubbed, 1), None, Expected::Any);
    assert!(matches!(refused, Err(CoreError::Domain { .. })));
    assert_ne!(scrubbed.id_key().expose(), open.id_key().expose());
}

#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, open) = fresh();
    let session = open.begin_session().unwrap();
    put(&session, 9);
    session.commit(&manifest(&open, 1), None, Expected::Any).unwrap();
    let mut folders = vec![dir.path().join("s")];
    while let Some(folder) = folders.pop() {
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn addresses_resolve() {
    let (_dir, open) = fresh();
    let prod: RefName = "prod".parse().unwrap();
    let mut ids = Vec::new();
    for day in 1..=4u64 {
        let session = open.begin_session().unwrap();
        let parent = ids.last().copied();
        let manifest = Manifest { parent, ..manifest(&open, day * 86_400_000) };
        ids.push(session.commit(&manifest, Some(&prod), Expected::Exactly(parent)).unwrap());
    }
    open.tag(&"v1".parse().unwrap(), &ids[1]).unwrap();
    open.tag(&"v1".parse().unwrap(), &ids[1]).unwrap();
    assert!(matches!(open.tag(&"v1".parse().unwrap(), &ids[2]), Err(CoreError::NameTaken { .. })));
    assert!(matches!(open.tag(&prod, &ids[2]), Err(CoreError::NameTaken { .. })));
    let hash = ids[2].to_string();
    for (address, expected) in [
        ("prod", ids[3]),
        ("prod~0", ids[3]),
        ("prod~", ids[2]),
        ("prod~1~2", ids[0]),
        ("prod@{1970-01-03 00:00}", ids[1]),
        ("prod@{1970-01-03 12:00}~1", ids[0]),
        ("prod@{2026-01-01}", ids[3]),
        ("v1", ids[1]),
        ("v1~1", ids[0]),
        (&hash, ids[2]),
        (&hash[..20], ids[2]),
        (&hash.to_uppercase(), ids[2]),
    ] {
        assert_eq!(open.resolve(address).unwrap(), expected, "{address}");
    }
    let message = |address: &str| open.resolve(address).unwrap_err().to_string();
    assert_eq!(message("pord"), "there is no snapshot pord: no ref, tag or snapshot is called so. Did you mean prod?");
    for (address, part) in [
        ("prod~4", "lineage ends"),
        ("prod@{1969-12-31}", "a time is written as"),
        ("prod@{1970-01-01}", "as old as that"),
        ("v1@{1970-01-01}", "only a ref"),
        ("00000000", "no ref"),
        ("prod~1@{1970-01-03}", "right after the name"),
    ] {
        assert!(message(address).contains(part), "{}", message(address));
    }
    assert_eq!(open.lineage(&ids[3], 9).unwrap(), [ids[3], ids[2], ids[1], ids[0]]);
    assert!(open.untag(&"v1".parse().unwrap()).unwrap());
    assert!(!open.untag(&"v1".parse().unwrap()).unwrap());
}

#[test]
fn a_session_keeps_few_chunks_in_mind() {
    let (_dir, open) = fresh();
    let options = OpenOptions { session_chunks_max: 500, pack_bytes: 100 << 10, ..OpenOptions::default() };
    let open = OpenStore::open_with(open.backend().clone(), options).unwrap();
    let session = open.begin_session().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..4000).all(|number| put(&session, number).stored_bytes() > 20));
        }
    });
    // How many there are depends on how the threads fall; that there are any does not.
    assert!(!open.backend().list(ObjectKind::Index).unwrap().is_empty());
    for number in 0..4000 {
        assert!(matches!(put(&session, number), Put::Existed { .. }));
        let (id, payload) = chunk(&open, number);
        assert_eq!(session.read(&id, ChunkKind::Column).unwrap().payload, payload);
    }
    let written: u64 = (0..4000).map(|number| chunk(&open, number).1.len() as u64 + 20).sum();
    assert_eq!(session.added_bytes(), written);
    session.commit(&manifest(&open, 1), None, Expected::Any).unwrap();
    let open = reopen(&open);
    for number in 0..4000 {
        let (id, payload) = chunk(&open, number);
        assert_eq!(open.read(&id, ChunkKind::Column).unwrap().payload, payload);
    }
}

#[test]
fn a_newer_store_is_refused_as_such() {
    let (dir, open) = fresh();
    let path = dir.path().join("s/config");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    std::fs::write(&path, bytes).unwrap();
    let error = OpenStore::open(open.backend().clone()).unwrap_err();
    assert_eq!(error.to_string(), "config has version 2; this offshoot reads up to 1. Update offshoot");
}

#[test]
fn a_chunk_of_a_session_takes_little_memory() {
    // Of a hash table with room for as many again, each place having a byte of its own: docs/operations.md says 180.
    let bytes = 2 * (std::mem::size_of::<(ChunkId, super::session::Place)>() + 1);
    println!("session: at most {bytes} bytes a new chunk, {} chunks", OpenOptions::default().session_chunks_max);
    assert!(bytes <= 180, "{bytes}");
}
