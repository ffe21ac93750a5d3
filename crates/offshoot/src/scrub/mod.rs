//! Scrubbing: what the rows of a capture go through on their way into a store.
//!
//! A [`Scrub`] is a policy and a key. A capture with one plans before a row is read, rewrites rows before they are sorted,
//! spilled, hashed or written, and proves at the end that nothing survived, or publishes nothing.

mod epoch;
mod proof;
mod receipt;
mod rewriter;

pub(crate) use epoch::{Lineage, check_same};
pub(crate) use proof::{Broken, Survived};
pub(crate) use rewriter::{Bounds, Rewriter};

use crate::{Error, ErrorKind, Result};
use offshoot_format::manifest::Trust;
use offshoot_scrub::ScrubError;
pub use offshoot_scrub::receipt::{self as receipts, Receipt};
pub use offshoot_scrub::{
    ColumnCount, Fingerprint, Key, KeyError, Policy, PolicyError, Scrubber, facts, key, policy, shape, transform, value,
};
use std::fmt::Write as _;

/// Under which policy and with which key rows are scrubbed.
#[derive(Debug, Clone)]
pub struct Scrub {
    policy: Policy,
    key: Key,
}

impl Scrub {
    /// Puts both together.
    ///
    /// ```
    /// use offshoot::scrub::{Policy, Scrub, new_key};
    ///
    /// let policy = Policy::parse("[scrub.tables.users]\nid = 'keep'\nemail = 'email'")?;
    /// let scrub = Scrub::new(policy, new_key()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(policy: Policy, key: Key) -> Self {
        Self { policy, key }
    }

    /// Says what becomes of columns that no rule covers, whatever the policy says: they get the rule of their type, or the
    /// capture fails.
    #[must_use]
    pub fn shaping_unclassified(mut self, shapes: bool) -> Self {
        self.policy = self.policy.shaping_unclassified(shapes);
        self
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What snapshots that are scrubbed like this say of themselves.
    pub(crate) fn trust(&self) -> Trust {
        let mut policy_digest = String::with_capacity(64);
        for byte in self.policy.digest() {
            // Writing into a String never fails.
            let _ = write!(policy_digest, "{byte:02x}");
        }
        Trust::Scrubbed { policy_digest, key_fingerprint: self.key.fingerprint().to_string() }
    }
}

/// A new scrub key from the system's randomness. Whoever loses it cannot scrub later snapshots to agree with earlier ones.
///
/// # Errors
/// `Failed` if the system gives no randomness.
pub fn new_key() -> Result<Key> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    let failed = |why: String| {
        Error::new(ErrorKind::Failed, format!("no key could be drawn: {why}"), "the system's random numbers are needed")
    };
    getrandom::fill(bytes.as_mut()).map_err(|error| failed(error.to_string()))?;
    Key::from_bytes(*bytes).map_err(|error| failed(error.to_string()))
}

impl From<ScrubError> for Error {
    fn from(error: ScrubError) -> Self {
        let kind = match &error {
            ScrubError::Unclassified(_) => ErrorKind::Refused,
            ScrubError::Policy(_) | ScrubError::Refused { .. } => ErrorKind::Usage,
            _ => ErrorKind::Failed,
        };
        match error {
            ScrubError::Unclassified(columns) => {
                let list: Vec<String> = columns
                    .iter()
                    .map(|(column, rule)| format!("\n  {}: {rule}", column.trim_start_matches('.')))
                    .collect();
                let message =
                    format!("no rule covers these columns; a rule to begin with beside each:{}", list.concat());
                let hint = "give each a rule in [scrub.tables] of the policy, or take --unclassified=scrub; \
                            `offshoot scan URL` proposes a policy";
                Self::new(kind, message, hint)
            }
            other => Self::retell(kind, other),
        }
    }
}
