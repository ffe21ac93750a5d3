//! The rows of a result as they come: a row that is not long lies whole in the read buffer, of a longer one the values come
//! piece by piece.

use super::row::Row;
use super::{Session, lost, protocol, refused};
use crate::mysql::connect::packets::{PACKET_BYTES_MAX, Packets};
use crate::mysql::error::{MysqlError, Result};
use mysql_common::constants::CapabilityFlags as Flags;
use mysql_common::io::ParseBuf;

/// The rows of a statement, until the last. Dropped before that, it leaves a session that cannot be used any more.
pub struct RowStream<'s> {
    session: &'s mut Session,
    doing: String,
    columns: usize,
    is_at_end: bool,
    warnings: u16,
}

/// One row.
pub enum NextRow<'r> {
    /// All its values, as the protocol has them: see [`split_value`].
    Whole(&'r [u8]),
    /// It is too long to be whole in memory.
    Long(LongRow<'r>),
}

impl<'s> RowStream<'s> {
    pub(super) fn new(session: &'s mut Session, doing: &str, columns: usize) -> Self {
        Self { session, doing: doing.to_owned(), columns, is_at_end: false, warnings: 0 }
    }

    pub(super) fn empty(session: &'s mut Session, doing: &str) -> Self {
        Self { session, doing: doing.to_owned(), columns: 0, is_at_end: true, warnings: 0 }
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Warnings, which `SHOW WARNINGS` lists; known when the last row was had.
    #[must_use]
    pub fn warnings(&self) -> u16 {
        self.warnings
    }

    /// The next row.
    ///
    /// # Errors
    /// If the server ends the statement with an error, or the connection is lost.
    pub fn next_row(&mut self) -> Result<Option<NextRow<'_>>> {
        if self.is_at_end {
            return Ok(None);
        }
        let capabilities = self.session.connected.capabilities;
        let packets = &mut self.session.connected.packets;
        let length = packets.next_message().map_err(|error| lost(&self.doing, &error))?;
        let first = packets.first_byte().map_err(|error| lost(&self.doing, &error))?;
        let end_bytes_max = if capabilities.contains(Flags::CLIENT_DEPRECATE_EOF) { PACKET_BYTES_MAX } else { 9 };
        match first {
            Some(0xFF) => {
                let answer = packets.whole().map_err(|error| lost(&self.doing, &error))?;
                let error = refused(&self.doing, answer.unwrap_or_default(), capabilities);
                self.is_at_end = true;
                // Of an error that is too long to be read, the rest would be taken for what comes next.
                self.session.is_broken = answer.is_none();
                Err(error)
            }
            Some(0xFE) if length < end_bytes_max => {
                let end = packets.whole().map_err(|error| lost(&self.doing, &error))?.ok_or_else(cut_short)?;
                self.warnings =
                    warnings(end, capabilities.contains(Flags::CLIENT_DEPRECATE_EOF)).ok_or_else(cut_short)?;
                self.is_at_end = true;
                self.session.is_broken = false;
                Ok(None)
            }
            _ if packets.is_long() => Ok(Some(NextRow::Long(LongRow { packets, doing: &self.doing }))),
            _ => {
                let row = packets.whole().map_err(|error| lost(&self.doing, &error))?;
                Ok(Some(NextRow::Whole(row.unwrap_or_default())))
            }
        }
    }

    /// The next row with memory of its own, of at most so many bytes.
    ///
    /// # Errors
    /// As [`Self::next_row`], or if it is longer.
    pub fn next_owned(&mut self, bytes_max: usize) -> Result<Option<Row>> {
        let columns = self.columns;
        let too_long = || protocol("a row of the catalog", "it is too long");
        let mut values = Vec::new();
        let mut left = bytes_max;
        match self.next_row()? {
            None => return Ok(None),
            Some(NextRow::Whole(mut row)) => {
                if row.len() > bytes_max {
                    return Err(too_long());
                }
                for _ in 0..columns {
                    let (value, rest) = split_value(row).ok_or_else(cut_short)?;
                    values.push(value.map(Box::from));
                    row = rest;
                }
            }
            Some(NextRow::Long(mut row)) => {
                for _ in 0..columns {
                    let Some(length) = row.value()? else {
                        values.push(None);
                        continue;
                    };
                    let length = usize::try_from(length).ok().filter(|length| *length <= left);
                    let length = length.ok_or_else(too_long)?;
                    left -= length;
                    let mut value = Vec::with_capacity(length);
                    row.pieces(length as u64, |piece| {
                        value.extend_from_slice(piece);
                        Ok::<_, MysqlError>(())
                    })?;
                    values.push(Some(value.into_boxed_slice()));
                }
                row.finish()?;
            }
        }
        Ok(Some(Row { values }))
    }
}

/// How many warnings the end of a result tells of: by an OK packet behind two numbers and the status, else before that.
fn warnings(end: &[u8], is_ok: bool) -> Option<u16> {
    let mut rest = ParseBuf(end.get(1..)?);
    if is_ok {
        rest.checked_eat_lenenc_int()?;
        rest.checked_eat_lenenc_int()?;
        rest.checked_eat_u16_le()?;
    }
    rest.checked_eat_u16_le()
}

/// A row that is read value by value.
pub struct LongRow<'r> {
    packets: &'r mut Packets,
    doing: &'r str,
}

impl LongRow<'_> {
    /// Begins the next value: its length, or none for NULL.
    ///
    /// # Errors
    /// If the connection is lost, or the row is not one.
    pub fn value(&mut self) -> Result<Option<u64>> {
        let first = self.byte()?;
        let bytes = match first {
            0..=0xFA => return Ok(Some(u64::from(first))),
            0xFB => return Ok(None),
            0xFC => 2,
            0xFD => 3,
            0xFE => 8,
            0xFF => return Err(protocol("a row", "a value of no length")),
        };
        let mut length = [0; 8];
        for byte in length.iter_mut().take(bytes) {
            *byte = self.byte()?;
        }
        Ok(Some(u64::from_le_bytes(length)))
    }

    fn byte(&mut self) -> Result<u8> {
        let piece = self.packets.piece(1);
        Ok(piece.map_err(|error| lost(self.doing, &error))?[0])
    }

    /// Hands the bytes of the value that was begun on, in pieces.
    ///
    /// # Errors
    /// If the connection is lost, or whoever takes them fails.
    pub fn pieces<E: From<MysqlError>>(
        &mut self,
        length: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let piece = self.packets.piece(most).map_err(|error| lost(self.doing, &error))?;
            left -= piece.len() as u64;
            take(piece)?;
        }
        Ok(())
    }

    /// Ends the row after its last value.
    ///
    /// # Errors
    /// If something is left of it.
    pub fn finish(self) -> Result<()> {
        match self.packets.is_message_left() {
            Ok(false) => Ok(()),
            Ok(true) => Err(protocol("a row", "it has more values than columns")),
            Err(error) => Err(lost(self.doing, &error)),
        }
    }
}

/// Takes one value from the front of a row: the value, or none for NULL, and what follows it.
#[inline]
#[must_use]
pub fn split_value(row: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (&first, rest) = row.split_first()?;
    let (length, rest) = match first {
        0..=0xFA => (usize::from(first), rest),
        0xFB => return Some((None, rest)),
        0xFC => (usize::from(u16::from_le_bytes(*rest.first_chunk::<2>()?)), &rest[2..]),
        0xFD => {
            let bytes = rest.first_chunk::<3>()?;
            (u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize, &rest[3..])
        }
        0xFE => (usize::try_from(u64::from_le_bytes(*rest.first_chunk::<8>()?)).ok()?, &rest[8..]),
        0xFF => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Some(value), rest))
}

/// A row that ends before its last value.
#[must_use]
pub fn cut_short() -> MysqlError {
    protocol("a row", "it ends before its last value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut row = bytes.as_slice();
            while let Some((_, rest)) = split_value(row) {
                prop_assert!(rest.len() < row.len());
                row = rest;
            }
        }
    }

    #[test]
    fn values_are_taken_one_by_one() {
        let row = [3, b'a', b'b', b'c', 0xFB, 0, 0xFC, 1, 0, b'x'];
        let (value, rest) = split_value(&row).unwrap();
        assert_eq!(value, Some(&b"abc"[..]));
        let (value, rest) = split_value(rest).unwrap();
        assert_eq!(value, None);
        let (value, rest) = split_value(rest).unwrap();
        assert_eq!(value, Some(&b""[..]));
        assert_eq!(split_value(rest).unwrap(), (Some(&b"x"[..]), &b""[..]));
        assert!(split_value(&[5, b'a']).is_none());
    }
}
