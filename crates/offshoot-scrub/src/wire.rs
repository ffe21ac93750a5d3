//! Between the bytes of a column and [`Value`]s: Postgres' binary and text forms.
//!
//! What cannot be decoded is [`Value::Opaque`]: it can be kept, nulled or replaced, never misread.

mod decimal;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use offshoot_format::table::RowForm;

use crate::value::{Answer, Kind, Moment, Value};

/// How the values of one column are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    kind: Kind,
    /// Bytes of a number.
    width: u8,
    is_binary: bool,
    is_jsonb: bool,
    is_array: bool,
}

impl Codec {
    /// The codec for a type, by its bare name, and a form of rows.
    #[must_use]
    pub fn new(type_name: &str, form: RowForm) -> Self {
        let is_binary = form == RowForm::Binary;
        let element = type_name.strip_prefix('_').filter(|_| is_binary);
        let (kind, width) = match element.unwrap_or(type_name) {
            "text" | "varchar" | "bpchar" | "char" | "citext" | "name" | "unknown" => (Kind::Text, 0),
            "int2" => (Kind::Integer, 2),
            "int4" => (Kind::Integer, 4),
            "int8" => (Kind::Integer, 8),
            "uuid" => (Kind::Uuid, 0),
            "json" | "jsonb" => (Kind::Json, 0),
            "float4" if is_binary => (Kind::Float, 4),
            "float8" if is_binary => (Kind::Float, 8),
            "numeric" => (Kind::Decimal, 0),
            "date" if is_binary => (Kind::Date, 4),
            "timestamp" | "timestamptz" if is_binary => (Kind::Timestamp, 8),
            "bool" if is_binary => (Kind::Bool, 1),
            "inet" | "cidr" if is_binary => (Kind::Address, 0),
            "bytea" | "macaddr" | "macaddr8" if is_binary => (Kind::Bytes, 0),
            _ => (Kind::Opaque, 0),
        };
        let is_jsonb = is_binary && element.unwrap_or(type_name) == "jsonb";
        Self { kind, width, is_binary, is_jsonb, is_array: element.is_some() && kind != Kind::Opaque }
    }

    /// What the column holds; of an array, what its elements are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether values are arrays, of which each element is rewritten.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.is_array
    }

    /// Rewrites a value by `rewrite`, which gets each value and appends what it writes. False stands for NULL; `out` is
    /// then as it was.
    pub fn rewrite(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut rewrite: impl FnMut(Value<'_>, &mut Vec<u8>) -> Answer,
    ) -> bool {
        if self.is_array {
            if array(bytes, out, &mut |element, out| self.rewrite_one(element, out, &mut rewrite)).is_none() {
                // No array after all: nothing in it was understood, so nothing of it stays.
                return false;
            }
            return true;
        }
        self.rewrite_one(bytes, out, &mut rewrite)
    }

    fn rewrite_one(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        rewrite: &mut dyn FnMut(Value<'_>, &mut Vec<u8>) -> Answer,
    ) -> bool {
        let start = out.len();
        if self.is_jsonb {
            out.push(1);
        }
        let mut decimal = String::new();
        let value = self.decode(bytes, &mut decimal);
        match rewrite(value, out) {
            Answer::Keep => {
                out.truncate(start);
                out.extend_from_slice(bytes);
            }
            Answer::Null => {
                out.truncate(start);
                return false;
            }
            Answer::Written => {}
            Answer::Decimal => {
                if self.is_binary {
                    let text = String::from_utf8_lossy(&out[start..]).into_owned();
                    out.truncate(start);
                    decimal::encode(&text, out);
                }
            }
            answer => self.encode(answer, bytes, out),
        }
        true
    }

    fn decode<'a>(&self, bytes: &'a [u8], decimal: &'a mut String) -> Value<'a> {
        let text = || std::str::from_utf8(bytes).ok();
        let value = match self.kind {
            Kind::Text => Some(Value::Text(bytes)),
            Kind::Integer if self.is_binary => match self.width {
                2 => bytes.try_into().ok().map(|bytes| Value::Integer(i16::from_be_bytes(bytes).into())),
                4 => bytes.try_into().ok().map(|bytes| Value::Integer(i32::from_be_bytes(bytes).into())),
                _ => bytes.try_into().ok().map(|bytes| Value::Integer(i64::from_be_bytes(bytes))),
            },
            Kind::Integer => text().and_then(|text| text.parse().ok()).map(Value::Integer),
            Kind::Float if self.width == 4 => {
                bytes.try_into().ok().map(|bytes| Value::Float(f32::from_be_bytes(bytes).into()))
            }
            Kind::Float => bytes.try_into().ok().map(|bytes| Value::Float(f64::from_be_bytes(bytes))),
            Kind::Decimal if self.is_binary => decimal::decode(bytes, decimal).map(|()| Value::Decimal(decimal)),
            Kind::Decimal => text().map(Value::Decimal),
            Kind::Date => bytes.try_into().ok().map(|bytes| {
                Value::Date(match i32::from_be_bytes(bytes) {
                    i32::MIN => Moment::Past,
                    i32::MAX => Moment::Future,
                    day => Moment::At(day),
                })
            }),
            Kind::Timestamp => bytes.try_into().ok().map(|bytes| {
                Value::Timestamp(match i64::from_be_bytes(bytes) {
                    i64::MIN => Moment::Past,
                    i64::MAX => Moment::Future,
                    time => Moment::At(time),
                })
            }),
            Kind::Bool => bytes.first().map(|byte| Value::Bool(*byte != 0)),
            Kind::Uuid if self.is_binary => bytes.try_into().ok().map(Value::Uuid),
            Kind::Uuid => uuid_from_text(bytes).map(Value::Uuid),
            Kind::Address => match bytes {
                [_, bits, _, 4, rest @ ..] => {
                    <[u8; 4]>::try_from(rest).ok().map(|octets| Value::Address(Ipv4Addr::from(octets).into(), *bits))
                }
                [_, bits, _, 16, rest @ ..] => {
                    <[u8; 16]>::try_from(rest).ok().map(|octets| Value::Address(Ipv6Addr::from(octets).into(), *bits))
                }
                _ => None,
            },
            Kind::Bytes => Some(Value::Bytes(bytes)),
            Kind::Json if self.is_jsonb => match bytes {
                [1, text @ ..] => Some(Value::Json(text)),
                _ => None,
            },
            Kind::Json => Some(Value::Json(bytes)),
            Kind::Opaque => None,
        };
        value.unwrap_or(Value::Opaque(bytes))
    }

    /// Writes a number, date, uuid or address; `old` is the value it replaces.
    fn encode(&self, answer: Answer, old: &[u8], out: &mut Vec<u8>) {
        match answer {
            Answer::Integer(number) if !self.is_binary => out.extend_from_slice(number.to_string().as_bytes()),
            Answer::Integer(number) => {
                let bytes = number.to_be_bytes();
                out.extend_from_slice(&bytes[8 - usize::from(self.width.clamp(2, 8))..]);
            }
            Answer::Float(number) if self.width == 4 => out.extend_from_slice(&(number as f32).to_be_bytes()),
            Answer::Float(number) => out.extend_from_slice(&number.to_be_bytes()),
            Answer::Date(day) => {
                let day = match day {
                    Moment::Past => i32::MIN,
                    Moment::At(day) => day,
                    Moment::Future => i32::MAX,
                };
                out.extend_from_slice(&day.to_be_bytes());
            }
            Answer::Timestamp(time) => {
                let time = match time {
                    Moment::Past => i64::MIN,
                    Moment::At(time) => time,
                    Moment::Future => i64::MAX,
                };
                out.extend_from_slice(&time.to_be_bytes());
            }
            Answer::Bool(value) => out.push(u8::from(value)),
            Answer::Uuid(bytes) if self.is_binary => out.extend_from_slice(&bytes),
            Answer::Uuid(bytes) => out.extend_from_slice(uuid_text(bytes).as_bytes()),
            Answer::Address(address, bits) => {
                let (family, cidr) = (u8::from(address.is_ipv6()) + 2, old.get(2).copied().unwrap_or(0));
                match address {
                    IpAddr::V4(address) => {
                        out.extend_from_slice(&[family, bits, cidr, 4]);
                        out.extend_from_slice(&address.octets());
                    }
                    IpAddr::V6(address) => {
                        out.extend_from_slice(&[family, bits, cidr, 16]);
                        out.extend_from_slice(&address.octets());
                    }
                }
            }
            Answer::Keep | Answer::Null | Answer::Written | Answer::Decimal => {}
        }
    }
}

/// The 16 bytes of a uuid written with or without dashes.
pub(crate) fn uuid_from_text(text: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = ((pair[0] as char).to_digit(16)? << 4 | (pair[1] as char).to_digit(16)?) as u8;
    }
    Some(bytes)
}

/// A uuid in its usual form.
pub(crate) fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Rewrites the elements of an array in binary form; none if it is none.
fn array(bytes: &[u8], out: &mut Vec<u8>, rewrite: &mut dyn FnMut(&[u8], &mut Vec<u8>) -> bool) -> Option<()> {
    let start = out.len();
    let mut rest = bytes;
    let number = |rest: &mut &[u8]| -> Option<i32> {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        *rest = tail;
        Some(i32::from_be_bytes(*head))
    };
    let dimensions = usize::try_from(number(&mut rest)?).ok().filter(|count| *count <= 6)?;
    let (_, _) = (number(&mut rest)?, number(&mut rest)?);
    let mut count = i64::from(dimensions > 0);
    for _ in 0..dimensions {
        count = count.checked_mul(number(&mut rest)?.into())?;
        number(&mut rest)?;
    }
    out.extend_from_slice(&bytes[..bytes.len() - rest.len()]);
    let mut done = || -> Option<bool> {
        let mut has_null = false;
        for _ in 0..count {
            let Ok(length) = usize::try_from(number(&mut rest)?) else {
                has_null = true;
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                continue;
            };
            let (element, tail) = rest.split_at_checked(length)?;
            rest = tail;
            let place = out.len();
            out.extend_from_slice(&[0; 4]);
            if rewrite(element, out) {
                let length = i32::try_from(out.len() - place - 4).ok()?;
                out[place..place + 4].copy_from_slice(&length.to_be_bytes());
            } else {
                has_null = true;
                out.truncate(place);
                out.extend_from_slice(&(-1_i32).to_be_bytes());
            }
        }
        rest.is_empty().then_some(has_null)
    };
    match done() {
        Some(has_null) => {
            out[start + 4..start + 8].copy_from_slice(&i32::from(has_null).to_be_bytes());
            Some(())
        }
        None => {
            out.truncate(start);
            None
        }
    }
}
