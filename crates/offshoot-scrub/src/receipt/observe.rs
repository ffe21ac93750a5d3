//! Counts what the values of a column look like, within bounded memory.
//!
//! Values, NULLs, empty and distinct values are counted for all rows. Lengths in graphemes, scripts, formats and shape
//! classes cost more: of the first values all are looked at, of the later ones one in sixteen, which then counts
//! sixteen times.

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
use crate::shape::{Work, class_size};
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
    distinct: Distinct,
    looked_at: u64,
    sampled: Sampled,
    work: Work,
    scratch: Vec<u8>,
}

#[derive(Default)]
struct Sampled {
    lengths: Lengths,
    scripts: HashMap<Letters, u64>,
    formats: [u64; FORMATS.len() + 1],
    other: HashMap<&'static str, u64>,
    only_ones: u64,
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
        Self {
            reading: Reading::new(type_name, form),
            values: 0,
            nulls: 0,
            empty: 0,
            distinct: Distinct::default(),
            looked_at: 0,
            sampled: Sampled::default(),
            work: Work::default(),
            scratch: Vec::new(),
        }
    }

    /// Counts a value.
    pub fn observe(&mut self, cell: &[u8]) {
        self.values += 1;
        self.empty += u64::from(cell.is_empty());
        self.distinct.add(cell);
        let weight = if self.values <= ALL_UP_TO { 1 } else { ONE_IN };
        if weight > 1 && !self.values.is_multiple_of(ONE_IN) {
            return;
        }
        self.looked_at += 1;
        let (sampled, work) = (&mut self.sampled, &mut self.work);
        self.reading.parts(cell, &mut self.scratch, &mut |part| match part {
            Part::Text { text, .. } => sampled.text(text, work, weight),
            Part::Integer(number) => {
                sampled.lengths.add(number.unsigned_abs().checked_ilog10().map_or(1, |log| u64::from(log) + 1), weight);
                *sampled.other.entry("whole number").or_default() += weight;
            }
            Part::Instant(_) => *sampled.other.entry("date or time").or_default() += weight,
            Part::Bytes(bytes) => {
                sampled.lengths.add(bytes.len() as u64, weight);
                *sampled.other.entry("bytes").or_default() += weight;
            }
        });
    }

    /// Counts a NULL.
    pub fn observe_null(&mut self) {
        self.nulls += 1;
    }

    /// Counts all values of a column; of those that are stored apart only that they are there.
    pub fn observe_column(&mut self, column: &Column) {
        for row in 0..column.rows() {
            match column.cell(row) {
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
        self.distinct.merge(other.distinct);
        self.looked_at += other.looked_at;
        let (ours, theirs) = (&mut self.sampled, other.sampled);
        ours.lengths.merge(&theirs.lengths);
        theirs.scripts.into_iter().for_each(|(script, count)| *ours.scripts.entry(script).or_default() += count);
        theirs.other.into_iter().for_each(|(name, count)| *ours.other.entry(name).or_default() += count);
        ours.formats.iter_mut().zip(theirs.formats).for_each(|(count, more)| *count += more);
        ours.only_ones += theirs.only_ones;
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
            only_ones: sampled.only_ones,
            small_class: sampled.small_class,
        }
    }
}

impl Sampled {
    fn text(&mut self, text: &[u8], work: &mut Work, weight: u64) {
        self.formats[format_of(text)] += weight;
        let class = class_size(work, text);
        self.only_ones += if class == 1 { weight } else { 0 };
        self.small_class += if (2..SMALL_CLASS).contains(&class) { weight } else { 0 };
        let mut length = 0;
        let mut rest = CHARS_MAX;
        if text.is_ascii() {
            // Of ASCII only a line end of two bytes is one grapheme.
            length = (text.len() - text.windows(2).filter(|two| two == b"\r\n").count()) as u64;
            let counted = &text[..text.len().min(CHARS_MAX)];
            self.add(
                Letters::Of(Script::Latin),
                counted.iter().filter(|byte| byte.is_ascii_alphabetic()).count(),
                weight,
            );
            self.add(Letters::Digits, counted.iter().filter(|byte| byte.is_ascii_digit()).count(), weight);
        } else {
            for chunk in text.utf8_chunks() {
                length += (chunk.valid().graphemes(true).count() + chunk.invalid().len()) as u64;
                for c in chunk.valid().chars().take(rest) {
                    rest -= 1;
                    match c.general_category_group() {
                        GeneralCategoryGroup::Letter => self.add(Letters::Of(c.script()), 1, weight),
                        GeneralCategoryGroup::Number => self.add(Letters::Digits, 1, weight),
                        _ if !c.is_ascii() && c.is_emoji_char() => self.add(Letters::Emoji, 1, weight),
                        _ => {}
                    }
                }
            }
        }
        self.lengths.add(length, weight);
    }

    fn add(&mut self, letters: Letters, count: usize, weight: u64) {
        if count > 0 {
            *self.scripts.entry(letters).or_default() += count as u64 * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
