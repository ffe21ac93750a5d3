//! `redact`: every character that is no white space becomes the same sign, as many as there were.

use super::{Answer, Fault, Making, Options, Reach, Row, Transform, Value, Work};
use unicode_segmentation::UnicodeSegmentation;

struct Redact {
    sign: String,
}

/// With `sign`, one character; `x` if none is given.
pub(super) fn make(options: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let sign = options.text("sign")?.unwrap_or_else(|| "x".to_owned());
    if sign.chars().count() != 1 {
        return Err(options.fault("`sign` is one character"));
    }
    Ok(Box::new(Redact { sign }))
}

impl Transform for Redact {
    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        for chunk in bytes.utf8_chunks() {
            for grapheme in chunk.valid().graphemes(true) {
                let is_blank = grapheme.chars().all(char::is_whitespace);
                out.extend_from_slice(if is_blank { grapheme } else { &self.sign }.as_bytes());
            }
            chunk.invalid().iter().for_each(|_| out.extend_from_slice(self.sign.as_bytes()));
        }
        Answer::Written
    }
}
