//! Conditions as the server prints them, as [`Predicate`]s: comparisons of a column with literals, lists, lengths, patterns, tests
//! for NULL, and AND, OR and NOT over them. What is not certainly understood is not read at all.

mod operand;

use super::expression::{Expression, Token};
use super::pattern;
use offshoot_format::facts::predicate::{Comparison, Predicate};
use operand::{Literal, Operand, Place};
use std::collections::BTreeSet;

/// A condition that was understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it demands; of nothing but the length, if there are several columns.
    pub predicate: Predicate,
    /// Whether the predicate says all: it does not where lengths are compared with each other.
    pub is_whole: bool,
}

/// A column as a condition sees it: its type, and whether texts are equal only byte by byte.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'c> {
    /// The name of its type, as facts have it.
    pub type_name: &'c str,
    /// Whether its collation takes texts for equal that have other bytes.
    pub is_loose: bool,
}

/// Reads a condition on columns of which `seen` tells; none if it is not understood, or if it asks more of several columns
/// together than their lengths.
#[must_use]
pub fn read<'c>(expression: &Expression, seen: &dyn Fn(&str) -> Option<Seen<'c>>) -> Option<Condition> {
    let mut parser = Parser { rest: expression.tokens(), seen, columns: BTreeSet::new(), is_whole: true, depth: 0 };
    let predicate = parser.any()?;
    let is_understood = parser.rest.is_empty() && (parser.columns.len() == 1 || predicate.bounds_length());
    let is_whole = parser.is_whole && parser.columns.len() == 1;
    is_understood.then_some(Condition { predicate, is_whole })
}

struct Parser<'t, 's, 'c> {
    rest: &'t [Token],
    seen: &'s dyn Fn(&str) -> Option<Seen<'c>>,
    columns: BTreeSet<&'t str>,
    is_whole: bool,
    /// Brackets and NOTs around this place.
    depth: usize,
}

/// The most of them that are read: they are calls within calls.
const DEPTH_MAX: usize = 64;

impl<'t> Parser<'t, '_, '_> {
    fn take(&mut self, wanted: &str) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        (!matches!(first, Token::Text(_)) && first.shown() == wanted).then(|| self.rest = rest)
    }

    /// Tries one way of reading; what it took is given back if it fails.
    fn attempt<T>(&mut self, way: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let (rest, columns, is_whole) = (self.rest, self.columns.clone(), self.is_whole);
        let read = way(self);
        if read.is_none() {
            (self.rest, self.columns, self.is_whole) = (rest, columns, is_whole);
        }
        read
    }

    fn any(&mut self) -> Option<Predicate> {
        let mut parts = vec![self.all()?];
        while self.take("or").is_some() {
            parts.push(self.all()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Predicate::Any(parts)) }
    }

    fn all(&mut self) -> Option<Predicate> {
        let mut parts = vec![self.one()?];
        while self.take("and").is_some() {
            parts.push(self.one()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Predicate::All(parts)) }
    }

    /// Goes one call deeper, if it may.
    fn deeper<T>(&mut self, way: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let read = way(self);
        self.depth -= 1;
        read
    }

    fn one(&mut self) -> Option<Predicate> {
        if self.take("not").is_some() {
            return self.deeper(Self::one).map(not);
        }
        let comparison = self.attempt(Self::comparison);
        comparison.or_else(|| {
            self.take("(")?;
            let inner = self.deeper(Self::any)?;
            self.take(")")?;
            Some(inner)
        })
    }

    fn comparison(&mut self) -> Option<Predicate> {
        let left = self.operand()?;
        if self.take("is").is_some() {
            let is_not = self.take("not").is_some();
            self.take("null")?;
            let Operand::Column(_) = left else { return None };
            return Some(if is_not { not(Predicate::IsNull) } else { Predicate::IsNull });
        }
        let (Token::Sign(sign), rest) = self.rest.split_first()? else { return None };
        self.rest = rest;
        if let Some(predicate) = self.attempt(|parser| parser.list(&left, sign)) {
            return Some(predicate);
        }
        let right = self.operand()?;
        if let Operand::Column(place) = left
            && let Operand::Literal(literal) = &right
            && let Some(predicate) = self.pattern(place, sign, literal)
        {
            return Some(predicate);
        }
        let with = comparison(sign)?;
        match (left, right) {
            (Operand::Column(place), Operand::Literal(literal)) => self.compare(place, with, &literal),
            (Operand::Literal(literal), Operand::Column(place)) => self.compare(place, with.flipped(), &literal),
            (Operand::Length, Operand::Literal(literal)) => Some(Predicate::Length(with, literal.count()?)),
            (Operand::Literal(literal), Operand::Length) => Some(Predicate::Length(with.flipped(), literal.count()?)),
            (Operand::Length, Operand::Length) => {
                self.is_whole = false;
                Some(Predicate::Length(with, 0))
            }
            (Operand::Trimmed, Operand::Literal(literal)) => {
                let is_there = literal.is_text() && literal.text.is_empty() && with == Comparison::NotEqual;
                is_there.then(some_sign)
            }
            (Operand::LengthTrimmed, Operand::Literal(literal)) => match (with, literal.count()?) {
                (Comparison::Greater | Comparison::NotEqual, 0) | (Comparison::GreaterOrEqual, 1) => Some(some_sign()),
                _ => None,
            },
            (Operand::Folded(one, is_folded), Operand::Column(other))
            | (Operand::Column(other), Operand::Folded(one, is_folded)) => {
                (one.name == other.name && with == Comparison::Equal).then_some(is_folded)
            }
            _ => None,
        }
    }

    /// `ANY (ARRAY[...])` behind `=`, or `ALL (ARRAY[...])` behind `<>`.
    fn list(&mut self, left: &Operand<'t>, sign: &str) -> Option<Predicate> {
        let Operand::Column(place) = left else { return None };
        let is_any = self.take("any").is_some();
        if !is_any {
            self.take("all")?;
        }
        if (is_any, comparison(sign)?) != (true, Comparison::Equal)
            && (is_any, comparison(sign)?) != (false, Comparison::NotEqual)
        {
            return None;
        }
        self.take("(")?;
        let is_enclosed = self.take("(").is_some();
        self.take("array")?;
        self.take("[")?;
        let mut parts = Vec::new();
        loop {
            let Operand::Literal(literal) = self.operand()? else { return None };
            parts.push(self.compare(*place, Comparison::Equal, &literal)?);
            if self.take(",").is_none() {
                break;
            }
        }
        self.take("]")?;
        if is_enclosed {
            self.take(")")?;
            self.take("::")?;
            self.take("text")?;
            self.take("[")?;
            self.take("]")?;
        }
        self.take(")")?;
        let one_of = Predicate::Any(parts);
        Some(if is_any { one_of } else { not(one_of) })
    }

    fn pattern(&self, place: Place<'_>, sign: &str, literal: &Literal) -> Option<Predicate> {
        let seen = (self.seen)(place.name)?;
        // As text a char has no blanks at its end, else it has.
        let is_read = match seen.type_name {
            "text" | "varchar" => true,
            "bpchar" => place.is_cast,
            _ => false,
        };
        if !is_read || !literal.is_text() {
            return None;
        }
        let (pattern, folds_case, is_there) = match sign {
            "~" => (pattern::from_posix(&literal.text)?, false, true),
            "!~" => (pattern::from_posix(&literal.text)?, false, false),
            "~*" => (pattern::from_posix(&literal.text)?, true, true),
            "!~*" => (pattern::from_posix(&literal.text)?, true, false),
            "~~" => (pattern::from_like(&literal.text)?, false, true),
            "!~~" => (pattern::from_like(&literal.text)?, false, false),
            "~~*" => (pattern::from_like(&literal.text)?, true, true),
            "!~~*" => (pattern::from_like(&literal.text)?, true, false),
            _ => return None,
        };
        let found = Predicate::Matches { pattern, folds_case };
        Some(if is_there { found } else { not(found) })
    }

    fn compare(&self, place: Place<'_>, with: Comparison, literal: &Literal) -> Option<Predicate> {
        let seen = (self.seen)(place.name)?;
        let is_cast_to = |types: &[&str]| literal.casts.iter().all(|cast| types.contains(&cast.as_str()));
        let is_plain_number = literal.is_number_text();
        let whole = ["smallint", "integer", "bigint"];
        let is_equality = matches!(with, Comparison::Equal | Comparison::NotEqual);
        let mut text = literal.text.clone();
        let fits = match seen.type_name {
            "text" | "varchar" | "bpchar" => {
                if seen.type_name == "bpchar" {
                    text.truncate(text.trim_end_matches(' ').len());
                }
                // Blanks at the end count or not, by the type that both sides are taken for.
                let is_one_type = seen.type_name != "bpchar" || text == literal.text || !place.is_cast;
                literal.is_text() && is_equality && !seen.is_loose && is_one_type
            }
            _ if place.is_cast => false,
            "int2" | "int4" | "int8" => is_plain_number && !text.contains('.') && is_cast_to(&whole),
            "numeric" => is_plain_number && is_cast_to(&[whole[0], whole[1], whole[2], "numeric"]),
            "float8" => is_plain_number && is_cast_to(&[whole[0], whole[1], whole[2], "numeric", "double precision"]),
            "date" => !literal.is_number && literal.casts == ["date"],
            "timestamp" => !literal.is_number && literal.casts == ["timestamp without time zone"],
            "timestamptz" => {
                let is_utc = text.ends_with("+00") || text.ends_with("infinity");
                text.truncate(text.trim_end_matches("+00").len());
                !literal.is_number && literal.casts == ["timestamp with time zone"] && is_utc
            }
            "uuid" => !literal.is_number && literal.casts == ["uuid"],
            _ => false,
        };
        fits.then_some(Predicate::Compare(with, text))
    }
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

/// Some sign that is no blank.
fn some_sign() -> Predicate {
    Predicate::Matches { pattern: "[^ ]".to_owned(), folds_case: false }
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "=" => Comparison::Equal,
        "<>" | "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str) -> Option<Seen<'static>> {
        let type_name = match name {
            "name" | "code" => "text",
            "short" => "varchar",
            "country" => "bpchar",
            "folding" | "n" | "born" | "at" | "price" => match name {
                "folding" => "text",
                "n" => "int4",
                "born" => "date",
                "at" => "timestamptz",
                _ => "numeric",
            },
            _ => return None,
        };
        Some(Seen { type_name, is_loose: name == "folding" })
    }

    fn read(text: &str) -> Option<String> {
        let condition = super::read(&Expression::new(text), &seen)?;
        let predicate = serde_json::to_string(&condition.predicate).unwrap();
        Some(if condition.is_whole { predicate } else { "lengths".to_owned() })
    }

    #[test]
    fn common_conditions_are_understood() {
        for (text, expected) in [
            ("(length(name) > 3)", r#"{"length":["greater",3]}"#),
            ("(20 >= char_length((short)::text))", r#"{"length":["less_or_equal",20]}"#),
            ("((length(name) >= 1) AND (length(code) <= 5))", "lengths"),
            ("(length(name) > length(name))", "lengths"),
            ("((name <> ''::text) OR (name IS NULL))", r#"{"any":[{"compare":["not_equal",""]},"is_null"]}"#),
            (
                "((n >= 0) AND (n <= 5))",
                r#"{"all":[{"compare":["greater_or_equal","0"]},{"compare":["less_or_equal","5"]}]}"#,
            ),
            ("(n > '-5'::integer)", r#"{"compare":["greater","-5"]}"#),
            ("(n > (-5))", r#"{"compare":["greater","-5"]}"#),
            ("(price > (0)::numeric)", r#"{"compare":["greater","0"]}"#),
            ("(born < '2026-01-01'::date)", r#"{"compare":["less","2026-01-01"]}"#),
            ("(born = 'infinity'::date)", r#"{"compare":["equal","infinity"]}"#),
            (
                "(at < '2026-01-01 00:00:00+00'::timestamp with time zone)",
                r#"{"compare":["less","2026-01-01 00:00:00"]}"#,
            ),
            (
                "(name = ANY (ARRAY['a'::text, 'b'::text]))",
                r#"{"any":[{"compare":["equal","a"]},{"compare":["equal","b"]}]}"#,
            ),
            (
                "((short)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
                r#"{"any":[{"compare":["equal","a"]},{"compare":["equal","b"]}]}"#,
            ),
            (
                "((short)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))",
                r#"{"any":[{"compare":["equal","a"]},{"compare":["equal","b"]}]}"#,
            ),
            ("(n <> ALL (ARRAY[1, 2]))", r#"{"not":{"any":[{"compare":["equal","1"]},{"compare":["equal","2"]}]}}"#),
            ("(name ~ '^[a-z]+$'::text)", r#"{"matches":{"pattern":"^[a-z]+$","folds_case":false}}"#),
            ("((country)::text !~* 'x'::text)", r#"{"not":{"matches":{"pattern":"x","folds_case":true}}}"#),
            ("(name ~~ '%@x'::text)", r#"{"matches":{"pattern":"^(?s:.*)@x$","folds_case":false}}"#),
            ("(country = 'DE '::bpchar)", r#"{"compare":["equal","DE"]}"#),
            ("(btrim(name) <> ''::text)", r#"{"matches":{"pattern":"[^ ]","folds_case":false}}"#),
            ("(length(btrim((short)::text)) > 0)", r#"{"matches":{"pattern":"[^ ]","folds_case":false}}"#),
            ("(lower(name) = name)", r#""is_lower""#),
            ("((short)::text = upper((short)::text))", r#""is_upper""#),
            ("(NOT (n IS NULL))", r#"{"not":"is_null"}"#),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_is_not_read() {
        let deep = |depth| format!("{}n = 3{}", "(".repeat(depth), ")".repeat(depth));
        assert!(read(&deep(60)).is_some());
        for text in [deep(100_000), "not ".repeat(100_000), "(n = ".to_owned() + &"(".repeat(100_000)] {
            assert_eq!(read(&text), None);
        }
    }

    #[test]
    fn what_is_not_certain_is_not_read() {
        for text in [
            "(name > 'a'::text)",
            "(folding = 'a'::text)",
            "(country ~ 'x'::text)",
            "((country)::text = 'DE '::text)",
            "(name = 'x'::citext)",
            "((short)::character varying(3) = 'abcd'::text)",
            "(born < CURRENT_DATE)",
            "(born < '2026-01-01 00:00:00'::timestamp without time zone)",
            "(at < '2026-01-01 00:00:00+02'::timestamp with time zone)",
            "((n)::numeric > 0.5)",
            "(n > 0.5)",
            "(n > '5'::real)",
            "(octet_length(name) < 9)",
            "(length(other) > 3)",
            "((n > 3) AND (price > 5))",
            "((length(name) > 3) AND f(code))",
            "(lower(name) = code)",
            "(name = ANY (ARRAY['a'::text, code]))",
            "(name <> ANY (ARRAY['a'::text]))",
            "(name ~ code)",
            "(name ~ '(a)\\1'::text)",
            "(n = 3) x",
            "",
            "'unterminated",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
