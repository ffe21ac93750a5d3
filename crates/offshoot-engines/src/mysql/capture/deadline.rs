//! The bound on how long a lock may be waited for and held: when it is over, the sessions are ended on the server, whatever
//! they wait for there.
//!
//! The session that ends them is there before the lock is asked for: behind a lock, connections pile up until the server takes no
//! more.

use super::watcher::Sessions;
use crate::mysql::session::Session;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Ends sessions that hold a lock, or wait for one, when a time is over.
pub(super) struct Deadline<'d> {
    sessions: Sessions,
    by: &'d Mutex<Session>,
    limit: Duration,
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl<'d> Deadline<'d> {
    /// A deadline at which `sessions` are ended by another one.
    pub(super) fn new(sessions: Sessions, by: &'d Mutex<Session>, limit: Duration) -> Self {
        Self { sessions, by, limit, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for the end or the time, on a thread of its own.
    pub(super) fn watch(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, self.limit, |(is_over, _)| !*is_over);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.0 {
            return;
        }
        state.1 = true;
        drop(state);
        self.sessions.end(&mut self.by.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn has_fired(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(super) fn end_on_drop(&self) -> impl Drop + '_ {
        struct End<'e, 'd>(&'e Deadline<'d>);
        impl Drop for End<'_, '_> {
            fn drop(&mut self) {
                self.0.state.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
                self.0.changed.notify_all();
            }
        }
        End(self)
    }
}
