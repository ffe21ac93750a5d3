//! Values that consist of others, in text form: arrays, text search vectors, hstore, composites, ranges.
//!
//! As `parts` for the binary form. Quotes are written where the server writes them, so that what is not rewritten stays byte
//! for byte.

use super::parts::{Keyed, Lexemes, Part, Placed, Rename, add_lexeme, renamed, whole};

/// Rewrites the elements of an array.
pub(super) fn array(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<()> {
    whole(out, |out| {
        let mut at = 0;
        if bytes.first()? == &b'[' {
            at = bytes.iter().position(|byte| *byte == b'=')? + 1;
            out.extend_from_slice(&bytes[..at]);
        }
        let mut depth = 0_usize;
        loop {
            let sign = *bytes.get(at)?;
            at += 1;
            out.push(sign);
            match sign {
                b'{' => {
                    depth += 1;
                    if bytes.get(at) == Some(&b'}') {
                        continue;
                    }
                }
                b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return (at == bytes.len()).then_some(());
                    }
                    continue;
                }
                b',' if depth > 0 => {}
                _ => return None,
            }
            if bytes.get(at) == Some(&b'{') {
                continue;
            }
            let (element, is_quoted, end) = item(bytes, at, b",}", Doubling::No)?;
            at = end;
            let mut new = Vec::new();
            if (is_quoted || !element.eq_ignore_ascii_case(b"null")) && rewrite(&element, &mut new) {
                let is_null = new.eq_ignore_ascii_case(b"null");
                let quotes = is_null || new.is_empty() || new.iter().any(|byte| is_special(*byte, b"{},\"\\"));
                put_item(&new, quotes, Doubling::No, out);
            } else {
                out.extend_from_slice(b"NULL");
            }
        }
    })
}

/// Rewrites the lexemes of a text search vector and sorts them again.
pub(super) fn lexemes(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<()> {
    let mut lexemes = Lexemes::new();
    let mut at = 0;
    while at < bytes.len() {
        (bytes[at] == b'\'').then_some(())?;
        at += 1;
        let mut lexeme = Vec::new();
        loop {
            match (*bytes.get(at)?, bytes.get(at + 1)) {
                (b'\'', Some(b'\'')) | (b'\\', Some(b'\\')) => {
                    lexeme.push(bytes[at]);
                    at += 2;
                }
                (b'\'', _) => break,
                (byte, _) => {
                    lexeme.push(byte);
                    at += 1;
                }
            }
        }
        at += 1;
        let end = bytes[at..].iter().position(|byte| *byte == b' ').map_or(bytes.len(), |length| at + length);
        let positions = positions(&bytes[at..end])?;
        at = end + 1;
        let mut new = Vec::new();
        if rewrite(&lexeme, &mut new) && !new.is_empty() && !new.contains(&0) {
            add_lexeme(&mut lexemes, new, &positions);
        }
    }
    for (number, (lexeme, positions)) in lexemes.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"'" } else { b" '" });
        for byte in lexeme {
            if matches!(byte, b'\'' | b'\\') {
                out.push(*byte);
            }
            out.push(*byte);
        }
        out.push(b'\'');
        for (number, position) in positions.iter().enumerate() {
            out.push(if number == 0 { b':' } else { b',' });
            out.extend_from_slice((position & 0x3fff).to_string().as_bytes());
            out.extend_from_slice([&b""[..], b"C", b"B", b"A"][usize::from(position >> 14)]);
        }
    }
    Some(())
}

/// Positions after a lexeme: `:1A,2`, or nothing.
fn positions(text: &[u8]) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let text = std::str::from_utf8(text).ok()?.strip_prefix(':')?;
    let position = |text: &str| {
        let weight = text.bytes().last().and_then(|last| [b'D', b'C', b'B', b'A'].iter().position(|w| *w == last));
        let digits = if weight.is_some() { &text[..text.len() - 1] } else { text };
        let place: u16 = digits.parse().ok().filter(|place| *place < 0x4000)?;
        Some(place | (weight.unwrap_or(0) as u16) << 14)
    };
    text.split(',').map(position).collect()
}

/// Rewrites the values of an hstore.
pub(super) fn entries(bytes: &[u8], out: &mut Vec<u8>, rewrite: Keyed<'_>) -> Option<()> {
    whole(out, |out| {
        let mut at = 0;
        while at < bytes.len() {
            if at > 0 {
                (bytes.get(at..at + 2)? == b", ").then_some(())?;
                out.extend_from_slice(b", ");
                at += 2;
            }
            let (key, is_quoted, end) = item(bytes, at, b"=", Doubling::No)?;
            (is_quoted && bytes.get(end..end + 2)? == b"=>").then_some(())?;
            out.extend_from_slice(&bytes[at..end + 2]);
            let (value, is_quoted, end) = item(bytes, end + 2, b",", Doubling::No)?;
            at = end;
            let mut new = Vec::new();
            if is_quoted && rewrite(&key, &value, &mut new) {
                put_item(&new, true, Doubling::No, out);
            } else {
                (is_quoted || value == b"NULL").then_some(())?;
                out.extend_from_slice(b"NULL");
            }
        }
        Some(())
    })
}

/// Renames the keys of an hstore.
pub(super) fn rename(bytes: &[u8], out: &mut Vec<u8>, rename: Rename<'_>) -> Option<()> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if at > 0 {
            (bytes.get(at..at + 2)? == b", ").then_some(())?;
            at += 2;
        }
        let (key, is_quoted, end) = item(bytes, at, b"=", Doubling::No)?;
        (is_quoted && bytes.get(end..end + 2)? == b"=>").then_some(())?;
        let (value, is_quoted, end) = item(bytes, end + 2, b",", Doubling::No)?;
        entries.push((key, is_quoted.then_some(value)));
        at = end;
    }
    for (number, (key, value)) in renamed(entries, rename).into_iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b", " });
        put_item(&key, true, Doubling::No, out);
        out.extend_from_slice(b"=>");
        match value {
            Some(value) => put_item(&value, true, Doubling::No, out),
            None => out.extend_from_slice(b"NULL"),
        }
    }
    Some(())
}

/// Rewrites the fields of a composite.
pub(super) fn fields(bytes: &[u8], out: &mut Vec<u8>, rewrite: Placed<'_>) -> Option<()> {
    whole(out, |out| {
        let mut at = 0;
        (bytes.first()? == &b'(').then_some(())?;
        for place in 0.. {
            out.push(bytes[at]);
            let (field, is_quoted, end) = item(bytes, at + 1, b",)", Doubling::Yes)?;
            at = end;
            let mut new = Vec::new();
            if (is_quoted || !field.is_empty()) && rewrite(place, &field, &mut new) {
                let quotes = new.is_empty() || new.iter().any(|byte| is_special(*byte, b"(),\"\\"));
                put_item(&new, quotes, Doubling::Yes, out);
            }
            if bytes.get(at)? == &b')' {
                out.push(b')');
                return (at + 1 == bytes.len()).then_some(());
            }
        }
        None
    })
}

/// Rewrites the bounds of a range, and gives them; a bound cannot become NULL.
pub(super) fn bounds(bytes: &[u8], out: &mut Vec<u8>, rewrite: Part<'_>) -> Option<[Option<Vec<u8>>; 2]> {
    if bytes == b"empty" {
        out.extend_from_slice(bytes);
        return Some([None, None]);
    }
    whole(out, |out| {
        let mut at = 0;
        matches!(bytes.first()?, b'(' | b'[').then_some(())?;
        let mut bounds = [None, None];
        for bound in &mut bounds {
            out.push(*bytes.get(at)?);
            let (old, is_quoted, end) = item(bytes, at + 1, b",)]", Doubling::Yes)?;
            at = end;
            if is_quoted || !old.is_empty() {
                let mut new = Vec::new();
                rewrite(&old, &mut new).then_some(())?;
                let quotes = new.is_empty() || new.iter().any(|byte| is_special(*byte, b"()[],\"\\"));
                put_item(&new, quotes, Doubling::Yes, out);
                *bound = Some(new);
            }
        }
        out.push(*bytes.get(at)?);
        (at + 1 == bytes.len()).then_some(bounds)
    })
}

/// Whether a quote within quotes is written twice, or after a backslash.
#[derive(Clone, Copy, PartialEq)]
enum Doubling {
    No,
    Yes,
}

fn is_special(byte: u8, signs: &[u8]) -> bool {
    signs.contains(&byte) || matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The item that begins at `at`: its bytes, whether it was in quotes, and where it ends; without quotes that is before one of
/// `ends`, or where the text ends.
fn item(bytes: &[u8], at: usize, ends: &[u8], doubling: Doubling) -> Option<(Vec<u8>, bool, usize)> {
    if bytes.get(at) != Some(&b'"') {
        let rest = bytes.get(at..)?;
        let length = rest.iter().position(|byte| ends.contains(byte)).unwrap_or(rest.len());
        return Some((rest[..length].to_vec(), false, at + length));
    }
    let (mut item, mut at) = (Vec::new(), at + 1);
    loop {
        match *bytes.get(at)? {
            b'\\' => {
                item.push(*bytes.get(at + 1)?);
                at += 2;
            }
            b'"' if doubling == Doubling::Yes && bytes.get(at + 1) == Some(&b'"') => {
                item.push(b'"');
                at += 2;
            }
            b'"' => return Some((item, true, at + 1)),
            byte => {
                item.push(byte);
                at += 1;
            }
        }
    }
}

fn put_item(item: &[u8], quotes: bool, doubling: Doubling, out: &mut Vec<u8>) {
    if !quotes {
        return out.extend_from_slice(item);
    }
    out.push(b'"');
    for byte in item {
        match (byte, doubling) {
            (b'"' | b'\\', Doubling::Yes) => out.push(*byte),
            (b'"' | b'\\', Doubling::No) => out.push(b'\\'),
            _ => {}
        }
        out.push(*byte);
    }
    out.push(b'"');
}
