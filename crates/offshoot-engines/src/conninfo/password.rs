//! A password that cannot be printed by accident.
//!
//! Its bytes are overwritten when it is dropped. It has no Display, its Debug says only that there is one, and the
//! single way to the bytes has a name that stands out in a review. It is not encryption: whoever can read the memory of
//! the process can read it.

use std::fmt;

use zeroize::Zeroizing;

/// A secret of a connection: a password, or the pass phrase of a private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the bytes over. They need not be UTF-8: a password file is bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The secret itself, for the one call that authenticates. Never for a message.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Some(Password::new("canary-7f3a")));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
