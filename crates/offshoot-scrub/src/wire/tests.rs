//! Types whose values are texts in rows of any form, and integers of every width.

use super::*;
use crate::value::{Answer, Moment, Value};

/// What a value is read as, and what another one is written as in its place.
fn written(type_name: &str, old: &[u8], answer: Answer) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(Codec::new(type_name, RowForm::Binary).rewrite(old, &mut out, |_, _| answer));
    out
}

fn is_read(type_name: &str, bytes: &[u8], is_expected: impl FnOnce(Value<'_>) -> bool) -> bool {
    Codec::new(type_name, RowForm::Binary).look(bytes, is_expected)
}

#[test]
fn dates_in_text_keep_their_digits_and_their_zero() {
    assert!(is_read("date_text", b"2001-02-03", |value| matches!(value, Value::Date(Moment::At(_)))));
    assert!(is_read("date_text", b"0000-00-00", |value| value == Value::Date(Moment::Past)));
    assert!(is_read("datetime_text", b"0000-00-00 00:00:00.000", |value| value == Value::Timestamp(Moment::Past)));
    assert!(is_read("date_text", b"2001-02-00", |value| matches!(value, Value::Opaque(_))));
    assert!(is_read("time_text", b"-838:59:59.00", |value| matches!(value, Value::Opaque(_))));
    assert!(is_read("time_text", b"838:59:59", |value| matches!(value, Value::Time(_))));
    let next = Answer::Timestamp(Moment::At(calendar_day(2001, 2, 4) * 86_400_000_000 + 700_000));
    assert_eq!(written("datetime_text", b"2001-02-03 04:05:06", next), b"2001-02-04 00:00:00");
    assert_eq!(written("datetime_text", b"2001-02-03 04:05:06.100", next), b"2001-02-04 00:00:00.700");
    let late = Answer::Timestamp(Moment::At(calendar_day(2040, 1, 1) * 86_400_000_000));
    assert_eq!(written("timestamp_text", b"2038-01-01 00:00:00", late), b"2038-01-19 03:14:07");
    assert_eq!(written("datetime_text", b"2038-01-01 00:00:00", late), b"2040-01-01 00:00:00");
    let zero = Answer::Timestamp(Moment::Past);
    assert_eq!(written("datetime_text", b"2001-02-03 04:05:06.1", zero), b"0000-00-00 00:00:00.0");
}

fn calendar_day(year: i64, month: u32, day: u32) -> i64 {
    crate::calendar::day(year, month, day)
}

#[test]
fn integers_of_every_width_come_back() {
    for (type_name, bytes, number) in [
        ("int1", vec![0x80], -128),
        ("uint1", vec![0xFF], 255),
        ("uint2", vec![0xFF, 0xFE], 65_534),
        ("uint4", vec![0xFF; 4], 4_294_967_295),
        ("uint8", vec![0, 0, 0, 0, 0, 0, 0, 9], 9),
    ] {
        assert!(is_read(type_name, &bytes, |value| value == Value::Integer(number)), "{type_name}");
        assert_eq!(written(type_name, &bytes, Answer::Integer(number)), bytes, "{type_name}");
    }
    assert!(is_read("uint8", &[0xFF; 8], |value| matches!(value, Value::Opaque(_))), "beyond what rules count");
}

#[test]
fn texts_of_other_character_sets_are_read_and_written_in_them() {
    let mut out = Vec::new();
    Codec::new("text_cp1252", RowForm::Binary).rewrite(b"caf\xe9", &mut out, |value, out| {
        assert!(matches!(value, Value::Text(text) if text == "caf\u{e9}".as_bytes()));
        out.extend_from_slice("th\u{e9}".as_bytes());
        Answer::Written
    });
    assert_eq!(out, b"th\xe9");
}
