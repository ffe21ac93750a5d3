//! Names of branches: anything that a person or git may call something, as long as it can be shown in one line.

use super::{BranchError, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name, in bytes: what git and file systems allow.
const NAME_BYTES_MAX: usize = 255;

/// A valid name. It is never used as a path, in a command or in SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BranchName(String);

impl BranchName {
    /// Takes a text as a name.
    ///
    /// # Errors
    /// `BadName` for an empty one, one of more than 255 bytes, one with control characters, or one that begins with a dash.
    pub fn new(text: &str) -> Result<Self> {
        let why = if text.is_empty() {
            "it is empty"
        } else if text.len() > NAME_BYTES_MAX {
            "it has more than 255 bytes"
        } else if text.chars().any(char::is_control) {
            "it holds a control character"
        } else if text.starts_with('-') {
            "it begins with a dash, as options do"
        } else if text.trim() != text {
            "it begins or ends with a space"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(BranchError::BadName { name: text.chars().take(NAME_BYTES_MAX).collect(), why })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_takes_is_a_name() {
        for name in ["fix-4711", "feature/größer", "a b", "名前", "🐛", "x'; DROP TABLE y; --", "..", "$(reboot)"]
        {
            assert_eq!(BranchName::new(name).unwrap().as_str(), name);
        }
        for name in ["", " a", "a ", "a\nb", "-x", "a\0b", &"x".repeat(256)] {
            assert!(BranchName::new(name).is_err(), "{name:?}");
        }
    }
}
