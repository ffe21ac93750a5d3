//! The receipt of a scrub: what was done to which columns, how that is known, and what the values look like now.
//!
//! It holds counts and names of columns, never a value. It is signed (Ed25519, RFC 8032) with a key that derives from the
//! scrub key, so that who holds that key can tell that it is the receipt of their scrub and that no byte of it was
//! changed; others can check it against the public key, if they know from elsewhere that it is the right one. A receipt
//! says what the program did; it does not prove that the program is right.

mod distinct;
mod format;
mod html;
mod lengths;
mod observe;
mod plot;
mod sign;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use lengths::LengthBucket;
pub use observe::ColumnShape;
pub use sign::{ReceiptError, SignedReceipt, public_key};

use crate::survivors::Survivors;

/// How a receipt is shown.
pub mod render {
    pub use super::html::html;
    pub use super::text::text;
}

/// The version of receipts that is written.
pub const VERSION: u32 = 1;
/// A class of fewer values than this is called small: a value in it can be guessed.
pub const SMALL_CLASS: u128 = 10_000;

/// What was done and found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of this form.
    pub version: u32,
    /// The program that made it, with its version.
    pub program: String,
    /// The content root of the snapshot that it belongs to, as hexadecimal digits.
    pub content_root: String,
    /// The digest of the policy's text ([`Policy::digest`](crate::Policy::digest)), as hexadecimal digits.
    pub policy_digest: String,
    /// The fingerprint of the scrub key.
    pub key_fingerprint: String,
    /// The digest of the tables of letters ([`shape::tables_digest`](crate::shape::tables_digest)), as hexadecimal digits.
    pub letters_digest: String,
    /// What happened to each table.
    pub tables: Vec<TableReceipt>,
    /// What the survivor proof found.
    pub survivors: Survivors,
    /// What it looked for.
    pub thresholds: Thresholds,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableReceipt {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<ColumnReceipt>,
    /// Columns whose values must be distinct, and how that is known.
    pub unique: Vec<Assurance>,
    /// Foreign keys, and how it is known that they hold.
    pub joins: Vec<Assurance>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReceipt {
    /// Its name.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// Its rule.
    pub rule: String,
    /// The domain of the rule.
    pub domain: String,
    /// Values, NULLs not counted.
    pub values: u64,
    /// Values that are others now.
    pub changed: u64,
    /// NULLs, as they are now.
    pub nulls: u64,
    /// Whether values may be telephone numbers or addresses that somebody answers at
    /// ([`PlannedColumn::may_be_reachable`](crate::PlannedColumn::may_be_reachable)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reachable: bool,
    /// What the values looked like before; none if the column is kept.
    pub before: Option<ShapeSummary>,
    /// What they look like now; none if the column is kept.
    pub after: Option<ShapeSummary>,
}

/// What a constraint demands, and how it is known to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// The constraint, such as `users (email)`.
    pub what: String,
    /// How it is known to hold.
    pub how: How,
}

/// How something is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The columns were not rewritten.
    Kept,
    /// The rule maps distinct values to distinct ones, and equal ones to equal ones.
    Construction,
    /// Rows were counted.
    Counted {
        /// Rows that were looked at.
        rows: u64,
        /// Rows that break it.
        breaches: u64,
    },
}

/// What the values of a column look like, as counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ShapeSummary {
    /// Values, NULLs not counted.
    pub values: u64,
    /// NULLs.
    pub nulls: u64,
    /// Empty values.
    pub empty: u64,
    /// Distinct values.
    pub distinct: u64,
    /// Whether they were counted, or estimated within some 2 %.
    pub distinct_is_exact: bool,
    /// Values whose lengths, scripts, formats and classes were looked at: all of the first, then some, each standing for
    /// as many as were passed over.
    pub looked_at: u64,
    /// Values by their length in graphemes (of numbers in digits, of bytes in bytes).
    pub lengths: Vec<LengthBucket>,
    /// Letters and digits by script.
    pub scripts: BTreeMap<String, u64>,
    /// Values by format.
    pub formats: BTreeMap<String, u64>,
    /// Values that are the only ones of their shape.
    pub only_ones: u64,
    /// Values of which fewer than [`SMALL_CLASS`] have the shape.
    pub small_class: u64,
}

/// What the survivor proof looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Digits of the shortest number.
    pub digits_min: u32,
    /// Letters of the shortest text.
    pub letters_min: u32,
    /// Values in more rows than this are common, in small tables.
    pub rare_rows: u64,
    /// And in large tables those in more than one row of as many.
    pub rare_rows_of: u64,
}

impl Thresholds {
    /// Those of this version of the program.
    #[must_use]
    pub fn current() -> Self {
        use crate::survivors::needle::{DIGIT_UNITS, LETTER_UNITS, UNITS_MIN};
        use crate::survivors::{RARE_ROWS_MIN, RARE_ROWS_OF};
        Self {
            digits_min: UNITS_MIN.div_ceil(DIGIT_UNITS),
            letters_min: UNITS_MIN.div_ceil(LETTER_UNITS),
            rare_rows: RARE_ROWS_MIN,
            rare_rows_of: RARE_ROWS_OF,
        }
    }
}

impl Receipt {
    /// Values of all columns that are others now.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.tables.iter().flat_map(|table| &table.columns).map(|column| column.changed).sum()
    }

    /// Constraints of which rows are known to break them.
    #[must_use]
    pub fn breaches(&self) -> Vec<&Assurance> {
        let all = self.tables.iter().flat_map(|table| table.unique.iter().chain(&table.joins));
        all.filter(|assurance| matches!(assurance.how, How::Counted { breaches: 1.., .. })).collect()
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    crate::key::push_hex(&mut text, bytes);
    text
}
