//! A real file system that is full: the capture fails and says why, leaves nothing behind, and the store goes on.

use super::{assert_sound, open, options};
use offshoot_core::CoreError;
use offshoot_core::store::{DirStore, OpenStore, Store};
use offshoot_testkit::store::sample;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A file system of 4 MiB in memory, for as long as this lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts it; none without the right to.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_fails_the_capture_and_not_the_store() {
    let Some(disk) = SmallDisk::mount() else {
        println!("full disk: skipped, for only root can mount one");
        return;
    };
    let dir: Arc<dyn Store> = Arc::new(DirStore::new(disk.path().join("store")));
    let store = OpenStore::init_with(dir.clone(), true, options()).unwrap();
    let first = sample::capture(&store, "prod", &[1, 2, 16], 1).unwrap();
    // Twenty large values of 300 KiB that do not compress.
    let large: Vec<u64> = (2..22).map(|number| number * 16).collect();
    for attempt in 0..3 {
        let error = sample::capture(&store, "prod", &large, 2).unwrap_err();
        let full = matches!(&error, CoreError::Io { source, .. } if source.kind() == ErrorKind::StorageFull);
        assert!(full, "attempt {attempt}: {error:?}");
        assert!(dir.unfinished().unwrap().is_empty(), "attempt {attempt}");
        // Packs that were full and durable before stay for gc, or for the next attempt to find.
        let reopened = open(dir.clone()).unwrap();
        assert_sound(&reopened, "on the full disk");
        assert_eq!(reopened.snapshots().unwrap(), [first]);
    }
    let now = offshoot_core::gc::GcOptions { grace: std::time::Duration::ZERO, ..Default::default() };
    let control = offshoot_core::Control::default();
    store.gc(store.plan_gc(&now, &control).unwrap(), &control).unwrap();
    sample::capture(&store, "prod", &[1, 2, 16, 32], 3).unwrap();
    assert_sound(&open(dir).unwrap(), "after gc");
    println!("full disk: 3 captures refused, left behind 0, unreadable stores 0");
}
