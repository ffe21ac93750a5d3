//! `user-agent`: what a browser says of itself, with the names of products and platforms that many share; versions, models of
//! devices and everything else are rewritten in their shapes.

use super::{Answer, Fault, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct UserAgent {
    shape: Shape,
}

/// Words that say which program and platform it is, and not whose.
const KNOWN: [&str; 44] = [
    "Android",
    "AppleWebKit",
    "Chrome",
    "CPU",
    "CrOS",
    "Edg",
    "EdgA",
    "Edge",
    "Firefox",
    "Gecko",
    "Googlebot",
    "Intel",
    "KHTML",
    "Linux",
    "Mac",
    "Macintosh",
    "Mobile",
    "Mozilla",
    "MSIE",
    "OPR",
    "OS",
    "Opera",
    "Safari",
    "SamsungBrowser",
    "Trident",
    "U",
    "Version",
    "Win64",
    "Windows",
    "NT",
    "X",
    "X11",
    "aarch64",
    "bot",
    "compatible",
    "curl",
    "iPad",
    "iPhone",
    "iPod",
    "like",
    "rv",
    "wv",
    "x64",
    "x86_64",
];

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(UserAgent { shape: Shape::free(making.prf("user-agent")) }))
}

impl Transform for UserAgent {
    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let inside = is_word(first);
            let end = rest.iter().position(|byte| is_word(byte) != inside).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if inside && !KNOWN.iter().any(|known| known.as_bytes() == word) {
                self.shape.apply(work, word, out);
            } else {
                out.extend_from_slice(word);
            }
            rest = after;
        }
        Answer::Written
    }
}
