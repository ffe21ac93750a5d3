//! Values of a column as texts that can be looked at, and JSON documents path by path.

use std::collections::{BTreeMap, BTreeSet};

use offshoot_format::column::{Cell, Column};
use offshoot_format::table::RowForm;
use serde_json::Value as Json;

use super::dictionary::{is_first_name, plain};
use super::syntax::{is_email, is_phone};
use crate::facts::ColumnFacts;
use crate::value::{Answer, Kind, Moment, Value};
use crate::wire::{Codec, uuid_text};

/// Longer values are looked at up to here.
const VALUE_BYTES_MAX: usize = 4096;
/// Documents nest deeper than this only to make trouble.
const DEPTH_MAX: usize = 32;
/// More paths than this are not structure but data.
const PATHS_MAX: usize = 300;

/// What was seen of a column.
#[derive(Default)]
pub struct Sample {
    /// Values that are neither NULL nor empty; elements of arrays one by one.
    pub texts: Vec<String>,
    /// Documents by path, if values are such.
    pub document: Option<Document>,
}

/// What was seen of documents.
#[derive(Default)]
pub struct Document {
    /// Texts and numbers at each path.
    pub paths: BTreeMap<String, Vec<String>>,
    /// Paths at which something else than null was seen.
    seen: BTreeSet<String>,
    /// Keys that look like values; nothing at or below them is listed.
    pub strange_keys: usize,
    /// Those of them that are names, mail addresses or phone numbers.
    pub personal_keys: usize,
    /// Documents that were read.
    pub count: usize,
}

impl Document {
    /// Whether nothing but null was seen at a path.
    pub fn is_unseen(&self, path: &str) -> bool {
        !self.seen.contains(path)
    }
}

impl Sample {
    /// Looks at the values of a column.
    #[must_use]
    pub fn new(values: &Column, facts: &ColumnFacts, form: RowForm) -> Self {
        let codec = Codec::new(&facts.type_name, form);
        let is_readable = form == RowForm::Text || facts.type_name == "xml";
        let mut sample = Self::default();
        let mut stores = Vec::new();
        for row in 0..values.rows() {
            let Cell::Bytes(bytes) = values.cell(row) else { continue };
            let mut store = serde_json::Map::new();
            codec.rewrite(bytes, &mut Vec::new(), |value, _| {
                if let Value::Entry(key, value) = value {
                    let [key, value] = [key, value].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                    store.insert(key, Json::String(value));
                }
                let text = text(value, is_readable);
                sample.texts.extend(text.filter(|text| !text.trim().is_empty()));
                Answer::Keep
            });
            if !store.is_empty() {
                stores.push(Json::Object(store).to_string());
            }
        }
        if codec.kind() == Kind::Entry {
            sample.document = document(&stores);
        }
        let is_document = codec.kind() == Kind::Json
            || codec.kind() == Kind::Text
                && !sample.texts.is_empty()
                && sample.texts.iter().all(|text| text.starts_with(['{', '[']));
        if is_document {
            sample.document = document(&sample.texts);
        }
        sample
    }
}

fn text(value: Value<'_>, is_readable: bool) -> Option<String> {
    let cut = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(VALUE_BYTES_MAX)]).into_owned();
        // A character that was cut is no part of the value.
        if bytes.len() > VALUE_BYTES_MAX { text.trim_end_matches('\u{fffd}').to_owned() } else { text }
    };
    Some(match value {
        Value::Json(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Text(bytes) => {
            // A document is read whole or not at all.
            if bytes.starts_with(b"{") || bytes.starts_with(b"[") {
                String::from_utf8_lossy(bytes).into_owned()
            } else {
                cut(bytes)
            }
        }
        Value::Opaque(bytes) if is_readable => cut(bytes),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Decimal(text) => text.to_owned(),
        Value::Date(Moment::At(day)) => date(day.into()),
        Value::Timestamp(Moment::At(time)) => date(time.div_euclid(86_400_000_000)),
        Value::Uuid(bytes) => uuid_text(bytes),
        Value::Address(address, _) => address.to_string(),
        Value::Xml(bytes) | Value::Entry(_, bytes) => cut(bytes),
        Value::Point(x, y) => format!("{x}, {y}"),
        Value::Bytes(_) | Value::Opaque(_) | Value::Bool(_) | Value::Date(_) | Value::Timestamp(_) => return None,
        Value::Time(_) | Value::Interval(_) | Value::Field(..) => return None,
    })
}

/// A day counted from 2000-01-01 as year, month and day of the Gregorian calendar.
fn date(day: i64) -> String {
    // Years that begin in March, in eras of 400 years.
    let days = day + 730_425;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + i64::from(month <= 2))
}

fn document(texts: &[String]) -> Option<Document> {
    let mut document = Document::default();
    let mut keys: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (number, text) in texts.iter().enumerate() {
        let Ok(value) = serde_json::from_str::<Json>(text) else { continue };
        document.count += 1;
        walk(&value, &mut "$".to_owned(), 0, number, &mut document, &mut keys);
    }
    if document.count * 2 < texts.len() || document.count == 0 {
        return None;
    }
    // Keys that occur once where many documents were seen, of many on the same level, are data.
    let once: Vec<&String> = keys.iter().filter(|(_, seen)| seen.len() == 1).map(|(path, _)| path).collect();
    if document.paths.len() > PATHS_MAX || document.count >= 10 && once.len() > 50 && once.len() * 2 > keys.len() {
        document.strange_keys += once.len();
        document.paths.clear();
    }
    Some(document)
}

fn walk(
    value: &Json,
    path: &mut String,
    depth: usize,
    number: usize,
    document: &mut Document,
    keys: &mut BTreeMap<String, BTreeSet<usize>>,
) {
    if depth > DEPTH_MAX {
        return;
    }
    let base = path.len();
    match value {
        Json::Object(entries) => {
            for (key, value) in entries {
                if !is_structure(key) {
                    document.strange_keys += 1;
                    document.personal_keys += usize::from(is_name(key) || is_email(key) || is_phone(key));
                    continue;
                }
                path.push('.');
                path.push_str(key);
                keys.entry(path.clone()).or_default().insert(number);
                walk(value, path, depth + 1, number, document, keys);
                path.truncate(base);
            }
        }
        Json::Array(values) => {
            path.push_str("[]");
            values.iter().for_each(|value| walk(value, path, depth + 1, number, document, keys));
            path.truncate(base);
        }
        Json::String(text) => document.paths.entry(path.clone()).or_default().push(text.clone()),
        Json::Number(text) => document.paths.entry(path.clone()).or_default().push(text.to_string()),
        Json::Null | Json::Bool(_) => drop(document.paths.entry(path.clone()).or_default()),
    }
    if matches!(value, Json::String(_) | Json::Number(_) | Json::Bool(_)) {
        document.seen.insert(path.clone());
    }
}

/// Whether a key names something rather than being a value: a word of a programmer, no name of a person, no long number.
pub(crate) fn is_structure(key: &str) -> bool {
    let is_word = !key.is_empty()
        && key.len() <= 48
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@' || c == '$')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-:$@".contains(c));
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    is_word && digits <= 4 && !is_name(key) && (key.starts_with('@') || !key.contains('@'))
}

fn is_name(key: &str) -> bool {
    key.starts_with(char::is_uppercase) && is_first_name(&plain(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!([date(0), date(-1), date(59), date(366)], ["2000-01-01", "1999-12-31", "2000-02-29", "2001-01-01"]);
        assert_eq!(date(-10_957), "1970-01-01");
    }

    #[test]
    fn keys_that_are_values_are_not_listed() {
        let texts =
            ["{\"user\": {\"email\": \"x\"}, \"ann@x.org\": 1, \"Alice\": {\"a\": 2}, \"t\": [1, \"b\"], \"n\": null}"
                .to_owned()];
        let document = document(&texts).unwrap();
        assert_eq!(document.paths.keys().collect::<Vec<_>>(), ["$.n", "$.t[]", "$.user.email"]);
        assert_eq!((document.strange_keys, document.personal_keys), (2, 2));
        assert_eq!(["$.n", "$.user.email"].map(|path| document.is_unseen(path)), [true, false]);
    }
}
