//! Literals of a condition, and how a value compares with them.

use std::cmp::Ordering;

use crate::facts::ColumnFacts;
use crate::value::{Kind, Moment, Value};
use crate::wire::{self, Codec};

/// A literal, read as the kind of the column that it is compared with.
pub(crate) enum Literal {
    Text(Vec<u8>),
    /// Sign, digits and a point.
    Number(String),
    Float(f64),
    /// Days or microseconds.
    Moment(Moment<i64>),
    Bool(bool),
    Uuid([u8; 16]),
}

/// A literal as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    Text(String),
    Number(String),
    Bool(bool),
}

impl Literal {
    /// Reads a literal for a column; what is wrong otherwise.
    pub(crate) fn read(written: &Written, column: &ColumnFacts, codec: Codec) -> Result<Self, String> {
        if let Some(encoding) = column.encoding.as_ref().filter(|_| codec.charset().is_none()) {
            return Err(format!("`{}` is in {encoding}, which does not compare with UTF-8", column.name));
        }
        let wrong = || format!("`{}` is of type {}, which does not compare with this", column.name, column.type_name);
        if !codec.is_whole() {
            return Err(format!("`{}` is of type {}, whose values do not compare", column.name, column.type_name));
        }
        match (written, codec.kind()) {
            (Written::Text(text), Kind::Text) => Ok(Self::Text(text.clone().into_bytes())),
            (Written::Text(text), Kind::Opaque) if column.labels.contains(text) => {
                Ok(Self::Text(wire::label(column, codec.form(), text)))
            }
            (Written::Text(text), Kind::Opaque) if !column.labels.is_empty() => {
                Err(format!("`{text}` is no label of `{}`", column.name))
            }
            (Written::Number(text), Kind::Integer | Kind::Decimal) => Ok(Self::Number(text.clone())),
            (Written::Number(text), Kind::Float) => text.parse().map(Self::Float).map_err(|_| wrong()),
            (Written::Bool(value), Kind::Bool) => Ok(Self::Bool(*value)),
            (Written::Text(text), Kind::Uuid) => {
                wire::uuid_from_text(text.as_bytes()).map(Self::Uuid).ok_or_else(wrong)
            }
            (Written::Text(text), Kind::Date) => wire::moment(text, wire::date).map(Self::Moment).ok_or_else(wrong),
            (Written::Text(text), Kind::Timestamp) => {
                let midnight = || format!("{text} 00:00:00");
                let read = |text: &str| wire::timestamp(text, false).or_else(|| wire::timestamp(&midnight(), false));
                wire::moment(text, read).map(Self::Moment).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    /// How the value compares with the literal; none if it does not.
    pub(crate) fn order(&self, value: Value<'_>) -> Option<Ordering> {
        match (value, self) {
            (Value::Text(bytes) | Value::Opaque(bytes), Self::Text(text)) => Some(bytes.cmp(text.as_slice())),
            (Value::Integer(number), Self::Number(text)) => Some(order_numbers(&number.to_string(), text)),
            (Value::Decimal("NaN" | "Infinity"), Self::Number(_)) => Some(Ordering::Greater),
            (Value::Decimal("-Infinity"), Self::Number(_)) => Some(Ordering::Less),
            (Value::Decimal(number), Self::Number(text)) => Some(order_numbers(number, text)),
            // As the server sorts it.
            (Value::Float(number), Self::Float(_)) if number.is_nan() => Some(Ordering::Greater),
            (Value::Float(number), Self::Float(literal)) => number.partial_cmp(literal),
            (Value::Bool(value), Self::Bool(literal)) => Some(value.cmp(literal)),
            (Value::Uuid(uuid), Self::Uuid(literal)) => Some(uuid.cmp(literal)),
            (Value::Date(day), Self::Moment(literal)) => Some(rank(day.map(i64::from)).cmp(&rank(*literal))),
            (Value::Timestamp(time), Self::Moment(literal)) => Some(rank(time).cmp(&rank(*literal))),
            _ => None,
        }
    }
}

/// What moments are sorted by.
fn rank(moment: Moment<i64>) -> (i8, i64) {
    match moment {
        Moment::Past => (-1, 0),
        Moment::At(at) => (0, at),
        Moment::Future => (1, 0),
    }
}

/// Compares numbers of any length that are written as sign, digits and a point.
fn order_numbers(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| {
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
        (is_negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
    };
    let (one, other) = (parts(one), parts(other));
    let magnitudes =
        || one.1.len().cmp(&other.1.len()).then_with(|| one.1.cmp(&other.1)).then_with(|| one.2.cmp(&other.2));
    match (one.0, other.0) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitudes(),
        (true, true) => magnitudes().reverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        let ascending = ["-1000000000000000000000", "-10.5", "-2", "-0.5", "0", "0.05", "0.5", "2", "10", "10.01"];
        for (at, one) in ascending.iter().enumerate() {
            for (place, other) in ascending.iter().enumerate() {
                assert_eq!(order_numbers(one, other), at.cmp(&place), "{one} {other}");
            }
        }
        assert_eq!(order_numbers("-0.00", "0"), Ordering::Equal);
        assert_eq!(order_numbers("012.50", "12.5"), Ordering::Equal);
    }
}
