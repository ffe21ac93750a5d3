//! From the bytes of a cell to what is searched: texts, numbers and a few fixed forms.

use offshoot_format::table::RowForm;

use crate::facts::ColumnFacts;
use crate::value::{Answer, Kind, Moment, Value};
use crate::wire::{Charset, Codec};

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading(Way);

#[derive(Debug, Clone, Copy)]
enum Way {
    Text,
    Integer,
    SearchVector {
        is_binary: bool,
        charset: Option<Charset>,
    },
    /// Days, hours, true and false: values of so many bytes that say too little.
    Silent {
        bytes: usize,
    },
    Codec(Codec),
    /// A part of a value, cut anywhere, of texts in a character set of one byte a character.
    Portion(Charset),
}

/// A part of a cell.
pub(crate) enum Part<'a> {
    /// Text; also that of a JSON document where `is_json`.
    Text { text: &'a [u8], is_json: bool },
    /// A whole number.
    Integer(i64),
    /// A point in time, in microseconds.
    Instant(i64),
    /// Bytes without a known meaning.
    Bytes(&'a [u8]),
}

impl Reading {
    /// For a column of this type, by its bare name, and form of rows.
    #[must_use]
    pub fn new(type_name: &str, form: RowForm) -> Self {
        Self::in_encoding(type_name, form, None)
    }

    /// For a column as its facts have it.
    pub(crate) fn of(column: &ColumnFacts, form: RowForm) -> Self {
        Self::in_encoding(&column.type_name, form, column.encoding.as_deref())
    }

    fn in_encoding(type_name: &str, form: RowForm, encoding: Option<&str>) -> Self {
        let codec = Codec::new(type_name, form).in_encoding(encoding);
        let is_binary = form == RowForm::Binary;
        Self(match type_name {
            "tsvector" => Way::SearchVector { is_binary, charset: codec.charset() },
            "int2" | "int4" | "int8" if is_binary => Way::Integer,
            "bool" if is_binary => Way::Silent { bytes: 1 },
            "date" if is_binary => Way::Silent { bytes: 4 },
            "time" if is_binary => Way::Silent { bytes: 8 },
            _ if codec.kind() == Kind::Text && !codec.is_array() && !is_of_bytes(codec) => Way::Text,
            _ => Way::Codec(codec),
        })
    }

    /// For parts of values that are too large to be had whole.
    pub(super) fn of_portions(self) -> Self {
        let charset = match self.0 {
            Way::Codec(codec) => codec.charset(),
            Way::SearchVector { charset, .. } => charset,
            _ => None,
        };
        Self(charset.filter(|charset| charset.is_of_bytes()).map_or(Way::Text, Way::Portion))
    }

    /// A part of such a value as text in UTF-8.
    pub(super) fn portion<'a>(&self, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        match self.of_portions().0 {
            Way::Portion(charset) => charset.read(bytes, scratch),
            _ => bytes,
        }
    }

    /// For text as it is: the schema's.
    #[must_use]
    pub fn text() -> Self {
        Self(Way::Text)
    }

    /// How many bytes a cell has in which nothing is looked for, where instants are or are not.
    pub(super) fn silent_bytes(&self, with_instants: bool) -> Option<usize> {
        match self.0 {
            Way::Silent { bytes } => Some(bytes),
            Way::Codec(codec) if !with_instants => codec.instant_bytes(),
            _ => None,
        }
    }

    /// The number that a cell of a column of whole numbers holds.
    #[inline]
    pub(super) fn integer(&self, cell: &[u8]) -> Option<i64> {
        match (self.0, cell) {
            (Way::Integer, [a, b]) => Some(i16::from_be_bytes([*a, *b]).into()),
            (Way::Integer, [a, b, c, d]) => Some(i32::from_be_bytes([*a, *b, *c, *d]).into()),
            (Way::Integer, cell) => cell.try_into().ok().map(i64::from_be_bytes),
            _ => None,
        }
    }

    /// Whether cells are texts, so that short ones are worth to be known again.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.0, Way::Text)
    }

    /// Calls `part` for each part of a cell.
    #[inline]
    pub(crate) fn parts(&self, cell: &[u8], scratch: &mut Vec<u8>, part: &mut dyn FnMut(Part<'_>)) {
        match self.0 {
            Way::Text => part(Part::Text { text: cell, is_json: false }),
            Way::Integer => part(self.integer(cell).map_or(Part::Bytes(cell), Part::Integer)),
            Way::Silent { bytes } if cell.len() == bytes => {}
            Way::Silent { .. } => part(Part::Bytes(cell)),
            Way::Portion(charset) => part(Part::Text { text: charset.read(cell, scratch), is_json: false }),
            Way::SearchVector { is_binary, charset } => {
                let words = if is_binary { binary_words(cell) } else { text_words(cell) };
                match words.map(in_order) {
                    Some(words) => {
                        let text = charset.map_or(&words[..], |charset| charset.read(&words, scratch));
                        part(Part::Text { text, is_json: false });
                    }
                    None => part(Part::Bytes(cell)),
                }
            }
            Way::Codec(codec) => {
                scratch.clear();
                let is_understood = codec.rewrite(cell, scratch, |value, _| {
                    match (value, codec.charset()) {
                        // Few bytes, which say who it is all the same, and stand in texts as people write them.
                        (Value::Bytes(bytes), _) if codec.is_mac() => {
                            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                            part(Part::Text { text: text.as_bytes(), is_json: false });
                            return Answer::Keep;
                        }
                        // It may be text, which shows in UTF-8 alone.
                        (Value::Opaque(bytes) | Value::Field(_, bytes), Some(charset))
                            if std::str::from_utf8(bytes).is_err() =>
                        {
                            part(Part::Text { text: charset.read(bytes, &mut Vec::new()), is_json: false });
                        }
                        _ => {}
                    }
                    value_part(value, part);
                    Answer::Keep
                });
                if !is_understood {
                    part(Part::Bytes(cell));
                }
            }
        }
    }
}

fn is_of_bytes(codec: Codec) -> bool {
    codec.charset().is_some_and(Charset::is_of_bytes)
}

fn value_part(value: Value<'_>, part: &mut dyn FnMut(Part<'_>)) {
    let mut text = |text: &[u8]| part(Part::Text { text, is_json: false });
    match value {
        Value::Text(bytes) => text(bytes),
        Value::Json(bytes) => part(Part::Text { text: bytes, is_json: true }),
        Value::Integer(number) => part(Part::Integer(number)),
        Value::Float(number) => text(number.to_string().as_bytes()),
        Value::Decimal(number) => text(number.as_bytes()),
        Value::Timestamp(Moment::At(time)) => part(Part::Instant(time)),
        Value::Uuid(bytes) => text(crate::wire::uuid_text(bytes).as_bytes()),
        Value::Address(address, _) => text(address.to_string().as_bytes()),
        Value::Bytes(bytes) | Value::Opaque(bytes) => part(Part::Bytes(bytes)),
        Value::Xml(bytes) | Value::Field(_, bytes) => part(Part::Bytes(bytes)),
        Value::Entry(key, value) => {
            text(key);
            text(value);
        }
        Value::Point(x, y) => {
            text(x.to_string().as_bytes());
            text(y.to_string().as_bytes());
        }
        // A day says too little: many share it. So do hours and spans.
        Value::Date(_) | Value::Timestamp(_) | Value::Time(_) | Value::Interval(_) | Value::Bool(_) => {}
    }
}

/// Words of a search vector with their places.
type Words = Vec<(u16, Vec<u8>)>;

/// A search vector sorts its words: put back in the order of their places they are the text again.
fn in_order(mut words: Words) -> Vec<u8> {
    let mut text = Vec::new();
    words.sort_by_key(|(place, _)| *place);
    for (_, word) in words {
        text.extend_from_slice(&word);
        text.push(b' ');
    }
    text
}

/// `'anna':1,4A 'schmidt':2`.
fn text_words(cell: &[u8]) -> Option<Words> {
    let mut words = Words::new();
    let mut rest = cell.trim_ascii();
    while let Some((b'\'', tail)) = rest.split_first() {
        let (mut word, mut at) = (Vec::new(), 0);
        loop {
            match (tail.get(at)?, tail.get(at + 1)) {
                (b'\'', Some(b'\'')) | (b'\\', Some(b'\\')) => {
                    word.push(tail[at]);
                    at += 2;
                }
                (b'\'', _) => break,
                (other, _) => {
                    word.push(*other);
                    at += 1;
                }
            }
        }
        rest = &tail[at + 1..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let places = rest[..length].split(|byte| matches!(byte, b':' | b',')).filter(|place| !place.is_empty());
        let places: Vec<u16> = places
            .map(|place| {
                place
                    .iter()
                    .filter(|byte| byte.is_ascii_digit())
                    .fold(0_u16, |n, d| n.saturating_mul(10).saturating_add((d - b'0').into()))
            })
            .collect();
        add_word(&mut words, &word, places);
        rest = rest[length..].trim_ascii_start();
    }
    rest.is_empty().then_some(words)
}

/// A count, then for each word its bytes, a zero, and places of which 14 bits count.
fn binary_words(cell: &[u8]) -> Option<Words> {
    let (count, mut rest) = cell.split_first_chunk::<4>()?;
    let mut words = Words::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (word, tail) = rest.split_at(end);
        let (places, mut tail) = tail[1..].split_first_chunk::<2>()?;
        let mut all = Vec::new();
        for _ in 0..u16::from_be_bytes(*places) {
            let (place, after) = tail.split_first_chunk::<2>()?;
            all.push(u16::from_be_bytes(*place) & 0x3fff);
            tail = after;
        }
        add_word(&mut words, word, all);
        rest = tail;
    }
    rest.is_empty().then_some(words)
}

fn add_word(words: &mut Words, word: &[u8], places: Vec<u16>) {
    if places.is_empty() {
        words.push((u16::MAX, word.to_vec()));
    }
    words.extend(places.into_iter().map(|place| (place, word.to_vec())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reading: Reading, cell: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        reading.parts(cell, &mut Vec::new(), &mut |part| {
            all.push(match part {
                Part::Text { text, .. } | Part::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
                Part::Integer(number) | Part::Instant(number) => number.to_string(),
            });
        });
        all
    }

    #[test]
    fn a_search_vector_is_put_back_in_order() {
        let text = Reading::new("tsvector", RowForm::Text);
        assert_eq!(texts(text, br"'at':3 'o''brien':4A 'kate':1,5 'say':2"), ["kate say at o'brien kate "]);
        let mut binary = vec![0, 0, 0, 2];
        binary.extend_from_slice(b"lee\0\0\x01\xc0\x02ann\0\0\x01\x00\x01");
        assert_eq!(texts(Reading::new("tsvector", RowForm::Binary), &binary), ["ann lee "]);
        assert_eq!(texts(text, b"'broken").len(), 1);
    }

    #[test]
    fn numbers_and_arrays() {
        assert_eq!(texts(Reading::new("int4", RowForm::Binary), &[0, 0, 1, 0]), ["256"]);
        assert_eq!(texts(Reading::new("int8", RowForm::Text), b"1234567"), ["1234567"]);
        let mut array = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1];
        array.extend_from_slice(b"\0\0\0\x03ann\0\0\0\x03lee");
        assert_eq!(texts(Reading::new("_text", RowForm::Binary), &array), ["ann", "lee"]);
    }
}
