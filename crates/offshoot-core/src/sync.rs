//! The locks of the engine's concurrent core: the standard library's, or, in models of it, those of loom, which tries every
//! order in which threads can come to them (`cargo xtask nightly loom`).
//!
//! Only what is modelled takes its locks from here.

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::sync::PoisonError;
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};

/// The lock, whatever became of a thread that held it before: what it guards is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a model in every order that loom finds, and prints how many there were.
#[cfg(all(test, loom))]
pub(crate) fn explore(name: &str, model: impl Fn() + Sync + Send + 'static) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let schedules = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&schedules);
    loom::model(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("loom: {name}: {} schedules", schedules.load(Ordering::Relaxed));
}
