//! Values too large to hold: rewritten as they stream by, in bounded memory.
//!
//! A rule that works word by word or character by character gets pieces of at most [`PIECE_BYTES_MAX`], cut after a blank, else
//! where a grapheme ends; each becomes what it would be as a value of its own. Where a piece ends follows from the value
//! alone, never from how it was fed, so equal values stay equal. A rule whose answer does not depend on the value sees its
//! beginning. All others get the whole value up to [`WHOLE_BYTES_MAX`]; beyond it they are refused.

use unicode_segmentation::UnicodeSegmentation;

use super::{ColumnPlan, ScrubError};
use crate::shape::Work;
use crate::transform::{Reach, Row};
use crate::value::Kind;

/// The largest piece that is rewritten at once.
pub const PIECE_BYTES_MAX: usize = 64 << 10;
/// The largest value that a rule can have as a whole.
pub const WHOLE_BYTES_MAX: usize = 16 << 20;
/// What a rule sees that only looks at the beginning.
const HEAD_BYTES: usize = 256;

/// What is done with large values of a column.
#[derive(Debug)]
pub enum Large<'s> {
    /// They stay as they are.
    Keep,
    /// They become NULL.
    Null,
    /// They are rewritten by this, one for each value.
    Rewrite(Box<Rewriter<'s>>),
}

/// Rewrites one large value as it is fed.
pub struct Rewriter<'s> {
    column: &'s ColumnPlan,
    name: String,
    reach: Reach,
    buffer: Vec<u8>,
    out: Vec<u8>,
    work: Work,
}

impl std::fmt::Debug for Rewriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewriter({}, {} bytes held)", self.name, self.buffer.len())
    }
}

impl<'s> Large<'s> {
    pub(super) fn of(column: &'s ColumnPlan, name: String) -> Self {
        if column.is_kept {
            return Self::Keep;
        }
        if column.is_null {
            return Self::Null;
        }
        let reach = match column.transform.reach() {
            Reach::Pieces if !column.codec.is_plain() => Reach::Whole,
            // A constraint is on the value, not on pieces of it.
            _ if !column.checks.is_empty() => Reach::Whole,
            // Each element of a value that has several is answered for.
            Reach::Head if !column.codec.is_whole() => Reach::Whole,
            reach => reach,
        };
        let (buffer, out, work) = (Vec::new(), Vec::new(), Work::default());
        Self::Rewrite(Box::new(Rewriter { column, name, reach, buffer, out, work }))
    }
}

impl Rewriter<'_> {
    /// Takes the next bytes of the value and passes on what of the result is ready.
    ///
    /// # Errors
    /// [`ScrubError::TooLarge`] if the rule needs the whole value and that is too large.
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) -> Result<(), ScrubError> {
        match self.reach {
            Reach::Head => {
                let missing = HEAD_BYTES.saturating_sub(self.buffer.len()).min(bytes.len());
                self.buffer.extend_from_slice(&bytes[..missing]);
            }
            Reach::Whole => {
                if self.buffer.len() + bytes.len() > WHOLE_BYTES_MAX {
                    let (column, rule) = (self.name.clone(), self.column.rule.clone());
                    return Err(ScrubError::TooLarge { column, rule });
                }
                self.buffer.extend_from_slice(bytes);
            }
            Reach::Pieces => {
                // In portions, so that what is held stays small however much is fed at once.
                for portion in bytes.chunks(PIECE_BYTES_MAX) {
                    self.buffer.extend_from_slice(portion);
                    let mut start = 0;
                    // One byte beyond the piece says whether a character ends with it.
                    while self.buffer.len() - start > PIECE_BYTES_MAX {
                        let length = piece_length(&self.buffer[start..], self.column.codec.kind());
                        self.piece(start..start + length, out)?;
                        start += length;
                    }
                    self.buffer.drain(..start);
                }
            }
        }
        Ok(())
    }

    /// Passes on the rest of the result; false if the value becomes NULL, and nothing was passed on.
    ///
    /// # Errors
    /// As [`Self::feed`]; or [`ScrubError::TooLong`] if the result is longer than the column allows.
    pub fn finish(mut self, out: &mut dyn FnMut(&[u8])) -> Result<bool, ScrubError> {
        if self.reach != Reach::Pieces || !self.buffer.is_empty() {
            return self.piece(0..self.buffer.len(), out);
        }
        Ok(true)
    }

    fn piece(&mut self, range: std::ops::Range<usize>, out: &mut dyn FnMut(&[u8])) -> Result<bool, ScrubError> {
        self.out.clear();
        let is_there = self.column.rewrite(&self.buffer[range.clone()], &Row::default(), &mut self.work, &mut self.out);
        if is_there {
            let old = &self.buffer[range];
            if self.reach != Reach::Pieces && self.column.is_too_long(old, &self.out) {
                return Err(ScrubError::TooLong { column: self.name.clone() });
            }
            if let Some(check) = self.column.broken(old, &self.out) {
                return Err(ScrubError::Breaks { column: self.name.clone(), constraint: check.name.clone() });
            }
            out(&self.out);
        } else if !self.column.is_nullable {
            return Err(ScrubError::NotNull { column: self.name.clone() });
        }
        Ok(is_there)
    }
}

/// How long the piece is that a text of more than [`PIECE_BYTES_MAX`] bytes begins with.
fn piece_length(bytes: &[u8], kind: Kind) -> usize {
    let window = &bytes[..PIECE_BYTES_MAX];
    if kind != Kind::Text {
        return PIECE_BYTES_MAX;
    }
    if let Some(blank) = window[PIECE_BYTES_MAX / 2..].iter().rposition(u8::is_ascii_whitespace) {
        // Two signs of ASCII are two graphemes but for the end of a line.
        let end = PIECE_BYTES_MAX / 2 + blank + 1;
        return if bytes[end - 1..end + 1] == *b"\r\n" { end - 1 } else { end };
    }
    let second_half = PIECE_BYTES_MAX / 2..=PIECE_BYTES_MAX;
    if let Some(end) = second_half.clone().rev().find(|end| bytes[end - 1].is_ascii() && bytes[*end].is_ascii()) {
        return end;
    }
    // The last character may go on beyond the window.
    let text = window.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let last = text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
    if second_half.contains(&last) {
        return last;
    }
    if second_half.contains(&text.len()) { text.len() } else { PIECE_BYTES_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_where_words_or_graphemes_do() {
        let text = |unit: &str| unit.repeat(PIECE_BYTES_MAX / unit.len() + 2).into_bytes();
        for (unit, divides) in [("word ", 5), ("e\u{301}", 3), ("漢", 3), ("👨‍👩‍👧‍👦", 25), ("x", 1)]
        {
            let length = piece_length(&text(unit), Kind::Text);
            assert!(
                (PIECE_BYTES_MAX / 2..=PIECE_BYTES_MAX).contains(&length) && length.is_multiple_of(divides),
                "{unit} {length}"
            );
        }
        assert_eq!(piece_length(&text("\u{301}"), Kind::Text) % 2, 0);
        assert_eq!(piece_length(&text("é"), Kind::Bytes), PIECE_BYTES_MAX);
        assert_eq!(piece_length(&vec![0xff; PIECE_BYTES_MAX + 1], Kind::Text), PIECE_BYTES_MAX);
    }
}
