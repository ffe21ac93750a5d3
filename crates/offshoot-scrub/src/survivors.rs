//! The survivor proof: no value that was to be rewritten is left anywhere in what is published.
//!
//! Three steps. While rows are rewritten, [`Inputs`] collects keyed hashes of what the scrubbed columns held: [`needle`]
//! says which parts of a value are looked for, [`text`] how they are normalized. At the end they are merged into
//! [`Needles`]: sorted hashes, and two filters that fit in memory. Then [`Search`] goes over everything that was written,
//! cells and texts of the schema alike, and [`Survivors`] says what it found: places and counts, never a value.
//!
//! The hashes are AES-256 MACs ([`crate::prf`]) under a random key that the caller draws for this one proof and that
//! nothing keeps; so what is spilled says nothing afterwards. 96 bits of them settle a match: with 2^30 needles a wrong one
//! has a probability of 2^-66.
//!
//! This is a proof about whole values, numbers, addresses and phrases, up to case, Unicode form, separators and common
//! escapes. It is not one about facts told in other words, short values (see [`needle::UNITS_MIN`]), words joined to
//! others without a boundary, or values that were encrypted, compressed or put in Base64.

mod chance;
mod class;
mod collect;
pub(crate) mod entry;
mod escapes;
mod exempt;
mod filter;
mod fixed;
mod json;
mod letters;
pub mod needle;
mod needles;
mod output;
mod read;
mod report;
pub(crate) mod runs;
mod search;
mod sieve;
mod tally;
pub mod text;

use crate::facts::shown_name;
use std::fmt;

pub use collect::{Collector, Inputs, Source};
pub use exempt::{Exemption, Promise};
pub use needles::{FRAGMENT_ROWS_MAX, Needles, RARE_ROWS_MIN, RARE_ROWS_OF};
pub use output::Output;
pub(crate) use read::Part;
pub use read::Reading;
pub use report::{ChanceHits, ExemptHits, Finding, Survivors, Unchanged};
pub use runs::{MemoryRuns, Runs};
pub use search::{Search, Searcher};

/// Where a value is: a column of a table, or an object of the schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Place {
    /// A column.
    Column {
        /// Its schema.
        schema: String,
        /// Its table.
        table: String,
        /// Its name.
        column: String,
    },
    /// Text of the schema: a comment, the labels of an enum, a default, a CHECK, a view, the bounds of a partition.
    Object(String),
}

impl Place {
    /// The place of a column.
    #[must_use]
    pub fn column(schema: &str, table: &str, column: &str) -> Self {
        Self::Column { schema: schema.to_owned(), table: table.to_owned(), column: column.to_owned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column { schema, table, column } => write!(f, "{}.{column}", shown_name(schema, table)),
            Self::Object(label) => f.write_str(label),
        }
    }
}

/// Why a proof could not be made. Without a proof nothing is published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The key that the caller drew is not random.
    #[error("the key of the survivor proof is not random: {0}")]
    Key(#[from] crate::KeyError),
    /// Sorted hashes could not be written or read back.
    #[error(
        "the survivor proof could not keep its hashes aside: {0}; free some space for temporary files, or raise its memory"
    )]
    Runs(#[from] std::io::Error),
    /// A value of a column that was not announced.
    #[error(
        "the survivor proof was given values of a column that it was not told of: name all columns at its beginning"
    )]
    Unannounced,
    /// More columns than can be told apart.
    #[error(
        "there are more scrubbed columns than the survivor proof can tell apart; give the partitions of a table one source"
    )]
    TooMany,
    /// A value that is stored apart from its row.
    #[error("{0}: a large value is stored apart from its row; hand it to the survivor proof whole")]
    Apart(Place),
    /// A part of the work was given up, so that what it saw is missing.
    #[error("the survivor proof did not see everything: a part of the work was given up; start again")]
    Unfinished,
}
