//! Counts what the values of a column look like, within bounded memory.
//!
//! Values, NULLs, empty and distinct values are counted for all rows, and so are values that are the only ones of their shape:
//! those stay what they are. Lengths in graphemes, scripts, formats and small shape classes cost more: of the first values all
//! are looked at, of the later ones one in sixteen, which then counts sixteen times.

use std::collections::HashMap;

use offshoot_format::column::{Cell, Column};
use offshoot_format::table::RowForm;
use unicode_properties::{GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use super::distinct::Distinct;
use super::format::{FORMATS, OTHER, format_of};
use super::lengths::Lengths;
use super::{SMALL_CLASS, ShapeSummary};
use crate::facts::ColumnFacts;
use crate::repeats::Repeats;
use crate::shape::{Work, class_size, is_only_one};
use crate::survivors::{Part, Reading};

/// Values of a column that are all looked at.
const ALL_UP_TO: u64 = 1 << 15;
/// Of later ones one in so many is.
const ONE_IN: u64 = 16;
/// Characters of a value whose script is looked at.
const CHARS_MAX: usize = 4096;

/// Counts for one column; each thread has its own, and they are merged.
pub struct ColumnShape {
    reading: Reading,
    values: u64,
    nulls: u64,
    empty: u64,
    only_ones: u64,
    distinct: Distinct,
    looked_at: u64,
    sampled: Sampled,
    work: Work,
    scratch: Vec<u8>,
    /// Texts of the present column, each with whether it is the only one of its shape, and the number of its look, if it was
    /// looked at.
    repeats: Repeats<(bool, Option<u32>)>,
    looks: Looks,
}

/// What texts look like.
#[derive(Default)]
struct Looks {
    all: Vec<Look>,
    /// Letters of all of them, one after the other.
    letters: Vec<(Letters, u64)>,
}

/// What one text looks like.
#[derive(Debug, Clone, Copy)]
struct Look {
    format: usize,
    is_of_small_class: bool,
    length: u64,
    /// Where its letters begin and end.
    letters: (usize, usize),
}

#[derive(Default)]
struct Sampled {
    lengths: Lengths,
    scripts: HashMap<Letters, u64>,
    formats: [u64; FORMATS.len() + 1],
    other: HashMap<&'static str, u64>,
    small_class: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Letters {
    Of(Script),
    Digits,
    Emoji,
}

impl std::fmt::Debug for ColumnShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColumnShape({} values)", self.values)
    }
}

impl ColumnShape {
    /// For a column of this type, by its bare name, and form of rows.
    #[must_use]
    pub fn new(type_name: &str, form: RowForm) -> Self {
        Self::reading(Reading::new(type_name, form))
    }

    /// For a column as its facts have it, its encoding included.
    #[must_use]
    pub fn of(column: &ColumnFacts, form: RowForm) -> Self {
        Self::reading(Reading::of(column, form))
    }

    fn reading(reading: Reading) -> Self {
        Self {
            reading,
            values: 0,
            nulls: 0,
            empty: 0,
            only_ones: 0,
            distinct: Distinct::default(),
            looked_at: 0,
            sampled: Sampled::default(),
            work: Work::default(),
            scratch: Vec::new(),
            repeats: Repeats::new(),
            looks: Looks::default(),
        }
    }

    /// Counts a value.
    pub fn observe(&mut self, cell: &[u8]) {
        self.distinct.add(cell);
        let weight = self.begin(cell);
        let Self { sampled, looks, work, only_ones, .. } = self;
        looks.clear();
        self.reading.parts(cell, &mut self.scratch, &mut |part| match (part, weight) {
            (Part::Text { text, .. }, weight) => {
                *only_ones += u64::from(is_only_one(work, text));
                if let Some(weight) = weight {
                    let look = looks.push(text, work);
                    sampled.add(looks, look, weight);
                }
            }
            (_, None) => {}
            (Part::Integer(number), Some(weight)) => {
                let digits = number.unsigned_abs().checked_ilog10().map_or(1, |log| u64::from(log) + 1);
                sampled.lengths.add(digits, weight);
                sampled.small_class += if numbers_of(digits) < SMALL_CLASS { weight } else { 0 };
                *sampled.other.entry("whole number").or_default() += weight;
            }
            (Part::Instant(_), Some(weight)) => *sampled.other.entry("date or time").or_default() += weight,
            (Part::Bytes(bytes), Some(weight)) => {
                sampled.lengths.add(bytes.len() as u64, weight);
                *sampled.other.entry("bytes").or_default() += weight;
            }
        });
    }

    /// Counts that there is a value; how many it stands for, if it is to be looked at.
    fn begin(&mut self, cell: &[u8]) -> Option<u64> {
        self.values += 1;
        self.empty += u64::from(cell.is_empty());
        let weight = if self.values <= ALL_UP_TO { 1 } else { ONE_IN };
        let is_looked_at = weight == 1 || self.values.is_multiple_of(ONE_IN);
        self.looked_at += u64::from(is_looked_at);
        is_looked_at.then_some(weight)
    }

    /// Counts the text of a row; one that the column had before is not looked at twice.
    fn observe_text(&mut self, column: &Column, row: usize, cell: &[u8]) {
        let known = self.repeats.find(column, row).map(|(_, look)| look);
        if known.is_none() {
            self.distinct.add(cell);
        }
        let (is_only, mut look) = known.unwrap_or_else(|| (is_only_one(&mut self.work, cell), None));
        self.only_ones += u64::from(is_only);
        if let Some(weight) = self.begin(cell) {
            let number = look.unwrap_or_else(|| self.looks.push(cell, &mut self.work));
            self.sampled.add(&self.looks, number, weight);
            look = Some(number);
        }
        if known != Some((is_only, look)) {
            self.repeats.remember(column, row, (is_only, look));
        }
    }

    /// Counts a NULL.
    pub fn observe_null(&mut self) {
        self.nulls += 1;
    }

    /// Counts all values of a column; of those that are stored apart only that they are there.
    pub fn observe_column(&mut self, column: &Column) {
        self.repeats.clear();
        self.looks.clear();
        for row in 0..column.rows() {
            match column.cell(row) {
                Cell::Bytes(cell) if self.reading.is_text() => self.observe_text(column, row, cell),
                Cell::Bytes(cell) => self.observe(cell),
                Cell::Null => self.observe_null(),
                Cell::Blob(blob) => {
                    self.values += 1;
                    self.distinct.add(&blob.encode());
                }
            }
        }
    }

    /// Adds what another thread counted of the same column.
    pub fn merge(&mut self, other: Self) {
        self.values += other.values;
        self.nulls += other.nulls;
        self.empty += other.empty;
        self.only_ones += other.only_ones;
        self.distinct.merge(other.distinct);
        self.looked_at += other.looked_at;
        let (ours, theirs) = (&mut self.sampled, other.sampled);
        ours.lengths.merge(&theirs.lengths);
        theirs.scripts.into_iter().for_each(|(script, count)| *ours.scripts.entry(script).or_default() += count);
        theirs.other.into_iter().for_each(|(name, count)| *ours.other.entry(name).or_default() += count);
        ours.formats.iter_mut().zip(theirs.formats).for_each(|(count, more)| *count += more);
        ours.small_class += theirs.small_class;
    }

    /// What was counted.
    #[must_use]
    pub fn summary(&self) -> ShapeSummary {
        let sampled = &self.sampled;
        let (distinct, distinct_is_exact) = self.distinct.count();
        let names = FORMATS.iter().chain(std::iter::once(&OTHER)).zip(&sampled.formats);
        let mut formats = ShapeSummary::default().formats;
        let all =
            names.map(|(name, count)| (*name, *count)).chain(sampled.other.iter().map(|(name, count)| (*name, *count)));
        for (name, count) in all.filter(|(_, count)| *count > 0) {
            *formats.entry(name.to_owned()).or_default() += count;
        }
        let name = |letters: &Letters| match letters {
            Letters::Of(script) => script.full_name().replace('_', " "),
            Letters::Digits => "digits".to_owned(),
            Letters::Emoji => "emoji".to_owned(),
        };
        ShapeSummary {
            values: self.values,
            nulls: self.nulls,
            empty: self.empty,
            distinct,
            distinct_is_exact,
            looked_at: self.looked_at,
            lengths: sampled.lengths.buckets(),
            scripts: sampled.scripts.iter().map(|(letters, count)| (name(letters), *count)).collect(),
            formats,
            only_ones: self.only_ones,
            small_class: sampled.small_class,
        }
    }
}

impl Looks {
    fn clear(&mut self) {
        self.all.clear();
        self.letters.clear();
    }

    /// Looks at a text; the number of its look.
    fn push(&mut self, text: &[u8], work: &mut Work) -> u32 {
        let class = class_size(work, text);
        let from = self.letters.len();
        let length = if text.is_ascii() { self.ascii(text) } else { self.any(text) };
        self.all.push(Look {
            format: format_of(text),
            is_of_small_class: (2..SMALL_CLASS).contains(&class),
            length,
            letters: (from, self.letters.len()),
        });
        (self.all.len() - 1) as u32
    }

    /// Of ASCII only a line end of two bytes is one grapheme.
    fn ascii(&mut self, text: &[u8]) -> u64 {
        let counted = &text[..text.len().min(CHARS_MAX)];
        let letters = counted.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        let digits = counted.iter().filter(|byte| byte.is_ascii_digit()).count();
        let all = [(Letters::Of(Script::Latin), letters as u64), (Letters::Digits, digits as u64)];
        self.letters.extend(all.into_iter().filter(|(_, count)| *count > 0));
        (text.len() - text.windows(2).filter(|two| two == b"\r\n").count()) as u64
    }

    fn any(&mut self, text: &[u8]) -> u64 {
        let (from, mut length, mut rest) = (self.letters.len(), 0, CHARS_MAX);
        for chunk in text.utf8_chunks() {
            length += (chunk.valid().graphemes(true).count() + chunk.invalid().len()) as u64;
            for c in chunk.valid().chars().take(rest) {
                rest -= 1;
                let letters = match c.general_category_group() {
                    GeneralCategoryGroup::Letter => Letters::Of(c.script()),
                    GeneralCategoryGroup::Number => Letters::Digits,
                    _ if !c.is_ascii() && c.is_emoji_char() => Letters::Emoji,
                    _ => continue,
                };
                // Few scripts meet in one text, and the last one goes on mostly.
                match self.letters[from..].iter_mut().rev().find(|(own, _)| *own == letters) {
                    Some((_, count)) => *count += 1,
                    None => self.letters.push((letters, 1)),
                }
            }
        }
        length
    }
}

impl Sampled {
    fn add(&mut self, looks: &Looks, number: u32, weight: u64) {
        let Look { format, is_of_small_class, length, letters } = looks.all[number as usize];
        self.formats[format] += weight;
        self.small_class += if is_of_small_class { weight } else { 0 };
        for (letters, count) in &looks.letters[letters.0..letters.1] {
            *self.scripts.entry(*letters).or_default() += count * weight;
        }
        self.lengths.add(length, weight);
    }
}

/// How many whole numbers of one sign have so many digits.
fn numbers_of(digits: u64) -> u128 {
    10_u128.saturating_pow(u32::try_from(digits).unwrap_or(u32::MAX)) / 10 * 9
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::table::Layout;

    fn shape(values: &[&str]) -> ShapeSummary {
        let mut shape = ColumnShape::new("text", RowForm::Binary);
        values.iter().for_each(|value| shape.observe(value.as_bytes()));
        shape.summary()
    }

    #[test]
    fn texts_are_counted() {
        let summary = shape(&["Zoë 👨‍👩‍👧", "", "?", "b", "Иван7", "a\r\nb"]);
        assert_eq!((summary.values, summary.empty, summary.distinct), (6, 1, 6));
        let lengths: Vec<(u64, u64)> = summary.lengths.iter().map(|bucket| (bucket.from, bucket.count)).collect();
        assert_eq!(lengths, [(0, 1), (1, 2), (3, 1), (5, 2)]);
        let scripts = [("Cyrillic", 4), ("Latin", 6), ("digits", 1), ("emoji", 3)];
        assert_eq!(summary.scripts, scripts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect());
        assert_eq!((summary.only_ones, summary.small_class), (2, 2));
        assert_eq!(summary.formats["several words"], 2);
    }

    #[test]
    fn a_column_is_counted_as_its_values_are() {
        let values = |n: u64| match n % 7 {
            0 => format!("Zoë {n}"),
            1 => String::new(),
            n => ["Иван", "a\r\nb", "★", "12-34", "Anna"][n as usize - 2].to_owned(),
        };
        let (mut one, mut other) =
            (ColumnShape::new("text", RowForm::Binary), ColumnShape::new("text", RowForm::Binary));
        for part in 0..6 {
            let mut column = Column::new(Layout::Var);
            for n in part * 8192..(part + 1) * 8192 {
                other.observe(values(n).as_bytes());
                column.push(values(n).as_bytes()).unwrap();
            }
            one.observe_column(&column);
        }
        assert_eq!(one.summary(), other.summary());
        assert!(one.summary().looked_at < one.summary().values);
    }

    #[test]
    fn only_ones_are_counted_wherever_they_stand() {
        let rows = ALL_UP_TO + 1000;
        for at in [0, rows / 2, rows - 3] {
            let mut shape = ColumnShape::new("text", RowForm::Binary);
            (0..rows).for_each(|n| shape.observe(if n == at { "★" } else { "Anna" }.as_bytes()));
            assert_eq!(shape.summary().only_ones, 1, "{at}");
        }
    }

    #[test]
    fn whole_numbers_have_classes_as_their_digits_are() {
        let mut shape = ColumnShape::new("int4", RowForm::Binary);
        [7_i32, -7, 4321, 12_345, 1_234_567].iter().for_each(|number| shape.observe(&number.to_be_bytes()));
        let summary = shape.summary();
        assert_eq!((summary.only_ones, summary.small_class), (0, 3));
    }

    #[test]
    fn threads_are_merged_and_large_columns_sampled() {
        let run = |from: u64, to: u64| {
            let mut shape = ColumnShape::new("text", RowForm::Binary);
            (from..to).for_each(|n| shape.observe(format!("user{n:06}").as_bytes()));
            shape
        };
        let mut one = run(0, 100_000);
        one.merge(run(50_000, 150_000));
        one.observe_null();
        let summary = one.summary();
        assert_eq!((summary.values, summary.nulls), (200_000, 1));
        assert!((summary.distinct as f64 / 150_000.0 - 1.0).abs() < 0.06, "{}", summary.distinct);
        assert!(summary.looked_at < 80_000);
        assert!((summary.lengths[0].count as f64 / 200_000.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn numbers_and_times() {
        let mut shape = ColumnShape::new("int4", RowForm::Binary);
        shape.observe(&12_345_i32.to_be_bytes());
        assert_eq!(shape.summary().lengths[0].from, 5);
        let mut shape = ColumnShape::new("timestamptz", RowForm::Binary);
        shape.observe(&12_345_i64.to_be_bytes());
        assert_eq!(shape.summary().formats["date or time"], 1);
    }
}
