//! Stores against the one suite, and against bad luck: crashes at any operation, full and broken disks, flipped bytes,
//! files that are cut while they are read. Every test prints the figure that it stands for.

// The helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

#[path = "store/crash.rs"]
mod crash;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/full_disk.rs"]
mod full_disk;
#[path = "store/garbage.rs"]
mod garbage;
#[path = "store/simulation.rs"]
mod simulation;

use offshoot_core::store::{Clock, DirStore, OpenOptions, OpenStore, Store};
use offshoot_core::{Control, Result};
use offshoot_testkit::store::{Fault, FaultyVfs, HookedStore, MemoryStore, MemoryVfs, store_conformance};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn all_stores_conform() {
    let dirs = tempfile::tempdir().unwrap();
    let mut count = 0;
    store_conformance(&mut || {
        count += 1;
        Arc::new(DirStore::new(dirs.path().join(count.to_string())))
    });
    store_conformance(&mut || Arc::new(MemoryStore::default()));
    store_conformance(&mut || Arc::new(DirStore::with_vfs("/s", Arc::new(MemoryVfs::default()))));
    // The twins that break things, while nothing is to be broken: what tests see through them is the store.
    let never = || Arc::new(FaultyVfs::new(Arc::new(MemoryVfs::default()), Fault::Gone, usize::MAX));
    store_conformance(&mut || Arc::new(DirStore::with_vfs("/s", never())));
    store_conformance(&mut || Arc::new(HookedStore::new(Arc::new(MemoryStore::default()), |_| Ok(()))));
    println!("conformance: 5 stores");
}

/// Small packs and segments, so that a small store has several, and no thread that renews leases.
fn options() -> OpenOptions {
    OpenOptions { pack_bytes: 8 << 10, session_chunks_max: 6, heartbeat: None, ..OpenOptions::default() }
}

/// A clock that a test turns.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicU64>);

impl TestClock {
    fn clock(&self) -> Clock {
        let now = self.0.clone();
        Clock::new(move || now.load(Ordering::SeqCst))
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn options(&self) -> OpenOptions {
        OpenOptions { clock: self.clock(), ..options() }
    }
}

fn open(store: Arc<dyn Store>) -> Result<OpenStore> {
    OpenStore::open_with(store, options())
}

/// Everything that is visible can be read.
fn assert_sound(open: &OpenStore, context: &str) {
    let report = open.verify_full(&[], &Control::default()).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(report.is_sound(), "{context}: {:#?}", report.problems);
}
