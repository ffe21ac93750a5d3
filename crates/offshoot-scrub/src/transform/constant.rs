//! `constant`, `empty` and `default`: one value for all, given by the rule, without content, or the column's own.

use offshoot_format::table::RowForm;

use super::decimal::Parts;
use super::{Answer, Fault, Kind, Length, Making, Options, Reach, Row, Transform, Value, Work};
use crate::policy::Item;
use crate::wire::Codec;

struct Constant {
    text: Vec<u8>,
    answer: Answer,
}

/// Puts `value` in the place of every value.
pub(super) fn constant(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let Some(node) = options.take("value") else { return Err(options.fault("`constant` needs `value`")) };
    let (text, answer) = match (&node.item, making.kind) {
        (Item::Text(text), Kind::Text | Kind::Json | Kind::Xml | Kind::Entry) => {
            (text.clone().into_bytes(), Answer::Written)
        }
        (Item::Integer(number), Kind::Integer) => (Vec::new(), Answer::Integer(*number)),
        (Item::Integer(number), Kind::Float) => (Vec::new(), Answer::Float(*number as f64)),
        (Item::Integer(number), Kind::Decimal) => (number.to_string().into_bytes(), Answer::Decimal),
        (Item::Float(number), Kind::Float) => (Vec::new(), Answer::Float(*number)),
        (Item::Float(number), Kind::Decimal) => (number.to_string().into_bytes(), Answer::Decimal),
        (Item::Bool(value), Kind::Bool) => (Vec::new(), Answer::Bool(*value)),
        (item, _) => {
            let written = if let Item::Text(text) = item { written(text, making) } else { None };
            let fault = || node.fault(format!("`value` must be of the column's type, {}", making.column.type_name));
            return Ok(Box::new(written.ok_or_else(fault)?));
        }
    };
    Ok(Box::new(Constant { text, answer }))
}

/// A value of the column's type as the server writes it; none if the text is none.
fn written(text: &str, making: &Making<'_>) -> Option<Constant> {
    let codec = Codec::new(making.column.type_name.trim_start_matches('_'), RowForm::Text);
    let is_number = making.kind != Kind::Decimal || Parts::read(text).is_some();
    if codec.kind() == making.kind && codec.is_whole() && is_number { codec.look(text.as_bytes(), said) } else { None }
}

/// Puts an empty text, no bytes, or an empty JSON object in the place of every value.
pub(super) fn empty(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let text = match making.kind {
        Kind::Text | Kind::Bytes | Kind::Entry | Kind::Xml => Vec::new(),
        Kind::Json => b"{}".to_vec(),
        _ => return Err(options.fault("`empty` is for text, bytes and JSON: use `constant`")),
    };
    Ok(Box::new(Constant { text, answer: Answer::Written }))
}

/// Puts the column's default in the place of every value.
pub(super) fn column_default(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let codec = Codec::of(making.column, making.form);
    let default = making.column.default.as_deref().and_then(|default| codec.look(default, said));
    match default {
        Some(default) => Ok(Box::new(default)),
        None => Err(options.fault("the column has no default that is a constant: use `constant`")),
    }
}

/// The answer that says a value; none for one that is not understood.
fn said(value: Value<'_>) -> Option<Constant> {
    let (text, answer): (&[u8], _) = match value {
        Value::Text(text) | Value::Json(text) | Value::Xml(text) | Value::Bytes(text) => (text, Answer::Written),
        Value::Decimal(text) => (text.as_bytes(), Answer::Decimal),
        Value::Integer(number) => (b"", Answer::Integer(number)),
        Value::Float(number) => (b"", Answer::Float(number)),
        Value::Date(day) => (b"", Answer::Date(day)),
        Value::Timestamp(time) => (b"", Answer::Timestamp(time)),
        Value::Time(time) => (b"", Answer::Time(time)),
        Value::Interval(interval) => (b"", Answer::Interval(interval)),
        Value::Bool(value) => (b"", Answer::Bool(value)),
        Value::Uuid(uuid) => (b"", Answer::Uuid(uuid)),
        Value::Address(address, bits) => (b"", Answer::Address(address, bits)),
        Value::Point(x, y) => (b"", Answer::Point(x, y)),
        Value::Entry(..) | Value::Field(..) | Value::Opaque(_) => return None,
    };
    Some(Constant { text: text.to_vec(), answer })
}

impl Transform for Constant {
    fn takes(&self, kind: Kind) -> bool {
        kind != Kind::Field
    }

    fn length(&self) -> Length {
        Length::AtMost(String::from_utf8_lossy(&self.text).chars().count())
    }

    fn reach(&self) -> Reach {
        Reach::Head
    }

    fn apply(&self, _: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        out.extend_from_slice(&self.text);
        self.answer
    }
}
