//! What is known of each column of a leaf until its table is through, which is not the rows.
//!
//! It waits in the spill file, so that a leaf takes the same memory whatever its table; in memory it would come to a tenth
//! of the rows of a table of many columns.

use super::spill::Spill;
use crate::{CoreError, Result};
use offshoot_format::ids::{ChunkId, ChunkKind};
use offshoot_format::manifest::ColumnStats;
use offshoot_format::wire::{Reader, put_varint};
use std::borrow::Cow;

/// A new chunk whose payload is in the spill file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub id: ChunkId,
    pub kind: ChunkKind,
    /// The column that it is, unless it is the leaf itself.
    pub column: Option<usize>,
    pub plain_bytes: usize,
    pub offset: u64,
    pub bytes: usize,
}

/// Of one leaf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub columns: Vec<ColumnStats>,
    pub waiting: Vec<Waiting>,
}

/// Where the details of a leaf are.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Here(Details),
    Spilled { offset: u64, bytes: usize },
}

impl Kept {
    /// Keeps details in the spill file, and in memory only where there is none.
    pub fn new(details: Details, spill: Option<&Spill>) -> Result<Self> {
        let Some(spill) = spill else { return Ok(Self::Here(details)) };
        let encoded = details.encode();
        Ok(Self::Spilled { offset: spill.append(&encoded)?, bytes: encoded.len() })
    }

    /// The details again.
    pub fn get(&self, spill: Option<&Spill>) -> Result<Cow<'_, Details>> {
        match (self, spill) {
            (Self::Here(details), _) => Ok(Cow::Borrowed(details)),
            (Self::Spilled { offset, bytes }, Some(spill)) => {
                Ok(Cow::Owned(Details::decode(&spill.read(*offset, *bytes)?)?))
            }
            (Self::Spilled { .. }, None) => Err(CoreError::Protocol("there is no spill file")),
        }
    }
}

impl Details {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.columns.len() * 8 + self.waiting.len() * 48);
        put_varint(&mut out, self.columns.len() as u64);
        for column in &self.columns {
            let ColumnStats { logical_bytes, stored_bytes, added_bytes, reused_logical_bytes } = *column;
            [logical_bytes, stored_bytes, added_bytes, reused_logical_bytes]
                .into_iter()
                .for_each(|bytes| put_varint(&mut out, bytes));
        }
        put_varint(&mut out, self.waiting.len() as u64);
        for waiting in &self.waiting {
            out.extend_from_slice(waiting.id.as_bytes());
            out.push(waiting.kind as u8);
            put_varint(&mut out, waiting.column.map_or(0, |column| column as u64 + 1));
            put_varint(&mut out, waiting.plain_bytes as u64);
            put_varint(&mut out, waiting.offset);
            put_varint(&mut out, waiting.bytes as u64);
        }
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("details of a leaf", bytes);
        let mut details = Self::default();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        for _ in 0..reader.varint()? {
            details.columns.push(ColumnStats {
                logical_bytes: reader.varint()?,
                stored_bytes: reader.varint()?,
                added_bytes: reader.varint()?,
                reused_logical_bytes: reader.varint()?,
            });
        }
        for _ in 0..reader.varint()? {
            details.waiting.push(Waiting {
                id: ChunkId::from_bytes(reader.array()?),
                kind: ChunkKind::from_byte(reader.u8()?).ok_or(CoreError::Protocol("a spilled kind is unknown"))?,
                column: size(reader.varint()?).checked_sub(1),
                plain_bytes: size(reader.varint()?),
                offset: reader.varint()?,
                bytes: size(reader.varint()?),
            });
        }
        Ok(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_come_back_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::create(folder.path()).unwrap();
        let columns = (0..1600).map(|n| ColumnStats { logical_bytes: n, added_bytes: n * n, ..ColumnStats::default() });
        let waiting = |column: Option<usize>| Waiting {
            id: ChunkId::from_bytes([7; 32]),
            kind: if column.is_some() { ChunkKind::Column } else { ChunkKind::Leaf },
            column,
            plain_bytes: 300,
            offset: 1 << 40,
            bytes: 200,
        };
        let details = Details { columns: columns.collect(), waiting: vec![waiting(Some(0)), waiting(None)] };
        let kept = Kept::new(details.clone(), Some(&spill)).unwrap();
        assert!(matches!(kept, Kept::Spilled { .. }));
        assert_eq!(*kept.get(Some(&spill)).unwrap(), details);
        assert!(kept.get(None).is_err());
        assert!(matches!(Kept::new(details, None).unwrap(), Kept::Here(_)));
    }
}
