//! How often a source is read anew when it says that this may succeed, and how long is waited in between.
//!
//! A server that starts again takes seconds, and whoever was given way to wants some time, too: so the pauses grow.

use crate::control::wait_until;
use crate::{Control, CoreError, Event, Result};
use std::time::{Duration, Instant};

/// Attempts in all, unless somebody says otherwise.
pub const ATTEMPTS: u32 = 4;

/// The first pause; each is so many times longer than the one before.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_GROWTH: u32 = 5;

/// What is left of the attempts.
#[derive(Debug)]
pub struct Attempts {
    left: u32,
    pause: Duration,
}

impl Attempts {
    /// So many in all, the first of which is under way.
    #[must_use]
    pub fn new(count: u32) -> Self {
        Self { left: count.saturating_sub(1), pause: PAUSE }
    }

    /// Waits before the next attempt, and tells why there is one.
    ///
    /// # Errors
    /// The failure of the last attempt, if there is no other or it would not help; `Cancelled`.
    pub fn again(&mut self, failure: CoreError, control: &Control) -> Result<()> {
        let CoreError::Source { retryable: true, source } = failure else { return Err(failure) };
        if self.left == 0 {
            return Err(CoreError::Source { retryable: true, source });
        }
        self.left -= 1;
        tracing::info!(attempts_left = self.left, "a new attempt on a new snapshot");
        control.check()?;
        control.emit(&Event::Warning { message: format!("{source}; trying again") });
        wait_until(Instant::now() + self.pause, || control.check())?;
        self.pause *= PAUSE_GROWTH;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(retryable: bool) -> CoreError {
        CoreError::Source { retryable, source: "gone".into() }
    }

    #[test]
    fn as_many_as_were_wanted_and_only_where_it_may_help() {
        let control = Control::default();
        assert!(Attempts::new(5).again(failure(false), &control).is_err());
        assert!(Attempts::new(1).again(failure(true), &control).is_err());
        let mut two = Attempts::new(2);
        let began = Instant::now();
        two.again(failure(true), &control).unwrap();
        assert!(began.elapsed() >= PAUSE && two.pause > PAUSE);
        assert!(matches!(two.again(failure(true), &control), Err(CoreError::Source { retryable: true, .. })));
    }

    #[test]
    fn a_pause_can_be_cancelled() {
        let control = Control::default();
        control.cancel();
        let far = Instant::now() + Duration::from_secs(1 << 30);
        assert!(matches!(wait_until(far, || control.check()), Err(CoreError::Cancelled)));
        assert!(matches!(Attempts::new(5).again(failure(true), &control), Err(CoreError::Cancelled)));
    }
}
