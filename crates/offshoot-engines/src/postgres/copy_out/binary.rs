//! The binary form of COPY: a signature, flags, an extension, rows of counted fields, a trailer.
//!
//! This is the hottest loop of a capture. The server sends a row a message, so that most calls find whole rows and copy
//! each value once, from the received buffer to its column. What is cut at the end of the input is carried over.

use super::Step;
use crate::error::{EngineError, Result};
use crate::postgres::types::TypeTree;
use crate::postgres::types::rewrite::{Put, Rewriter};
use offshoot_core::source::{BATCH_BYTES, BATCH_ROWS};
use offshoot_format::column::{Batch, INLINE_VALUE_BYTES_MAX};

const SIGNATURE: [u8; 11] = *b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, length of the extension.
const HEADER_BYTES: usize = 19;
/// Extensions are not in use; an honest one is small.
const EXTENSION_BYTES_MAX: usize = 1 << 20;

/// A parser of one binary stream.
#[derive(Debug)]
pub struct BinaryRows<'t> {
    rewriters: Vec<Option<Rewriter<'t>>>,
    state: State,
    /// The next field of the row.
    next: usize,
    /// Bytes of the batch so far.
    batch_bytes: usize,
    /// The beginning of something that was cut, and how many bytes of it are needed to go on.
    carry: Vec<u8>,
    need: usize,
    /// Bytes that are being rewritten.
    scratch: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Extension(usize),
    Row,
    Fields,
    Large(usize),
    LargeEnd,
    End,
}

/// How far a look at contiguous bytes led.
enum Progress {
    /// So many bytes from where it stands are needed to go on.
    Need(usize),
    Full,
    Large,
    End,
}

impl<'t> BinaryRows<'t> {
    /// A parser of rows with these column types, whose unstable oids become 0.
    #[must_use]
    pub fn new(tree: &'t TypeTree, types: &[u32]) -> Self {
        let rewriter = |&oid: &u32| tree.holds_unstable_oids(oid).then(|| Rewriter::new(tree, oid, Put::Zero));
        Self {
            rewriters: types.iter().map(rewriter).collect(),
            state: State::Header,
            next: 0,
            batch_bytes: 0,
            carry: Vec::new(),
            need: 0,
            scratch: Vec::new(),
        }
    }

    /// As [`super::Rows::step`].
    ///
    /// # Errors
    /// `Protocol` if the bytes are not such a stream.
    pub fn step<'a>(&'a mut self, input: &mut &'a [u8], batch: &mut Batch) -> Result<Step<'a>> {
        match self.state {
            State::Large(left) => return self.large(left, input),
            State::LargeEnd => return self.large_end(batch),
            _ => {}
        }
        let progress = loop {
            if self.carry.is_empty() {
                let progress = self.advance(input, batch)?;
                if let Progress::Need(need) = progress {
                    self.need = need;
                    self.carry.extend_from_slice(input);
                    *input = &[];
                }
                break progress;
            }
            let taken = self.need.saturating_sub(self.carry.len()).min(input.len());
            self.carry.extend_from_slice(&input[..taken]);
            *input = &input[taken..];
            if self.carry.len() < self.need {
                return Ok(Step::More);
            }
            // Exactly one thing is whole now, or its length is known.
            let mut carry = std::mem::take(&mut self.carry);
            let mut rest = &carry[..];
            let progress = self.advance(&mut rest, batch)?;
            let consumed = carry.len() - rest.len();
            carry.drain(..consumed);
            self.carry = carry;
            match progress {
                Progress::Need(need) => self.need = need,
                other => break other,
            }
        };
        Ok(match progress {
            Progress::Need(_) => Step::More,
            Progress::Full => Step::Full,
            Progress::Large => Step::LargeBegin { column: self.next },
            Progress::End => Step::End,
        })
    }

    /// As [`super::Rows::finish`].
    ///
    /// # Errors
    /// `Protocol` if there was no trailer.
    pub fn finish(&self) -> Result<()> {
        if self.state == State::End && self.carry.is_empty() {
            Ok(())
        } else {
            Err(wrong("it ends before its trailer"))
        }
    }

    /// Goes as far as contiguous bytes lead.
    fn advance(&mut self, input: &mut &[u8], batch: &mut Batch) -> Result<Progress> {
        loop {
            match self.state {
                State::Row => {
                    let Some((count, rest)) = input.split_first_chunk::<2>() else { return Ok(Progress::Need(2)) };
                    let count = i16::from_be_bytes(*count);
                    *input = rest;
                    if count == -1 {
                        self.state = State::End;
                        return if input.is_empty() {
                            Ok(Progress::End)
                        } else {
                            Err(wrong("bytes follow its trailer"))
                        };
                    }
                    // 1600 columns are the most that a table can have.
                    if usize::try_from(count) != Ok(self.rewriters.len()) {
                        return Err(wrong("a row has another number of fields than the table"));
                    }
                    self.state = State::Fields;
                }
                State::Fields => {
                    if let Some(progress) = self.fields(input, batch)? {
                        return Ok(progress);
                    }
                    if self.end_row(batch) {
                        return Ok(Progress::Full);
                    }
                }
                State::Header => {
                    let Some((header, rest)) = input.split_first_chunk::<HEADER_BYTES>() else {
                        return Ok(Progress::Need(HEADER_BYTES));
                    };
                    self.header(header)?;
                    *input = rest;
                }
                State::Extension(bytes) => {
                    let Some(rest) = input.get(bytes..) else { return Ok(Progress::Need(bytes)) };
                    *input = rest;
                    self.state = State::Row;
                }
                State::End if input.is_empty() => return Ok(Progress::End),
                State::End => return Err(wrong("bytes follow its trailer")),
                State::Large(_) | State::LargeEnd => return Ok(Progress::Large),
            }
        }
    }

    /// Copies the fields that are there to their columns. `None` at the end of the row.
    #[inline]
    fn fields(&mut self, input: &mut &[u8], batch: &mut Batch) -> Result<Option<Progress>> {
        let mut at = *input;
        let columns = batch.columns.iter_mut().zip(&mut self.rewriters).skip(self.next);
        for (column, rewriter) in columns {
            let Some((length, rest)) = at.split_first_chunk::<4>() else {
                *input = at;
                return Ok(Some(Progress::Need(4)));
            };
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                column.push_null();
                at = rest;
                self.next += 1;
                continue;
            }
            let length = usize::try_from(length).map_err(|_| wrong("a field has a negative length"))?;
            if length > INLINE_VALUE_BYTES_MAX {
                *input = rest;
                self.state = State::Large(length);
                if let Some(rewriter) = rewriter {
                    rewriter.begin(length as u64);
                }
                return Ok(Some(Progress::Large));
            }
            let Some((value, rest)) = rest.split_at_checked(length) else {
                *input = at;
                return Ok(Some(Progress::Need(4 + length)));
            };
            match rewriter {
                None => column.push(value)?,
                Some(rewriter) => {
                    self.scratch.clear();
                    self.scratch.extend_from_slice(value);
                    rewriter.value(&mut self.scratch).map_err(|_| malformed())?;
                    column.push(&self.scratch)?;
                }
            }
            self.batch_bytes += length;
            at = rest;
            self.next += 1;
        }
        *input = at;
        Ok(None)
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.batch_bytes += bytes;
    }

    /// Counts the row. True if the batch is full.
    #[inline]
    fn end_row(&mut self, batch: &mut Batch) -> bool {
        batch.rows += 1;
        self.next = 0;
        self.state = State::Row;
        let full = batch.rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES;
        if full {
            self.batch_bytes = 0;
        }
        full
    }

    fn header(&mut self, header: &[u8; HEADER_BYTES]) -> Result<()> {
        let (signature, numbers) = header.split_at(SIGNATURE.len());
        let number = |at: usize| u32::from_be_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]);
        if signature != SIGNATURE {
            return Err(wrong("it does not begin with COPY's signature"));
        }
        // The upper half are flags that a reader must know; bit 16 was for oids before version 12.
        if number(0) >> 16 != 0 {
            return Err(wrong("it has flags that are not known"));
        }
        let extension = number(4) as usize;
        if extension > EXTENSION_BYTES_MAX {
            return Err(wrong("its header is too long"));
        }
        self.state = if extension == 0 { State::Row } else { State::Extension(extension) };
        Ok(())
    }

    /// Hands on the next bytes of a large value.
    fn large<'a>(&'a mut self, left: usize, input: &mut &'a [u8]) -> Result<Step<'a>> {
        if input.is_empty() {
            return Ok(Step::More);
        }
        let (piece, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.state = if piece.len() == left { State::LargeEnd } else { State::Large(left - piece.len()) };
        let Some(rewriter) = &mut self.rewriters[self.next] else { return Ok(Step::LargePiece(piece)) };
        self.scratch.clear();
        self.scratch.extend_from_slice(piece);
        rewriter.piece(&mut self.scratch).map_err(|_| malformed())?;
        if self.state == State::LargeEnd {
            rewriter.end().map_err(|_| malformed())?;
        }
        Ok(Step::LargePiece(&self.scratch))
    }

    /// Says that the large value has ended; the row goes on with the next step.
    fn large_end(&mut self, _batch: &mut Batch) -> Result<Step<'static>> {
        let column = self.next;
        self.next += 1;
        self.state = State::Fields;
        Ok(Step::LargeEnd { column })
    }
}

fn wrong(why: &'static str) -> EngineError {
    EngineError::Protocol { what: "a binary COPY stream", why }
}

fn malformed() -> EngineError {
    wrong("a value is not in the binary form of its type")
}
