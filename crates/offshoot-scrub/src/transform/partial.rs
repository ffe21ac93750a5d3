//! `partial`: some graphemes at either end stay, and those between become one sign each.
//!
//! Never more than half of a value stays: what is too short loses its ends first, the longer end before the other.

use super::{Answer, Fault, Making, Options, Row, Transform, Value, Work};
use unicode_segmentation::UnicodeSegmentation;

struct Partial {
    first: usize,
    last: usize,
    sign: String,
}

/// With `first` and `last`, how many graphemes stay, and `sign`; `*` if none is given.
pub(super) fn make(options: &mut Options, _: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let mut count = |key: &str| options.integer(key, 0..=64).map(|count| count.unwrap_or(0) as usize);
    let (first, last) = (count("first")?, count("last")?);
    let sign = options.text("sign")?.unwrap_or_else(|| "*".to_owned());
    if first + last == 0 || sign.chars().count() != 1 {
        return Err(options.fault("`partial` needs `first` or `last`, and `sign` is one character"));
    }
    Ok(Box::new(Partial { first, last, sign }))
}

impl Transform for Partial {
    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let text = String::from_utf8_lossy(bytes);
        let graphemes: Vec<&str> = text.graphemes(true).collect();
        let (mut first, mut last) = (self.first, self.last);
        while first + last > graphemes.len() / 2 {
            if first >= last { first -= 1 } else { last -= 1 }
        }
        for (at, grapheme) in graphemes.iter().enumerate() {
            let stays = at < first || at >= graphemes.len() - last;
            out.extend_from_slice(if stays { *grapheme } else { self.sign.as_str() }.as_bytes());
        }
        Answer::Written
    }
}
