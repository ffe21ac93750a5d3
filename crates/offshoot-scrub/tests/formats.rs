//! Formats that rules keep: check digits, national numbers, and the ends and gaps of the calendar.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::ColumnFacts;
use proptest::prelude::*;
use tables::{cases, one_column, scrub};

const DAY: i64 = 86_400_000_000;

fn integer(rule: &str, kind: &str, number: i64) -> i64 {
    let scrubber = one_column(rule, ColumnFacts::new("c", kind)).unwrap();
    let width = if kind == "date" || kind == "int4" { 4 } else { 8 };
    let new = scrubber.value("public", "t", "c", &number.to_be_bytes()[8 - width..]).unwrap().unwrap();
    if width == 4 {
        i32::from_be_bytes(new.try_into().unwrap()).into()
    } else {
        i64::from_be_bytes(new.try_into().unwrap())
    }
}

#[test]
fn buckets_round_towards_zero() {
    let rule = "{ rule = \"bucket\", size = 5 }";
    for (old, new) in [(0, 0), (4, 0), (5, 5), (47, 45), (-4, 0), (-47, -45), (i32::MAX.into(), 2_147_483_645)] {
        assert_eq!(integer(rule, "int4", old), new, "{old}");
    }
    assert_eq!(integer(rule, "int8", i64::MIN), -9_223_372_036_854_775_805);
    let scrubber = one_column(rule, ColumnFacts::new("c", "float8")).unwrap();
    let float = |old: f64| {
        f64::from_be_bytes(scrubber.value("public", "t", "c", &old.to_be_bytes()).unwrap().unwrap().try_into().unwrap())
    };
    assert_eq!([float(47.9), float(-0.5), float(f64::INFINITY)], [45.0, 0.0, f64::INFINITY]);
    assert!(float(f64::NAN).is_nan());
}

/// What a number or address becomes in text form.
fn text_form(rule: &str, kind: &str, text: &str) -> String {
    let mut numbers = tables::table("t", &[("c", kind)]);
    numbers.form = offshoot_format::table::RowForm::Text;
    let rule = if rule.starts_with('{') { rule.to_owned() } else { format!("\"{rule}\"") };
    let scrubber = tables::scrubber(&format!("c = {rule}"), &[numbers]).unwrap();
    String::from_utf8(scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap()).unwrap()
}

#[test]
fn decimals_take_the_rules_of_whole_numbers() {
    let bucket = "{ rule = \"bucket\", size = 1000 }";
    for (old, new) in [
        ("999.99", "0.00"),
        ("-1234.5", "-1000.0"),
        ("-12", "0"),
        ("1000", "1000"),
        ("100000000000000000000001999", "100000000000000000000001000"),
        ("100000000000000000000000999", "100000000000000000000000000"),
        ("NaN", "NaN"),
    ] {
        assert_eq!(text_form(bucket, "numeric", old), new, "{old}");
    }
    for old in ["123456789", "-12.50", "0.05", "7", "90.0", "12345678901234567890123", "9999999999999999999.5"] {
        let new = text_form("shape", "numeric", old);
        let form = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        assert!(new != old && form(&new) == form(old), "{old} became {new}");
        let starts_with_zero = |text: &str| text.trim_start_matches('-').starts_with('0');
        assert!(old.len() < 3 || starts_with_zero(&new) == starts_with_zero(old), "{old} became {new}");
    }
    // Equal numbers stay equal whatever their scale, and whatever the type.
    let whole = integer("shape", "int8", 123_456_789).to_string();
    assert_eq!(text_form("shape", "numeric", "123456789"), whole);
    assert_eq!(text_form("shape", "numeric", "123456789.00"), format!("{whole}.00"));
    assert_eq!(text_form("shape", "numeric", "12.50"), text_form("shape", "numeric", "12.5") + "0");
    let range = "{ rule = \"range\", from = 10, to = 20 }";
    let inside = text_form(range, "numeric", "12.0");
    assert!(inside.ends_with(".0") && (10.0..=20.0).contains(&inside.parse::<f64>().unwrap()) && inside != "12.0");
    assert_eq!(inside.trim_end_matches(".0"), integer(range, "int8", 12).to_string());
    assert_eq!(text_form("noise", "numeric", "NaN"), "NaN");
}

#[test]
fn noise_moves_every_number_that_says_something() {
    for n in 1..=999 {
        for old in [format!("{n}"), format!("0.0{n}"), format!("{n}.5")] {
            assert_ne!(text_form("noise", "numeric", &old), old);
        }
    }
}

#[test]
fn uuids_are_the_same_however_they_are_spelled() {
    let old = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let new = scrub("uuid", "text", old);
    let plain = |text: &str| text.replace('-', "");
    assert_eq!(text_form("uuid", "uuid", old), new);
    for (spelled, expected) in [
        (plain(old), plain(&new)),
        (plain(old).to_uppercase(), plain(&new).to_uppercase()),
        (format!("{{{old}}}"), format!("{{{new}}}")),
        (format!("{{{}}}", old.to_uppercase()), format!("{{{}}}", new.to_uppercase())),
        (format!("urn:uuid:{old}"), format!("urn:uuid:{new}")),
    ] {
        assert_eq!(scrub("uuid", "text", &spelled), expected, "{spelled}");
    }
    let mixed = scrub("uuid", "text", "6Ba7b810-9dad-41d1-80b4-00c04fd430C8");
    assert_eq!(mixed.to_lowercase(), new);
    for none in [
        "6ba7b810-9dad-41d1-80b4-00c04fd430c",
        "{6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "-6ba7b8109dad41d180b400c04fd430c8",
    ] {
        assert_ne!(scrub("uuid", "text", none).to_lowercase(), none);
    }
}

#[test]
fn networks_are_nobodys_and_keep_no_host() {
    let parts = |text: &str| {
        let (address, bits) = text.split_once('/').unwrap();
        (address.parse::<std::net::IpAddr>().unwrap(), bits.parse::<u32>().unwrap())
    };
    let is_reserved = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            a >= 240 || [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(&[a, b, c])
        }
        std::net::IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            a == 0x2001 && b == 0xdb8 || a == 0x3fff && b >> 12 == 0 || a >> 13 == 0b010
        }
    };
    for old in [
        "10.1.2.77/24",
        "93.184.216.34/16",
        "8.8.8.8/8",
        "93.184.216.34/30",
        "93.184.216.34/31",
        "2a02:8071:b:c::7/64",
        "2a02:8071::7/32",
        "2a02:8071::7/24",
        "2a02:8071::7/12",
    ] {
        for kind in ["inet", "text"] {
            let new = text_form("ip", kind, old);
            let ((was, bits), (is, new_bits)) = (parts(old), parts(&new));
            assert!(bits == new_bits && is != was && is_reserved(is), "{old} became {new}");
            assert_eq!(new, text_form("ip", "inet", old));
        }
    }
    // Those of one network stay in one, a network stays one, and no host is what it was.
    let of = |host: u32| text_form("ip", "inet", &format!("10.1.2.{host}/24"));
    let network = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
    assert!((1..=255).all(|host| network(&of(host)) == network(&of(0)) && !of(host).ends_with(&format!(".{host}/24"))));
    assert!(of(0).ends_with(".0/24") && text_form("ip", "cidr", "10.1.2.0/24") == of(0));
    let plain = text_form("ip", "inet", "10.1.2.3");
    assert!(!plain.contains('/') && is_reserved(plain.parse().unwrap()));
}

#[test]
fn national_numbers_of_a_country_become_numbers_for_fiction() {
    for (country, old, starts) in [
        ("1", "(415) 867-5309", &["20055501", "21255501", "31055501", "41555501", "61755501"][..]),
        ("33", "01 42 68 53 00", &["019900", "026191", "035301", "046571", "053649", "063998"]),
        ("44", "07911 123456", &["01632960", "07700900", "02079460"]),
        ("46", "08-123 456 78", &["0313900", "0840400"]),
        ("49", "030 1234 5678", &["03023125"]),
        ("61", "(02) 9876 5432", &["0255501", "0255500", "0491570", "0491571"]),
    ] {
        let new = scrub(&format!("{{ rule = \"phone\", country = \"{country}\" }}"), "text", old);
        let digits: String = new.chars().filter(char::is_ascii_digit).collect();
        assert!(new != old && starts.iter().any(|start| digits.starts_with(start)), "{country}: {new}");
        let form = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        assert_eq!(form(&new), form(old), "{country}");
        // Without the country, nobody knows what numbers for fiction there are: all digits are others.
        assert_eq!(form(&scrub("phone", "text", old)), form(old), "{country}");
    }
    assert!(one_column("{ rule = \"phone\", country = \"+44\" }", ColumnFacts::new("c", "text")).is_err());
}

#[test]
fn a_part_of_an_address_without_an_at_is_no_whole() {
    let rule = "{ rule = \"partial\", first = 2, last = 3 }";
    for (old, new) in [
        ("annexample", "an*****ple"),
        ("ann@example.com", "an**********com"),
        ("ann", "**n"),
        ("an", "*n"),
        ("a", "*"),
        ("@", "*"),
    ] {
        assert_eq!(scrub(rule, "text", old), new, "{old}");
    }
}

/// 2000-02-29, 2004-02-29, the first day of our era, the one before it, and one of Caesar's.
const DAYS: [i64; 5] = [59, 1520, -730_119, -730_120, -746_000];

#[test]
fn dates_of_every_era_move_by_days_and_are_cut_to_months_and_years() {
    let truncate = |to: &str| format!("{{ rule = \"date-truncate\", to = \"{to}\" }}");
    for day in DAYS {
        let moved = integer("{ rule = \"date-shift\", days = 30 }", "date", day) - day;
        assert!((1..=30).contains(&moved.abs()), "{day} moved by {moved}");
        for (to, days) in [("year", 365..=366), ("month", 28..=31)] {
            let first = integer(&truncate(to), "date", day);
            assert!(first <= day && day - first < *days.end(), "{day} {to}: {first}");
            assert_eq!(integer(&truncate(to), "date", first), first, "{day} {to}");
            // The first of it, as the day before is of another one.
            let before = first - integer(&truncate(to), "date", first - 1);
            assert!(days.contains(&before), "{day} {to}: {before}");
        }
    }
    for (to, cut) in [("year", [0, 1461]), ("month", [31, 1492])] {
        assert_eq!([59, 1520].map(|day| integer(&truncate(to), "date", day)), cut, "{to}");
    }
}

#[test]
fn times_of_day_in_gaps_of_summer_time_stay_and_so_do_the_ends_of_time() {
    // 2024-03-31 02:30, which central European clocks skip; and one before our era.
    for time in [8856 * DAY + 9_000_000_000, -746_000 * DAY + 1] {
        for kind in ["timestamp", "timestamptz"] {
            let new = integer("date-shift", kind, time);
            assert!(
                new != time && (new - time).rem_euclid(DAY) == 0 && (new - time).abs() <= 365 * DAY,
                "{time} {new}"
            );
            assert_eq!(integer("date-truncate", kind, time).rem_euclid(DAY), 0, "{time}");
        }
    }
    for rule in ["date-shift", "date-truncate", "noise", "age-bucket"] {
        for end in [i64::MIN, i64::MAX] {
            assert_eq!(
                integer(rule, "date", i64::from(if end < 0 { i32::MIN } else { i32::MAX })),
                i64::from(if end < 0 { i32::MIN } else { i32::MAX }),
                "{rule}"
            );
            for kind in ["timestamp", "timestamptz"] {
                if one_column(rule, ColumnFacts::new("c", kind)).is_ok() {
                    assert_eq!(integer(rule, kind, end), end, "{rule} {kind}");
                }
            }
        }
    }
}

fn luhn_holds(digits: &str) -> bool {
    let sum: u32 = digits.chars().rev().filter_map(|c| c.to_digit(10)).enumerate().fold(0, |sum, (at, digit)| {
        let doubled = if at % 2 == 1 { 2 * digit } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    sum.is_multiple_of(10)
}

/// The remainder of an IBAN by 97, country and check digits behind the rest.
fn remainder(iban: &str) -> u32 {
    let iban: String = iban.chars().filter(|c| !c.is_whitespace()).collect();
    let (head, rest) = iban.split_at(4);
    rest.chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0, |before, digit| (before * if digit > 9 { 100 } else { 10 } + digit) % 97)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn cards_stay_valid_or_invalid(body in "[1-9][0-9]{14}", wrong in 1..10_u32, issuer in 0..9_u32) {
        let valid = (0..10).map(|digit| format!("{body}{digit}")).find(|card| luhn_holds(card)).unwrap();
        let last = valid.chars().last().unwrap().to_digit(10).unwrap();
        let invalid = format!("{body}{}", (last + wrong) % 10);
        let rule = format!("{{ rule = \"card\", issuer = {issuer} }}");
        for (old, holds) in [(&valid, true), (&invalid, false)] {
            let new = scrub(&rule, "text", old);
            prop_assert!(new != *old && new.len() == 16 && luhn_holds(&new) == holds, "{}", new);
            prop_assert_eq!(&new[..issuer as usize], &old[..issuer as usize]);
        }
    }

    #[test]
    fn account_numbers_stay_valid_or_invalid(country in prop::sample::select(vec![("DE", 18), ("NL", 14), ("GB", 18), ("FR", 23), ("NO", 11)]), digits in "[0-9]{23}", wrong in 1..97_u32) {
        let body = &digits[..country.1];
        let with = |check: u32| format!("{}{check:02}{body}", country.0);
        let check = 98 - remainder(&with(0));
        for (old, holds) in [(with(check), true), (with((check - 2 + wrong) % 97 + 2), false)] {
            let new = scrub("iban", "text", &old);
            prop_assert!(new != old && new.len() == old.len() && new.starts_with(country.0), "{}", new);
            prop_assert_eq!(remainder(&new) == 1, holds, "{} {}", old, new);
        }
    }
}
