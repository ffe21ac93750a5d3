//! How the threads of one capture stop together: the caller's flag, and the first error of any of them.

use offshoot_core::{Control, CoreError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What all threads of a capture look at.
#[derive(Debug)]
pub struct Stop {
    control: Control,
    is_raised: AtomicBool,
    first: Mutex<Option<CoreError>>,
}

impl Stop {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone(), is_raised: AtomicBool::new(false), first: Mutex::new(None) }
    }

    /// The caller's control.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops all threads. The first error is kept: what follows are its consequences.
    pub fn raise(&self, error: impl Into<CoreError>) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(error.into());
        }
        self.is_raised.store(true, Ordering::Release);
    }

    /// Stops all threads if it is dropped by a panic: nobody waits for what the thread would have done.
    pub fn raise_on_panic(&self) -> impl Drop + '_ {
        struct Guard<'s>(&'s Stop);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.raise(CoreError::Poisoned);
                }
            }
        }
        Guard(self)
    }

    /// Whether the capture is to end.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire) || self.control.is_cancelled()
    }

    /// Ends the work of a thread if the capture is to end.
    ///
    /// # Errors
    /// `Cancelled` if the caller wishes so, `Poisoned` if another thread failed.
    pub fn check(&self) -> Result<(), CoreError> {
        self.control.check()?;
        if self.is_raised.load(Ordering::Acquire) { Err(CoreError::Poisoned) } else { Ok(()) }
    }

    /// The error that ended the capture, if one did.
    ///
    /// # Errors
    /// The first that was raised; `Cancelled` goes before all.
    pub fn into_result(self) -> Result<(), CoreError> {
        self.control.check()?;
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
