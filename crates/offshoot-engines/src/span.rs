//! A range that one reader reads piece by piece, and of which another takes the later half when it has nothing else to do.
//!
//! So a reader that met the slow rows is not waited for by all others, and nobody need know beforehand where those are. A
//! reader's pieces follow each other in one sink, as if they were one; only what changes hands begins anew.

use std::ops::Range;

/// Bytes that are read by one statement, toasted ones included: by so much two readers may be unequal at the end.
const PIECE_BYTES: u64 = 16 << 20;

/// Bytes of a piece of a table that is large from so many bytes on.
#[must_use]
pub fn piece_bytes(split_bytes: u64) -> u64 {
    PIECE_BYTES.min(split_bytes / 4).max(1)
}

/// What is left of a range of numbers: blocks of a heap, or values of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    next: i128,
    end: i128,
    piece: i128,
}

impl Span {
    /// A range, and how much of it is read at once.
    #[must_use]
    pub fn new(all: Range<i128>, piece: i128) -> Self {
        Self { next: all.start, end: all.end, piece: piece.max(1) }
    }

    /// The next piece; none when nothing is left. What would be less than half a piece at the end goes with the one before it.
    pub fn piece(&mut self) -> Option<Range<i128>> {
        if self.next >= self.end {
            return None;
        }
        let left = self.end - self.next;
        let length = if 2 * left <= 3 * self.piece { left } else { self.piece };
        let piece = self.next..self.next + length;
        self.next = piece.end;
        Some(piece)
    }

    /// The later half of what is left, if both halves are worth a reader of their own.
    pub fn split(&mut self) -> Option<Self> {
        if self.left() < 2 * self.piece {
            return None;
        }
        let middle = self.next + self.left() / 2;
        let later = Self { next: middle, ..self.clone() };
        self.end = middle;
        Some(later)
    }

    /// How much is left, in pieces.
    #[must_use]
    pub fn pieces_left(&self) -> i128 {
        self.left() / self.piece
    }

    fn left(&self) -> i128 {
        (self.end - self.next).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_is_in_one_piece(
            start in -500_i128..500,
            length in 0..2000_i128,
            piece in 0..300_i128,
            turns in proptest::collection::vec((0..8_usize, any::<bool>()), 0..40),
        ) {
            let all = start..start + length;
            let (mut spans, mut read) = (vec![Span::new(all.clone(), piece)], Vec::new());
            for (reader, splits) in turns {
                let reader = reader % spans.len();
                if splits {
                    let before = spans[reader].left();
                    if let Some(later) = spans[reader].split() {
                        prop_assert_eq!(spans[reader].left() + later.left(), before);
                        prop_assert!(later.left() >= piece && spans[reader].left() >= piece);
                        spans.push(later);
                    }
                } else {
                    read.extend(spans[reader].piece());
                }
            }
            for span in &mut spans {
                while let Some(next) = span.piece() {
                    read.push(next);
                }
            }
            read.sort_by_key(|piece| piece.start);
            let mut at = all.start;
            for piece in read {
                prop_assert_eq!(piece.start, at);
                prop_assert!(piece.end > piece.start);
                at = piece.end;
            }
            prop_assert_eq!(at, all.end);
        }
    }

    #[test]
    fn the_widest_keys_do_not_overflow() {
        let mut span = Span::new(i128::from(i64::MIN)..i128::from(u64::MAX) + 1, i128::from(u64::MAX));
        let mut later = span.split();
        assert!(later.is_none() || later.as_mut().is_some_and(|later| later.piece().is_some()));
        assert!(span.piece().is_some());
    }
}
