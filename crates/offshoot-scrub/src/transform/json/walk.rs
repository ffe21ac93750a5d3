//! The walk through a document: token by token into the output, with rules applied on the way.

use std::collections::HashSet;
use std::ops::Range;

use offshoot_format::table::RowForm;

use super::{ELEMENT, Json, KeyRule, MEMBER, Rule, digits, escapes};
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
        let is_container = matches!(first, b'{' | b'[');
        let instead = match rule {
            // To keep a path says nothing of what is below it.
            Some(Rule::Keep) if is_container => return Some(()),
            None if json.others_are_null && !is_container => &b"null"[..],
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
        let mut keys = Vec::new();
        loop {
            if open == b'{' {
                self.blanks();
                self.key(path, &mut keys)?;
                self.blanks();
                self.copy(b':')?;
            } else {
                path.push(ELEMENT);
            }
            self.value(path, depth + 1)?;
            path.truncate(base);
            self.blanks();
            if self.copy(close).is_some() {
                self.part_keys(keys);
                return Some(());
            }
            self.copy(b',')?;
        }
    }

    /// Writes a key as it is, or as it is renamed, and adds what it was to the path.
    fn key(&mut self, path: &mut Vec<u8>, keys: &mut Vec<Key>) -> Option<()> {
        let (start, end) = (self.at, self.string_end()?);
        let pieces = self.pieces(start + 1, end - 1)?;
        self.at = end;
        path.push(MEMBER);
        let base = path.len();
        pieces.iter().for_each(|piece| path.extend_from_slice(piece.bytes()));
        let json = self.json;
        if json.key_rule == KeyRule::Keep {
            self.out.extend_from_slice(&self.bytes[start..end]);
            return Some(());
        }
        let is_renamed = json.key_rule.is_for(&path[base..], json.named.contains(path.as_slice()));
        let mut key = Key { place: 0..0, pieces, is_renamed };
        self.out.push(b'"');
        let place = self.out.len();
        if is_renamed {
            key.rename(self.json, self.work);
            key.pieces.iter().for_each(|piece| piece.write(self.out));
        } else {
            self.out.extend_from_slice(&self.bytes[start + 1..end - 1]);
        }
        key.place = place..self.out.len();
        keys.push(key);
        self.out.push(b'"');
        Some(())
    }

    /// Renames keys of an object again that came to be what another one is that stays.
    fn part_keys(&mut self, keys: Vec<Key>) {
        if !keys.iter().any(|key| key.is_renamed) {
            return;
        }
        let kept: HashSet<Vec<u8>> = keys.iter().filter(|key| !key.is_renamed).map(Key::text).collect();
        for mut key in keys.into_iter().filter(|key| key.is_renamed) {
            if !kept.contains(&key.text()) {
                continue;
            }
            // This ends, as it comes back to what the key was, which is none of those.
            while kept.contains(&key.text()) {
                key.rename(self.json, self.work);
            }
            let mut new = Vec::with_capacity(key.place.len());
            key.pieces.iter().for_each(|piece| piece.write(&mut new));
            // A shape keeps the length.
            if new.len() == key.place.len() {
                self.out[key.place].copy_from_slice(&new);
            }
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
            escapes::write(&new, self.out);
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
            digits::put(self.json, number, self.work, self.out);
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
}

/// A key that was written.
struct Key {
    /// Where it is in the output, without its quotes.
    place: Range<usize>,
    /// What it is there.
    pieces: Vec<Piece>,
    is_renamed: bool,
}

impl Key {
    fn rename(&mut self, json: &Json, work: &mut Work) {
        for piece in &mut self.pieces {
            if let Piece::Text(text) = piece {
                let old = std::mem::take(text);
                json.key_shape.apply(work, &old, text);
            }
        }
    }

    fn text(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(Piece::bytes).copied().collect()
    }
}

/// A part of a string.
enum Piece {
    Text(Vec<u8>),
    /// An escape that stands for no character.
    Escape(Vec<u8>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::Escape(bytes) => bytes,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => escapes::write(text, out),
            Self::Escape(escape) => out.extend_from_slice(escape),
        }
    }
}

fn is_date(text: &[u8]) -> bool {
    let date = text.get(..10).and_then(|date| std::str::from_utf8(date).ok());
    date.is_some_and(|date| wire::date(date).is_some()) && text.get(10).is_none_or(|next| !next.is_ascii_digit())
}
