//! The plan of one column at work: values in, values out, many at once where that is faster.

use offshoot_format::column::{Cell, Column};

use super::{ColumnCount, PlannedColumn, ScrubError};
use crate::check::ValueCheck;
use crate::repeats::Repeats;
use crate::shape::Work;
use crate::transform::fitted::chars;
use crate::transform::{self, Row, Transform};
use crate::value::{Answer, Value};
use crate::wire::Codec;

/// Values that go through a transform together.
const GROUP: usize = 64;

/// Takes a value and what became of it into the new column.
type Take<'t> = &'t mut dyn FnMut(&mut Column, &[u8], Option<&[u8]>) -> Result<(), ScrubError>;

/// What is done with the values of one column.
pub(super) struct ColumnPlan {
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) domain: String,
    /// Whether what a value becomes depends on nothing else of its row.
    pub(super) follows_value: bool,
    /// Whether the rule is for some rows only.
    pub(super) is_conditional: bool,
    /// Whether distinct values stay distinct.
    pub(super) is_unique: bool,
    pub(super) codec: Codec,
    /// For a value as people write it.
    pub(super) text_codec: Codec,
    pub(super) transform: Box<dyn Transform>,
    pub(super) chars_max: Option<u32>,
    pub(super) is_nullable: bool,
    /// Whether all values stay.
    pub(super) is_kept: bool,
    /// Whether all values become NULL.
    pub(super) is_null: bool,
    /// Constraints that are looked at value by value.
    pub(super) checks: Vec<ValueCheck>,
}

impl ColumnPlan {
    /// What is said of it.
    pub(super) fn told(&self) -> PlannedColumn<'_> {
        let Self { name, rule, domain, is_unique, is_kept, is_conditional, .. } = self;
        PlannedColumn {
            name,
            rule,
            domain,
            is_unique: *is_unique,
            is_kept: *is_kept,
            is_conditional: *is_conditional,
            may_be_reachable: self.transform.may_be_reachable(),
        }
    }

    /// Rewrites one value; false stands for NULL.
    pub(super) fn rewrite(&self, bytes: &[u8], row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> bool {
        // The bounds of a range are drawn for alike.
        let row = Row { seed: self.codec.is_range().then_some(bytes), ..*row };
        if self.transform.surveys() {
            return self.transform.apply(Value::Opaque(bytes), &row, work, out) == Answer::Written;
        }
        !self.is_null && transform::rewrite(&*self.transform, self.codec, bytes, &row, work, out)
    }

    /// Rewrites one value in text form; false stands for NULL.
    ///
    /// The text comes and goes in UTF-8, and is rewritten as it is in the column.
    pub(super) fn rewrite_text(&self, text: &str, work: &mut Work, out: &mut Vec<u8>) -> bool {
        let (row, codec) = (Row::default(), self.text_codec);
        let (bytes, mut written, mut scratch) = (codec.text_bytes(text), Vec::new(), Vec::new());
        let is_there = !self.is_null && transform::rewrite(&*self.transform, codec, &bytes, &row, work, &mut written);
        out.extend_from_slice(codec.charset().map_or(&written[..], |charset| charset.read(&written, &mut scratch)));
        is_there
    }

    /// Whether a rewritten value is longer than the column allows. The limit of an array is one of its elements.
    pub(super) fn is_too_long(&self, old: &[u8], new: &[u8]) -> bool {
        let Some(max) = self.chars_max.map(|max| max as usize).filter(|max| new.len() > *max && new != old) else {
            return false;
        };
        if !self.codec.is_array() && self.codec.charset().is_none() {
            return chars(new) > max;
        }
        let mut is_too_long = false;
        self.codec.rewrite(new, &mut Vec::new(), |value, _| {
            is_too_long |= matches!(value, Value::Text(element) if chars(element) > max);
            Answer::Keep
        });
        is_too_long
    }

    /// The constraint that a rewritten value breaks, or may break, while the old one did not.
    pub(super) fn broken(&self, old: &[u8], new: &[u8]) -> Option<&ValueCheck> {
        let breaks = |check: &&ValueCheck| check.holds(new) != Some(true) && check.holds(old) != Some(false);
        if new == old { None } else { self.checks.iter().find(breaks) }
    }

    /// Tries the rule on values that pass its constraints; what is wrong if what it makes of them does not.
    ///
    /// What a row or another column has a say in cannot be tried without one.
    pub(super) fn try_checks(&self) -> Result<(), String> {
        if !self.follows_value || !self.transform.reads().is_empty() {
            return Ok(());
        }
        let (mut work, mut out) = (Work::default(), Vec::new());
        for example in self.checks.iter().flat_map(ValueCheck::examples) {
            out.clear();
            let is_there = self.rewrite(&example, &Row::default(), &mut work, &mut out);
            if let Some(check) = self.broken(&example, &out).filter(|_| is_there) {
                return Err(format!(
                    "it breaks the constraint {}: use another rule, `keep`, or add `ignore-checks = true` if that does not matter",
                    check.name
                ));
            }
        }
        Ok(())
    }

    /// Sees the values of the column at place `c` of a batch before any is rewritten; how many bytes are kept of them.
    pub(super) fn survey(&self, raw: &[Column], c: usize, name: impl Fn() -> String) -> Result<usize, ScrubError> {
        let mut bytes = 0;
        for number in 0..raw[c].rows() {
            match raw[c].cell(number) {
                Cell::Bytes(value) => {
                    let kept = self.transform.survey(value, &Row { raw, number, ..Row::default() });
                    bytes += kept.ok_or_else(|| ScrubError::SurveyedLate { column: name() })?;
                }
                Cell::Blob(_) => return Err(ScrubError::Unmovable { column: name() }),
                Cell::Null => {}
            }
        }
        Ok(bytes)
    }

    /// Rewrites the column at place `c` of a batch.
    pub(super) fn apply(
        &self,
        raw: &[Column],
        c: usize,
        rewritten: &[Option<Column>],
        work: &mut Work,
        count: &mut ColumnCount,
        name: impl Fn() -> String,
    ) -> Result<Column, ScrubError> {
        let old = &raw[c];
        let mut new = Column::new(old.layout());
        let mut take = |new: &mut Column, bytes: &[u8], written: Option<&[u8]>| -> Result<(), ScrubError> {
            count.values += 1;
            count.changed += u64::from(written != Some(bytes));
            match written {
                Some(written) if self.is_too_long(bytes, written) => Err(ScrubError::TooLong { column: name() }),
                Some(written) => match self.broken(bytes, written) {
                    Some(check) => Err(ScrubError::Breaks { column: name(), constraint: check.name.clone() }),
                    None => Ok(new.push(written)?),
                },
                None if self.transform.surveys() && !self.transform.is_alone() => {
                    Err(ScrubError::NotSurveyed { column: name() })
                }
                None if self.transform.surveys() && !self.is_nullable => Err(ScrubError::Alone { column: name() }),
                None if !self.is_nullable => Err(ScrubError::NotNull { column: name() }),
                None => {
                    new.push_null();
                    Ok(())
                }
            }
        };
        if self.codec.is_plain() && self.codec.is_text() && self.apply_many(old, &mut new, work, &mut take)? {
            return Ok(new);
        }
        let mut out = Vec::new();
        // What a value became once it becomes again.
        let mut repeats = self.transform.pays_to_remember().then(Repeats::new);
        for number in 0..old.rows() {
            match old.cell(number) {
                Cell::Bytes(bytes) => {
                    out.clear();
                    let before = repeats.as_mut().and_then(|repeats| repeats.find(old, number));
                    let is_there = match before.map(|(row, ())| new.cell(row)) {
                        Some(Cell::Bytes(written)) => {
                            out.extend_from_slice(written);
                            true
                        }
                        Some(Cell::Null) => false,
                        _ => {
                            let row = Row { raw, rewritten, number, ..Row::default() };
                            self.rewrite(bytes, &row, work, &mut out)
                        }
                    };
                    take(&mut new, bytes, is_there.then_some(&out))?;
                    if let (Some(repeats), None) = (&mut repeats, before) {
                        repeats.remember(old, number, ());
                    }
                }
                Cell::Blob(_) if self.transform.surveys() => return Err(ScrubError::Unmovable { column: name() }),
                // It went through `Scrubber::large` when it came.
                Cell::Blob(blob) if !self.is_null => new.push_blob(&blob)?,
                Cell::Null | Cell::Blob(_) => new.push_null(),
            }
        }
        Ok(new)
    }

    /// The same for texts in groups; false, and nothing done, if the rule rewrites them one by one.
    fn apply_many(&self, old: &Column, new: &mut Column, work: &mut Work, take: Take<'_>) -> Result<bool, ScrubError> {
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        let mut group: Vec<&[u8]> = Vec::with_capacity(GROUP);
        for first in (0..old.rows()).step_by(GROUP) {
            let rows = first..(first + GROUP).min(old.rows());
            group.clear();
            group.extend(rows.clone().filter_map(|row| match old.cell(row) {
                Cell::Bytes(bytes) => Some(bytes),
                Cell::Null | Cell::Blob(_) => None,
            }));
            out.clear();
            ends.clear();
            if !self.transform.apply_many(&group, work, &mut out, &mut ends) {
                return Ok(false);
            }
            let (mut start, mut written) = (0, ends.iter());
            for row in rows {
                match old.cell(row) {
                    Cell::Bytes(bytes) => {
                        let end = written.next().copied().unwrap_or(start);
                        take(new, bytes, Some(&out[start..end]))?;
                        start = end;
                    }
                    Cell::Null => new.push_null(),
                    Cell::Blob(blob) => new.push_blob(&blob)?,
                }
            }
        }
        Ok(true)
    }
}
