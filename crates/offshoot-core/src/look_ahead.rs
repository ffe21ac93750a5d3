//! Makes things ahead of the one who takes them: in order, on rayon, and never more than fits a limit of bytes.
//!
//! The taker is a plain thread (a connection that sends); the makers decode and encode on the pool. A maker never waits:
//! its result has a place reserved. It does not know what is made.

use crate::{CoreError, Result};
use crossbeam_channel::{Receiver, bounded};
use std::collections::VecDeque;
use std::sync::Arc;

/// A pool of makers and the limit of what they may be ahead.
#[derive(Clone)]
pub struct LookAhead {
    pool: Arc<rayon::ThreadPool>,
    bytes_max: u64,
    jobs_max: usize,
}

impl LookAhead {
    /// Makers on `threads` threads; a taker has at most `bytes_max` under way, but always one job.
    ///
    /// # Errors
    /// `Poisoned` if the system gives no threads.
    pub fn new(threads: usize, bytes_max: u64) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|index| format!("decode-{index}"))
            .build()
            .map_err(|_| CoreError::Poisoned)?;
        Ok(Self { pool: Arc::new(pool), bytes_max, jobs_max: threads.max(1) * 2 })
    }

    /// Gives `take` what `make` makes of each job, in the order of the jobs, each with its size in bytes.
    ///
    /// # Errors
    /// The first error of `make` or `take`, in that order; `Poisoned` if a maker panicked.
    pub fn each<J: Send, T: Send>(
        &self,
        jobs: impl IntoIterator<Item = (J, u64)>,
        make: impl Fn(J) -> Result<T> + Sync,
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let make = &make;
        let mut jobs = jobs.into_iter().peekable();
        self.pool.in_place_scope_fifo(|scope| {
            let mut ahead: VecDeque<(Receiver<Result<T>>, u64)> = VecDeque::new();
            let mut ahead_bytes = 0u64;
            loop {
                while let Some(&(_, bytes)) = jobs.peek() {
                    let full = ahead_bytes.saturating_add(bytes) > self.bytes_max || ahead.len() >= self.jobs_max;
                    if full && !ahead.is_empty() {
                        break;
                    }
                    let Some((job, bytes)) = jobs.next() else { break };
                    let (made, receiver) = bounded(1);
                    scope.spawn_fifo(move |_| {
                        // The taker may be gone after an error.
                        let _ = made.send(make(job));
                    });
                    ahead.push_back((receiver, bytes));
                    ahead_bytes = ahead_bytes.saturating_add(bytes);
                }
                let Some((receiver, bytes)) = ahead.pop_front() else { return Ok(()) };
                take(receiver.recv().map_err(|_| CoreError::Poisoned)??)?;
                ahead_bytes = ahead_bytes.saturating_sub(bytes);
            }
        })
    }
}

impl std::fmt::Debug for LookAhead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LookAhead").field("bytes_max", &self.bytes_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn results_come_in_order_and_within_the_limit() {
        let ahead = LookAhead::new(4, 100).unwrap();
        let (under_way, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut taken = Vec::new();
        let make = |job: u64| {
            let now = under_way.fetch_add(10, Ordering::SeqCst) + 10;
            most.fetch_max(now, Ordering::SeqCst);
            Ok(job)
        };
        let jobs = (0..500).map(|job| (job, if job == 100 { 1000 } else { 10 }));
        ahead
            .each(jobs, make, |job| {
                taken.push(job);
                under_way.fetch_sub(10, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
        assert!(taken.iter().copied().eq(0..500));
        assert!(most.load(Ordering::SeqCst) <= 110, "{most:?}");
    }

    #[test]
    fn the_first_error_ends_it() {
        let ahead = LookAhead::new(2, 100).unwrap();
        let made = ahead.each(
            (0..50).map(|job| (job, 10)),
            |job| if job == 7 { Err(CoreError::Poisoned) } else { Ok(job) },
            |_| Ok(()),
        );
        assert!(matches!(made, Err(CoreError::Poisoned)));
        let mut taken = 0;
        let took = ahead.each((0..50).map(|job| (job, 10)), Ok, |_| {
            taken += 1;
            if taken == 3 { Err(CoreError::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(took, Err(CoreError::Cancelled)) && taken == 3);
    }
}
