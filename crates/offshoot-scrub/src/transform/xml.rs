//! `xml`: tags, the names of attributes and the signs of markup stay; text and the values of attributes are shaped.
//!
//! Entities and references to characters stay where they are. Comments and the content of instructions and of CDATA are
//! shaped too. A document type is not rewritten but left out, as it may hold text in many forms; entities that it may have
//! declared then stand there as text. What is not understood as XML is shaped as a text: in a column for XML with its markup
//! as references, as that is XML whatever it was.

use super::{Answer, Fault, Kind, Length, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Xml {
    shape: Shape,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Xml { shape: making.shape("shape") }))
}

impl Transform for Xml {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Xml | Kind::Text)
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let (Value::Xml(bytes) | Value::Text(bytes)) = value else { return Answer::Null };
        let start = out.len();
        let mut walk = Walk { shape: &self.shape, work, rest: bytes, open: Vec::new(), is_untyped: false, out };
        if walk.document().is_none() {
            out.truncate(start);
            self.shape.apply(work, bytes, out);
            if let Value::Xml(_) = value {
                let text = out.split_off(start);
                put_as_text(&text, out);
            }
        }
        Answer::Written
    }

    fn length(&self) -> Length {
        Length::AtMost(usize::MAX)
    }
}

struct Walk<'a> {
    shape: &'a Shape,
    work: &'a mut Work,
    rest: &'a [u8],
    /// Names of the elements that are open.
    open: Vec<&'a [u8]>,
    /// Whether a document type was left out.
    is_untyped: bool,
    out: &'a mut Vec<u8>,
}

/// What every document knows without declaring it.
const PREDEFINED: [&[u8]; 5] = [b"amp", b"lt", b"gt", b"apos", b"quot"];

/// A text as the content of an element.
fn put_as_text(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
}

impl<'a> Walk<'a> {
    fn document(&mut self) -> Option<()> {
        while !self.rest.is_empty() {
            if self.between(b"<!--", b"-->").is_some() || self.between(b"<![CDATA[", b"]]>").is_some() {
                continue;
            }
            if self.rest.starts_with(b"<?") {
                self.instruction()?;
            } else if self.rest.starts_with(b"<!DOCTYPE") {
                self.document_type()?;
            } else if self.rest.starts_with(b"</") {
                self.closing_tag()?;
            } else if self.rest.starts_with(b"<") {
                self.opening_tag()?;
            } else {
                let text = self.take(self.rest.iter().position(|byte| *byte == b'<').unwrap_or(self.rest.len()))?;
                self.text(text)?;
            }
        }
        self.open.is_empty().then_some(())
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn copy(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.take(length)?;
        self.out.extend_from_slice(taken);
        Some(taken)
    }

    /// What stands between two marks, which stay; none, and nothing done, if this does not begin with the first.
    fn between(&mut self, open: &[u8], close: &[u8]) -> Option<()> {
        let content = self.rest.strip_prefix(open)?;
        let length = content.windows(close.len()).position(|window| window == close)?;
        self.copy(open.len())?;
        let content = self.take(length)?;
        self.shape.apply(self.work, content, self.out);
        self.copy(close.len()).map(|_| ())
    }

    /// `<?target content?>`; the declaration of the document itself stays.
    fn instruction(&mut self) -> Option<()> {
        self.copy(2)?;
        let target = self.name()?;
        let length = self.rest.windows(2).position(|window| window == b"?>")?;
        if target == b"xml" {
            self.copy(length)?;
        } else {
            let content = self.take(length)?;
            self.shape.apply(self.work, content, self.out);
        }
        self.copy(2).map(|_| ())
    }

    /// Skips a document type with its brackets and quotes.
    fn document_type(&mut self) -> Option<()> {
        let (mut depth, mut quote) = (0_usize, None);
        for (at, byte) in self.rest.iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if *byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(*byte),
                (None, b'<' | b'[') => depth += 1,
                (None, b'>' | b']') => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                self.is_untyped = true;
                return self.take(at + 1).map(|_| ());
            }
        }
        None
    }

    fn closing_tag(&mut self) -> Option<()> {
        self.copy(2)?;
        let name = self.name()?;
        (self.open.pop()? == name).then_some(())?;
        self.blanks();
        (self.copy(1)? == b">").then_some(())
    }

    fn opening_tag(&mut self) -> Option<()> {
        self.copy(1)?;
        let name = self.name()?;
        loop {
            self.blanks();
            match self.rest.first()? {
                b'>' => {
                    self.open.push(name);
                    return self.copy(1).map(|_| ());
                }
                b'/' => return (self.copy(2)? == b"/>").then_some(()),
                _ => {}
            }
            let attribute = self.name()?;
            self.blanks();
            (self.copy(1)? == b"=").then_some(())?;
            self.blanks();
            let quote = *self.copy(1)?.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
            let value = self.take(self.rest.iter().position(|byte| *byte == quote)?)?;
            if value.contains(&b'<') {
                return None;
            }
            // The names of name spaces are part of the names of tags.
            if attribute == b"xmlns" || attribute.starts_with(b"xmlns:") {
                self.out.extend_from_slice(value);
            } else {
                self.text(value)?;
            }
            self.copy(1)?;
        }
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"<>/=?!\"'&".contains(byte);
        let length = self.rest.iter().position(ends)?;
        if length == 0 { None } else { self.copy(length) }
    }

    fn blanks(&mut self) {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.copy(length);
    }

    /// Shapes a text between entities.
    fn text(&mut self, text: &'a [u8]) -> Option<()> {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'&') {
            self.shape.apply(self.work, &rest[..at], self.out);
            let length = rest[at..].iter().position(|byte| *byte == b';')? + 1;
            let entity = &rest[at..at + length];
            let digits = entity.strip_prefix(b"&#");
            if let Some(c) = digits.and_then(character) {
                // The character that is meant is rewritten like any other, and stands there itself.
                if c.is_alphanumeric() {
                    self.shape.apply(self.work, c.encode_utf8(&mut [0; 4]).as_bytes(), self.out);
                } else {
                    self.out.extend_from_slice(entity);
                }
            } else {
                let name = &entity[1..length - 1];
                (digits.is_none() && !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)).then_some(())?;
                if self.is_untyped && !PREDEFINED.contains(&name) {
                    self.out.extend_from_slice(b"&amp;");
                    self.shape.apply(self.work, &entity[1..], self.out);
                } else {
                    self.out.extend_from_slice(entity);
                }
            }
            rest = &rest[at + length..];
        }
        self.shape.apply(self.work, rest, self.out);
        Some(())
    }
}

/// The character of `233;` or `xe9;`.
fn character(digits: &[u8]) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?.strip_suffix(';')?;
    let point = match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(point)
}
