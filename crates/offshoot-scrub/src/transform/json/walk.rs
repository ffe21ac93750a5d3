//! The walk through a document: token by token into the output, with rules applied on the way.

use offshoot_format::table::RowForm;

use super::{ELEMENT, Json, MEMBER, Rule};
use crate::shape::Work;
use crate::transform::{Answer, Row, Transform};
use crate::value::{Kind, Value};
use crate::wire;

pub(super) struct Walk<'a> {
    pub(super) json: &'a Json,
    pub(super) row: &'a Row<'a>,
    pub(super) work: &'a mut Work,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) out: &'a mut Vec<u8>,
}

/// Deeper documents are treated as text, as no parser goes on for ever.
const DEPTH_MAX: u32 = 512;

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
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

    pub(super) fn value(&mut self, path: &mut Vec<u8>, depth: u32) -> Option<()> {
        self.blanks();
        let json = self.json;
        let rule = json.paths.get(path.as_slice());
        let by = if let Some(Rule::By(transform)) = rule { Some(&**transform) } else { None };
        let (start, length) = (self.at, self.out.len());
        match self.peek()? {
            _ if depth > DEPTH_MAX => return None,
            open @ (b'{' | b'[') => self.container(open, path, depth)?,
            b'"' => {
                let end = self.string_end()?;
                self.string(start + 1, end - 1, by)?;
                self.at = end;
            }
            b'-' | b'0'..=b'9' => self.number(by),
            _ => {
                let word =
                    [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.bytes[start..].starts_with(word))?;
                self.out.extend_from_slice(word);
                self.at += word.len();
            }
        }
        let first = self.bytes[start];
        let instead = match rule {
            None if json.others_are_null && !matches!(first, b'{' | b'[') => &b"null"[..],
            None | Some(Rule::By(_)) => return Some(()),
            Some(Rule::Keep) => &self.bytes[start..self.at],
            Some(Rule::Null) => b"null",
            Some(Rule::Empty) => match first {
                b'{' => &b"{}"[..],
                b'[' => b"[]",
                b'"' => b"\"\"",
                b't' | b'f' => b"false",
                b'n' => b"null",
                _ => b"0",
            },
        };
        self.out.truncate(length);
        self.out.extend_from_slice(instead);
        Some(())
    }

    fn container(&mut self, open: u8, path: &mut Vec<u8>, depth: u32) -> Option<()> {
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
                path.push(MEMBER);
                for piece in self.pieces(start + 1, end - 1)? {
                    path.extend_from_slice(match &piece {
                        Piece::Text(text) => text,
                        Piece::Escape(escape) => escape,
                    });
                }
                self.at = end;
                self.blanks();
                self.copy(b':')?;
            } else {
                path.push(ELEMENT);
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

    /// A string as one text, or as several where an escape stands for no character.
    fn pieces(&self, start: usize, end: usize) -> Option<Vec<Piece>> {
        let (mut pieces, mut text) = (Vec::new(), Vec::new());
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
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Escape(self.bytes[at..at + length].to_vec()));
                }
            }
            at += length;
        }
        if !text.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Some(pieces)
    }

    fn string(&mut self, start: usize, end: usize, by: Option<&dyn Transform>) -> Option<()> {
        let length = self.out.len();
        self.out.push(b'"');
        for piece in self.pieces(start, end)? {
            let text = match piece {
                Piece::Text(text) => text,
                Piece::Escape(escape) => {
                    self.out.extend_from_slice(&escape);
                    continue;
                }
            };
            let mut new = Vec::with_capacity(text.len());
            if !self.text(&text, by, &mut new) {
                self.out.truncate(length);
                self.out.extend_from_slice(b"null");
                return Some(());
            }
            for byte in new {
                match byte {
                    b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                    0..=0x1f => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                    _ => self.out.push(byte),
                }
            }
        }
        self.out.push(b'"');
        Some(())
    }

    /// Appends what a text becomes; false stands for null.
    fn text(&mut self, text: &[u8], by: Option<&dyn Transform>, new: &mut Vec<u8>) -> bool {
        let answer = match by {
            Some(by) if by.takes(Kind::Text) => by.apply(Value::Text(text), self.row, self.work, new),
            Some(by) if by.takes(Kind::Date) && is_date(text) => {
                // A date at the front of a time, however that goes on.
                let codec = wire::Codec::new("date", RowForm::Text);
                let is_there = codec.rewrite(&text[..10], new, |value, out| by.apply(value, self.row, self.work, out));
                new.extend_from_slice(&text[10..]);
                return is_there;
            }
            _ => {
                self.json.shape.apply(self.work, text, new);
                Answer::Written
            }
        };
        if answer == Answer::Keep {
            new.extend_from_slice(text);
        }
        answer != Answer::Null
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

    fn number(&mut self, by: Option<&dyn Transform>) {
        let end = self.bytes[self.at..]
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .map_or(self.bytes.len(), |length| self.at + length);
        let number = &self.bytes[self.at..end];
        self.at = end;
        if by.and_then(|by| self.number_by(by, number)).is_none() {
            self.draw_digits(number);
        }
    }

    /// A number by a rule; none, and nothing done, if the rule makes no number of it.
    fn number_by(&mut self, by: &dyn Transform, number: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(number).ok()?;
        let value = match text.parse() {
            Ok(number) if by.takes(Kind::Integer) => Value::Integer(number),
            _ if by.takes(Kind::Decimal) && !text.contains(['e', 'E']) => Value::Decimal(text),
            _ if by.takes(Kind::Float) => Value::Float(text.parse().ok()?),
            _ if by.takes(Kind::Text) => Value::Text(number),
            _ => return None,
        };
        let mut new = Vec::new();
        let answer = by.apply(value, self.row, self.work, &mut new);
        match answer {
            Answer::Keep => new.extend_from_slice(number),
            Answer::Null => new.extend_from_slice(b"null"),
            Answer::Integer(number) => new.extend_from_slice(number.to_string().as_bytes()),
            Answer::Float(number) => new.extend_from_slice(number.to_string().as_bytes()),
            Answer::Bool(value) => new.extend_from_slice(value.to_string().as_bytes()),
            Answer::Decimal | Answer::Written => {}
            _ => return None,
        }
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&new).is_ok();
        is_json.then(|| self.out.extend_from_slice(&new))
    }

    /// Draws other digits; a leading zero, the point, the signs and the exponent stay.
    fn draw_digits(&mut self, number: &[u8]) {
        let mut stream = self.json.numbers.draw(number);
        let (mut is_first, mut in_exponent) = (true, false);
        let has_value = number.iter().any(|byte| matches!(byte, b'1'..=b'9'));
        self.out.extend(number.iter().map(|byte| {
            in_exponent |= matches!(byte, b'e' | b'E');
            if !byte.is_ascii_digit() || in_exponent {
                return *byte;
            }
            let leads = std::mem::take(&mut is_first);
            match (leads, byte) {
                (true, b'0') if has_value => b'0',
                (true, b'1'..=b'9') => b'1' + stream.below(9) as u8,
                _ => b'0' + stream.below(10) as u8,
            }
        }));
    }
}

/// A part of a string.
enum Piece {
    Text(Vec<u8>),
    /// An escape that stands for no character.
    Escape(Vec<u8>),
}

fn is_date(text: &[u8]) -> bool {
    let date = text.get(..10).and_then(|date| std::str::from_utf8(date).ok());
    date.is_some_and(|date| wire::date(date).is_some()) && text.get(10).is_none_or(|next| !next.is_ascii_digit())
}
