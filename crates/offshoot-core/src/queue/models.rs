//! Every order in which threads can come to the queue: no work is lost or done twice, nobody waits for ever, a failure is
//! heard of, and no more is open than may be.

use super::Queue;
use crate::CoreError;
use crate::sync::explore;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

/// A worker that counts what it does, and how much is being done at once.
fn worker(queue: &Arc<Queue<usize>>, done: &Arc<AtomicUsize>) -> thread::JoinHandle<()> {
    let (queue, done) = (Arc::clone(queue), Arc::clone(done));
    thread::spawn(move || {
        while let Some(taken) = queue.take() {
            taken.run(|work| {
                done.fetch_add(work, Ordering::Relaxed);
                Ok(())
            });
        }
    })
}

#[test]
fn all_work_is_done_once_whoever_waits_for_room() {
    explore("queue: two bring work that fits one by one", || {
        let (queue, done) = (Arc::new(Queue::new(1)), Arc::new(AtomicUsize::new(0)));
        let worker = worker(&queue, &done);
        let bringer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(1, 1).unwrap())
        };
        queue.push(10, 1).unwrap();
        bringer.join().unwrap();
        queue.drain().unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 11);
        assert!(!queue.is_full(1));
        queue.close();
        worker.join().unwrap();
    });
}

#[test]
fn two_workers_share_the_work() {
    explore("queue: two workers", || {
        let (queue, done) = (Arc::new(Queue::new(9)), Arc::new(AtomicUsize::new(0)));
        let workers = [worker(&queue, &done), worker(&queue, &done)];
        queue.push(1, 1).unwrap();
        queue.push(10, 1).unwrap();
        queue.drain().unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 11);
        queue.close();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn who_waits_for_one_result_sees_it() {
    explore("queue: waiting for one result", || {
        let (queue, is_there) = (Arc::new(Queue::new(9)), Arc::new(AtomicBool::new(false)));
        let worker = {
            let (queue, is_there) = (Arc::clone(&queue), Arc::clone(&is_there));
            thread::spawn(move || {
                while let Some(taken) = queue.take() {
                    taken.run(|()| {
                        is_there.store(true, Ordering::Release);
                        Ok(())
                    });
                }
            })
        };
        queue.push((), 1).unwrap();
        queue.wait_for(|| is_there.load(Ordering::Acquire)).unwrap();
        queue.close();
        worker.join().unwrap();
    });
}

#[test]
fn a_failure_is_told_once_and_everybody_ends() {
    explore("queue: a worker fails", || {
        let queue = Arc::new(Queue::new(1));
        let worker = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                while let Some(taken) = queue.take() {
                    taken.run(|()| Err(CoreError::Cancelled));
                }
            })
        };
        let bringer = {
            let queue = Arc::clone(&queue);
            // The second waits for room that a failed worker never makes in good order.
            thread::spawn(move || [queue.push((), 1).err(), queue.push((), 1).err()])
        };
        let drained = queue.drain().err();
        let heard = bringer.join().unwrap();
        queue.close();
        worker.join().unwrap();
        let last = queue.check().err();
        let told: Vec<CoreError> = heard.into_iter().chain([drained, last]).flatten().collect();
        assert_eq!(told.iter().filter(|error| matches!(error, CoreError::Cancelled)).count(), 1, "{told:?}");
        assert!(queue.drain().is_err() && queue.push((), 1).is_err(), "it stays poisoned");
    });
}

#[test]
fn giving_up_wakes_who_waits() {
    explore("queue: somebody gives up", || {
        let queue = Arc::new(Queue::new(1));
        let bringer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push((), 1).and_then(|()| queue.push((), 1)))
        };
        queue.poison();
        assert!(bringer.join().unwrap().is_err(), "there is no worker");
        assert!(queue.drain().is_err());
        queue.close();
        assert!(queue.take().is_none(), "what waited is dropped");
    });
}
