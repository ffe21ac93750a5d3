//! Values within the limit of their column: what a rule makes too long is made again, shorter, and `char(n)` keeps its blanks.
//!
//! A limit counts characters. Where foreign keys join columns the least of their limits counts, so that all of them agree on
//! what a value becomes.

use unicode_segmentation::UnicodeSegmentation;

use super::{Answer, Kind, Length, Making, Prf, Reach, Row, Shape, Transform, Value, Work};

/// What a rule makes of the values of a column that has a limit, or blanks at the end.
struct Fitted {
    transform: Box<dyn Transform>,
    /// Characters.
    limit: Option<usize>,
    /// Whether blanks fill values up to their length (`char(n)`), and say nothing.
    is_padded: bool,
}

/// The transform within the limit of a column, where it does not keep the length anyway.
pub(crate) fn around(transform: Box<dyn Transform>, limit: Option<usize>, is_padded: bool) -> Box<dyn Transform> {
    let limit = limit.filter(|_| transform.length() != Length::Same);
    if limit.is_none() && !is_padded { transform } else { Box::new(Fitted { transform, limit, is_padded }) }
}

/// What a limit has against a rule.
pub(crate) fn allows(transform: &dyn Transform, limit: usize) -> Result<(), String> {
    const NEXT: &str = "use one that keeps the length, such as `shape`, or say what becomes of those that do not fit, as in \
                        `too-long = \"shape\"` or `too-long = \"null\"`";
    match transform.length() {
        Length::Same => Ok(()),
        Length::AtMost(chars) if chars <= limit => Ok(()),
        _ if transform.shortest() <= limit => Ok(()),
        Length::AtMost(chars) => {
            Err(format!("its values have up to {chars} characters, and the column takes {limit}: {NEXT}"))
        }
        Length::Grows(_) => {
            Err(format!("its values may be longer than before, and the column takes {limit} characters: {NEXT}"))
        }
    }
}

impl Fitted {
    fn is_too_long(&self, written: &[u8]) -> bool {
        self.limit.is_some_and(|limit| written.len() > limit && chars(written) > limit)
    }
}

impl Transform for Fitted {
    fn takes(&self, kind: Kind) -> bool {
        self.transform.takes(kind)
    }

    fn is_injective(&self) -> bool {
        self.transform.is_injective()
    }

    fn length(&self) -> Length {
        match (self.transform.length(), self.limit) {
            (Length::Grows(_), Some(limit)) => Length::AtMost(limit),
            (length, _) => length,
        }
    }

    fn shortest(&self) -> usize {
        self.transform.shortest()
    }

    fn is_unique_by(&self) -> Option<usize> {
        self.transform.is_unique_by()
    }

    fn names_the_id(&self) -> bool {
        self.transform.names_the_id()
    }

    fn follows_value(&self) -> bool {
        self.transform.follows_value()
    }

    fn may_be_reachable(&self) -> bool {
        self.transform.may_be_reachable()
    }

    fn renames_keys(&self) -> bool {
        self.transform.renames_keys()
    }

    fn key_shape(&self, key: &[u8], row: &Row<'_>) -> Option<&Shape> {
        self.transform.key_shape(key, row)
    }

    fn pays_to_remember(&self) -> bool {
        self.transform.pays_to_remember()
    }

    fn keeps_distance(&self) -> bool {
        self.transform.keeps_distance()
    }

    fn reach(&self) -> Reach {
        self.transform.reach()
    }

    fn reads(&self) -> &[usize] {
        self.transform.reads()
    }

    fn apply_many(&self, texts: &[&[u8]], work: &mut Work, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> bool {
        let (start, first) = (out.len(), ends.len());
        if self.is_padded || !self.transform.apply_many(texts, work, out, ends) {
            return false;
        }
        let starts = std::iter::once(start).chain(ends[first..].iter().copied());
        if starts.zip(&ends[first..]).any(|(start, end)| self.is_too_long(&out[start..*end])) {
            out.truncate(start);
            ends.truncate(first);
            for text in texts {
                self.apply(Value::Text(text), &Row::default(), work, out);
                ends.push(out.len());
            }
        }
        true
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(text) = value else { return self.transform.apply(value, row, work, out) };
        let said = if self.is_padded { without_blanks(text) } else { text };
        let start = out.len();
        let mut answer = self.transform.apply(Value::Text(said), row, work, out);
        if let Some(limit) = self.limit.filter(|_| answer == Answer::Written && self.is_too_long(&out[start..])) {
            out.truncate(start);
            answer = self.transform.fit(Value::Text(said), limit, row, work, out);
        }
        if self.is_padded && answer == Answer::Written {
            let blanks = chars(text).saturating_sub(chars(&out[start..]));
            out.resize(out.len() + blanks, b' ');
        }
        answer
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at + 1)]
}

/// Characters; each byte that is part of none counts as one.
pub(crate) fn chars(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// Cuts what was appended to a text since `start` to so many characters, where a grapheme ends.
pub(super) fn cut(out: &mut Vec<u8>, start: usize, limit: usize) {
    let text = String::from_utf8_lossy(&out[start..]).into_owned();
    out.truncate(start);
    let mut left = limit;
    for grapheme in text.graphemes(true) {
        let Some(rest) = left.checked_sub(grapheme.chars().count()) else { break };
        left = rest;
        out.extend_from_slice(grapheme.as_bytes());
    }
}

/// Small letters and digits that follow from all of a value, for one whose shape has no room. They are drawn, so distinct values
/// stay distinct but for a chance: of a billion one of 2^70 where values must stay distinct.
pub(super) struct Drawn {
    prf: Prf,
    /// The fewest that are drawn: 130 bits where values must stay distinct, else 40.
    pub(super) least: usize,
}

impl Drawn {
    pub(super) fn new(making: &Making<'_>, purpose: &str) -> Self {
        Self { prf: making.prf(purpose), least: if making.is_unique { 26 } else { 8 } }
    }

    /// As many characters for each part, one after another.
    pub(super) fn parts<const N: usize>(&self, value: &[u8], lengths: [usize; N]) -> [Vec<u8>; N] {
        let mut stream = self.prf.draw(value);
        lengths
            .map(|length| (0..length).map(|_| b"abcdefghijklmnopqrstuvwxyz234567"[stream.below(32) as usize]).collect())
    }
}
