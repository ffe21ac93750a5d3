//! What a constraint demands of the values of one column, in words of no engine in particular.
//!
//! Whoever knows the engine translates what it is sure of; all else stays a constraint with nothing but a name. Literals are
//! texts that mean the same everywhere: digits with sign and point, ISO dates and UTC timestamps or `infinity`, `true`.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A demand on a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// All of them hold.
    All(Vec<Predicate>),
    /// At least one holds.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// There is no value.
    IsNull,
    /// The value compares so with a literal. Texts are equal or not, byte by byte, and in no order.
    Compare(Comparison, String),
    /// The number of its characters compares so.
    Length(Comparison, u64),
    /// A regular expression is found in the text. It is one of the crate `regex` whose classes are written `[:alpha:]`, as the
    /// database may take them for those of ASCII or of Unicode.
    Matches {
        /// The expression.
        pattern: String,
        /// Whether case does not count.
        folds_case: bool,
    },
    /// No letter of the text is a capital.
    IsLower,
    /// No letter of the text is a small one.
    IsUpper,
}

/// How a value compares with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Whether it holds for values in this order.
    #[must_use]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The same comparison from the other side.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Predicate {
    /// Whether NULL passes: a constraint refuses only what is false.
    #[must_use]
    pub fn allows_null(&self) -> bool {
        self.of_null() != Some(false)
    }

    fn of_null(&self) -> Option<bool> {
        match self {
            Self::All(parts) => all_hold(parts.iter().map(Self::of_null)),
            Self::Any(parts) => any_holds(parts.iter().map(Self::of_null)),
            Self::Not(part) => part.of_null().map(|holds| !holds),
            Self::IsNull => Some(true),
            _ => None,
        }
    }

    /// Whether it looks at nothing but the length, and at whether there is a value.
    #[must_use]
    pub fn bounds_length(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::bounds_length),
            Self::Not(part) => part.bounds_length(),
            Self::IsNull | Self::Length(..) => true,
            Self::Compare(with, text) => text.is_empty() && matches!(with, Comparison::Equal | Comparison::NotEqual),
            Self::Matches { .. } | Self::IsLower | Self::IsUpper => false,
        }
    }

    /// The most characters that it allows, if it says so.
    #[must_use]
    pub fn chars_max(&self) -> Option<u64> {
        match self {
            Self::All(parts) => parts.iter().filter_map(Self::chars_max).min(),
            Self::Any(parts) => {
                let of_values = parts.iter().filter(|part| **part != Self::IsNull);
                of_values.map(Self::chars_max).collect::<Option<Vec<u64>>>()?.into_iter().max()
            }
            Self::Length(Comparison::LessOrEqual | Comparison::Equal, chars) => Some(*chars),
            Self::Length(Comparison::Less, chars) => Some(chars.saturating_sub(1)),
            _ => None,
        }
    }
}

/// Whether at least one is true, as SQL's OR has it: none stands for what is not known.
pub fn any_holds(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all_hold(parts.map(|part| part.map(|holds| !holds))).map(|none_does| !none_does)
}

/// Whether all are true, as SQL's AND has it: none stands for what is not known.
pub fn all_hold(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    parts
        .try_fold(Some(true), |so_far, part| match part {
            Some(false) => Err(()),
            None => Ok(None),
            Some(true) => Ok(so_far),
        })
        .unwrap_or(Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_passes_what_does_not_bar_it() {
        let short = || Predicate::Length(Comparison::Less, 9);
        let is_there = || Predicate::Not(Box::new(Predicate::IsNull));
        assert!(short().allows_null());
        assert!(Predicate::Any(vec![Predicate::IsNull, short()]).allows_null());
        assert!(Predicate::Any(vec![is_there(), short()]).allows_null());
        assert!(!is_there().allows_null());
        assert!(!Predicate::All(vec![short(), is_there()]).allows_null());
    }

    #[test]
    fn the_longest_that_is_allowed() {
        let at_most = |chars| Predicate::Length(Comparison::LessOrEqual, chars);
        let pattern = || Predicate::Matches { pattern: "a".to_owned(), folds_case: false };
        assert_eq!(Predicate::All(vec![at_most(9), pattern(), at_most(7)]).chars_max(), Some(7));
        assert_eq!(Predicate::Any(vec![at_most(9), Predicate::IsNull]).chars_max(), Some(9));
        assert_eq!(Predicate::Any(vec![at_most(9), pattern()]).chars_max(), None);
        assert_eq!(Predicate::Not(Box::new(at_most(9))).chars_max(), None);
    }
}
