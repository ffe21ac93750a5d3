//! Escapes within a text: what an address looks like in a URL, in JSON, or in HTML.

/// Resolves percent encoding, backslash escapes of JSON and C, and numeric character references: one round of all of them.
///
/// What is no such escape stays.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (length, c) = match byte {
            b'%' => (3, number(rest.get(1..3), 16).map(Unescaped::Byte)),
            b'\\' => match tail.first() {
                Some(b'u') => escaped_unit(rest),
                Some(b'x') => (4, number(rest.get(2..4), 16).map(Unescaped::Byte)),
                Some(b'n' | b'r' | b't' | b'b' | b'f' | b'v') => (2, Some(Unescaped::Byte(u32::from(b' ')))),
                Some(other) => (2, Some(Unescaped::Byte((*other).into()))),
                None => (1, None),
            },
            b'&' => reference(rest),
            _ => (1, None),
        };
        match c {
            Some(Unescaped::Byte(byte)) => out.push(byte as u8),
            Some(Unescaped::Char(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {
                out.push(byte);
                rest = tail;
                continue;
            }
        }
        rest = &rest[length.min(rest.len())..];
    }
}

enum Unescaped {
    Byte(u32),
    Char(char),
}

/// `\uXXXX`, or two of them that make one character.
fn escaped_unit(text: &[u8]) -> (usize, Option<Unescaped>) {
    let unit = |at: usize| {
        text.get(at..at + 2).filter(|start| start == b"\\u").and_then(|_| number(text.get(at + 2..at + 6), 16))
    };
    match (unit(0), unit(6)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            (12, char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).map(Unescaped::Char))
        }
        (Some(point), _) => (6, Some(Unescaped::Char(char::from_u32(point).unwrap_or(' ')))),
        _ => (1, None),
    }
}

/// `&#64;`, `&#x40;` and the five names that every markup knows.
fn reference(text: &[u8]) -> (usize, Option<Unescaped>) {
    let Some(length) = text.iter().take(12).position(|byte| *byte == b';') else { return (1, None) };
    let c = match &text[1..length] {
        [b'#', b'x' | b'X', digits @ ..] => number(Some(digits), 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(Some(digits), 10).and_then(char::from_u32),
        b"amp" | b"lt" | b"gt" | b"quot" | b"apos" | b"nbsp" => Some(' '),
        _ => None,
    };
    (length + 1, c.map(Unescaped::Char))
}

fn number(digits: Option<&[u8]>, radix: u32) -> Option<u32> {
    let digits = digits.filter(|digits| !digits.is_empty())?;
    digits
        .iter()
        .try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add((*digit as char).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_are_resolved() {
        let resolved = |text: &str| {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(resolved("anna%40x%2Eexample 100% %zz"), "anna@x.example 100% %zz");
        assert_eq!(resolved(r"Zo\u00eb \ud83d\ude00\nnext \\ \x41 \"), "Zoë 😀 next \\ A \\");
        assert_eq!(resolved("a&#64;b&#x40;c&amp;d &copy; & e"), "a@b@c d &copy; & e");
    }
}
