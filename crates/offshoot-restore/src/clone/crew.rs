//! One thread walks a tree and hands out work, several do it.
//!
//! The queue is bounded, so that a walk holds few folders open. Who walks works along when the queue is full, so nobody waits
//! for a thread that is not there. The first error ends everything.

use super::error::Result;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Jobs that wait. Each holds up to two folders open.
const QUEUE_MAX: usize = 64;

/// Where a walk hands out its work.
pub(super) struct Crew<'a, Job> {
    queue: Sender<Job>,
    jobs: Receiver<Job>,
    work: &'a (dyn Fn(Job) -> Result<()> + Sync),
    failed: &'a AtomicBool,
}

impl<Job> Crew<'_, Job> {
    /// Hands out one job. False once one has failed: the walk may end then.
    pub(super) fn give(&self, mut job: Job) -> Result<bool> {
        while !self.failed.load(Ordering::Relaxed) {
            match self.queue.try_send(job) {
                Ok(()) => return Ok(true),
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => job = back,
            }
            if let Ok(other) = self.jobs.try_recv() {
                (self.work)(other)?;
            }
        }
        Ok(false)
    }
}

/// Runs `walk`, and what it hands out on `threads` threads, its own included.
pub(super) fn run<Job: Send>(
    threads: usize,
    walk: impl FnOnce(&Crew<'_, Job>) -> Result<()>,
    work: &(dyn Fn(Job) -> Result<()> + Sync),
) -> Result<()> {
    let (queue, jobs) = bounded(QUEUE_MAX);
    let failed = AtomicBool::new(false);
    // The first error ends the walk and empties the queue, so that folders are closed.
    let drain = |jobs: &Receiver<Job>| {
        let mut result = Ok(());
        for job in jobs {
            if result.is_ok() && !failed.load(Ordering::Relaxed) {
                result = work(job);
                if result.is_err() {
                    failed.store(true, Ordering::Relaxed);
                }
            }
        }
        result
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let jobs = jobs.clone();
                scope.spawn(move || drain(&jobs))
            })
            .collect();
        let crew = Crew { queue, jobs, work, failed: &failed };
        let walked = walk(&crew);
        if walked.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        let Crew { queue, jobs, .. } = crew;
        drop(queue);
        let drained = drain(&jobs);
        let ended =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let results: Vec<Result<()>> = ended.collect();
        walked.and(drained).and(results.into_iter().collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clone::CloneError;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn everything_is_done_once_by_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let sum = AtomicU32::new(0);
            let work = |job: u32| {
                sum.fetch_add(job, Ordering::Relaxed);
                Ok(())
            };
            let walk = |crew: &Crew<'_, u32>| (1..=1000).try_for_each(|job| crew.give(job).map(|_| ()));
            run(threads, walk, &work).unwrap();
            assert_eq!(sum.into_inner(), 500_500);
        }
    }

    #[test]
    fn the_first_error_ends_walk_and_work() {
        for threads in [1, 3] {
            let work = |job: u32| if job == 70 { Err(CloneError::Cancelled) } else { Ok(()) };
            let walk = |crew: &Crew<'_, u32>| {
                let mut job = 0;
                while crew.give(job)? {
                    job += 1;
                }
                Ok(())
            };
            assert!(matches!(run(threads, walk, &work), Err(CloneError::Cancelled)));
        }
    }
}
