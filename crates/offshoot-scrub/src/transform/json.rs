//! `json`: a document whose structure stays and whose values are rewritten by rules for their paths.
//!
//! Keys, their order, duplicate keys, white space between tokens and the digits' count of numbers stay. A string or number
//! whose path has no rule goes through the shape transform: a new path leaks nothing. Paths are written `$.user.email` and
//! `$.tags[]`; `paths` gives each `shape`, `keep`, `null` or `empty`. Escapes for half a surrogate pair, which no text can hold,
//! stay between what is around them.

use std::collections::BTreeMap;

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};
use crate::policy::Item;
use crate::shape::Shape;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Shape,
    Keep,
    Null,
    Empty,
}

struct Json {
    shape: Shape,
    numbers: Prf,
    paths: BTreeMap<String, Rule>,
}

/// With `paths`, a table of paths and rules.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let mut paths = BTreeMap::new();
    if let Some(node) = options.take("paths") {
        let Item::Table(entries) = &node.item else {
            return Err(node.fault("`paths` is a table: `{ \"$.user.name\" = \"shape\" }`"));
        };
        for entry in entries {
            let rule = match entry.value.text("the rule of a path")? {
                "shape" => Rule::Shape,
                "keep" => Rule::Keep,
                "null" => Rule::Null,
                "empty" => Rule::Empty,
                _ => return Err(entry.value.fault("the rule of a path is one of: shape, keep, null, empty")),
            };
            if !entry.key.starts_with('$') {
                return Err(entry.value.fault("a path begins with `$`: `$.user.email`, `$.tags[]`"));
            }
            paths.insert(entry.key.clone(), rule);
        }
    }
    Ok(Box::new(Json { shape: making.shape("json"), numbers: making.prf("json-numbers"), paths }))
}

impl Transform for Json {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Json | Kind::Text)
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let (Value::Json(bytes) | Value::Text(bytes)) = value else { return Answer::Null };
        let start = out.len();
        let mut walk = Walk { json: self, work, bytes, at: 0, out };
        let done = walk.value(&mut "$".to_owned(), 0).is_some();
        walk.blanks();
        if !done || walk.at != bytes.len() {
            // No JSON: then it is text.
            out.truncate(start);
            self.shape.apply(work, bytes, out);
        }
        Answer::Written
    }
}

struct Walk<'a> {
    json: &'a Json,
    work: &'a mut Work,
    bytes: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
}

/// Deeper documents are treated as text, as no parser goes on for ever.
const DEPTH_MAX: u32 = 512;

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.out.push(self.bytes[self.at]);
            self.at += 1;
        }
    }

    fn copy(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| {
            self.out.push(expected);
            self.at += 1;
        })
    }

    fn value(&mut self, path: &mut String, depth: u32) -> Option<()> {
        self.blanks();
        let rule = self.json.paths.get(path.as_str()).copied();
        let (start, length) = (self.at, self.out.len());
        match self.peek()? {
            _ if depth > DEPTH_MAX => return None,
            open @ (b'{' | b'[') => self.container(open, path, depth)?,
            b'"' => {
                let end = self.string_end()?;
                self.string(start + 1, end - 1)?;
                self.at = end;
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let word =
                    [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.bytes[start..].starts_with(word))?;
                self.out.extend_from_slice(word);
                self.at += word.len();
            }
        }
        match rule {
            None | Some(Rule::Shape) => {}
            Some(Rule::Keep) => {
                self.out.truncate(length);
                self.out.extend_from_slice(&self.bytes[start..self.at]);
            }
            Some(Rule::Null) => {
                self.out.truncate(length);
                self.out.extend_from_slice(b"null");
            }
            Some(Rule::Empty) => {
                self.out.truncate(length);
                self.out.extend_from_slice(match self.bytes[start] {
                    b'{' => b"{}",
                    b'[' => b"[]",
                    b'"' => b"\"\"",
                    b't' | b'f' => b"false",
                    b'n' => b"null",
                    _ => b"0",
                });
            }
        }
        Some(())
    }

    fn container(&mut self, open: u8, path: &mut String, depth: u32) -> Option<()> {
        let close = if open == b'{' { b'}' } else { b']' };
        self.copy(open)?;
        self.blanks();
        if self.copy(close).is_some() {
            return Some(());
        }
        let base = path.len();
        loop {
            if open == b'{' {
                self.blanks();
                let start = self.at;
                let end = self.string_end()?;
                // A key is part of the structure.
                self.out.extend_from_slice(&self.bytes[start..end]);
                path.push('.');
                path.push_str(&String::from_utf8_lossy(&self.bytes[start + 1..end - 1]));
                self.at = end;
                self.blanks();
                self.copy(b':')?;
            } else {
                path.push_str("[]");
            }
            self.value(path, depth + 1)?;
            path.truncate(base);
            self.blanks();
            if self.copy(close).is_some() {
                return Some(());
            }
            self.copy(b',')?;
        }
    }

    /// Where the string that begins here ends, after its quote.
    fn string_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        (self.peek()? == b'"').then_some(())?;
        loop {
            match self.bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Rewrites a string as one text, or as several where an escape stands for no character.
    fn string(&mut self, start: usize, end: usize) -> Option<()> {
        self.out.push(b'"');
        let mut text = Vec::new();
        let mut at = start;
        while at < end {
            let byte = self.bytes[at];
            if byte != b'\\' {
                text.push(byte);
                at += 1;
                continue;
            }
            let (escaped, length) = match self.bytes.get(at + 1)? {
                b'n' => (Some('\n'), 2),
                b't' => (Some('\t'), 2),
                b'r' => (Some('\r'), 2),
                b'b' => (Some('\u{8}'), 2),
                b'f' => (Some('\u{c}'), 2),
                b'u' => self.unicode_escape(at)?,
                other => (Some(*other as char), 2),
            };
            match escaped.filter(|c| *c != '\0') {
                Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    self.text(&std::mem::take(&mut text));
                    self.out.extend_from_slice(&self.bytes[at..at + length]);
                }
            }
            at += length;
        }
        self.text(&text);
        self.out.push(b'"');
        Some(())
    }

    /// The character of `\uXXXX`, or of two of them; none for half a pair.
    fn unicode_escape(&self, at: usize) -> Option<(Option<char>, usize)> {
        let unit = |at: usize| -> Option<u32> {
            let digits = self.bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
            digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | (*digit as char).to_digit(16)?))
        };
        let first = unit(at)?;
        if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(at + 6)) {
            return Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)), 12));
        }
        Some((char::from_u32(first), 6))
    }

    fn text(&mut self, text: &[u8]) {
        let mut scrubbed = Vec::with_capacity(text.len());
        self.json.shape.apply(self.work, text, &mut scrubbed);
        for byte in scrubbed {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                0..=0x1f => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(byte),
            }
        }
    }

    /// Draws other digits; a leading zero, the point, the signs and the exponent stay.
    fn number(&mut self) {
        let end = self.bytes[self.at..]
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .map_or(self.bytes.len(), |length| self.at + length);
        let number = &self.bytes[self.at..end];
        let mut stream = self.json.numbers.draw(number);
        let (mut is_first, mut in_exponent) = (true, false);
        let new: Vec<u8> = number
            .iter()
            .map(|byte| {
                in_exponent |= matches!(byte, b'e' | b'E');
                if !byte.is_ascii_digit() || in_exponent {
                    return *byte;
                }
                let leads = std::mem::take(&mut is_first);
                match (leads, byte) {
                    (true, b'0') if number.iter().any(|byte| matches!(byte, b'1'..=b'9')) => b'0',
                    (true, b'1'..=b'9') => b'1' + stream.below(9) as u8,
                    _ => b'0' + stream.below(10) as u8,
                }
            })
            .collect();
        self.out.extend_from_slice(&new);
        self.at = end;
    }
}
