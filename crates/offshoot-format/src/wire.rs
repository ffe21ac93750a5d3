//! Reading and writing the primitive fields that all objects are made of.
//!
//! Integers are little-endian or LEB128 varints in their shortest form (a longer form is refused, so that equal
//! values have equal bytes). The reader never allocates by a declared size and knows the offset of what it refuses.

use crate::{FormatError, Result};

/// Appends an unsigned integer as a LEB128 varint: 1 byte below 128, at most 10.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a byte string with its length as a varint before it.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A cursor over the bytes of one object.
#[derive(Clone)]
pub struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the start; `what` names the object in errors.
    #[must_use]
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes, offset: 0 }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// Offset of the next byte from the start of the object.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// `Truncated` if fewer are left.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        if self.remaining() < length {
            return Err(FormatError::Truncated {
                what: self.what,
                offset: self.offset,
                needed: length,
                available: self.remaining(),
            });
        }
        let taken = &self.bytes[self.offset..self.offset + length];
        self.offset += length;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// `Truncated` if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    ///
    /// # Errors
    /// `Truncated` at the end.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A little-endian 16-bit integer.
    ///
    /// # Errors
    /// `Truncated` at the end.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit integer.
    ///
    /// # Errors
    /// `Truncated` at the end.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A little-endian 64-bit integer.
    ///
    /// # Errors
    /// `Truncated` at the end.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A varint in its shortest form.
    ///
    /// # Errors
    /// `Truncated` at the end, `Invalid` for a longer form or more than 64 bits.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.invalid("a varint of more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.invalid("a varint that is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(self.invalid("a varint of more than 64 bits"))
    }

    /// A varint that counts or measures something, at most `max`.
    ///
    /// # Errors
    /// As [`Self::varint`]; `TooLarge` above `max`.
    pub fn varint_max(&mut self, what: &'static str, max: u64) -> Result<usize> {
        let declared = self.varint()?;
        match usize::try_from(declared) {
            Ok(size) if declared <= max => Ok(size),
            _ => Err(FormatError::TooLarge { what, declared, max }),
        }
    }

    /// A byte string of at most `max` bytes with its length before it.
    ///
    /// # Errors
    /// As [`Self::varint_max`] and [`Self::take`].
    pub fn bytes(&mut self, what: &'static str, max: u64) -> Result<&'a [u8]> {
        let length = self.varint_max(what, max)?;
        self.take(length)
    }

    /// Ends the object: nothing may follow.
    ///
    /// # Errors
    /// `Invalid` if bytes are left.
    pub fn end(self) -> Result<()> {
        if self.remaining() == 0 {
            return Ok(());
        }
        Err(self.invalid("bytes after its end"))
    }

    /// An `Invalid` error at the current offset.
    #[must_use]
    pub fn invalid(&self, why: &'static str) -> FormatError {
        FormatError::Invalid { what: self.what, offset: self.offset, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_canonical() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new("test", &out);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
        for bytes in [&[0x80, 0x00][..], &[0xff; 10], &[0x80; 11], &[0x80]] {
            assert!(Reader::new("test", bytes).varint().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn sizes_are_capped_before_use() {
        let mut out = Vec::new();
        put_varint(&mut out, u64::MAX);
        assert!(matches!(Reader::new("test", &out).bytes("name", 10), Err(FormatError::TooLarge { max: 10, .. })));
    }
}
