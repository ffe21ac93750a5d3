//! Streams of COPY ... TO STDOUT: bytes in, batches of columns out.
//!
//! The parsers do no IO: they are given bytes cut anywhere and say what comes next, "more bytes are needed" being one
//! of the answers ([`Step`]). Values over [`INLINE_VALUE_BYTES_MAX`](offshoot_format::column::INLINE_VALUE_BYTES_MAX)
//! come out piece by piece and are never held whole. [`pump`] joins a parser to a connection and to a sink.

pub mod binary;
#[cfg(feature = "schema")]
pub mod pump;
#[cfg(test)]
mod tests;
pub mod text;

use crate::error::Result;
use offshoot_format::column::Batch;

/// What a parser came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// All input was taken; more is needed.
    More,
    /// A row has ended and the batch is as full as batches get. Take it and put an empty one in its place.
    Full,
    /// A large value begins in this column. Its pieces follow, then [`Step::LargeEnd`].
    LargeBegin {
        /// The column.
        column: usize,
    },
    /// The next bytes of the large value.
    LargePiece(&'a [u8]),
    /// The large value has ended; its reference must be pushed into this column before the next step.
    LargeEnd {
        /// The column.
        column: usize,
    },
    /// The stream's own end was read.
    End,
}

/// A parser of one stream, in either form.
#[derive(Debug)]
pub enum Rows<'t> {
    /// FORMAT binary.
    Binary(binary::BinaryRows<'t>),
    /// FORMAT text.
    Text(text::TextRows),
}

impl Rows<'_> {
    /// Takes bytes off the front of `input` until there is something to say.
    ///
    /// # Errors
    /// `Protocol` if the bytes are not such a stream.
    pub fn step<'a>(&'a mut self, input: &mut &'a [u8], batch: &mut Batch) -> Result<Step<'a>> {
        match self {
            Self::Binary(rows) => rows.step(input, batch),
            Self::Text(rows) => rows.step(input, batch),
        }
    }

    /// Counts bytes of the present batch that are held elsewhere.
    pub fn count_bytes(&mut self, bytes: usize) {
        match self {
            Self::Binary(rows) => rows.count_bytes(bytes),
            Self::Text(rows) => rows.count_bytes(bytes),
        }
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    /// `Protocol` if it ended in the middle.
    pub fn finish(&self) -> Result<()> {
        match self {
            Self::Binary(rows) => rows.finish(),
            Self::Text(rows) => rows.finish(),
        }
    }
}
