//! Conditions on the columns of a row: `kind = 'person' and created >= '2024-01-01'`.
//!
//! A small part of what SQL has, with its meaning: comparisons of a column with a literal, `in`, `is null`, `and`, `or`, `not`,
//! parentheses; a comparison with NULL is neither true nor false. Values are looked at as they are in the source. Texts compare
//! byte by byte, whatever the collation; numbers by value; times in UTC.

mod compare;
mod parse;

use offshoot_format::table::RowForm;

use crate::facts::ColumnFacts;
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

/// How a value compares with a literal.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
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
            Self::All(parts) => parts
                .iter()
                .try_fold(Some(true), |so_far, part| match part.holds(row) {
                    Some(false) => Err(()),
                    None => Ok(None),
                    Some(true) => Ok(so_far),
                })
                .unwrap_or(Some(false)),
            Self::Any(parts) => parts
                .iter()
                .try_fold(Some(false), |so_far, part| match part.holds(row) {
                    Some(true) => Err(()),
                    None => Ok(None),
                    Some(false) => Ok(so_far),
                })
                .unwrap_or(Some(true)),
            Self::Not(part) => part.holds(row).map(|holds| !holds),
            Self::IsNull(column) => row.is_null(*column),
            Self::Compare { column, codec, with, literal } => {
                let order = codec.look(row.raw(*column)?, |value| literal.order(value))?;
                Some(match with {
                    Comparison::Equal => order.is_eq(),
                    Comparison::NotEqual => order.is_ne(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                })
            }
        }
    }
}
