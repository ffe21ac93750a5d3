//! `words`: free text, word by word through the shape transform, so that equal words stay equal within a text and across texts.

use super::{Answer, Fault, Making, Options, Reach, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Words {
    shape: Shape,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Words { shape: making.shape("words") }))
}

impl Transform for Words {
    fn is_injective(&self) -> bool {
        self.shape.is_injective()
    }

    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        // Split at blanks of ASCII, which are no part of any other character.
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
            self.shape.apply(work, &rest[..end], out);
            let blanks = rest[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            out.extend_from_slice(&rest[end..end + blanks]);
            rest = &rest[end + blanks..];
        }
        Answer::Written
    }
}
