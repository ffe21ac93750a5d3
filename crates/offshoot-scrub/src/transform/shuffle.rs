//! `shuffle`: the values of a column in other rows of its table.
//!
//! The rows are put in the order of keyed numbers of their keys, as on a ring, and each gets the value of the next one. So the
//! column as a whole stays what it was, what is unique stays unique, and constraints on its values hold as they held; a row
//! that comes, goes or changes its value changes one other row. Rows in which the column is NULL take no part.
//!
//! All rows must have been seen before the first is rewritten, so the table is read twice.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::facts::Equality;

struct Shuffle {
    prf: Prf,
    /// Columns that tell the rows apart; of a table without a key all.
    key: Vec<usize>,
    seen: Mutex<Ring>,
    ring: OnceLock<Ring>,
    /// Rows that nothing tells apart: how many of those at a place had their value already.
    taken: Mutex<HashMap<usize, usize>>,
}

/// Values, in the order of their rows' numbers once that is `sorted`.
#[derive(Default)]
struct Ring {
    places: Vec<Place>,
    /// Each behind its length.
    values: Vec<u8>,
}

/// One row: 96 bits of its number, and where its value begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    number: [u32; 3],
    value: [u32; 2],
}

/// Bytes that a value takes beside its own: its place, and its length.
const PLACE_BYTES: usize = size_of::<Place>() + 4;

/// Without options. The values go by their column's name, or by `domain`: columns of one domain and table move alike.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let is_key = |(columns, equality): &&(Vec<usize>, Equality)| {
        *equality != Equality::Other && columns.iter().all(|column| !making.columns[*column].is_nullable)
    };
    let key = making.unique.iter().find(is_key).map(|(columns, _)| columns.clone());
    let purpose = if making.domain == "shuffle" { format!("shuffle/{}", making.column.name) } else { "shuffle".into() };
    Ok(Box::new(Shuffle {
        prf: making.prf(&purpose),
        key: key.unwrap_or_else(|| (0..making.columns.len()).collect()),
        seen: Mutex::default(),
        ring: OnceLock::new(),
        taken: Mutex::default(),
    }))
}

impl Shuffle {
    fn number(&self, row: &Row<'_>) -> [u32; 3] {
        let mut key = Vec::new();
        for value in self.key.iter().map(|column| row.raw(*column)) {
            key.extend_from_slice(&value.map_or(u32::MAX, |value| value.len() as u32).to_le_bytes());
            key.extend_from_slice(value.unwrap_or_default());
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

    /// Which of the rows of this number this one is: rows that nothing tells apart come one after the other.
    fn turn(&self, first: usize, rows: usize) -> usize {
        if rows == 1 {
            return 0;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = taken.entry(first).or_default();
        *turn += 1;
        (*turn - 1) % rows
    }
}

impl Ring {
    fn push(&mut self, number: [u32; 3], value: &[u8]) {
        let at = self.values.len() as u64;
        self.values.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.values.extend_from_slice(value);
        self.places.push(Place { number, value: [at as u32, (at >> 32) as u32] });
    }

    fn value(&self, place: usize) -> Option<&[u8]> {
        let [low, high] = self.places.get(place)?.value;
        let at = usize::try_from(u64::from(high) << 32 | u64::from(low)).ok()?;
        let (length, rest) = self.values.get(at..)?.split_first_chunk()?;
        rest.get(..u32::from_le_bytes(*length) as usize)
    }

    /// The places of the rows of a number: the first, and how many.
    fn find(&self, number: [u32; 3]) -> Option<(usize, usize)> {
        let first = self.places.partition_point(|place| place.number < number);
        let rows = self.places[first..].iter().take_while(|place| place.number == number).count();
        (rows > 0).then_some((first, rows))
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

    fn survey(&self, value: &[u8], row: &Row<'_>) -> usize {
        let number = self.number(row);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(number, value);
        PLACE_BYTES + value.len()
    }

    fn apply(&self, _: Value<'_>, row: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let ring = self.ring();
        let Some((first, rows)) = ring.find(self.number(row)) else { return Answer::Null };
        let next = (first + self.turn(first, rows) + 1) % ring.places.len();
        let Some(value) = ring.value(next) else { return Answer::Null };
        out.extend_from_slice(value);
        Answer::Written
    }
}
