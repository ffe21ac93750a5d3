//! Every order in which threads can put chunks, look for them, and move them to the index: a chunk is placed once, and
//! from then on it is found.

use super::{Fresh, Placed};
use crate::sync::{explore, lock};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use offshoot_format::ids::ChunkId;

/// A session whose packs are durable at once, and whose index is a list.
struct Session {
    fresh: Fresh<u32>,
    index: Mutex<Vec<u32>>,
    placed: AtomicUsize,
}

const ONE: ChunkId = ChunkId::from_bytes([1; 32]);
const SIZE: u32 = 7;

impl Session {
    fn new() -> Arc<Self> {
        Arc::new(Self { fresh: Fresh::new(), index: Mutex::new(Vec::new()), placed: AtomicUsize::new(0) })
    }

    fn indexed(&self) -> crate::Result<Option<u32>> {
        Ok(lock(&self.index).first().copied())
    }

    fn put(&self) -> Placed<u32> {
        let place = || {
            self.placed.fetch_add(1, Ordering::Relaxed);
            Ok(SIZE)
        };
        self.fresh.put(&ONE, |size| *size, || self.indexed(), place).unwrap()
    }

    fn known(&self) -> Option<u32> {
        self.fresh.known(&ONE, |size| *size, || self.indexed()).unwrap()
    }

    fn index(&self) -> u64 {
        let publish = |durable: Vec<u32>| {
            lock(&self.index).extend(durable);
            Ok(())
        };
        self.fresh.index(|_| true, publish).unwrap()
    }

    fn check(&self) {
        assert_eq!(self.placed.load(Ordering::Relaxed), 1, "it is placed once");
        assert_eq!(self.known(), Some(SIZE));
        self.index();
        assert_eq!((self.known(), lock(&self.index).len()), (Some(SIZE), 1), "it is in the index once");
    }
}

fn spawn<T: 'static>(session: &Arc<Session>, work: impl FnOnce(&Session) -> T + 'static) -> thread::JoinHandle<T> {
    let session = Arc::clone(session);
    thread::spawn(move || work(&session))
}

#[test]
fn two_threads_with_one_chunk_place_it_once() {
    explore("session: two put one chunk", || {
        let session = Session::new();
        let other = spawn(&session, Session::put);
        let outcomes = [session.put(), other.join().unwrap()];
        assert!(outcomes.contains(&Placed::Now(SIZE)) && outcomes.contains(&Placed::Before(SIZE)));
        session.check();
    });
}

#[test]
fn moving_chunks_to_the_index_makes_none_placed_twice() {
    explore("session: two put one chunk, one moves it", || {
        let session = Session::new();
        let (other, mover) = (spawn(&session, Session::put), spawn(&session, Session::index));
        session.put();
        other.join().unwrap();
        mover.join().unwrap();
        session.check();
    });
}

#[test]
fn a_chunk_is_found_at_every_moment() {
    explore("session: one moves chunks, another looks for them", || {
        let session = Session::new();
        session.put();
        let mover = spawn(&session, Session::index);
        assert_eq!(session.known(), Some(SIZE), "it was put");
        mover.join().unwrap();
        session.check();
    });
}

#[test]
fn two_movers_move_a_chunk_once() {
    explore("session: two move chunks", || {
        let session = Session::new();
        session.put();
        let other = spawn(&session, Session::index);
        let moved = session.index() + other.join().unwrap();
        assert_eq!(moved, 1);
        session.check();
    });
}
