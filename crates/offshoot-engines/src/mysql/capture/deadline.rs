//! The bound on how long a lock may be waited for and held: when it is over, the sessions are ended on the server, whatever
//! they wait for there.

use crate::mysql::session::Canceller;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Ends sessions that hold a lock, or wait for one, when a time is over.
pub(super) struct Deadline {
    cancellers: Vec<Canceller>,
    limit: Duration,
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Deadline {
    pub(super) fn new(cancellers: Vec<Canceller>, limit: Duration) -> Self {
        Self { cancellers, limit, state: Mutex::default(), changed: Condvar::new() }
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
        for canceller in &self.cancellers {
            if let Err(error) = canceller.kill_session() {
                tracing::warn!(%error, "a session that locks could not be ended");
            }
        }
    }

    pub(super) fn has_fired(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    pub(super) fn end_on_drop(&self) -> impl Drop + '_ {
        struct End<'e>(&'e Deadline);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.state.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
                self.0.changed.notify_all();
            }
        }
        End(self)
    }
}
