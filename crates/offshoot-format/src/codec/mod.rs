//! From a column to the bytes that are stored, and back.
//!
//! Two forms must not be confused. The *canonical plaintext* is what an id is computed over; it never changes.
//! The *payload* is what a pack holds; every section of it names its codec, so a better one can be written tomorrow
//! without changing an id. Codecs are chosen here, chunk by chunk, from the data alone.

mod dictionary;
mod planes;
mod section;
mod words;

pub use section::{Compressor, Decompressor, Level};

use crate::bitmap::Bitmap;
use crate::column::Column;
use crate::ids::{ChunkId, ChunkKind, IdKey};
use crate::table::Layout;
use crate::wire::{Reader, put_varint};
use crate::{FormatError, Result};
use section::Shape;

/// Most rows that a column of a leaf may have.
pub const LEAF_ROWS_MAX: usize = 1 << 17;
/// Most bytes that the values of one column of one leaf may have.
pub const COLUMN_BYTES_MAX: usize = 32 << 20;

pub(crate) const HAS_NULLS: u8 = 1;
pub(crate) const HAS_BLOBS: u8 = 2;
/// In payloads only: how values are coded is not part of what they are.
const IN_DICTIONARY: u8 = 4;

/// The parts of a column's canonical plaintext that are not held in that form in memory.
#[derive(Default)]
pub struct Canonical {
    head: Vec<u8>,
    lengths: Vec<u8>,
}

impl Canonical {
    /// Computes the parts of `column`, reusing the memory of the last one.
    ///
    /// Flags (1 byte), rows (varint), null bitmap if there is a NULL, blob bitmap if there is a blob; for values of
    /// their own lengths each length as 32 bits, a NULL having 0. The bytes of the values follow, a NULL of a fixed
    /// layout as zeros.
    pub fn set(&mut self, column: &Column) {
        self.head.clear();
        self.lengths.clear();
        let flags = u8::from(column.null_count() > 0) * HAS_NULLS + u8::from(column.blob_count() > 0) * HAS_BLOBS;
        self.head.push(flags);
        put_varint(&mut self.head, column.rows() as u64);
        for marks in [&column.nulls, &column.blobs] {
            if marks.count > 0 {
                self.head.extend_from_slice(&marks.padded(column.rows()));
            }
        }
        let mut start = 0;
        self.lengths.reserve(4 * column.ends.len());
        for &end in &column.ends {
            self.lengths.extend_from_slice(&(end - start).to_le_bytes());
            start = end;
        }
    }

    /// The canonical plaintext of the column that was set, in parts.
    #[must_use]
    pub fn parts<'a>(&'a self, column: &'a Column) -> [&'a [u8]; 3] {
        [&self.head, &self.lengths, &column.bytes]
    }

    /// Its length in bytes.
    #[must_use]
    pub fn bytes_len(&self, column: &Column) -> usize {
        self.parts(column).iter().map(|part| part.len()).sum()
    }

    /// The id of the column that was set.
    #[must_use]
    pub fn id(&self, key: &IdKey, column: &Column) -> ChunkId {
        key.chunk_id(ChunkKind::Column, &self.parts(column))
    }
}

/// Encodes columns and byte strings; holds the compression context and scratch memory of one thread.
#[derive(Default)]
pub struct Encoder {
    compressor: Compressor,
    scratch: planes::Scratch,
    dictionary: dictionary::Dictionary,
}

impl Encoder {
    /// Appends the payload of a column; `canonical` was set to it.
    ///
    /// # Errors
    /// `Codec` if the compressor refuses, which it does for lack of memory only.
    pub fn column(&mut self, column: &Column, canonical: &Canonical, out: &mut Vec<u8>) -> Result<()> {
        let rows = column.rows();
        let in_dictionary = column.layout() == Layout::Var && self.dictionary.fits(column);
        let flags = canonical.head.first().copied().unwrap_or(0);
        out.push(if in_dictionary { flags | IN_DICTIONARY } else { flags });
        put_varint(out, rows as u64);
        for marks in [&column.nulls, &column.blobs] {
            if marks.count > 0 {
                self.compressor.section(&marks.padded(rows), Level::Fast, out)?;
            }
        }
        match column.layout() {
            Layout::Fixed(width) => {
                let shape = Shape { width: usize::from(width), big_endian: true };
                planes::encode(&column.bytes, shape, &mut self.compressor, &mut self.scratch, out)
            }
            Layout::Var if in_dictionary => self.dictionary.encode(&mut self.compressor, out),
            Layout::Var => {
                let shape = Shape { width: 4, big_endian: false };
                planes::encode(&canonical.lengths, shape, &mut self.compressor, &mut self.scratch, out)?;
                self.compressor.section(&column.bytes, Level::Text, out)
            }
        }
    }

    /// Appends the payload of a byte string, such as a leaf, a node or a piece.
    ///
    /// # Errors
    /// As [`Self::column`].
    pub fn bytes(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.compressor.section(plain, Level::Fast, out)
    }
}

/// Decodes payloads; holds the decompression context and scratch memory of one thread.
#[derive(Default)]
pub struct Decoder {
    decompressor: Decompressor,
    canonical: Canonical,
    scratch: Vec<u8>,
}

impl Decoder {
    /// The column of a payload, with the parts of its canonical plaintext left in the decoder for [`Self::verify`].
    ///
    /// # Errors
    /// If the payload is not that of a column of this layout, or is above the limits.
    pub fn column(&mut self, layout: Layout, payload: &[u8]) -> Result<Column> {
        let mut reader = Reader::new("column", payload);
        let flags = reader.u8()?;
        if flags & !(HAS_NULLS | HAS_BLOBS | IN_DICTIONARY) != 0 {
            return Err(FormatError::newer_chunk("column"));
        }
        let rows = reader.varint_max("rows of a leaf", LEAF_ROWS_MAX as u64)?;
        let mut bitmap = |flag: u8, reader: &mut Reader<'_>| -> Result<Bitmap> {
            if flags & flag == 0 {
                return Ok(Bitmap::default());
            }
            let bytes = self.decompressor.section(reader, rows.div_ceil(8))?;
            Bitmap::from_bytes("column", &bytes, rows)
        };
        let nulls = bitmap(HAS_NULLS, &mut reader)?;
        let blobs = bitmap(HAS_BLOBS, &mut reader)?;
        let (ends, bytes) = match layout {
            Layout::Fixed(_) if flags & IN_DICTIONARY != 0 => {
                return Err(reader.invalid("a dictionary of values of a fixed width"));
            }
            Layout::Fixed(width) => {
                let shape = Shape { width: usize::from(width), big_endian: true };
                let length = rows * shape.width;
                (Vec::new(), planes::decode(&mut reader, shape, length, &mut self.decompressor, &mut self.scratch)?)
            }
            Layout::Var if flags & IN_DICTIONARY != 0 => dictionary::decode(&mut reader, rows, &mut self.decompressor)?,
            Layout::Var => {
                let shape = Shape { width: 4, big_endian: false };
                let lengths = planes::decode(&mut reader, shape, 4 * rows, &mut self.decompressor, &mut self.scratch)?;
                let ends = ends_of(&lengths)?;
                let length = ends.last().map_or(0, |&end| end as usize);
                (ends, self.decompressor.section(&mut reader, length)?)
            }
        };
        reader.end()?;
        Column::from_parts(layout, rows, nulls, blobs, ends, bytes)
    }

    /// Checks that a column is the one that `id` names.
    ///
    /// # Errors
    /// `Digest` if it is another.
    pub fn verify(&mut self, column: &Column, key: &IdKey, id: &ChunkId) -> Result<()> {
        self.canonical.set(column);
        check(self.canonical.id(key, column), id)
    }

    /// The byte string of a payload, at most `bytes_max` long.
    ///
    /// # Errors
    /// If the payload is not that of a byte string, or the string is longer.
    pub fn bytes(&mut self, payload: &[u8], bytes_max: usize) -> Result<Vec<u8>> {
        let mut reader = Reader::new("object", payload);
        let plain = self.decompressor.section_max(&mut reader, bytes_max)?;
        reader.end()?;
        Ok(plain)
    }

    /// The byte string of a payload, checked to be what `id` names.
    ///
    /// # Errors
    /// As [`Self::bytes`]; `Digest` if it is another.
    pub fn verified(
        &mut self,
        payload: &[u8],
        bytes_max: usize,
        key: &IdKey,
        kind: ChunkKind,
        id: &ChunkId,
    ) -> Result<Vec<u8>> {
        let plain = self.bytes(payload, bytes_max)?;
        check(key.chunk_id(kind, &[&plain]), id)?;
        Ok(plain)
    }
}

fn check(actual: ChunkId, expected: &ChunkId) -> Result<()> {
    if actual == *expected { Ok(()) } else { Err(FormatError::Digest { expected: *expected, actual }) }
}

/// Where each value ends, from the lengths; the sum is capped before anything is allocated for the values.
pub(crate) fn ends_of(lengths: &[u8]) -> Result<Vec<u32>> {
    let mut total = 0u64;
    let mut ends = Vec::with_capacity(lengths.len() / 4);
    for length in lengths.chunks_exact(4) {
        total += u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
        if total > COLUMN_BYTES_MAX as u64 {
            let max = COLUMN_BYTES_MAX as u64;
            return Err(FormatError::TooLarge { what: "values of a column", declared: total, max });
        }
        ends.push(total as u32);
    }
    Ok(ends)
}

#[cfg(test)]
mod tests;
