//! Why tables cannot be scrubbed, or a batch cannot.

use offshoot_format::FormatError;
use offshoot_format::column::INLINE_VALUE_BYTES_MAX;

use super::WHOLE_BYTES_MAX;
use crate::policy::PolicyError;

/// Why no plan can be made, or a batch not be rewritten. No value is in any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrubError {
    /// The policy is wrong in itself, or for these tables.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// Columns that no rule covers, each with a rule to begin with.
    #[error("no rule covers {}; give each a rule in [scrub.tables], such as `{}`", list(.0), example(.0))]
    Unclassified(Vec<(String, &'static str)>),
    /// A rule that the column does not allow.
    #[error("{}`{rule}` cannot be the rule of {column}: {why}", at(.place))]
    Refused {
        /// The rule's line and column in the policy, from 1; none where the policy has no rule for it.
        place: Option<(usize, usize)>,
        /// Schema, table and column.
        column: String,
        /// The rule.
        rule: String,
        /// Why not, and what to do.
        why: String,
    },
    /// A rewritten value is longer than the column allows.
    #[error(
        "{column}: a rewritten value is longer than the column's limit; choose a rule that keeps the length, such as `shape`"
    )]
    TooLong {
        /// Schema, table and column.
        column: String,
    },
    /// A rewritten value breaks a constraint that the value which it replaces did not break.
    #[error(
        "{column}: a rewritten value breaks the constraint {constraint}; choose another rule, or add `ignore-checks = true` if \
         the constraint does not matter"
    )]
    Breaks {
        /// Schema, table and column.
        column: String,
        /// The constraint.
        constraint: String,
    },
    /// A value would become NULL where the column has none, because it could not be decoded.
    #[error(
        "{column}: a value cannot be decoded, and the column is NOT NULL; use `constant`, or `keep` if nothing personal is in it"
    )]
    NotNull {
        /// Schema, table and column.
        column: String,
    },
    /// A value is larger than what a rule can have as a whole.
    #[error(
        "{column}: a value is larger than the {} MiB that `{rule}` can hold; for such values there are `shape`, `words`, \
         `redact`, `token` (piece by piece), and `null`, `empty`, `constant`, `image` and `keep`",
        WHOLE_BYTES_MAX >> 20
    )]
    TooLarge {
        /// Schema, table and column.
        column: String,
        /// The rule.
        rule: String,
    },
    /// A value is too large to be put into another row.
    #[error(
        "{column}: a value of more than {} KiB is stored apart from its row, and not moved to another one; for such values there \
         are `shape`, `words`, `redact`, `token`, `null` and `keep`",
        INLINE_VALUE_BYTES_MAX >> 10
    )]
    Unmovable {
        /// Schema, table and column.
        column: String,
    },
    /// The values that must be held before any is rewritten are too many.
    #[error(
        "{column}: its rule holds all values of the column, and those take more than the {} MiB that there are for it; draw instead \
         (`one-of`, `lookup`), or give more memory",
        .bytes >> 20
    )]
    TooMuch {
        /// Schema, table and column.
        column: String,
        /// The bytes that there are.
        bytes: u64,
    },
    /// A row comes that was not among those which [`Scrubber::survey`](super::Scrubber::survey) has seen.
    #[error(
        "{column}: its rule must have seen all rows before it rewrites one, and this one it has not; the table changed between its two \
         readings: begin anew"
    )]
    NotSurveyed {
        /// Schema, table and column.
        column: String,
    },
    /// [`Scrubber::survey`](super::Scrubber::survey) was called after rows were rewritten.
    #[error("{column}: its rule has rewritten rows already; make a scrubber for each reading of a table")]
    SurveyedLate {
        /// Schema, table and column.
        column: String,
    },
    /// Only one row has a value, which would stay where it is.
    #[error(
        "{column}: one row alone has a value, so that there is no other row to put it in, and the column is NOT NULL; use another rule"
    )]
    Alone {
        /// Schema, table and column.
        column: String,
    },
    /// A value is stored apart, where this rule cannot reach it.
    #[error(
        "{column}: a large value is stored apart from its row; it must go through `Scrubber::large` before it is stored"
    )]
    Apart {
        /// Schema, table and column.
        column: String,
    },
    /// The batch is not of the planned table, or grew too large.
    #[error(transparent)]
    Format(#[from] FormatError),
}

fn at(place: &Option<(usize, usize)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!("policy: line {line}, column {column}: "))
}

fn list(columns: &[(String, &'static str)]) -> String {
    columns.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>().join(", ")
}

fn example(columns: &[(String, &'static str)]) -> String {
    columns.first().map_or(String::new(), |(column, rule)| {
        format!("{} = \"{rule}\"", column.rsplit('.').next().unwrap_or_default())
    })
}
