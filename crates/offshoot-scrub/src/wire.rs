//! Between the bytes of a column and [`Value`]s: Postgres' binary and text forms.
//!
//! What cannot be decoded is [`Value::Opaque`]: it can be kept, nulled or replaced, never misread. A text form counts as
//! decoded only if writing it again gives the same bytes. Values that consist of others (arrays, ranges, composites, hstore,
//! text search vectors) are taken apart and put together again around the rewriting of each part.

mod charset;
mod decimal;
mod parts;
mod scalar;
#[cfg(test)]
mod tests;
mod text;
mod text_parts;

pub(crate) use charset::Charset;
use offshoot_format::table::RowForm;

pub(crate) use scalar::{uuid_from_text, uuid_text};
pub(crate) use text::{date, moment, timestamp};

use crate::facts::ColumnFacts;
use crate::value::{Answer, Kind, Value};

/// How the values of one column are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    kind: Kind,
    /// Bytes of a number.
    width: u8,
    style: Style,
    is_binary: bool,
    is_array: bool,
    parts: Parts,
    /// That of its texts, where it is another than UTF-8 or a part of it.
    charset: Option<Charset>,
}

/// What types of one kind differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    /// With a time zone.
    Zoned,
    /// An address that always names its network.
    Cidr,
    /// An address of hardware.
    Mac,
    /// JSON with a version before it.
    Jsonb,
    /// A number without a sign.
    Unsigned,
    /// A date or time that is written with as many digits behind the point as it had, and whose zero is a value.
    Digits,
}

/// What a value consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Whole,
    Lexemes,
    Entries,
    Fields,
    Bounds,
}

/// Rewrites one part; false stands for NULL.
type Rewrite<'r> = &'r mut dyn FnMut(Value<'_>, &mut Vec<u8>) -> Answer;

impl Codec {
    /// The codec for a column and a form of rows.
    #[must_use]
    pub fn of(column: &ColumnFacts, form: RowForm) -> Self {
        let codec = Self::new(&column.type_name, form).in_encoding(column.encoding.as_deref());
        if column.fields.is_empty() {
            return codec;
        }
        let is_array = column.type_name.starts_with('_');
        Self { kind: Kind::Field, parts: Parts::Fields, is_array, ..codec }
    }

    /// The same for a database in this encoding, if it is one that rules read.
    pub(crate) fn in_encoding(self, encoding: Option<&str>) -> Self {
        let charset = encoding.filter(|encoding| *encoding == charset::LATIN1).map(|_| Charset::Latin1);
        Self { charset: self.charset.or(charset), ..self }
    }

    /// The character set of its texts, where it is another than UTF-8 or a part of it.
    pub(crate) fn charset(&self) -> Option<Charset> {
        self.charset
    }

    /// A text of UTF-8 in the bytes of the column.
    pub(crate) fn text_bytes(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(self.charset, text.as_bytes(), &mut out);
        out
    }

    /// The codec for a type that is no composite, by its bare name, and a form of rows.
    #[must_use]
    pub fn new(type_name: &str, form: RowForm) -> Self {
        let element = type_name.strip_prefix('_');
        let bare = element.unwrap_or(type_name);
        // Values that are texts in rows of any form say so in the name of their type.
        let (bare, is_text) = bare.strip_suffix("_text").map_or((bare, false), |bare| (bare, true));
        let is_binary = form == RowForm::Binary && !is_text;
        let (kind, width, style, parts) = match bare {
            "int1" => (Kind::Integer, 1, Style::Plain, Parts::Whole),
            "uint1" => (Kind::Integer, 1, Style::Unsigned, Parts::Whole),
            "uint2" => (Kind::Integer, 2, Style::Unsigned, Parts::Whole),
            "uint4" => (Kind::Integer, 4, Style::Unsigned, Parts::Whole),
            "uint8" => (Kind::Integer, 8, Style::Unsigned, Parts::Whole),
            "date" if is_text => (Kind::Date, 4, Style::Digits, Parts::Whole),
            "datetime" if is_text => (Kind::Timestamp, 8, Style::Digits, Parts::Whole),
            // Seconds since 1970 in four bytes.
            "timestamp" if is_text => (Kind::Timestamp, 4, Style::Digits, Parts::Whole),
            "time" if is_text => (Kind::Time, 8, Style::Digits, Parts::Whole),
            "text_utf8mb3" | "text_ascii" | "text_cp1252" | "text" | "varchar" | "bpchar" | "char" | "citext"
            | "name" | "unknown" => (Kind::Text, 0, Style::Plain, Parts::Whole),
            "int2" => (Kind::Integer, 2, Style::Plain, Parts::Whole),
            "int4" => (Kind::Integer, 4, Style::Plain, Parts::Whole),
            "int8" => (Kind::Integer, 8, Style::Plain, Parts::Whole),
            "uuid" => (Kind::Uuid, 0, Style::Plain, Parts::Whole),
            "json" => (Kind::Json, 0, Style::Plain, Parts::Whole),
            "jsonb" => (Kind::Json, 0, if is_binary { Style::Jsonb } else { Style::Plain }, Parts::Whole),
            "xml" => (Kind::Xml, 0, Style::Plain, Parts::Whole),
            "float4" => (Kind::Float, 4, Style::Plain, Parts::Whole),
            "float8" => (Kind::Float, 8, Style::Plain, Parts::Whole),
            "numeric" => (Kind::Decimal, 0, Style::Plain, Parts::Whole),
            "date" => (Kind::Date, 4, Style::Plain, Parts::Whole),
            "timestamp" => (Kind::Timestamp, 8, Style::Plain, Parts::Whole),
            "timestamptz" => (Kind::Timestamp, 8, Style::Zoned, Parts::Whole),
            "time" => (Kind::Time, 8, Style::Plain, Parts::Whole),
            "timetz" => (Kind::Time, 12, Style::Zoned, Parts::Whole),
            "interval" => (Kind::Interval, 16, Style::Plain, Parts::Whole),
            "bool" => (Kind::Bool, 1, Style::Plain, Parts::Whole),
            "inet" => (Kind::Address, 0, Style::Plain, Parts::Whole),
            "cidr" => (Kind::Address, 0, Style::Cidr, Parts::Whole),
            "point" => (Kind::Point, 16, Style::Plain, Parts::Whole),
            "bytea" => (Kind::Bytes, 0, Style::Plain, Parts::Whole),
            "macaddr" | "macaddr8" => (Kind::Bytes, 0, Style::Mac, Parts::Whole),
            "tsvector" => (Kind::Text, 0, Style::Plain, Parts::Lexemes),
            "hstore" => (Kind::Entry, 0, Style::Plain, Parts::Entries),
            "daterange" => (Kind::Date, 4, Style::Plain, Parts::Bounds),
            "tsrange" => (Kind::Timestamp, 8, Style::Plain, Parts::Bounds),
            "tstzrange" => (Kind::Timestamp, 8, Style::Zoned, Parts::Bounds),
            _ => (Kind::Opaque, 0, Style::Plain, Parts::Whole),
        };
        let charset = match bare {
            "text_utf8mb3" => Some(Charset::Utf8Mb3),
            "text_ascii" => Some(Charset::Ascii),
            "text_cp1252" => Some(Charset::Cp1252),
            _ => None,
        };
        Self { kind, width, style, is_binary, is_array: element.is_some() && kind != Kind::Opaque, parts, charset }
    }

    /// The form of the rows that the codec is for.
    pub(crate) fn form(&self) -> RowForm {
        if self.is_binary { RowForm::Binary } else { RowForm::Text }
    }

    /// What the column holds; of values that consist of others, what those are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether values are arrays, of which each element is rewritten.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.is_array
    }

    /// Whether values are ranges, whose bounds must move alike.
    #[must_use]
    pub fn is_range(&self) -> bool {
        self.parts == Parts::Bounds
    }

    /// Whether a value is one value for the rules, not one of several in it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.parts == Parts::Whole && !self.is_array
    }

    /// Whether values are addresses of hardware.
    pub(crate) fn is_mac(&self) -> bool {
        self.style == Style::Mac
    }

    /// How many bytes a point in time has that is nothing but one.
    pub(crate) fn instant_bytes(&self) -> Option<usize> {
        let is_instant = self.kind == Kind::Timestamp && matches!(self.style, Style::Plain | Style::Zoned);
        (is_instant && self.is_binary && self.is_whole()).then_some(usize::from(self.width))
    }

    /// Whether the bytes are the value, as those of a text are.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_whole()
            && match self.kind {
                Kind::Text => self.charset.is_none(),
                Kind::Bytes => self.is_binary,
                _ => false,
            }
    }

    /// Whether values are text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

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

/// Appends a text of UTF-8 in a character set, if it is not UTF-8 as well.
fn put_text(charset: Option<Charset>, text: &[u8], out: &mut Vec<u8>) {
    match charset {
        Some(charset) => charset.write(text, out),
        None => out.extend_from_slice(text),
    }
}

/// A label of an enum in the bytes of its column: the label, or its number where rows hold that (`enum_index`).
pub(crate) fn label(column: &ColumnFacts, form: RowForm, label: &str) -> Vec<u8> {
    let number = column.labels.iter().position(|own| own == label).and_then(|place| u16::try_from(place + 1).ok());
    match number.filter(|_| column.type_name == "enum_index" && form == RowForm::Binary) {
        Some(number) => number.to_be_bytes().to_vec(),
        None if column.labels.is_empty() => label.as_bytes().to_vec(),
        None => Codec::of(column, form).text_bytes(label),
    }
}

/// Whether a type is one of whole numbers.
pub(crate) fn is_integer(type_name: &str) -> bool {
    Codec::new(type_name, RowForm::Binary).kind == Kind::Integer
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
