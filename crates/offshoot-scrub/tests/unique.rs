//! Rules that say they are injective: no two values meet, and none stays what it was.
//!
//! A sample here; ten million distinct values of each in the long form.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::table::Layout;
use offshoot_scrub::ColumnCount;
use offshoot_scrub::shape::Work;

fn count() -> u64 {
    if std::env::var_os("OFFSHOOT_LONG").is_some() { 10_000_000 } else { 60_000 }
}

/// Numbers in no order, all distinct below 2^32: a multiplication by an odd number is a permutation.
fn scattered(n: u64) -> u64 {
    u64::from((n as u32).wrapping_mul(0x9e37_79b1))
}

/// Rewrites as many values as the test has; the number of those that met another, and of those that stayed.
fn met_and_stayed(rule: &str, kind: &str, layout: Layout, make: impl Fn(u64) -> Vec<u8>) -> (u64, u64) {
    const ROWS: u64 = 10_000;
    let scrubber = tables::unique_column(rule, kind).unwrap();
    let mut work = Work::default();
    let mut counts = [ColumnCount::default()];
    let mut digests: Vec<u128> = Vec::with_capacity(count() as usize);
    for first in (0..count()).step_by(ROWS as usize) {
        let mut column = Column::new(layout);
        (first..first + ROWS).for_each(|n| column.push(&make(n)).unwrap());
        let mut batch = Batch { columns: vec![column], rows: ROWS as usize };
        scrubber.apply("public", "t", &mut batch, &mut work, &mut counts).unwrap();
        digests.extend((0..ROWS as usize).map(|row| match batch.columns[0].cell(row) {
            Cell::Bytes(bytes) => u128::from_le_bytes(blake3::hash(bytes).as_bytes()[..16].try_into().unwrap()),
            _ => 0,
        }));
    }
    digests.sort_unstable();
    let all = digests.len();
    digests.dedup();
    let (met, stayed) = ((all - digests.len()) as u64, counts[0].values - counts[0].changed);
    println!("{rule}: {all} distinct values, {met} met another, {stayed} stayed");
    (met, stayed)
}

macro_rules! never_meet {
    ($($name:ident: $rule:literal, $kind:literal, $layout:expr, $make:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(met_and_stayed($rule, $kind, $layout, $make), (0, 0));
        }
    )*};
}

/// A decimal number as rows in binary form have it.
fn numeric(text: &str) -> Vec<u8> {
    let (sign, digits) = text.strip_prefix('-').map_or((0_u16, text), |digits| (0x4000, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let padded = format!("{whole}{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let mut groups: Vec<u16> = (0..padded.len() / 4).map(|at| padded[4 * at..4 * at + 4].parse().unwrap()).collect();
    let mut weight = whole.len() as i32 / 4 - 1;
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let weight = if groups.is_empty() { 0 } else { weight as u16 };
    let head = [groups.len() as u16, weight, sign, fraction.len() as u16];
    head.iter().chain(&groups).flat_map(|field| field.to_be_bytes()).collect()
}

fn luhn_digit(body: &str) -> u32 {
    let sum: u32 = body.chars().rev().filter_map(|c| c.to_digit(10)).enumerate().fold(0, |sum, (at, digit)| {
        let doubled = if at % 2 == 0 { 2 * digit } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    (10 - sum % 10) % 10
}

never_meet! {
    shape: "shape", "text", Layout::Var, |n| match n % 4 {
        0 => format!("{:010}", scattered(n)).into_bytes(),
        1 => format!("user{n}@mail.example").into_bytes(),
        2 => format!("Ж{n:x}é漢{}", char::from_u32(0x4e00 + (n % 5000) as u32).unwrap()).into_bytes(),
        _ => format!("a rather long value that needs many limbs {n}").into_bytes(),
    };
    email: "email", "text", Layout::Var, |n| match n % 3 {
        0 => format!("ann{n}@example{}.com", n % 7).into_bytes(),
        1 => format!("{:x}+tag@{}.org", scattered(n), n % 100).into_bytes(),
        _ => format!("no address {n}").into_bytes(),
    };
    email_lists: "email", "text", Layout::Var, |n| match n % 5 {
        0 => format!("Ann {} <ann@x{}.de>", n / 100, n % 100).into_bytes(),
        1 => format!("a{}@x.de, b@y{}.de", n / 100, n % 100).into_bytes(),
        2 => format!("a{}@b{}@c.de", n / 100, n % 100).into_bytes(),
        3 => format!("\"a{}@b\"@c{}.de", n / 100, n % 100).into_bytes(),
        _ => format!("\"a{}@b\" <c{}@d.test>", n / 100, n % 100).into_bytes(),
    };
    mail_urls: "url", "text", Layout::Var, |n| match n % 5 {
        0 => format!("mailto:a{n}@x.de?cc=b%40y.de").into_bytes(),
        1 => format!("xmpp:a@x{n}.de").into_bytes(),
        2 => format!("abcdef:a{n}@x.de").into_bytes(),
        3 => format!("https://x.de/?q=a{n}%40b.de").into_bytes(),
        _ => format!("a@x{n}.de,b%40y.de").into_bytes(),
    };
    phone: "phone", "text", Layout::Var, |n| match n % 3 {
        0 => format!("+1 415 {:07}", n).into_bytes(),
        1 => format!("+49{:010}", scattered(n)).into_bytes(),
        _ => format!("0{:09}", n).into_bytes(),
    };
    card: "card", "text", Layout::Var, |n| {
        let body = format!("4{:014}", scattered(n));
        // Most are valid, some are not.
        format!("{body}{}", (luhn_digit(&body) + u32::from(n % 10 == 0)) % 10).into_bytes()
    };
    iban: "iban", "text", Layout::Var, |n| format!("DE{:02}{:018}", 2 + n % 97, scattered(n)).into_bytes();
    uuid: "uuid", "uuid", Layout::Fixed(16), |n| {
        let mut bytes = blake3::hash(&n.to_le_bytes()).as_bytes()[..16].to_vec();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    };
    uuid_as_text: "uuid", "text", Layout::Var, |n| {
        let hash = blake3::hash(&(n / 4).to_le_bytes());
        let hex = hash.to_hex();
        let text = format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30]);
        // The same in other spellings, which are other texts: as a uuid, in capitals, in both, and what is none.
        match n % 4 {
            0 => text.into_bytes(),
            1 => text.to_uppercase().into_bytes(),
            2 => (text[..18].to_lowercase() + "A" + &text[19..].to_uppercase() + "f").into_bytes(),
            _ => text.replace('-', "").into_bytes(),
        }
    };
    mac_as_text: "mac", "text", Layout::Var, |n| {
        let number = scattered(n / 4);
        match n % 4 {
            0 => format!("00:1b:{:02x}:{:02x}:{:02x}:{:02x}", number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255),
            1 => format!("00-1B-{:02X}-{:02X}-{:02X}-{:02X}", number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255),
            2 => format!("aB{number:010x}"),
            _ => format!("g{number:011x}"),
        }
        .into_bytes()
    };
    ip_as_text: "ip", "text", Layout::Var, |n| {
        let number = scattered(n / 4);
        let octets = number.to_be_bytes();
        match n % 4 {
            0 => format!("{}.{}.{}.{}", octets[4], octets[5], octets[6], octets[7]),
            1 => format!("2a02:{:x}:{:x}::1", number >> 16, number & 0xffff),
            2 => format!("10.0.{}.0{}", n / 4 / 256, n / 4 % 256),
            _ => format!("2A02:{number:X}"),
        }
        .into_bytes()
    };
    network: "ip", "inet", Layout::Var, |n| {
        let number = scattered(n).to_be_bytes();
        // Networks of many lengths, some with hosts and some without.
        let bits = [8, 16, 20, 24, 25, 30, 31, 32][(n % 8) as usize];
        let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
        let address = u32::from_be_bytes([number[4], number[5], number[6], number[7]]);
        let address = if n % 16 == 5 { address & !host } else { address };
        [&[2, bits, 0, 4][..], &address.to_be_bytes()].concat()
    };
    network_as_text: "ip", "text", Layout::Var, |n| {
        let octets = scattered(n).to_be_bytes();
        match n % 3 {
            0 => format!("{}.{}.{}.{}/24", octets[4], octets[5], octets[6], octets[7]),
            1 => format!("2a02:{:x}::{:x}:{:x}/64", octets[4], 1 + u16::from(octets[5]), 1 + u32::from(octets[6]) * 256 + u32::from(octets[7])),
            _ => format!("{}.{}.{}.{}/32", octets[4], octets[5], octets[6], octets[7]),
        }
        .into_bytes()
    };
    username: "username", "text", Layout::Var, |n| format!("ann_{n}").into_bytes();
    token: "token", "text", Layout::Var, |n| match n % 2 {
        0 => format!("sk_live_{:016x}", scattered(n)).into_bytes(),
        _ => format!("{:020x}", scattered(n)).into_bytes(),
    };
    range: "{ rule = \"range\", from = 1000, to = 8000000 }", "int4", Layout::Fixed(4),
        |n| (n as i32).to_be_bytes().to_vec();
    integers: "shape", "int8", Layout::Fixed(8), |n| scattered(n).to_be_bytes().to_vec();
    decimals: "shape", "numeric", Layout::Var, |n| numeric(&match n % 4 {
        0 => format!("{n}"),
        1 => format!("-{}.{:02}1", n / 100, n % 100),
        2 => format!("0.{n:06}7"),
        _ => format!("9{:018}{n}", scattered(n)),
    });
    decimals_in_a_range: "{ rule = \"range\", from = 1000, to = 8000000 }", "numeric", Layout::Var, |n| numeric(&match n % 3 {
        0 => format!("{n}"),
        1 => format!("{n}.5"),
        _ => format!("-{n}"),
    });
    bytes: "shape", "bytea", Layout::Var, |n| format!("{n:x}").into_bytes();
    url: "url", "text", Layout::Var, |n| match n % 4 {
        0 => format!("https://shop{n}.example/p?q=1").into_bytes(),
        1 => format!("http://10.{}.{}.{}/", n >> 16 & 255, n >> 8 & 255, n & 255).into_bytes(),
        2 => format!("https://a.example/%C3%A9/{n}?name=%{:02x}", 0xa0 + n % 16).into_bytes(),
        _ => format!("nowhere/{n}%zz").into_bytes(),
    };
    host: "host", "text", Layout::Var, |n| match n % 2 {
        0 => format!("h{n}.example").into_bytes(),
        _ => format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255).into_bytes(),
    };
    mac: "mac", "macaddr", Layout::Fixed(6), |n| scattered(n).to_be_bytes()[2..].to_vec();
    national_id: "{ rule = \"national-id\", country = \"nl\" }", "text", Layout::Var, |n| format!("{n:09}").into_bytes();
    postal_code: "{ rule = \"postal-code\", country = \"us\" }", "text", Layout::Var, |n| format!("{n:09}").into_bytes();
    vat: "vat", "text", Layout::Var, |n| format!("DE{:09}", n).into_bytes();
    isbn: "isbn", "text", Layout::Var, |n| match n % 2 {
        0 => format!("978{n:010}").into_bytes(),
        _ => format!("{n:013}").into_bytes(),
    };
    bic: "bic", "text", Layout::Var, |n| {
        // What the five digits do not tell apart is in the letters.
        let letter = |place: u32| char::from(b'A' + (n / 100_000 / 26_u64.pow(place) % 26) as u8);
        format!("{}{}{}{}DE{:05}", letter(3), letter(2), letter(1), letter(0), n % 100_000).into_bytes()
    };
}

/// Where lower() must tell values apart, spellings of one uuid or address stay spellings of one.
#[test]
fn spellings_that_count_as_equal_stay_equal() {
    let mut table = tables::table("t", &[("c", "citext")]);
    table.unique.push((vec![0], offshoot_scrub::facts::Equality::LowerCase));
    for (rule, text) in
        [("uuid", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"), ("mac", "00:1b:44:11:3a:b7"), ("ip", "2a02:8071:b:c::1")]
    {
        let scrubber = tables::scrubber(&format!("c = \"{rule}\""), &[table.clone()]).unwrap();
        let lower = |text: &str| {
            let new = scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap();
            String::from_utf8(new).unwrap().to_lowercase()
        };
        let mixed = text.replacen('b', "B", 1);
        assert_eq!(lower(text), lower(&text.to_uppercase()), "{rule}");
        assert_eq!(lower(text), lower(&mixed), "{rule}");
        assert_ne!(lower(text), text);
    }
}
