//! One range of a table: puts nearly sorted rows in order with little memory, and cuts them into leaves.
//!
//! Heaps are nearly in key order, but a few rows that come much too early would make all later ones late. So one sorted
//! batch is always held back (replacement selection): what is emitted is the lower part of what was held and what
//! came. Rows that are still late are collected apart and become runs of their own.

use super::cut::{Cut, Cutter};
use super::encode::Work;
use super::keys::Sorted;
use super::merge::{Body, Run, RunLeaf};
use super::scatter::Scatterer;
use super::table::{Table, WIDE_BYTES_MIN};
use crate::Result;
use crate::source::{BATCH_ROWS, BlobSink, RangeSink};
use offshoot_format::column::Batch;

/// Late rows that are collected before they are sorted and cut.
const LATE_ROWS_MAX: usize = 8 * BATCH_ROWS;
/// Late rows after which, if they are most of all rows, the order is taken for random.
const RANDOM_ROWS_MIN: usize = 2 * LATE_ROWS_MAX;

pub(super) struct Range<'t> {
    table: &'t Table<'t>,
    scatterer: Option<Scatterer>,
    may_scatter: bool,
    held: Option<Sorted>,
    cutter: Cutter,
    leaves: Vec<RunLeaf>,
    late: Batch,
    late_runs: Vec<Run>,
    rows: usize,
    late_rows: usize,
    finished: bool,
}

impl<'t> Range<'t> {
    /// A range whose rows come in random order if `scattered`, else nearly in key order.
    pub fn new(table: &'t Table<'t>, scattered: bool) -> Self {
        let mut range = Self::in_order(table);
        range.may_scatter = table.can_spill();
        range.scatterer = (scattered && range.may_scatter).then(Scatterer::default);
        range
    }

    /// A range that is never scattered.
    pub fn in_order(table: &'t Table<'t>) -> Self {
        Self {
            table,
            scatterer: None,
            may_scatter: false,
            held: None,
            cutter: table.cutter(),
            leaves: Vec::new(),
            late: Batch::new(&table.spec.columns),
            late_runs: Vec::new(),
            rows: 0,
            late_rows: 0,
            finished: false,
        }
    }

    /// Takes rows.
    pub fn take(&mut self, batch: Batch) -> Result<()> {
        if let Some(scatterer) = &mut self.scatterer {
            self.table.scatter(&batch, scatterer)?;
            self.table.recycle(batch);
            return Ok(());
        }
        self.accept(Sorted::new(&self.table.keys, batch))?;
        if self.may_scatter && self.late_rows >= RANDOM_ROWS_MIN && 2 * self.late_rows > self.rows {
            self.turn_random()?;
        }
        Ok(())
    }

    /// Gives up on order: everything so far is scattered, as all that follows will be.
    fn turn_random(&mut self) -> Result<()> {
        self.end_run()?;
        let mut scatterer = Scatterer::default();
        let runs = std::mem::take(&mut self.late_runs);
        let leaves = std::mem::take(&mut self.leaves);
        self.table.pour(leaves.into_iter().chain(runs.into_iter().flat_map(|run| run.leaves)), &mut scatterer)?;
        self.scatterer = Some(scatterer);
        Ok(())
    }

    /// Takes the next sorted batch, and emits as many rows as it brought.
    fn accept(&mut self, new: Sorted) -> Result<()> {
        let Some(held) = self.held.take() else { return self.hold(new) };
        if new.len() == 0 || held.len() == 0 || held.key(held.len() - 1) <= new.key(0) {
            let (full, held) = if new.len() == 0 { (new, held) } else { (held, new) };
            self.emit_all(full)?;
            return self.hold(held);
        }
        self.interleave(held, new)
    }

    /// Holds a batch back, unless it is too large for that.
    fn hold(&mut self, rows: Sorted) -> Result<()> {
        if rows.batch.bytes_len() > WIDE_BYTES_MIN {
            return self.emit_all(rows);
        }
        self.held = Some(rows);
        Ok(())
    }

    fn emit_all(&mut self, rows: Sorted) -> Result<()> {
        self.emit(&rows, 0..rows.len())?;
        self.table.recycle(rows.batch);
        Ok(())
    }

    /// Emits the lower part of two batches and holds the upper part, as many rows as the larger of them has.
    fn interleave(&mut self, a: Sorted, b: Sorted) -> Result<()> {
        let emitted = a.len() + b.len() - a.len().max(b.len());
        let (mut at_a, mut at_b) = (0, 0);
        while at_a + at_b < emitted {
            let left = emitted - at_a - at_b;
            let from_a = at_b == b.len() || at_a < a.len() && a.key(at_a) <= b.key(at_b);
            let (source, at, other, other_at) =
                if from_a { (&a, &mut at_a, &b, at_b) } else { (&b, &mut at_b, &a, at_a) };
            let start = *at;
            let limit = (other_at < other.len()).then(|| other.key(other_at));
            while *at < source.len() && *at - start < left && limit.is_none_or(|limit| source.key(*at) <= limit) {
                *at += 1;
            }
            // Equal keys alternate sides; one row always moves.
            *at = (*at).max(start + 1);
            let places = start..*at;
            self.emit(source, places)?;
        }
        let mut rest = self.table.fresh();
        for (source, at) in [(&a, at_a), (&b, at_b)] {
            rest.gather(&source.batch, &source.rows(at..source.len()))?;
        }
        self.table.recycle(a.batch);
        self.table.recycle(b.batch);
        self.hold(Sorted::new(&self.table.keys, rest))
    }

    /// Passes rows on in key order; those below what was passed on before are late.
    fn emit(&mut self, rows: &Sorted, places: std::ops::Range<usize>) -> Result<()> {
        let mut start = places.start;
        while start < places.end && self.cutter.is_past(rows.key(start)) {
            start += 1;
        }
        self.late.gather(&rows.batch, &rows.rows(places.start..start))?;
        self.late_rows += start - places.start;
        self.rows += places.len();
        let (table, leaves) = (self.table, &mut self.leaves);
        let keyed = (start..places.end).map(|place| (rows.row(place), rows.key(place)));
        self.cutter.add(&rows.batch, keyed, |cut| keep(table, leaves, cut))?;
        if self.late.rows >= LATE_ROWS_MAX || self.late.bytes_len() >= self.table.options().late_bytes_max {
            self.flush_late()?;
        }
        Ok(())
    }

    fn flush_late(&mut self) -> Result<()> {
        let late = std::mem::replace(&mut self.late, Batch::new(&self.table.spec.columns));
        if late.rows > 0 {
            self.late_runs.push(self.table.run_of(&Sorted::new(&self.table.keys, late))?);
        }
        Ok(())
    }

    /// Cuts all that is held.
    fn end_run(&mut self) -> Result<()> {
        if let Some(held) = self.held.take() {
            self.emit_all(held)?;
        }
        self.flush_late()?;
        if let Some(cut) = self.cutter.finish() {
            keep(self.table, &mut self.leaves, cut)?;
        }
        Ok(())
    }
}

/// Keeps the first leaf of a run in memory, because it will be joined with the end of another, and stores the others.
fn keep(table: &Table<'_>, leaves: &mut Vec<RunLeaf>, cut: Cut) -> Result<()> {
    let kept = leaves.is_empty() || cut.end == super::cut::End::Open;
    let leaf =
        RunLeaf::new(
            cut,
            |rows| if kept { Ok(Body::Kept(rows)) } else { table.submit(Work::Spool(rows)).map(Body::Stored) },
        )?;
    leaves.push(leaf);
    Ok(())
}

impl RangeSink for Range<'_> {
    fn batch(&mut self) -> Batch {
        self.table.fresh()
    }

    fn push(&mut self, batch: Batch) -> Result<()> {
        self.table.check(&batch)?;
        let _one = self.table.alone(batch.bytes_len());
        self.take(batch)
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>> {
        Ok(Box::new(self.table.blob_writer()))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end_run()?;
        self.late_runs.drain(..).for_each(|run| self.table.add_run(run));
        self.table.add_run(Run { leaves: std::mem::take(&mut self.leaves) });
        self.finished = true;
        Ok(())
    }
}

impl Drop for Range<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.table.fail();
        }
    }
}
