//! Values taken apart, rewritten, and put together again.

use super::{Codec, Parts, Style, decimal, parts, put_text, scalar, text, text_parts};
use crate::value::{Answer, Kind, Value};

/// Rewrites one part; false stands for NULL.
type Rewrite<'r> = &'r mut dyn FnMut(Value<'_>, &mut Vec<u8>) -> Answer;

impl Codec {
    /// Rewrites a value by `rewrite`, which gets each value and appends what it writes. False stands for NULL; `out` is
    /// then as it was.
    pub fn rewrite(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut rewrite: impl FnMut(Value<'_>, &mut Vec<u8>) -> Answer,
    ) -> bool {
        let rewrite: Rewrite<'_> = &mut rewrite;
        if !self.is_array {
            return self.rewrite_element(bytes, out, rewrite);
        }
        let element = &mut |element: &[u8], out: &mut Vec<u8>| self.rewrite_element(element, out, rewrite);
        // No array after all: nothing in it was understood, so nothing of it stays.
        if self.is_binary { parts::array(bytes, out, element) } else { text_parts::array(bytes, out, element) }
            .is_some()
    }

    /// Renames the keys of a value; `rename` gets all keys of one at a time, and gives one for each. False stands for NULL, and
    /// `out` is then as it was.
    pub(crate) fn rename(&self, bytes: &[u8], out: &mut Vec<u8>, rename: parts::Rename<'_>) -> bool {
        if self.parts != Parts::Entries {
            out.extend_from_slice(bytes);
            return true;
        }
        let charset = self.charset;
        let rename: parts::Rename<'_> = &mut |keys| {
            let Some(charset) = charset else { return rename(keys) };
            let mut scratch = Vec::new();
            let read: Vec<Vec<u8>> = keys.iter().map(|key| charset.read(key, &mut scratch).to_vec()).collect();
            let written = |key: Vec<u8>| {
                let mut out = Vec::new();
                put_text(Some(charset), &key, &mut out);
                out
            };
            rename(&read).into_iter().map(written).collect()
        };
        let entries = |bytes: &[u8], out: &mut Vec<u8>, rename: parts::Rename<'_>| {
            if self.is_binary { parts::rename(bytes, out, rename) } else { text_parts::rename(bytes, out, rename) }
                .is_some()
        };
        if !self.is_array {
            return entries(bytes, out, rename);
        }
        let element = &mut |element: &[u8], out: &mut Vec<u8>| entries(element, out, rename);
        if self.is_binary { parts::array(bytes, out, element) } else { text_parts::array(bytes, out, element) }
            .is_some()
    }

    /// Calls `look` with the value; one that consists of others is shown as bytes.
    pub(crate) fn look<T>(&self, bytes: &[u8], look: impl FnOnce(Value<'_>) -> T) -> T {
        let mut scratch = scalar::Scratch::default();
        look(if self.is_whole() { self.decode(bytes, &mut scratch) } else { Value::Opaque(bytes) })
    }

    /// A value in the form of the rows, that no old one says more about; `text` is that of a decimal number.
    pub(crate) fn write(&self, answer: Answer, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match answer {
            Answer::Decimal if self.is_binary => decimal::encode(text, &mut out),
            Answer::Decimal => out.extend_from_slice(text.as_bytes()),
            answer => self.encode(answer, &[], &mut out),
        }
        out
    }

    fn rewrite_element(&self, bytes: &[u8], out: &mut Vec<u8>, rewrite: Rewrite<'_>) -> bool {
        let done = match (self.parts, self.is_binary) {
            (Parts::Whole, _) => return self.rewrite_one(bytes, out, rewrite),
            (Parts::Lexemes, true) => {
                parts::lexemes(bytes, out, &mut |lexeme, out| self.lexeme_answer(lexeme, out, rewrite))
            }
            (Parts::Lexemes, false) => {
                text_parts::lexemes(bytes, out, &mut |lexeme, out| self.lexeme_answer(lexeme, out, rewrite))
            }
            (Parts::Entries, true) => {
                parts::entries(bytes, out, &mut |key, value, out| self.entry_answer(key, value, out, rewrite))
            }
            (Parts::Entries, false) => {
                text_parts::entries(bytes, out, &mut |key, value, out| self.entry_answer(key, value, out, rewrite))
            }
            (Parts::Fields, true) => parts::fields(bytes, out, &mut |field, value, out| {
                part_answer(rewrite(Value::Field(field, value), out), value, out)
            }),
            (Parts::Fields, false) => text_parts::fields(bytes, out, &mut |field, value, out| {
                part_answer(rewrite(Value::Field(field, value), out), value, out)
            }),
            (Parts::Bounds, true) => parts::bounds(bytes, out, &mut |bound, out| self.rewrite_one(bound, out, rewrite))
                .filter(|bounds| self.in_order(bounds))
                .map(|_| ()),
            (Parts::Bounds, false) => {
                text_parts::bounds(bytes, out, &mut |bound, out| self.rewrite_one(bound, out, rewrite))
                    .filter(|bounds| self.in_order(bounds))
                    .map(|_| ())
            }
        };
        done.is_some()
    }

    fn rewrite_one(&self, bytes: &[u8], out: &mut Vec<u8>, rewrite: Rewrite<'_>) -> bool {
        let start = out.len();
        let mut scratch = scalar::Scratch::default();
        let value = self.decode(bytes, &mut scratch);
        if self.style == Style::Jsonb {
            out.push(1);
        }
        match rewrite(value, out) {
            Answer::Keep => {
                out.truncate(start);
                out.extend_from_slice(bytes);
            }
            Answer::Null => {
                out.truncate(start);
                return false;
            }
            Answer::Written if self.charset.is_some() && self.has_letters() => {
                let written = out.split_off(start);
                put_text(self.charset, &written, out);
            }
            Answer::Written if self.kind == Kind::Bytes && !self.is_binary => {
                let written = out.split_off(start);
                text::put_bytes(&written, self.style == Style::Mac, out);
            }
            Answer::Written => {}
            Answer::Decimal => {
                if self.is_binary {
                    let text = String::from_utf8_lossy(&out[start..]).into_owned();
                    out.truncate(start);
                    decimal::encode(&text, out);
                }
            }
            answer => {
                out.truncate(start);
                self.encode(answer, bytes, out);
            }
        }
        true
    }

    fn decode<'a>(&self, bytes: &'a [u8], scratch: &'a mut scalar::Scratch) -> Value<'a> {
        let value = match self.kind {
            Kind::Text => Some(Value::Text(self.read_text(bytes, &mut scratch.bytes))),
            Kind::Json if self.style == Style::Jsonb => match bytes {
                [1, text @ ..] => Some(Value::Json(self.read_text(text, &mut scratch.bytes))),
                _ => None,
            },
            Kind::Json => Some(Value::Json(self.read_text(bytes, &mut scratch.bytes))),
            Kind::Xml => Some(Value::Xml(self.read_text(bytes, &mut scratch.bytes))),
            Kind::Opaque | Kind::Entry | Kind::Field => None,
            _ if self.is_binary => self.decode_binary(bytes, scratch),
            _ => self.decode_text(bytes, scratch),
        };
        value.unwrap_or(Value::Opaque(bytes))
    }

    /// Whether rules read its bytes as text, or as a document of text.
    fn has_letters(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Json | Kind::Xml)
    }

    fn read_text<'a>(&self, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        match self.charset {
            Some(charset) => charset.read(bytes, scratch),
            None => bytes,
        }
    }

    /// A lexeme is a text; what it becomes must be one too.
    fn lexeme_answer(&self, lexeme: &[u8], out: &mut Vec<u8>, rewrite: Rewrite<'_>) -> bool {
        let mut scratch = Vec::new();
        let text = self.read_text(lexeme, &mut scratch);
        self.text_answer(lexeme, out, &mut |out| rewrite(Value::Text(text), out))
    }

    /// So are keys and values of `hstore`.
    fn entry_answer(&self, key: &[u8], value: &[u8], out: &mut Vec<u8>, rewrite: Rewrite<'_>) -> bool {
        let (mut of_key, mut of_value) = (Vec::new(), Vec::new());
        let entry = Value::Entry(self.read_text(key, &mut of_key), self.read_text(value, &mut of_value));
        self.text_answer(value, out, &mut |out| rewrite(entry, out))
    }

    /// Takes the answer for a part that is a text.
    fn text_answer(&self, old: &[u8], out: &mut Vec<u8>, answer: &mut dyn FnMut(&mut Vec<u8>) -> Answer) -> bool {
        let start = out.len();
        let answer = answer(out);
        if answer == Answer::Written && self.charset.is_some() {
            let written = out.split_off(start);
            put_text(self.charset, &written, out);
        }
        part_answer(answer, old, out)
    }

    /// Writes a number, date, uuid or address; `old` is the value it replaces.
    fn encode(&self, answer: Answer, old: &[u8], out: &mut Vec<u8>) {
        if self.is_binary { self.encode_binary(answer, old, out) } else { self.encode_text(answer, old, out) }
    }

    /// False if the upper bound of a range came to lie below the lower one, as at the ends of the calendar.
    fn in_order(&self, bounds: &[Option<Vec<u8>>; 2]) -> bool {
        let [Some(lower), Some(upper)] = bounds else { return true };
        let at = |bound: &[u8]| place_in_time(self.decode(bound, &mut scalar::Scratch::default()));
        at(lower) <= at(upper)
    }
}

/// A moment as a number that sorts like it.
fn place_in_time(value: Value<'_>) -> i128 {
    use crate::value::Moment;
    match value {
        Value::Date(Moment::Past) | Value::Timestamp(Moment::Past) => i128::MIN,
        Value::Date(Moment::At(day)) => day.into(),
        Value::Timestamp(Moment::At(time)) => time.into(),
        _ => i128::MAX,
    }
}

/// Takes the answer for a part whose bytes the rule wrote.
fn part_answer(answer: Answer, old: &[u8], out: &mut Vec<u8>) -> bool {
    match answer {
        Answer::Written => true,
        Answer::Keep => {
            out.extend_from_slice(old);
            true
        }
        _ => false,
    }
}
