//! Values that a column has over and over: what was done with one need not be done again.
//!
//! Only rows are remembered, not values: what is asked for is compared with the value of the row itself. Of one column at a time,
//! and only while that pays: where hardly a value comes again, it is left off.

use offshoot_format::column::{Cell, Column};

const SLOTS: usize = 1024;
/// Values after which it is seen whether it pays: of those at least one in so many must have come again.
const TRIAL: u32 = 512;
const AGAIN_OF: u32 = 8;

/// Rows of a column that were seen lately, each with what is known of its value.
pub(crate) struct Repeats<T> {
    slots: Vec<Option<(u32, T)>>,
    asked: u32,
    again: u32,
}

impl<T: Copy> Repeats<T> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), asked: 0, again: 0 }
    }

    /// Begins another column.
    pub(crate) fn clear(&mut self) {
        self.forget();
        (self.asked, self.again) = (0, 0);
    }

    /// Forgets what is known of the rows so far.
    pub(crate) fn forget(&mut self) {
        self.slots.fill(None);
    }

    /// What is known of the value of `row`, and the row that it is known of; none if it is to be found out.
    #[inline]
    pub(crate) fn find(&mut self, column: &Column, row: usize) -> Option<(usize, T)> {
        let Cell::Bytes(value) = column.cell(row) else { return None };
        if !self.pays() {
            return None;
        }
        self.asked += 1;
        let (before, known) = (*self.slots.get(place(value))?)?;
        let is_it = matches!(column.cell(before as usize), Cell::Bytes(other) if other == value);
        is_it.then(|| {
            self.again += 1;
            (before as usize, known)
        })
    }

    /// Remembers what is known of the value of `row`.
    #[inline]
    pub(crate) fn remember(&mut self, column: &Column, row: usize, known: T) {
        let (Cell::Bytes(value), Ok(row)) = (column.cell(row), u32::try_from(row)) else { return };
        if self.pays() {
            // A table is made where it is first used: most columns hold no text.
            self.slots.resize(SLOTS, None);
            self.slots[place(value)] = Some((row, known));
        }
    }

    #[inline]
    fn pays(&self) -> bool {
        self.asked < TRIAL || self.again >= self.asked / AGAIN_OF
    }
}

/// Where a value is kept: values that share a place take it from each other.
#[inline]
fn place(value: &[u8]) -> usize {
    let word = |bytes: Option<&[u8; 8]>| bytes.map(|bytes| u64::from_le_bytes(*bytes));
    let short = || value.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte));
    let (first, last) = (word(value.first_chunk()).unwrap_or_else(short), word(value.last_chunk()).unwrap_or(0));
    let mixed = (first ^ last.rotate_left(29) ^ value.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::table::Layout;

    fn column(values: &[&str]) -> Column {
        let mut column = Column::new(Layout::Var);
        values.iter().for_each(|value| column.push(value.as_bytes()).unwrap());
        column.push_null();
        column
    }

    #[test]
    fn only_what_was_remembered_is_known() {
        let values = column(&["processing", "processinh", "processing", "", "", "processin"]);
        let mut repeats = Repeats::new();
        assert_eq!(repeats.find(&values, 0), None);
        repeats.remember(&values, 0, 7);
        assert_eq!(repeats.find(&values, 1), None);
        assert_eq!(repeats.find(&values, 2), Some((0, 7)));
        assert_eq!(repeats.find(&values, 5), None);
        repeats.remember(&values, 3, 8);
        assert_eq!(repeats.find(&values, 4), Some((3, 8)));
        assert_eq!(repeats.find(&values, 6), None, "NULL is no value");
        repeats.forget();
        assert_eq!(repeats.find(&values, 2), None);
    }

    #[test]
    fn where_hardly_a_value_comes_again_it_is_left_off() {
        let names: Vec<String> = (0..2000).map(|n| format!("value {n}")).collect();
        let mut values = column(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut repeats = Repeats::new();
        for row in 0..2000 {
            assert_eq!(repeats.find(&values, row), None);
            repeats.remember(&values, row, ());
        }
        values.push(b"value 1999").unwrap();
        assert_eq!(repeats.find(&values, 2001), None, "it was left off");
        repeats.clear();
        repeats.remember(&values, 1999, ());
        assert_eq!(repeats.find(&values, 2001), Some((1999, ())));
    }
}
