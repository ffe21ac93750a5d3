//! `shuffle`: the values of a column in other rows of its table.
//!
//! The rows are put in the order of keyed numbers of their primary keys, as on a ring, and each gets the value of the next one. So
//! the column as a whole stays what it was, and constraints on its values hold as they held; a row that comes, goes or changes its
//! value changes one other row. Rows in which the column is NULL take no part, and a row that is alone gets NULL.
//!
//! All rows must have been seen before the first is rewritten, so the table is read twice.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::wire::Codec;

struct Shuffle {
    prf: Prf,
    /// The primary key.
    key: Vec<(usize, Codec)>,
    seen: Mutex<Ring>,
    ring: OnceLock<Ring>,
}

/// Values, in the order of their rows' numbers once it is a ring.
#[derive(Default)]
struct Ring {
    places: Vec<Place>,
    /// Each behind its length. In segments, so that none is copied when there are more.
    values: Vec<Vec<u8>>,
}

/// One row: 96 bits of its number, and the segment and place where its value begins.
#[derive(Clone, Copy)]
struct Place {
    number: [u32; 3],
    segment: u32,
    at: u32,
}

const SEGMENT_BYTES: usize = 1 << 20;
/// What a value takes beside its own bytes: its length, and its place in a list that grows by being copied to one twice as long.
const PLACE_BYTES: usize = 64;

/// Without options. Columns move each in their own way.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    if making.key_columns.is_empty() {
        return Err(options.fault("`shuffle` needs a primary key, by which rows are told apart: use another rule"));
    }
    let codec = |column: &usize| (*column, Codec::of(&making.columns[*column], making.form));
    Ok(Box::new(Shuffle {
        prf: making.prf(&format!("shuffle/{}", making.column.name)),
        key: making.key_columns.iter().map(codec).collect(),
        seen: Mutex::default(),
        ring: OnceLock::new(),
    }))
}

impl Shuffle {
    /// Equal whole numbers are equal keys, whatever their width.
    fn number(&self, row: &Row<'_>) -> [u32; 3] {
        let mut key = Vec::new();
        for (column, codec) in &self.key {
            let raw = row.raw(*column).unwrap_or_default();
            let start = key.len();
            key.extend_from_slice(&[0; 4]);
            codec.look(raw, |value| match value {
                Value::Integer(number) => key.extend_from_slice(number.to_string().as_bytes()),
                Value::Uuid(bytes) => key.extend_from_slice(&bytes),
                _ => key.extend_from_slice(raw),
            });
            let length = (key.len() - start - 4) as u32;
            key[start..start + 4].copy_from_slice(&length.to_le_bytes());
        }
        let number = self.prf.mac(&key);
        [number as u32, (number >> 32) as u32, (number >> 64) as u32]
    }

    fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| {
            let mut ring = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
            ring.places.sort_unstable_by_key(|place| place.number);
            ring
        })
    }
}

impl Ring {
    fn push(&mut self, number: [u32; 3], value: &[u8]) {
        let needed = value.len() + 4;
        if self.values.last().is_none_or(|segment| segment.len() + needed > SEGMENT_BYTES) {
            self.values.push(Vec::new());
        }
        let number_of = self.values.len() - 1;
        let segment = &mut self.values[number_of];
        let at = segment.len() as u32;
        segment.extend_from_slice(&(value.len() as u32).to_le_bytes());
        segment.extend_from_slice(value);
        self.places.push(Place { number, segment: number_of as u32, at });
    }

    /// The value of the row that comes after the one of this number; the outer none if that was not seen, the inner if it is alone.
    fn after(&self, number: [u32; 3]) -> Option<Option<&[u8]>> {
        let place = self.places.binary_search_by_key(&number, |place| place.number).ok()?;
        if self.places.len() == 1 {
            return Some(None);
        }
        let next = &self.places[(place + 1) % self.places.len()];
        let (length, rest) = self.values[next.segment as usize][next.at as usize..].split_first_chunk()?;
        Some(rest.get(..u32::from_le_bytes(*length) as usize))
    }
}

impl Transform for Shuffle {
    fn takes(&self, _: Kind) -> bool {
        true
    }

    fn follows_value(&self) -> bool {
        false
    }

    fn surveys(&self) -> bool {
        true
    }

    fn survey(&self, value: &[u8], row: &Row<'_>) -> Option<usize> {
        let number = self.number(row);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ring.get().is_some() {
            return None;
        }
        seen.push(number, value);
        Some(PLACE_BYTES + value.len())
    }

    fn is_alone(&self) -> bool {
        self.ring().places.len() == 1
    }

    fn apply(&self, _: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        match self.ring().after(self.number(row)) {
            Some(Some(value)) => {
                out.extend_from_slice(value);
                Answer::Written
            }
            _ => Answer::Null,
        }
    }
}
