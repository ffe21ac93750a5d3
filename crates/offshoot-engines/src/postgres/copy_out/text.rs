//! The text form of COPY: a line a row, tabs between fields, backslash escapes, `\N` for NULL.
//!
//! Values are handed on unescaped, in the encoding in which they come. Used for tables that have a type without a
//! binary form; the stream has no trailer of its own, so its end is the protocol's CopyDone.

use super::Step;
use crate::error::{EngineError, Result};
use offshoot_core::source::{BATCH_BYTES, BATCH_ROWS};
use offshoot_format::column::{Batch, INLINE_VALUE_BYTES_MAX};

/// A parser of one text stream.
#[derive(Debug)]
pub struct TextRows {
    columns: usize,
    /// The field that is being read.
    next: usize,
    batch_bytes: usize,
    /// What is read of the field, unescaped.
    field: Vec<u8>,
    /// What is handed out as a piece.
    piece: Vec<u8>,
    is_escaped: bool,
    is_null: bool,
    /// Anything of the row was read.
    is_begun: bool,
    large: Large,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Large {
    No,
    Yes,
    /// The value's last piece is out; its separator was this.
    End(u8),
    /// Its reference is pushed.
    Pushed(u8),
}

impl TextRows {
    /// A parser of rows with so many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            next: 0,
            batch_bytes: 0,
            field: Vec::new(),
            piece: Vec::new(),
            is_escaped: false,
            is_null: false,
            is_begun: false,
            large: Large::No,
        }
    }

    /// As [`super::Rows::step`].
    ///
    /// # Errors
    /// `Protocol` if the bytes are not such a stream.
    pub fn step<'a>(&'a mut self, input: &mut &'a [u8], batch: &mut Batch) -> Result<Step<'a>> {
        match self.large {
            Large::End(separator) => {
                self.large = Large::Pushed(separator);
                return Ok(Step::LargeEnd { column: self.next });
            }
            Large::Pushed(separator) => {
                self.large = Large::No;
                if self.separate(separator, batch)? {
                    return Ok(Step::Full);
                }
            }
            Large::No | Large::Yes => {}
        }
        while let Some(&first) = input.first() {
            if self.is_escaped {
                *input = &input[1..];
                self.unescape(first)?;
            } else {
                // Whether a value is large is a matter of its length, not of how much of it comes at once.
                let room = (INLINE_VALUE_BYTES_MAX + 1).saturating_sub(self.field.len());
                let is_special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n');
                let run = input.iter().take(room).position(is_special).unwrap_or(room.min(input.len()));
                let (bytes, rest) = input.split_at(run);
                self.take(bytes)?;
                *input = rest;
                if self.field.len() <= INLINE_VALUE_BYTES_MAX
                    && let Some((&special, rest)) = rest.split_first()
                {
                    *input = rest;
                    if special == b'\\' {
                        self.is_escaped = true;
                        self.is_begun = true;
                    } else if self.large == Large::Yes {
                        self.large = Large::End(special);
                        std::mem::swap(&mut self.field, &mut self.piece);
                        self.field.clear();
                        return Ok(Step::LargePiece(&self.piece));
                    } else if self.end_field(special, batch)? {
                        return Ok(Step::Full);
                    }
                }
            }
            if self.field.len() > INLINE_VALUE_BYTES_MAX {
                if self.large == Large::No {
                    self.large = Large::Yes;
                    return Ok(Step::LargeBegin { column: self.next });
                }
                std::mem::swap(&mut self.field, &mut self.piece);
                self.field.clear();
                return Ok(Step::LargePiece(&self.piece));
            }
        }
        Ok(Step::More)
    }

    /// As [`super::Rows::finish`].
    ///
    /// # Errors
    /// `Protocol` if the stream ended inside a row.
    pub fn finish(&self) -> Result<()> {
        let between_rows = self.next == 0 && !self.is_begun && !self.is_escaped && self.large == Large::No;
        if between_rows { Ok(()) } else { Err(wrong("it ends inside a row")) }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.is_null {
            return Err(wrong("a NULL is followed by a value"));
        }
        if self.columns == 0 {
            return Err(wrong("a row has another number of fields than the table"));
        }
        self.is_begun = true;
        self.field.extend_from_slice(bytes);
        Ok(())
    }

    fn unescape(&mut self, escaped: u8) -> Result<()> {
        self.is_escaped = false;
        let byte = match escaped {
            b'N' if self.field.is_empty() && self.large == Large::No && !self.is_null => {
                self.is_null = true;
                return Ok(());
            }
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        };
        self.take(&[byte])
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.batch_bytes += bytes;
    }

    /// Pushes the field. True if the batch is full.
    fn end_field(&mut self, separator: u8, batch: &mut Batch) -> Result<bool> {
        if self.columns == 0 {
            if separator != b'\n' || self.is_begun {
                return Err(wrong("a row has another number of fields than the table"));
            }
            return Ok(self.end_row(batch));
        }
        let column = batch.columns.get_mut(self.next).ok_or_else(|| wrong("a row has too many fields"))?;
        if self.is_null {
            column.push_null();
        } else {
            column.push(&self.field)?;
        }
        self.batch_bytes += self.field.len();
        self.field.clear();
        self.separate(separator, batch)
    }

    /// Goes on to the next field or row. True if the batch is full.
    fn separate(&mut self, separator: u8, batch: &mut Batch) -> Result<bool> {
        self.is_null = false;
        self.is_begun = true;
        self.next += 1;
        if separator == b'\t' {
            return if self.next < self.columns { Ok(false) } else { Err(wrong("a row has too many fields")) };
        }
        if self.next < self.columns {
            return Err(wrong("a row has too few fields"));
        }
        Ok(self.end_row(batch))
    }

    fn end_row(&mut self, batch: &mut Batch) -> bool {
        batch.rows += 1;
        self.next = 0;
        self.is_begun = false;
        let full = batch.rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES;
        if full {
            self.batch_bytes = 0;
        }
        full
    }
}

fn wrong(why: &'static str) -> EngineError {
    EngineError::Protocol { what: "a text COPY stream", why }
}
