//! Tables whose rows come in random key order: partition by key while reading, sort each part at the end.
//!
//! The keys of the first rows give the bounds of the parts. A part that fills is spilled to an anonymous file, so that
//! nothing is left behind whatever happens. Parts do not overlap, so each becomes a run that needs no merging. A part
//! that is too large to be sorted at once is partitioned again, so that memory does not grow with the table.

use super::keys::{Keys, Sorted};
use super::range::Range;
use super::spill::Spill;
use super::table::Table;
use crate::source::{BATCH_BYTES, BATCH_ROWS, RangeSink};
use crate::{CoreError, Result};
use offshoot_format::codec::{Canonical, Decoder, Encoder};
use offshoot_format::column::{Batch, Column};
use offshoot_format::table::Layout;
use std::sync::{Mutex, PoisonError};

/// Parts of a table.
const PARTS: usize = 64;
/// Bytes of a part in memory before it is spilled, where there is memory enough.
const PART_BYTES_MAX: usize = 512 << 10;
/// How often a part is partitioned again. Each time divides it by 64; what still is too large has equal keys.
const DEPTH_MAX: usize = 4;
/// Keys that are enough to find the bounds of parts.
const SAMPLE_KEYS: usize = 4096;
/// Bytes of a key in a sample.
const SAMPLE_KEY_BYTES_MAX: usize = 256;

/// The parts of one table, filled from several ranges.
pub(super) struct Scatter {
    /// Lowest keys of all parts but the first.
    bounds: Vec<Box<[u8]>>,
    parts: Vec<Mutex<Part>>,
    layouts: Vec<Layout>,
    /// Bytes of a part in memory before it is spilled.
    part_bytes_max: usize,
}

#[derive(Default)]
struct Part {
    open: Option<Batch>,
    spilled: Vec<Extent>,
    bytes: usize,
    rows: usize,
}

/// Where a spilled batch lies in the file: the lengths of its columns, then the columns.
struct Extent {
    offset: u64,
    bytes: usize,
    rows: usize,
}

/// Keys of some rows. Of a long key the start is enough to divide rows by, and whole rows may be keys.
#[derive(Default)]
pub(super) struct Sample(Vec<Box<[u8]>>);

impl Sample {
    /// Adds the keys of a batch.
    pub fn add(&mut self, table: &Table<'_>, batch: &Batch) {
        let keys = Keys::of(&table.keys, batch);
        let short = |row| Box::from(&keys.get(row)[..keys.get(row).len().min(SAMPLE_KEY_BYTES_MAX)]);
        self.0.extend((0..batch.rows).map(short));
    }
}

/// Scratch memory of one range.
#[derive(Default)]
pub(super) struct Scatterer {
    encoder: Encoder,
    canonical: Canonical,
    payload: Vec<u8>,
    rows: Vec<Vec<u32>>,
}

impl Scatter {
    /// Parts whose bounds divide the keys of a sample evenly.
    pub fn new(mut sample: Sample, table: &Table<'_>) -> Self {
        sample.0.sort_unstable();
        let divided = (1..PARTS).filter(|_| !sample.0.is_empty());
        let mut bounds: Vec<Box<[u8]>> = divided.map(|part| sample.0[part * sample.0.len() / PARTS].clone()).collect();
        bounds.dedup();
        let parts = (0..=bounds.len()).map(|_| Mutex::default()).collect();
        let layouts = table.spec.columns.iter().map(|column| column.layout).collect();
        let part_bytes_max = (table.options().scatter_bytes_max / PARTS).min(PART_BYTES_MAX);
        Self { bounds, parts, layouts, part_bytes_max }
    }

    /// Takes rows in any order.
    pub fn push(&self, table: &Table<'_>, spill: &Spill, batch: &Batch, scratch: &mut Scatterer) -> Result<()> {
        let keys = Keys::of(&table.keys, batch);
        scratch.rows.resize_with(self.parts.len(), Vec::new);
        for row in 0..batch.rows {
            let key = keys.get(row);
            scratch.rows[self.bounds.partition_point(|bound| &**bound <= key)].push(row as u32);
        }
        for (number, part) in self.parts.iter().enumerate() {
            let mut rows = std::mem::take(&mut scratch.rows[number]);
            if !rows.is_empty() {
                let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
                let open = part.open.get_or_insert_with(|| table.fresh());
                open.gather(batch, &rows)?;
                if open.bytes_len() >= self.part_bytes_max || open.rows >= BATCH_ROWS {
                    spill_part(spill, &mut part, scratch)?;
                }
            }
            rows.clear();
            scratch.rows[number] = rows;
        }
        Ok(())
    }

    fn load(&self, spill: &Spill, extent: &Extent, decoder: &mut Decoder) -> Result<Batch> {
        let payload = spill.read(extent.offset, extent.bytes)?;
        let (lengths, mut rest) = payload.split_at_checked(self.layouts.len() * LENGTH_BYTES).ok_or(MALFORMED)?;
        let mut columns = Vec::with_capacity(self.layouts.len());
        for (length, &layout) in lengths.as_chunks().0.iter().zip(&self.layouts) {
            let (column, after) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(MALFORMED)?;
            columns.push(decoder.column(layout, column)?);
            rest = after;
        }
        Ok(Batch { columns, rows: extent.rows })
    }

    /// Ends the table's ranges: sorts each part into a run.
    pub fn finish(&self, table: &Table<'_>, spill: &Spill) -> Result<()> {
        self.finish_at(0, table, spill)
    }

    fn finish_at(&self, depth: usize, table: &Table<'_>, spill: &Spill) -> Result<()> {
        let mut parts: Vec<Part> = self
            .parts
            .iter()
            .map(|part| std::mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner)))
            .collect();
        let is_large = |part: &Part| part.bytes > table.options().sort_bytes_max && part.rows > 1;
        if parts.iter().any(is_large) {
            // What is partitioned anew needs the memory of the open parts.
            let mut scratch = Scatterer::default();
            for part in &mut parts {
                spill_part(spill, part, &mut scratch)?;
                part.open = None;
            }
        }
        let mut decoder = Decoder::default();
        for part in parts {
            table.control().check()?;
            let _one = (depth == 0).then(|| table.alone(part.bytes / part.rows.max(1)));
            let sort = if is_large(&part) { Self::divide } else { Self::sort };
            sort(self, depth, table, spill, part, &mut decoder)?;
        }
        Ok(())
    }

    /// Sorts a part at once.
    fn sort(&self, _: usize, table: &Table<'_>, spill: &Spill, part: Part, decoder: &mut Decoder) -> Result<()> {
        let columns = self.layouts.iter().map(|&layout| Column::new(layout)).collect();
        let mut rows = Batch { columns, rows: 0 };
        for batch in self.batches(spill, part, decoder) {
            let batch = batch?;
            let all = 0..batch.rows;
            rows.extend_from(&batch, all)?;
        }
        let run = table.run_of(&Sorted::new(&table.keys, rows))?;
        table.add_run(run);
        Ok(())
    }

    /// Partitions a part that is too large to be sorted at once.
    fn divide(&self, depth: usize, table: &Table<'_>, spill: &Spill, part: Part, decoder: &mut Decoder) -> Result<()> {
        let mut sample = Sample::default();
        // All over the part, because where rows are wide a batch has few.
        for extent in part.spilled.iter().step_by(part.spilled.len().div_ceil(PARTS).max(1)) {
            sample.add(table, &self.load(spill, extent, decoder)?);
            if sample.0.len() >= SAMPLE_KEYS {
                break;
            }
        }
        let inner = Self::new(sample, table);
        let batches = self.batches(spill, part, decoder);
        if inner.parts.len() > 2 && depth < DEPTH_MAX {
            tracing::debug!(table = table.spec.name, depth, "a part is partitioned again");
            let mut scratch = Scatterer::default();
            for batch in batches {
                table.control().check()?;
                inner.push(table, spill, &batch?, &mut scratch)?;
            }
            return inner.finish_at(depth + 1, table, spill);
        }
        // Nearly all keys are equal, and equal keys are in order.
        let mut range = Box::new(Range::in_order(table));
        for batch in batches {
            let batch = batch?;
            for start in (0..batch.rows).step_by(BATCH_ROWS) {
                let mut slice = table.fresh();
                slice.extend_from(&batch, start..batch.rows.min(start + BATCH_ROWS))?;
                range.take(slice)?;
            }
        }
        range.finish()
    }

    fn batches<'a>(
        &'a self,
        spill: &'a Spill,
        part: Part,
        decoder: &'a mut Decoder,
    ) -> impl Iterator<Item = Result<Batch>> + 'a {
        let spilled = part.spilled.into_iter().map(move |extent| self.load(spill, &extent, decoder));
        spilled.chain(part.open.map(Ok))
    }
}

/// Writes the open batch of a part to the spill file.
fn spill_part(spill: &Spill, part: &mut Part, scratch: &mut Scatterer) -> Result<()> {
    let Some(open) = part.open.as_mut().filter(|open| open.rows > 0) else { return Ok(()) };
    scratch.payload.clear();
    scratch.payload.resize(open.columns.len() * LENGTH_BYTES, 0);
    for (number, column) in open.columns.iter().enumerate() {
        let start = scratch.payload.len();
        scratch.canonical.set(column);
        scratch.encoder.column(column, &scratch.canonical, &mut scratch.payload)?;
        let length = (scratch.payload.len() - start) as u32;
        scratch.payload[number * LENGTH_BYTES..][..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    }
    let (offset, bytes) = (spill.append(&scratch.payload)?, scratch.payload.len());
    part.bytes += open.bytes_len();
    part.rows += open.rows;
    part.spilled.push(Extent { offset, bytes, rows: open.rows });
    open.clear();
    Ok(())
}

/// Bytes that the length of a spilled column takes.
const LENGTH_BYTES: usize = size_of::<u32>();
/// Nobody else writes the file.
const MALFORMED: CoreError = CoreError::Protocol("a spilled batch is not as it was written");

const _: () = assert!(PART_BYTES_MAX <= BATCH_BYTES);
