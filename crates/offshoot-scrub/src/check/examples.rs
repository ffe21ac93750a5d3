//! Values near to what a constraint names: rules are tried on those that pass, as there it shows whether what they make passes.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::facts::predicate::Predicate;
use crate::value::{Answer, Kind, Moment};
use crate::wire::{self, Codec};

/// What stands for most values.
const PLAIN: [&str; 6] = ["Ann Lee", "ann", "ann@example.com", "+1 415 867 5309", "A1", "7"];
/// How far from a literal numbers and days go.
const STEPS: i64 = 64;
/// Longer texts are none that a bound would name by mistake.
const CHARS_MAX: u64 = 4096;
/// Texts that one expression gives.
const TEXTS: usize = 48;

/// Values near the literals of a predicate, in the form of the rows, whether they pass or not.
pub(super) fn around(predicate: &Predicate, codec: Codec) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    if codec.kind() == Kind::Text {
        found.extend(PLAIN.map(|text| codec.text_bytes(text)));
    }
    collect(predicate, codec, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(predicate: &Predicate, codec: Codec, found: &mut Vec<Vec<u8>>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| collect(part, codec, found)),
        Predicate::Not(part) => collect(part, codec, found),
        Predicate::Compare(_, literal) => neighbours(literal, codec, found),
        Predicate::Length(_, chars) => {
            let lengths = [chars.saturating_sub(1), *chars, chars.saturating_add(1)]
                .into_iter()
                .filter(|chars| *chars <= CHARS_MAX);
            found.extend(lengths.map(|chars| vec![b'a'; chars as usize]));
        }
        Predicate::Matches { pattern, .. } => {
            let Ok(parsed) = regex_syntax::parse(pattern) else { return };
            found.extend((0..TEXTS).filter_map(|turn| {
                let mut text = String::new();
                write(&parsed, &mut { turn }, &mut text).then(|| codec.text_bytes(&text))
            }));
        }
        Predicate::IsNull | Predicate::IsLower | Predicate::IsUpper => {}
    }
}

/// A literal and what lies before and behind it.
fn neighbours(literal: &str, codec: Codec, found: &mut Vec<Vec<u8>>) {
    let steps = || -STEPS..=STEPS;
    let day = |text: &str| match wire::moment(text, wire::date)? {
        Moment::At(day) => Some(day),
        Moment::Past | Moment::Future => None,
    };
    match codec.kind() {
        Kind::Text => found.extend([literal.to_owned(), format!("{literal}x")].map(|text| codec.text_bytes(&text))),
        Kind::Integer => {
            let Some(number) = literal.parse::<i64>().ok() else { return };
            found.extend(steps().map(|step| codec.write(Answer::Integer(number.saturating_add(step)), "")));
        }
        Kind::Float => {
            let Ok(number) = literal.parse::<f64>() else { return };
            found.extend(steps().map(|step| codec.write(Answer::Float(number + step as f64 / 4.0), "")));
        }
        Kind::Decimal => {
            found.push(codec.write(Answer::Decimal, literal));
            let Some(whole) = literal.split('.').next().and_then(|whole| whole.parse::<i64>().ok()) else { return };
            found.extend(steps().map(|step| codec.write(Answer::Decimal, &whole.saturating_add(step).to_string())));
        }
        Kind::Date => {
            let Some(day) = day(literal) else { return };
            let days = steps().filter_map(|step| i32::try_from(day + step).ok());
            found.extend(days.map(|day| codec.write(Answer::Date(Moment::At(day)), "")));
        }
        Kind::Timestamp => {
            let Some(day) = literal.split(' ').next().and_then(day) else { return };
            let instants = steps().filter_map(|step| (day + step).checked_mul(86_400_000_000));
            found.extend(instants.map(|at| codec.write(Answer::Timestamp(Moment::At(at)), "")));
        }
        _ => {}
    }
}

/// Writes a text that an expression matches, others on other turns; false if there is none.
fn write(of: &Hir, turn: &mut usize, text: &mut String) -> bool {
    *turn += 7;
    match of.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|literal| {
            text.push_str(literal);
            true
        }),
        HirKind::Class(Class::Unicode(class)) => {
            let contains = |c: &char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(c));
            let alphanumeric: Vec<char> = ('0'..='z').filter(|c| c.is_ascii_alphanumeric() && contains(c)).collect();
            let printable = || (' '..='~').filter(contains).collect();
            let members: Vec<char> = if alphanumeric.is_empty() { printable() } else { alphanumeric };
            let first = || class.ranges().first().map(|range| range.start());
            let Some(c) = members.get(*turn % members.len().max(1)).copied().or_else(first) else { return false };
            text.push(c);
            true
        }
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let count = (repetition.min.max(1) + *turn as u32 % 3).min(most).min(1 << 10);
            (0..count).all(|_| write(&repetition.sub, turn, text))
        }
        HirKind::Capture(capture) => write(&capture.sub, turn, text),
        HirKind::Concat(parts) => parts.iter().all(|part| write(part, turn, text)),
        HirKind::Alternation(parts) => {
            parts.get(*turn % parts.len().max(1)).is_some_and(|part| write(part, turn, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_give_texts_that_they_match() {
        for pattern in
            ["^[^@[:space:]]+@[^@[:space:]]+$", "^[A-Z]{2}[0-9]{3,5}$", "^(?:a|bc)*x?$", "^.*@shop[.]example$"]
        {
            let parsed = regex_syntax::parse(pattern).unwrap();
            let matcher = regex::Regex::new(pattern).unwrap();
            let texts = (0..TEXTS).map(|turn| {
                let mut text = String::new();
                assert!(write(&parsed, &mut { turn }, &mut text));
                text
            });
            let texts: std::collections::BTreeSet<String> = texts.collect();
            assert!(texts.len() > 3 && texts.iter().all(|text| matcher.is_match(text)), "{pattern}: {texts:?}");
        }
    }
}
