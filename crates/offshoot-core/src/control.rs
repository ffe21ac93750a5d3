//! How a caller stops and watches a long operation: one flag, one callback.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long who waits sleeps before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);

/// Waits until a moment, and looks before each nap whether there is a reason not to.
pub(crate) fn wait_until(until: Instant, check: impl Fn() -> crate::Result<()>) -> crate::Result<()> {
    loop {
        check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(NAP));
    }
}

/// What happened in an operation. Carries counts and names of objects, never a row's value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A step began: `lock`, `schema`, `data`, `index public.users_pkey` ...
    Step {
        /// What is being done.
        name: String,
    },
    /// How much the data step has to do, as far as the source can estimate it. Rows are counted anew from here: an attempt
    /// that failed, and the proof that follows a capture, begin with one of their own.
    Total {
        /// Rows of all tables, estimated.
        rows: u64,
        /// Bytes of all tables as the server stores them.
        bytes: u64,
    },
    /// Rows went by since the last such event.
    Rows {
        /// Rows.
        rows: u64,
        /// Bytes of their values.
        bytes: u64,
    },
    /// Something that the user should read although the operation goes on.
    Warning {
        /// What, why, what to do.
        message: String,
    },
}

/// Stops and watches an operation; clones share the flag and the callback.
#[derive(Clone)]
pub struct Control {
    cancelled: Arc<AtomicBool>,
    watch: Arc<dyn Fn(&Event) + Send + Sync>,
}

impl Control {
    /// A control whose events go to `watch`, which is called from several threads and should return at once.
    pub fn new(watch: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { cancelled: Arc::default(), watch: Arc::new(watch) }
    }

    /// Asks the operation to stop; it ends with a cancelled error soon after and leaves nothing behind.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the operation was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Ends an operation that was asked to stop.
    ///
    /// # Errors
    /// `Cancelled` after [`Self::cancel`].
    pub fn check(&self) -> crate::Result<()> {
        if self.is_cancelled() { Err(crate::CoreError::Cancelled) } else { Ok(()) }
    }

    /// Tells the watcher.
    pub fn emit(&self, event: &Event) {
        (self.watch)(event);
    }

    /// Tells the watcher that a step began.
    pub fn step(&self, name: impl Into<String>) {
        self.emit(&Event::Step { name: name.into() });
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
