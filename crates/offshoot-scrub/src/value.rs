//! A value as a transform sees it, whatever the bytes it came in.

use std::net::IpAddr;

/// What a column holds, as far as transforms tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Characters: text, varchar, char, citext, name.
    Text,
    /// int2, int4, int8.
    Integer,
    /// float4, float8.
    Float,
    /// numeric.
    Decimal,
    /// date.
    Date,
    /// timestamp, with or without time zone.
    Timestamp,
    /// time, with or without time zone.
    Time,
    /// interval.
    Interval,
    /// bool.
    Bool,
    /// uuid.
    Uuid,
    /// inet, cidr.
    Address,
    /// point.
    Point,
    /// macaddr, macaddr8, bytea.
    Bytes,
    /// json, jsonb.
    Json,
    /// xml.
    Xml,
    /// hstore: each key with its value.
    Entry,
    /// A composite type: each field.
    Field,
    /// A type without meaning to the scrubber; it can be kept or nulled.
    Opaque,
}

/// One value, borrowed. Deliberately without Debug and Display.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text in the encoding of the database; any bytes.
    Text(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// A floating point number.
    Float(f64),
    /// A decimal number as text: `-12.50`, `NaN`, `Infinity`.
    Decimal(&'a str),
    /// Days since 2000-01-01.
    Date(Moment<i32>),
    /// Microseconds since 2000-01-01.
    Timestamp(Moment<i64>),
    /// Microseconds of the day.
    Time(i64),
    /// A span of time.
    Interval(Interval),
    /// True or false.
    Bool(bool),
    /// A uuid.
    Uuid([u8; 16]),
    /// An address and the bits of its network.
    Address(IpAddr, u8),
    /// A point of a plane, or longitude and latitude.
    Point(f64, f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// The text of a JSON document.
    Json(&'a [u8]),
    /// The text of an XML document or of a piece of one.
    Xml(&'a [u8]),
    /// A key of an hstore and its value.
    Entry(&'a [u8], &'a [u8]),
    /// The number of a field of a composite type and its bytes, in the form of the row.
    Field(usize, &'a [u8]),
    /// Bytes of any other type.
    Opaque(&'a [u8]),
}

/// A point in time, or none at either end of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<T> {
    /// Before all others.
    Past,
    /// A day or an instant.
    At(T),
    /// After all others.
    Future,
}

impl<T> Moment<T> {
    /// The same moment in another unit or width.
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Moment<U> {
        match self {
            Self::Past => Moment::Past,
            Self::At(at) => Moment::At(map(at)),
            Self::Future => Moment::Future,
        }
    }
}

/// A span of time, in the parts that calendars do not convert into each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

/// What a transform made of a value.
#[derive(Clone, Copy, PartialEq)]
pub enum Answer {
    /// The value stays.
    Keep,
    /// NULL.
    Null,
    /// Text, bytes, JSON, XML, or the value of an entry or field, that was appended to the output.
    Written,
    /// A whole number.
    Integer(i64),
    /// A floating point number.
    Float(f64),
    /// A decimal number, whose text was appended to the output.
    Decimal,
    /// A date.
    Date(Moment<i32>),
    /// A timestamp.
    Timestamp(Moment<i64>),
    /// Microseconds of the day.
    Time(i64),
    /// A span of time.
    Interval(Interval),
    /// True or false.
    Bool(bool),
    /// A uuid.
    Uuid([u8; 16]),
    /// An address and the bits of its network.
    Address(IpAddr, u8),
    /// A point.
    Point(f64, f64),
}

impl Value<'_> {
    /// Bytes that equal values have in common: what drawing from a value draws from.
    pub fn seed(&self, seed: &mut Vec<u8>) {
        match self {
            Self::Text(bytes)
            | Self::Bytes(bytes)
            | Self::Json(bytes)
            | Self::Xml(bytes)
            | Self::Entry(_, bytes)
            | Self::Field(_, bytes)
            | Self::Opaque(bytes) => seed.extend_from_slice(bytes),
            Self::Time(time) => seed.extend_from_slice(&time.to_le_bytes()),
            Self::Interval(interval) => {
                seed.extend_from_slice(&interval.months.to_le_bytes());
                seed.extend_from_slice(&interval.days.to_le_bytes());
                seed.extend_from_slice(&interval.microseconds.to_le_bytes());
            }
            Self::Point(x, y) => {
                seed.extend_from_slice(&x.to_bits().to_le_bytes());
                seed.extend_from_slice(&y.to_bits().to_le_bytes());
            }
            Self::Integer(number) => seed.extend_from_slice(number.to_string().as_bytes()),
            Self::Float(number) => seed.extend_from_slice(&number.to_bits().to_le_bytes()),
            Self::Decimal(text) => seed.extend_from_slice(text.as_bytes()),
            Self::Date(Moment::At(day)) => seed.extend_from_slice(&day.to_le_bytes()),
            Self::Timestamp(Moment::At(time)) => seed.extend_from_slice(&time.to_le_bytes()),
            Self::Date(_) | Self::Timestamp(_) => {}
            Self::Bool(value) => seed.push(u8::from(*value)),
            Self::Uuid(bytes) => seed.extend_from_slice(bytes),
            Self::Address(address, _) => match address {
                IpAddr::V4(address) => seed.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => seed.extend_from_slice(&address.octets()),
            },
        }
    }
}
