//! Tables whose rows come in random key order: partition by key while reading, sort each part at the end.
//!
//! The keys of the first rows give the bounds of the parts. A part that fills is spilled to an anonymous file, so that
//! nothing is left behind whatever happens. Parts do not overlap, so each becomes a run that needs no merging.

use super::keys::{Keys, Sorted};
use super::range::Range;
use super::spill::Spill;
use super::table::Table;
use crate::Result;
use crate::source::{BATCH_BYTES, BATCH_ROWS, RangeSink};
use offshoot_format::codec::{Canonical, Decoder, Encoder};
use offshoot_format::column::{Batch, Column};
use offshoot_format::table::Layout;
use std::sync::{Mutex, PoisonError};

/// Parts of a table.
const PARTS: usize = 64;
/// Bytes of a part in memory before it is spilled.
const PART_BYTES_MAX: usize = 512 << 10;
/// Bytes of a part that is sorted at once; a larger one goes through a range.
const SORT_BYTES_MAX: usize = 64 << 20;

/// The parts of one table, filled from several ranges.
pub(super) struct Scatter {
    /// Lowest keys of all parts but the first.
    bounds: Vec<Box<[u8]>>,
    parts: Vec<Mutex<Part>>,
    layouts: Vec<Layout>,
}

#[derive(Default)]
struct Part {
    open: Option<Batch>,
    spilled: Vec<Extent>,
    bytes: usize,
}

/// Where a spilled batch lies in the file.
struct Extent {
    offset: u64,
    columns: Vec<u32>,
    rows: usize,
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
    /// Parts whose bounds divide these keys evenly.
    pub fn new(sample: &Sorted, table: &Table<'_>) -> Self {
        let mut bounds: Vec<Box<[u8]>> = (1..PARTS)
            .filter(|_| sample.len() > 0)
            .map(|part| sample.key(part * sample.len() / PARTS).into())
            .collect();
        bounds.dedup();
        let parts = (0..=bounds.len()).map(|_| Mutex::default()).collect();
        let layouts = table.spec.columns.iter().map(|column| column.layout).collect();
        Self { bounds, parts, layouts }
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
                if open.bytes_len() >= PART_BYTES_MAX || open.rows >= BATCH_ROWS {
                    spill_part(spill, &mut part, scratch)?;
                }
            }
            rows.clear();
            scratch.rows[number] = rows;
        }
        Ok(())
    }

    fn load(&self, spill: &Spill, extent: &Extent, decoder: &mut Decoder) -> Result<Batch> {
        let mut offset = extent.offset;
        let mut columns = Vec::with_capacity(extent.columns.len());
        for (&bytes, &layout) in extent.columns.iter().zip(&self.layouts) {
            let payload = spill.read(offset, bytes as usize)?;
            offset += u64::from(bytes);
            columns.push(decoder.column(layout, &payload)?);
        }
        Ok(Batch { columns, rows: extent.rows })
    }

    /// Ends the table's ranges: sorts each part into a run.
    pub fn finish(&self, table: &Table<'_>, spill: &Spill) -> Result<()> {
        let mut decoder = Decoder::default();
        for part in &self.parts {
            table.control().check()?;
            let part = std::mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner));
            self.sort(table, spill, part, &mut decoder)?;
        }
        Ok(())
    }

    fn sort(&self, table: &Table<'_>, spill: &Spill, part: Part, decoder: &mut Decoder) -> Result<()> {
        let small = part.bytes <= SORT_BYTES_MAX;
        let batches = part.spilled.iter().map(|extent| self.load(spill, extent, decoder)).chain(part.open.map(Ok));
        if small {
            let columns = self.layouts.iter().map(|&layout| Column::new(layout)).collect();
            let mut rows = Batch { columns, rows: 0 };
            for batch in batches {
                let batch = batch?;
                let all = 0..batch.rows;
                rows.extend_from(&batch, all)?;
            }
            let run = table.run_of(&Sorted::new(&table.keys, rows))?;
            table.add_run(run);
            return Ok(());
        }
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
}

/// Writes the open batch of a part to the spill file.
fn spill_part(spill: &Spill, part: &mut Part, scratch: &mut Scatterer) -> Result<()> {
    let Some(open) = &mut part.open else { return Ok(()) };
    scratch.payload.clear();
    let mut columns = Vec::with_capacity(open.columns.len());
    for column in &open.columns {
        let start = scratch.payload.len();
        scratch.canonical.set(column);
        scratch.encoder.column(column, &scratch.canonical, &mut scratch.payload)?;
        columns.push((scratch.payload.len() - start) as u32);
    }
    let offset = spill.append(&scratch.payload)?;
    part.bytes += open.bytes_len();
    part.spilled.push(Extent { offset, columns, rows: open.rows });
    open.clear();
    Ok(())
}

const _: () = assert!(PART_BYTES_MAX <= BATCH_BYTES);
