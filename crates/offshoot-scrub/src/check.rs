//! Constraints on the values of one column, tried on what a rule makes of them.
//!
//! Where the outcome would depend on how the database was set up (which letters its locale knows, how it folds case), the answer
//! is that nobody knows, and whoever asks takes that for a no.

mod examples;

use regex::Regex;

use crate::condition::compare::{Literal, Written};
use crate::facts::ColumnFacts;
use crate::facts::predicate::{Comparison, Predicate, all_hold, any_holds};
use crate::value::{Kind, Value};
use crate::wire::Codec;

/// A constraint by which values can be told.
pub(crate) struct ValueCheck {
    /// Its name.
    pub(crate) name: String,
    codec: Codec,
    /// Whether blanks at the end are none of the value.
    is_padded: bool,
    test: Test,
    predicate: Predicate,
}

/// A predicate with what it needs.
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare(Comparison, Literal),
    Length(Comparison, u64),
    Matches(Pattern),
    IsLower,
    IsUpper,
    IsNull,
}

/// An expression with its classes taken for Unicode's and for those of ASCII.
struct Pattern {
    wide: Regex,
    narrow: Regex,
    folds_case: bool,
}

/// Classes of the expressions of a [`Predicate`], as Unicode has them.
const CLASSES: [(&str, &str); 7] = [
    ("[:alpha:]", r"\p{Alphabetic}"),
    ("[:alnum:]", r"\p{Alphabetic}\p{N}"),
    ("[:digit:]", r"\p{Nd}"),
    ("[:lower:]", r"\p{Lowercase}"),
    ("[:upper:]", r"\p{Uppercase}"),
    ("[:space:]", r"\s"),
    ("[:punct:]", r"\p{P}\p{S}"),
];

impl ValueCheck {
    /// Makes a constraint of a column one that values can be told by; none if it cannot be read, or does not fit the type.
    pub(crate) fn new(name: &str, predicate: &Predicate, column: &ColumnFacts, codec: Codec) -> Option<Self> {
        let test = Test::new(predicate, column, codec).filter(|_| codec.is_whole())?;
        let is_padded = column.is_padded();
        Some(Self { name: name.to_owned(), codec, is_padded, test, predicate: predicate.clone() })
    }

    /// Whether a value passes, in the form of the rows; none if nobody knows.
    pub(crate) fn holds(&self, bytes: &[u8]) -> Option<bool> {
        self.codec.look(bytes, |value| match value {
            Value::Text(text) if self.is_padded => {
                let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
                self.test.holds(Value::Text(&text[..end]))
            }
            value => self.test.holds(value),
        })
    }

    /// Values that pass, in the form of the rows: some plain ones, and those next to what the constraint names.
    pub(crate) fn examples(&self) -> Vec<Vec<u8>> {
        let mut examples = examples::around(&self.predicate, self.codec);
        examples.retain(|example| self.holds(example) == Some(true));
        examples
    }
}

impl Test {
    fn new(predicate: &Predicate, column: &ColumnFacts, codec: Codec) -> Option<Self> {
        let tests =
            |parts: &[Predicate]| parts.iter().map(|part| Self::new(part, column, codec)).collect::<Option<Vec<_>>>();
        let is_text = codec.kind() == Kind::Text;
        Some(match predicate {
            Predicate::All(parts) => Self::All(tests(parts)?),
            Predicate::Any(parts) => Self::Any(tests(parts)?),
            Predicate::Not(part) => Self::Not(Box::new(Self::new(part, column, codec)?)),
            Predicate::IsNull => Self::IsNull,
            Predicate::Compare(with, literal) => {
                let written = match codec.kind() {
                    Kind::Integer | Kind::Decimal | Kind::Float => Written::Number(literal.clone()),
                    Kind::Bool => Written::Bool(literal == "true"),
                    _ => Written::Text(literal.clone()),
                };
                Self::Compare(*with, Literal::read(&written, column, codec).ok()?)
            }
            Predicate::Length(with, chars) if is_text => Self::Length(*with, *chars),
            Predicate::Matches { pattern, folds_case } if is_text => Self::Matches(Pattern::new(pattern, *folds_case)?),
            Predicate::IsLower if is_text => Self::IsLower,
            Predicate::IsUpper if is_text => Self::IsUpper,
            Predicate::Length(..) | Predicate::Matches { .. } | Predicate::IsLower | Predicate::IsUpper => return None,
        })
    }

    fn holds(&self, value: Value<'_>) -> Option<bool> {
        let text = || match value {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        match self {
            Self::All(parts) => all_hold(parts.iter().map(|part| part.holds(value))),
            Self::Any(parts) => any_holds(parts.iter().map(|part| part.holds(value))),
            Self::Not(part) => part.holds(value).map(|holds| !holds),
            Self::IsNull => Some(false),
            Self::Compare(with, literal) => literal.order(value).map(|order| with.holds(order)),
            Self::Length(with, chars) => Some(with.holds((text()?.chars().count() as u64).cmp(chars))),
            Self::Matches(pattern) => pattern.is_found(text()?),
            Self::IsLower => is_folded(text()?, char::is_ascii_uppercase, |c| c.to_lowercase().eq([c])),
            Self::IsUpper => is_folded(text()?, char::is_ascii_lowercase, |c| c.to_uppercase().eq([c])),
        }
    }
}

/// Whether folding a text's case changes nothing. What the letters beyond ASCII become is up to the locale.
fn is_folded(text: &str, is_other: fn(&char) -> bool, stays: fn(char) -> bool) -> Option<bool> {
    if text.chars().any(|c| is_other(&c)) { Some(false) } else { text.chars().all(stays).then_some(true) }
}

impl Pattern {
    fn new(pattern: &str, folds_case: bool) -> Option<Self> {
        let wide = CLASSES.iter().fold(pattern.to_owned(), |pattern, (class, wide)| pattern.replace(class, wide));
        let made = |pattern: &str| regex::RegexBuilder::new(pattern).case_insensitive(folds_case).build().ok();
        Some(Self { wide: made(&wide)?, narrow: made(pattern)?, folds_case })
    }

    fn is_found(&self, text: &str) -> Option<bool> {
        let narrow = self.narrow.is_match(text);
        if text.is_ascii() {
            return Some(narrow);
        }
        (!self.folds_case && self.wide.is_match(text) == narrow).then_some(narrow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::table::RowForm;

    fn holds(type_name: &str, predicate: &Predicate, value: &str) -> Option<bool> {
        let column = ColumnFacts::new("c", type_name);
        let check = ValueCheck::new("c", predicate, &column, Codec::of(&column, RowForm::Text)).unwrap();
        check.holds(value.as_bytes())
    }

    fn matches(pattern: &str) -> Predicate {
        Predicate::Matches { pattern: pattern.to_owned(), folds_case: false }
    }

    #[test]
    fn values_are_told_by_what_they_are() {
        use Comparison::{Equal, Greater, LessOrEqual};
        let compare = |with, literal: &str| Predicate::Compare(with, literal.to_owned());
        let either = Predicate::Any(vec![compare(LessOrEqual, "-7"), compare(Greater, "10")]);
        for (value, expected) in [("-8", true), ("-7", true), ("0", false), ("10", false), ("11", true)] {
            assert_eq!(holds("int4", &either, value), Some(expected), "{value}");
            assert_eq!(holds("numeric", &either, value), Some(expected), "{value}");
        }
        assert_eq!(holds("date", &compare(LessOrEqual, "2026-01-01"), "2025-12-31"), Some(true));
        assert_eq!(holds("date", &compare(LessOrEqual, "2026-01-01"), "infinity"), Some(false));
        assert_eq!(holds("date", &compare(Equal, "infinity"), "infinity"), Some(true));
        assert_eq!(holds("bpchar", &compare(Equal, "DE"), "DE   "), Some(true));
        assert_eq!(holds("text", &compare(Equal, "DE"), "DE   "), Some(false));
        assert_eq!(holds("text", &Predicate::Length(LessOrEqual, 3), "äöü"), Some(true));
        assert_eq!(holds("bpchar", &Predicate::Length(LessOrEqual, 3), "äöü    "), Some(true));
        assert_eq!(holds("text", &Predicate::Not(Box::new(Predicate::IsNull)), ""), Some(true));
    }

    #[test]
    fn what_depends_on_the_locale_is_not_known() {
        let word = matches("^[[:alpha:]]+$");
        assert_eq!([holds("text", &word, "Ann"), holds("text", &word, "A1")], [Some(true), Some(false)]);
        assert_eq!([holds("text", &word, "Zoë"), holds("text", &word, "Zoë 7")], [None, Some(false)]);
        // Every locale agrees about what is neither.
        assert_eq!(holds("text", &matches("^[^@[:space:]]+@[^@[:space:]]+$"), "zoë@münchen.de"), Some(true));
        let lower = Predicate::IsLower;
        assert_eq!(
            ["ann", "Ann", "zoë", "ZOË", "Ë"].map(|text| holds("text", &lower, text)),
            [Some(true), Some(false), Some(true), Some(false), None]
        );
        let folding = Predicate::Matches { pattern: "^ann".to_owned(), folds_case: true };
        assert_eq!([holds("text", &folding, "ANNA"), holds("text", &folding, "ANNÉ")], [Some(true), None]);
    }

    #[test]
    fn what_does_not_fit_the_type_is_none() {
        let column = ColumnFacts::new("c", "int4");
        let new = |predicate| ValueCheck::new("c", &predicate, &column, Codec::of(&column, RowForm::Text)).is_some();
        assert!(!new(Predicate::Length(Comparison::Less, 3)));
        assert!(!new(matches("a")));
        let column = ColumnFacts::new("c", "_text");
        let new = |predicate| ValueCheck::new("c", &predicate, &column, Codec::of(&column, RowForm::Text)).is_some();
        assert!(!new(matches("a")));
    }
}
