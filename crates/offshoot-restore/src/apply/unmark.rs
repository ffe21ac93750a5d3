//! The last step: the mark is taken away. Where the answer to that is lost, nothing but the target says whether it is done.

use super::{Shared, remember};
use offshoot_core::Result;
use offshoot_core::target::TargetSession;

impl Shared<'_> {
    /// Takes the mark away. A lost answer is no failure where the mark is gone.
    pub(super) fn unmark(&self, label: &str, session: &mut dyn TargetSession) -> Result<()> {
        let Err(error) = session.unmark() else { return Ok(()) };
        let is_marked = match self.is_marked() {
            // Set anew, it waits for what the server may still be doing, and where it cannot be set it may be gone by then.
            Ok(true) if !remember(self.plan, self.target, label) => self.is_marked(),
            is_marked => is_marked,
        };
        match is_marked {
            Ok(false) => {
                tracing::info!("the answer to the last step was lost; the mark is gone");
                Ok(())
            }
            Ok(true) => Err(error),
            Err(_) => {
                self.lock().may_be_complete = true;
                Err(error)
            }
        }
    }

    fn is_marked(&self) -> Result<bool> {
        self.target.session(&self.plan.options.choices)?.is_marked()
    }
}
