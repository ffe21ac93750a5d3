//! Which well-known form a text has: enough to see that forms stay, not to find personal data.

use std::net::IpAddr;

use crate::transform::card::luhn;

/// Names of forms; the first that fits counts.
pub(super) const FORMATS: [&str; 16] = [
    "empty",
    "number",
    "card, valid",
    "IP address",
    "digits with separators",
    "date or time",
    "mail address",
    "uuid",
    "URL",
    "JSON",
    "hexadecimal",
    "one word, small",
    "one word, capitals",
    "one word, other",
    "letters and digits",
    "several words",
];
/// Beside them.
pub(super) const OTHER: &str = "other";

/// What tells each of [`FORMATS`].
const TELL: [fn(&str) -> bool; FORMATS.len()] = [
    str::is_empty,
    is_number,
    |text| is_card(text.as_bytes()),
    |text| text.parse::<IpAddr>().is_ok(),
    |text| {
        text.bytes().filter(u8::is_ascii_digit).count() >= 3
            && text.bytes().all(|byte| byte.is_ascii_digit() || b" -./()+".contains(&byte))
            && !has_date(text.as_bytes())
    },
    |text| {
        text.len() >= 8
            && text.bytes().all(|byte| byte.is_ascii_digit() || b"-./:T Z+".contains(&byte))
            && has_date(text.as_bytes())
    },
    is_mail,
    is_uuid,
    |text| {
        text.split_once("://").is_some_and(|(scheme, rest)| {
            !rest.is_empty() && !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    },
    |text| {
        let bytes = text.as_bytes();
        matches!((bytes.first(), bytes.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
    },
    |text| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
    |text| is_word(text) && !text.chars().any(char::is_uppercase),
    |text| is_word(text) && !text.chars().any(char::is_lowercase),
    is_word,
    |text| {
        !text.chars().any(char::is_whitespace) && text.chars().all(|c| c.is_alphanumeric() || c.is_ascii_punctuation())
    },
    |text| text.chars().any(char::is_alphabetic) && text.trim().chars().any(char::is_whitespace),
];

/// The place in [`FORMATS`] of a text's form; as many as there are for any other.
pub(super) fn format_of(text: &[u8]) -> usize {
    let Ok(text) = std::str::from_utf8(text) else { return FORMATS.len() };
    TELL.iter().position(|is| is(text)).unwrap_or(FORMATS.len())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty()
        && digits.len() < 12
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|byte| *byte == b'.').count() < 2
        && digits != "."
}

fn is_mail(text: &str) -> bool {
    text.split_once('@').is_some_and(|(mailbox, domain)| {
        !mailbox.is_empty() && domain.contains('.') && !domain.contains('@') && !text.contains(char::is_whitespace)
    })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_word(text: &str) -> bool {
    // Marks of letters are no letters to the standard library.
    let is_part = |c: char| c.is_alphabetic() || (!c.is_ascii() && !c.is_numeric() && !c.is_whitespace());
    text.chars().any(char::is_alphabetic) && text.chars().all(is_part)
}

fn has_date(text: &[u8]) -> bool {
    let separators = |sign: u8| text.iter().take(10).filter(|byte| **byte == sign).count() == 2;
    let year_first = text.iter().take_while(|byte| byte.is_ascii_digit()).count() == 4;
    let groups = text.split(|byte| !byte.is_ascii_digit()).take(3).map(<[u8]>::len);
    let is_date = if year_first { groups.eq([4, 2, 2]) } else { groups.eq([2, 2, 4]) };
    is_date && (separators(b'-') || separators(b'.') || separators(b'/'))
}

fn is_card(text: &[u8]) -> bool {
    if !text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-')) {
        return false;
    }
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    let Some((check, body)) = digits.split_last() else { return false };
    (13..=19).contains(&digits.len()) && luhn(body) == check - b'0'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (text, expected) in [
            ("", "empty"),
            ("-12.50", "number"),
            ("4111 1111 1111 1111", "card, valid"),
            ("4111 1111 1111 1112", "digits with separators"),
            ("+1 (415) 867-5309", "digits with separators"),
            ("2024-05-01", "date or time"),
            ("2024-05-01T10:11:12Z", "date or time"),
            ("01.05.2024", "date or time"),
            ("a@b.example", "mail address"),
            ("550e8400-e29b-41d4-a716-446655440000", "uuid"),
            ("10.1.2.3", "IP address"),
            ("::1", "IP address"),
            ("https://x.example/a", "URL"),
            ("{\"a\":1}", "JSON"),
            ("0123456789abcdef", "hexadecimal"),
            ("anna", "one word, small"),
            ("ОСЛО", "one word, capitals"),
            ("Zoë", "one word, other"),
            ("ab-12", "letters and digits"),
            ("Anna Lee", "several words"),
        ] {
            assert_eq!(FORMATS.get(format_of(text.as_bytes())), Some(&expected), "{text}");
        }
        assert_eq!(format_of(b"\xff"), FORMATS.len());
        assert_eq!(format_of("👍 !".as_bytes()), FORMATS.len());
    }
}
