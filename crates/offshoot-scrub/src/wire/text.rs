//! Single values in text form, as the server writes them under the settings of a dump: ISO dates, UTC, intervals in
//! Postgres' own style, bytes in hexadecimal, floats that read back exactly.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::scalar::{Scratch, uuid_from_text, uuid_text};
use super::{Codec, Style};
use crate::calendar;
use crate::value::{Answer, Interval, Kind, Moment, Value};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Codec {
    /// Decodes a text; none if it is not just what would be written for the value.
    pub(super) fn decode_text<'a>(&self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Option<Value<'a>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (value, answer) = match self.kind {
            Kind::Integer => text.parse().ok().map(|number| (Value::Integer(number), Answer::Integer(number)))?,
            // Any spelling of a number is one: only its digits are looked at.
            Kind::Decimal => return Some(Value::Decimal(text)),
            Kind::Float => text.parse().ok().map(|number| (Value::Float(number), Answer::Float(number)))?,
            Kind::Date => {
                let day = self.moment(text, |text| i32::try_from(date(text)?).ok())?;
                (Value::Date(day), Answer::Date(day))
            }
            Kind::Timestamp => {
                let time = self.moment(text, |text| timestamp(text, self.style == Style::Zoned))?;
                (Value::Timestamp(time), Answer::Timestamp(time))
            }
            Kind::Time => {
                let time = time(&text[..time_length(text)])?;
                (Value::Time(time), Answer::Time(time))
            }
            Kind::Interval => interval(text).map(|span| (Value::Interval(span), Answer::Interval(span)))?,
            Kind::Bool => match text {
                "t" => (Value::Bool(true), Answer::Bool(true)),
                "f" => (Value::Bool(false), Answer::Bool(false)),
                _ => return None,
            },
            Kind::Uuid => uuid_from_text(bytes).map(|uuid| (Value::Uuid(uuid), Answer::Uuid(uuid)))?,
            Kind::Address => {
                let (address, bits) = text.split_once('/').unwrap_or((text, ""));
                let address: IpAddr = address.parse().ok()?;
                let all = if address.is_ipv4() { 32 } else { 128 };
                let bits = if bits.is_empty() { all } else { bits.parse().ok().filter(|bits| *bits <= all)? };
                (Value::Address(address, bits), Answer::Address(address, bits))
            }
            Kind::Point => {
                let (x, y) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
                let (x, y) = (x.parse().ok()?, y.parse().ok()?);
                (Value::Point(x, y), Answer::Point(x, y))
            }
            Kind::Bytes => {
                let digits: Vec<u8> = match self.style {
                    Style::Mac => bytes.iter().copied().filter(|byte| *byte != b':').collect(),
                    _ => bytes.strip_prefix(b"\\x")?.to_vec(),
                };
                scratch.bytes = hexadecimal(&digits)?;
                let mut again = Vec::new();
                put_bytes(&scratch.bytes, self.style == Style::Mac, &mut again);
                return (again == bytes).then_some(Value::Bytes(&scratch.bytes));
            }
            _ => return None,
        };
        let mut again = Vec::new();
        self.encode_text(answer, bytes, &mut again);
        (again == bytes).then_some(value)
    }

    fn moment<T>(&self, text: &str, at: impl FnOnce(&str) -> Option<T>) -> Option<Moment<T>> {
        match self.style {
            // A zero date lies before all others.
            Style::Digits if is_zero(text) => Some(Moment::Past),
            Style::Digits => at(text).map(Moment::At),
            _ => moment(text, at),
        }
    }

    pub(super) fn encode_text(&self, answer: Answer, old: &[u8], out: &mut Vec<u8>) {
        if self.style == Style::Digits {
            return self.encode_digits(answer, old, out);
        }
        let text = match answer {
            Answer::Integer(number) => number.to_string(),
            Answer::Float(number) if self.width == 4 => float(number, format!("{:e}", number as f32), 6),
            Answer::Float(number) => float(number, format!("{number:e}"), 15),
            Answer::Date(day) => moment_text(day, |day| date_text(day.into(), "")),
            Answer::Timestamp(time) => moment_text(time, |time| {
                let mut of_day = time_text(time.rem_euclid(DAY));
                of_day.insert(0, ' ');
                if self.style == Style::Zoned {
                    of_day.push_str("+00");
                }
                date_text(time.div_euclid(DAY), &of_day)
            }),
            Answer::Time(time) => {
                let old = std::str::from_utf8(old).unwrap_or_default();
                time_text(time) + &old[time_length(old)..]
            }
            Answer::Interval(span) => interval_text(span),
            Answer::Bool(value) => (if value { "t" } else { "f" }).to_owned(),
            Answer::Uuid(uuid) => uuid_text(uuid),
            Answer::Address(address, bits) => {
                let is_whole = bits == if address.is_ipv4() { 32 } else { 128 };
                if is_whole && self.style != Style::Cidr { address.to_string() } else { format!("{address}/{bits}") }
            }
            Answer::Point(x, y) => {
                format!("({},{})", float(x, format!("{x:e}"), 15), float(y, format!("{y:e}"), 15))
            }
            Answer::Keep | Answer::Null | Answer::Written | Answer::Decimal => return,
        };
        out.extend_from_slice(text.as_bytes());
    }
}

impl Codec {
    /// Writes a date or time with as many digits behind the point as the value before had, within what such columns hold.
    fn encode_digits(&self, answer: Answer, old: &[u8], out: &mut Vec<u8>) {
        let old = std::str::from_utf8(old).unwrap_or_default();
        let digits = old.split_once('.').map_or(0, |(_, fraction)| fraction.len().min(6));
        let of_day = |time: i64| {
            let mut text = time_text(time.div_euclid(SECOND) * SECOND);
            if digits > 0 {
                let fraction = format!("{:06}", time.rem_euclid(SECOND));
                let _ = write!(text, ".{}", &fraction[..digits]);
            }
            text
        };
        let text = match answer {
            Answer::Date(Moment::At(day)) => {
                date_text(i64::from(day).clamp(calendar::day(1, 1, 1), calendar::day(9999, 12, 31)), "")
            }
            Answer::Timestamp(Moment::At(time)) => {
                let time = match self.width {
                    4 => time.clamp(day_1970() * DAY + SECOND, day_1970() * DAY + i64::from(i32::MAX) * SECOND),
                    _ => time.clamp(calendar::day(1, 1, 1) * DAY, (calendar::day(9999, 12, 31) + 1) * DAY - 1),
                };
                date_text(time.div_euclid(DAY), &format!(" {}", of_day(time.rem_euclid(DAY))))
            }
            Answer::Time(time) => of_day(time),
            // What lies outside of the calendar is the zero, which stands for that already.
            Answer::Date(_) | Answer::Timestamp(_) => ZERO[..old.len().min(ZERO.len())].to_owned(),
            _ => return,
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// The date of no day, with the time of no day.
const ZERO: &str = "0000-00-00 00:00:00.000000";

fn day_1970() -> i64 {
    calendar::day(1970, 1, 1)
}

fn is_zero(text: &str) -> bool {
    text.len() >= "0000-00-00".len() && ZERO.starts_with(text)
}

/// Writes bytes in hexadecimal: with `\x` before them, or in pairs with colons as hardware addresses are.
pub(super) fn put_bytes(bytes: &[u8], is_mac: bool, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if !is_mac {
        out.extend_from_slice(b"\\x");
    }
    for (at, byte) in bytes.iter().enumerate() {
        if is_mac && at > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The bytes of pairs of hexadecimal digits.
pub(super) fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| (digit as char).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some((value(*high)? << 4 | value(*low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

/// The shortest digits that read back exactly, with an exponent where the server writes one.
fn float(number: f64, scientific: String, digits_max: i32) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return (if number > 0.0 { "Infinity" } else { "-Infinity" }).to_owned();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..digits_max).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// A moment in words of the server: a date or an instant, which `at` reads, or an end of time.
pub(crate) fn moment<T>(text: &str, at: impl FnOnce(&str) -> Option<T>) -> Option<Moment<T>> {
    match text {
        "-infinity" => Some(Moment::Past),
        "infinity" => Some(Moment::Future),
        text => at(text).map(Moment::At),
    }
}

fn moment_text<T>(moment: Moment<T>, at: impl FnOnce(T) -> String) -> String {
    match moment {
        Moment::Past => "-infinity".to_owned(),
        Moment::Future => "infinity".to_owned(),
        Moment::At(value) => at(value),
    }
}

/// `2001-02-03`, `0044-03-15 BC`.
pub(crate) fn date(text: &str) -> Option<i64> {
    let (text, is_bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let mut fields = text.splitn(3, '-').map(|field| field.parse::<u32>().ok());
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    let year = if is_bc { 1 - i64::from(year) } else { year.into() };
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let number = calendar::day(year, month, day);
    (calendar::date(number) == (year, month, day)).then_some(number)
}

/// A date, `between` it and the era.
fn date_text(day: i64, between: &str) -> String {
    let (year, month, day) = calendar::date(day);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    format!("{year:04}-{month:02}-{day:02}{between}{era}")
}

/// `2001-02-03 04:05:06.7`, with `+00` if it has a zone.
pub(crate) fn timestamp(text: &str, is_zoned: bool) -> Option<i64> {
    let (text, era) = text.strip_suffix(" BC").map_or((text, ""), |text| (text, " BC"));
    let (of_date, of_day) = text.split_once(' ')?;
    let of_day = if is_zoned { of_day.strip_suffix("+00")? } else { of_day };
    date(&format!("{of_date}{era}"))?.checked_mul(DAY)?.checked_add(time(of_day)?)
}

/// Where the time ends and the zone begins.
fn time_length(text: &str) -> usize {
    text.find(['+', '-']).unwrap_or(text.len())
}

/// `04:05:06.7`.
fn time(text: &str) -> Option<i64> {
    let mut fields = text.splitn(3, ':');
    let (hours, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if fraction.len() > 6 {
        return None;
    }
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let fraction = number(&format!("{fraction:0<6}"))?;
    Some(((number(hours)? * 60 + number(minutes)?) * 60 + number(seconds)?) * SECOND + fraction)
}

fn time_text(time: i64) -> String {
    let (seconds, fraction) = (time / SECOND, time % SECOND);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let _ = write!(text, ".{fraction:06}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// `1 year 2 mons -3 days +04:05:06.7`.
fn interval(text: &str) -> Option<Interval> {
    let mut span = Interval::default();
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, word) = match word.strip_prefix('-') {
                Some(word) => (-1, word),
                None => (1, word.trim_start_matches('+')),
            };
            span.microseconds = sign * time(word)?;
            return words.next().is_none().then_some(span);
        }
        let number: i32 = word.parse().ok()?;
        match words.next()?.trim_end_matches('s') {
            "year" => span.months = number.checked_mul(12)?,
            "mon" => span.months = span.months.checked_add(number)?,
            "day" => span.days = number,
            _ => return None,
        }
    }
    Some(span)
}

fn interval_text(span: Interval) -> String {
    let mut text = String::new();
    let mut is_before = false;
    for (number, unit) in [(span.months / 12, "year"), (span.months % 12, "mon"), (span.days, "day")] {
        if number == 0 {
            continue;
        }
        let (blank, plus) = (if text.is_empty() { "" } else { " " }, if is_before && number > 0 { "+" } else { "" });
        let _ = write!(text, "{blank}{plus}{number} {unit}{}", if number == 1 { "" } else { "s" });
        is_before = number < 0;
    }
    if text.is_empty() || span.microseconds != 0 {
        let blank = if text.is_empty() { "" } else { " " };
        let sign = if span.microseconds < 0 {
            "-"
        } else if is_before {
            "+"
        } else {
            ""
        };
        let magnitude = i64::try_from(span.microseconds.unsigned_abs()).unwrap_or(i64::MAX);
        let _ = write!(text, "{blank}{sign}{}", time_text(magnitude));
    }
    text
}
