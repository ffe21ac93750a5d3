//! Conditions on the columns of a row: `kind = 'person' and created >= '2024-01-01'`.
//!
//! A small part of what SQL has, with its meaning: comparisons of a column with a literal, `in`, `is null`, `and`, `or`, `not`,
//! parentheses; a comparison with NULL is neither true nor false. Values are looked at as they are in the source. Texts compare
//! byte by byte, whatever the collation; numbers by value; times in UTC.

pub(crate) mod compare;
mod parse;

use offshoot_format::table::RowForm;

use crate::facts::ColumnFacts;
use crate::facts::predicate::{Comparison, all_hold, any_holds};
use crate::policy::{Fault, Node};
use crate::transform::Row;
use crate::wire::Codec;
use compare::Literal;

/// A condition.
pub(crate) enum Condition {
    /// All of them.
    All(Vec<Condition>),
    /// At least one.
    Any(Vec<Condition>),
    Not(Box<Condition>),
    IsNull(usize),
    Compare {
        column: usize,
        codec: Codec,
        with: Comparison,
        literal: Literal,
    },
}

impl Condition {
    /// Reads a condition on these columns.
    pub(crate) fn parse(node: &Node, columns: &[ColumnFacts], form: RowForm) -> Result<Self, Fault> {
        let text = node.text("a condition")?;
        parse::parse(text, columns, form).map_err(|what| node.fault(format!("the condition cannot be read: {what}")))
    }

    /// Whether it holds for a row; none if that cannot be told because of a NULL.
    pub(crate) fn holds(&self, row: &Row<'_>) -> Option<bool> {
        match self {
            Self::All(parts) => all_hold(parts.iter().map(|part| part.holds(row))),
            Self::Any(parts) => any_holds(parts.iter().map(|part| part.holds(row))),
            Self::Not(part) => part.holds(row).map(|holds| !holds),
            Self::IsNull(column) => row.is_null(*column),
            Self::Compare { column, codec, with, literal } => {
                let order = codec.look(row.raw(*column)?, |value| literal.order(value))?;
                Some(with.holds(order))
            }
        }
    }
}
