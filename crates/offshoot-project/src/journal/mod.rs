//! The journal: when each branch was asked for, ready, reset and deleted, from what, and how long each step took.
//!
//! It is there so that a team sees how long it waits for data, and that this gets less ([`stats`]). It is not the truth about
//! any branch: losing a line of it loses a figure. It holds names and times, and never a value, a URL or a password: there is
//! no place for one in its records.

mod file;
pub mod stats;

pub use file::{Journal, Read};

use serde::{Deserialize, Serialize};

/// The method of a branch whose image had to be built first, however that was cloned then.
pub const IMAGE_BUILD: &str = "image build";

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was written, in milliseconds since 1970 UTC.
    pub at_unix_ms: u64,
    /// The branch's name.
    pub branch: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asked for it.
    Asked {
        /// The snapshot that was asked for, as it was named; none for the one that the configuration means.
        from: Option<String>,
    },
    /// It answered its first query.
    Ready(Made),
    /// It was reset, and answered again.
    Reset(Made),
    /// It, or its reset, did not come about.
    Failed {
        /// How long that took, in milliseconds: somebody waited for it in vain.
        waited_ms: u64,
    },
    /// It was deleted.
    Deleted,
}

/// How a branch was made or reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The snapshot's id.
    pub snapshot: String,
    /// How, in a word: `spare`, `reflink`, `copy`; [`IMAGE_BUILD`] where the image had to be built first.
    pub method: String,
    /// From asking to the first answer, in milliseconds.
    pub waited_ms: u64,
    /// The steps and how long each took, in milliseconds.
    #[serde(default)]
    pub steps: Vec<(String, u64)>,
}

impl Event {
    /// How long somebody waited because of it, in milliseconds.
    #[must_use]
    pub fn waited_ms(&self) -> Option<u64> {
        match self {
            Self::Ready(made) | Self::Reset(made) => Some(made.waited_ms),
            Self::Failed { waited_ms } => Some(*waited_ms),
            Self::Asked { .. } | Self::Deleted => None,
        }
    }
}
