//! Between the bytes of a column and [`Value`](crate::value::Value)s: Postgres' binary and text forms.
//!
//! What cannot be decoded is [`Opaque`](crate::value::Value::Opaque): it can be kept, nulled or replaced, never misread. A text form counts as
//! decoded only if writing it again gives the same bytes. Values that consist of others (arrays, ranges, composites, hstore,
//! text search vectors) are taken apart and put together again around the rewriting of each part.

mod charset;
mod decimal;
mod parts;
mod rewrite;
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
use crate::value::Kind;

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
