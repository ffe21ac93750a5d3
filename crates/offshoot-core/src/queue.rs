//! A queue of work that is bounded in bytes, and what its workers came to.
//!
//! Work counts until it is done, not until it is taken, because until then its memory is held. A worker that fails or
//! panics poisons the queue: who waits is told, and what waits is dropped. It starts no threads.

#[cfg(all(test, loom))]
mod models;

use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError, lock};
use crate::{CoreError, Result};
use std::collections::VecDeque;

/// Work that waits for workers.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Workers wait for work.
    brought: Condvar,
    /// Everybody else waits for workers.
    done: Condvar,
    bytes_max: usize,
}

struct State<T> {
    waiting: VecDeque<(T, usize)>,
    /// Of what waits and what is being done.
    open_bytes: usize,
    open_jobs: usize,
    failure: Option<CoreError>,
    poisoned: bool,
    closed: bool,
}

impl<T> State<T> {
    /// The first caller gets the failure itself, later ones only hear of it.
    fn check(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.poisoned => Err(CoreError::Poisoned),
            None => Ok(()),
        }
    }

    fn poison(&mut self) {
        self.poisoned = true;
        self.open_jobs -= self.waiting.len();
        self.open_bytes -= self.waiting.iter().map(|(_, bytes)| bytes).sum::<usize>();
        self.waiting.clear();
    }
}

impl<T> Queue<T> {
    /// A queue of at most `bytes_max`, but always of one.
    pub fn new(bytes_max: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            open_bytes: 0,
            open_jobs: 0,
            failure: None,
            poisoned: false,
            closed: false,
        };
        Self { state: Mutex::new(state), brought: Condvar::new(), done: Condvar::new(), bytes_max }
    }

    /// Brings work; waits while there is too much.
    ///
    /// # Errors
    /// The failure of a worker, then `Poisoned`.
    pub fn push(&self, work: T, bytes: usize) -> Result<()> {
        let mut state = self.wait_while(|state| state.open_jobs > 0 && state.open_bytes + bytes > self.bytes_max)?;
        state.open_bytes += bytes;
        state.open_jobs += 1;
        state.waiting.push_back((work, bytes));
        drop(state);
        self.brought.notify_one();
        Ok(())
    }

    /// The next work for a worker, who waits for it; `None` when no more will come.
    pub fn take(&self) -> Option<Taken<'_, T>> {
        let mut state = lock(&self.state);
        loop {
            if let Some((work, bytes)) = state.waiting.pop_front() {
                return Some(Taken { queue: self, work: Some(work), bytes, outcome: None });
            }
            if state.closed {
                return None;
            }
            state = self.brought.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a worker has made this true.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn wait_for(&self, is_true: impl Fn() -> bool) -> Result<()> {
        self.wait_while(|_| !is_true()).map(drop)
    }

    /// Waits until everything that was brought is done.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn drain(&self) -> Result<()> {
        self.wait_while(|state| state.open_jobs > 0).map(drop)
    }

    /// Whether so many bytes would have to wait.
    pub fn is_full(&self, bytes: usize) -> bool {
        let state = lock(&self.state);
        state.open_jobs > 0 && state.open_bytes + bytes > self.bytes_max
    }

    /// That nothing failed so far.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn check(&self) -> Result<()> {
        lock(&self.state).check()
    }

    /// What the first worker that failed met, if nobody was told yet.
    pub fn failure(&self) -> Option<CoreError> {
        lock(&self.state).failure.take()
    }

    /// Gives up: what waits is dropped, and every later call fails.
    pub fn poison(&self) {
        lock(&self.state).poison();
        self.done.notify_all();
    }

    /// Says that no more work will come; workers end when nothing waits.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.brought.notify_all();
    }

    fn wait_while(&self, waits: impl Fn(&State<T>) -> bool) -> Result<MutexGuard<'_, State<T>>> {
        let mut state = lock(&self.state);
        while !state.poisoned && waits(&state) {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.check()?;
        Ok(state)
    }
}

/// Work that a worker has taken. Dropped without an outcome, by a panic, it poisons the queue.
pub(crate) struct Taken<'q, T> {
    queue: &'q Queue<T>,
    work: Option<T>,
    bytes: usize,
    outcome: Option<Result<()>>,
}

impl<T> Taken<'_, T> {
    /// Does the work.
    pub fn run(mut self, work: impl FnOnce(T) -> Result<()>) {
        self.outcome = self.work.take().map(work);
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        state.open_bytes -= self.bytes;
        state.open_jobs -= 1;
        match self.outcome.take() {
            Some(Ok(())) => {}
            Some(Err(failure)) => {
                if !state.poisoned {
                    state.failure = Some(failure);
                }
                state.poison();
            }
            None => state.poison(),
        }
        drop(state);
        self.queue.done.notify_all();
    }
}
