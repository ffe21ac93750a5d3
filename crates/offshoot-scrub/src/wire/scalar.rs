//! Single values in binary form: numbers, dates, times, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Codec, Style, decimal};
use crate::value::{Answer, Interval, Kind, Moment, Value};

/// Memory for values that are decoded into bytes of their own.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
}

impl Codec {
    pub(super) fn decode_binary<'a>(&self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Option<Value<'a>> {
        match self.kind {
            Kind::Integer if self.style == Style::Unsigned => {
                let mut wide = [0; 8];
                wide.get_mut(8 - bytes.len().min(8)..)
                    .filter(|_| bytes.len() == usize::from(self.width))?
                    .copy_from_slice(bytes);
                // Beyond what rules can count, a number is bytes.
                i64::try_from(u64::from_be_bytes(wide)).ok().map(Value::Integer)
            }
            Kind::Integer => match self.width {
                1 => bytes.try_into().ok().map(|bytes| Value::Integer(i8::from_be_bytes(bytes).into())),
                2 => bytes.try_into().ok().map(|bytes| Value::Integer(i16::from_be_bytes(bytes).into())),
                4 => bytes.try_into().ok().map(|bytes| Value::Integer(i32::from_be_bytes(bytes).into())),
                _ => bytes.try_into().ok().map(|bytes| Value::Integer(i64::from_be_bytes(bytes))),
            },
            Kind::Float if self.width == 4 => {
                bytes.try_into().ok().map(|bytes| Value::Float(f32::from_be_bytes(bytes).into()))
            }
            Kind::Float => bytes.try_into().ok().map(|bytes| Value::Float(f64::from_be_bytes(bytes))),
            Kind::Decimal => decimal::decode(bytes, &mut scratch.text).map(|()| Value::Decimal(&scratch.text)),
            Kind::Date => bytes.try_into().ok().map(|bytes| Value::Date(day_moment(i32::from_be_bytes(bytes)))),
            Kind::Timestamp => {
                bytes.try_into().ok().map(|bytes| Value::Timestamp(time_moment(i64::from_be_bytes(bytes))))
            }
            Kind::Time if bytes.len() == usize::from(self.width) => {
                bytes[..8].try_into().ok().map(|bytes| Value::Time(i64::from_be_bytes(bytes)))
            }
            Kind::Interval => {
                let (time, rest) = bytes.split_first_chunk::<8>()?;
                let (days, months) = rest.split_first_chunk::<4>()?;
                let interval = Interval {
                    months: i32::from_be_bytes(months.try_into().ok()?),
                    days: i32::from_be_bytes(*days),
                    microseconds: i64::from_be_bytes(*time),
                };
                // The ends of time are no spans.
                (!is_endless(interval)).then_some(Value::Interval(interval))
            }
            Kind::Bool => bytes.first().map(|byte| Value::Bool(*byte != 0)),
            Kind::Uuid => bytes.try_into().ok().map(Value::Uuid),
            Kind::Address => match bytes {
                [_, bits, _, 4, rest @ ..] => {
                    <[u8; 4]>::try_from(rest).ok().map(|octets| Value::Address(Ipv4Addr::from(octets).into(), *bits))
                }
                [_, bits, _, 16, rest @ ..] => {
                    <[u8; 16]>::try_from(rest).ok().map(|octets| Value::Address(Ipv6Addr::from(octets).into(), *bits))
                }
                _ => None,
            },
            Kind::Point => {
                let (x, y) = bytes.split_first_chunk::<8>()?;
                Some(Value::Point(f64::from_be_bytes(*x), f64::from_be_bytes(y.try_into().ok()?)))
            }
            Kind::Bytes => Some(Value::Bytes(bytes)),
            _ => None,
        }
    }

    pub(super) fn encode_binary(&self, answer: Answer, old: &[u8], out: &mut Vec<u8>) {
        match answer {
            Answer::Integer(number) => {
                let bytes = number.to_be_bytes();
                out.extend_from_slice(&bytes[8 - usize::from(self.width.clamp(1, 8))..]);
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
            Answer::Time(time) => {
                out.extend_from_slice(&time.to_be_bytes());
                // The zone, where there is one.
                out.extend_from_slice(old.get(8..).unwrap_or_default());
            }
            Answer::Interval(interval) => {
                out.extend_from_slice(&interval.microseconds.to_be_bytes());
                out.extend_from_slice(&interval.days.to_be_bytes());
                out.extend_from_slice(&interval.months.to_be_bytes());
            }
            Answer::Bool(value) => out.push(u8::from(value)),
            Answer::Uuid(bytes) => out.extend_from_slice(&bytes),
            Answer::Address(address, bits) => {
                let (family, cidr) = (u8::from(address.is_ipv6()) + 2, u8::from(self.style == Style::Cidr));
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
            Answer::Point(x, y) => {
                out.extend_from_slice(&x.to_be_bytes());
                out.extend_from_slice(&y.to_be_bytes());
            }
            Answer::Keep | Answer::Null | Answer::Written | Answer::Decimal => {}
        }
    }
}

fn day_moment(day: i32) -> Moment<i32> {
    match day {
        i32::MIN => Moment::Past,
        i32::MAX => Moment::Future,
        day => Moment::At(day),
    }
}

fn time_moment(time: i64) -> Moment<i64> {
    match time {
        i64::MIN => Moment::Past,
        i64::MAX => Moment::Future,
        time => Moment::At(time),
    }
}

fn is_endless(interval: Interval) -> bool {
    let Interval { months, days, microseconds } = interval;
    (months, days, microseconds) == (i32::MAX, i32::MAX, i64::MAX)
        || (months, days, microseconds) == (i32::MIN, i32::MIN, i64::MIN)
}

/// The 16 bytes of a uuid written with or without dashes.
pub(crate) fn uuid_from_text(text: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    super::text::hexadecimal(&digits)?.try_into().ok()
}

/// A uuid in its usual form.
pub(crate) fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(b"0123456789abcdef"[usize::from(nibble)] as char);
        }
    }
    text
}
