//! Disks that fail: every operation in turn is refused, once or from there on; the store that is left can be read, and
//! used again when the disk works.

use super::{assert_sound, open, options};
use offshoot_core::gc::{Forget, GcOptions};
use offshoot_core::store::{DirStore, OpenStore, Store};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::ids::SnapshotId;
use offshoot_testkit::store::{Fault, FaultyVfs, MemoryVfs, sample};
use std::sync::Arc;
use std::time::Duration;

/// A store with one snapshot on a disk that works.
fn prepared(vfs: &MemoryVfs) -> SnapshotId {
    let store = Arc::new(DirStore::with_vfs("/s", Arc::new(vfs.clone())));
    let store = OpenStore::init_with(store, true, options()).unwrap();
    sample::capture(&store, "prod", &[1, 2, 16], 1).unwrap()
}

/// What happens to it on the disk that fails. Returns the snapshots that were acknowledged.
fn work(store: Arc<dyn Store>, first: SnapshotId, acknowledged: &mut Vec<SnapshotId>) -> Result<()> {
    let store = open(store)?;
    acknowledged.push(sample::capture(&store, "prod", &[1, 3, 16], 2)?);
    acknowledged.push(sample::capture(&store, "other", &[4, 5], 3)?);
    store.forget(&store.plan_forget(&Forget::Snapshots(vec![first]))?)?;
    let at_once = GcOptions { grace: Duration::ZERO, small_packs_max: 1, segments_max: 1, ..GcOptions::default() };
    store.gc(store.plan_gc(&at_once, &Control::default())?, &Control::default())?;
    Ok(())
}

#[test]
fn no_fault_makes_a_store_unreadable() {
    let mut points = 0;
    for fault in [Fault::Once, Fault::DiskFull, Fault::Gone] {
        for at in 0.. {
            let vfs = MemoryVfs::default();
            let first = prepared(&vfs);
            let faulty = FaultyVfs::new(Arc::new(vfs.clone()), fault, at);
            let mut acknowledged = Vec::new();
            let store: Arc<dyn Store> = Arc::new(DirStore::with_vfs("/s", Arc::new(faulty.clone())));
            let answer = work(store, first, &mut acknowledged);
            let context = format!("{fault:?} at {at}");
            let healthy: Arc<dyn Store> = Arc::new(DirStore::with_vfs("/s", Arc::new(vfs.clone())));
            let store = open(healthy.clone()).unwrap_or_else(|error| panic!("{context}: {error:?}"));
            assert_sound(&store, &context);
            let there = store.snapshots().unwrap();
            assert!(acknowledged.iter().all(|id| there.contains(id)), "{context}: lost an acknowledged snapshot");
            if fault != Fault::Gone {
                let left = healthy.unfinished().unwrap();
                assert!(left.len() <= usize::from(fault == Fault::Once), "{context}: left {left:?}");
            }
            sample::capture(&store, "after", &[3, 7], 9).unwrap_or_else(|error| panic!("{context}: {error:?}"));
            assert_sound(&store, &context);
            if !faulty.has_failed() {
                answer.unwrap();
                break;
            }
            if let Err(error) = &answer {
                assert!(matches!(error, CoreError::Io { .. } | CoreError::LeaseLost), "{context}: {error:?}");
            }
            points += 1;
        }
    }
    println!("faults: {points} points injected, unreadable stores 0, acknowledged snapshots lost 0");
}

#[test]
fn a_real_full_disk_is_a_typed_error() {
    // Needs the right to mount; elsewhere the test above stands for it.
    let dir = tempfile::tempdir().unwrap();
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(dir.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mount {
        println!("SKIPPED a_real_full_disk_is_a_typed_error: mounting a tmpfs is not allowed here");
        return;
    }
    let _mounted = Mounted(dir.path());
    let store = OpenStore::init_with(Arc::new(DirStore::new(dir.path().join("s"))), true, options()).unwrap();
    let first = sample::capture(&store, "prod", &[1, 2], 1).unwrap();
    let answer = sample::capture(&store, "prod", &[16, 32, 48, 64, 80, 96], 2);
    let left = store.backend().unfinished().unwrap();
    let there = store.snapshots().unwrap();
    let report = store.verify_full(&[], &Control::default()).unwrap();
    let Err(CoreError::Io { source, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert!(left.is_empty() && there == [first] && report.is_sound(), "{left:?} {report:?}");
}

/// Goes also when the test fails.
struct Mounted<'a>(&'a std::path::Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
