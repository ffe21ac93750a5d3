//! What a table holds, in a few bytes that do not depend on the order of its rows or columns: for comparing a snapshot with
//! a live database.
//!
//! A row is the BLAKE3 of its values in the order of the columns' names, each with its length; long values count by the
//! BLAKE3 of their content, wherever they are stored. A table is the sum of its rows modulo 2^256, and their number. Equal
//! rows add up, so that they count as often as they are there. It finds differences that happen; against somebody who
//! crafts rows to cancel each other out it is no proof.

mod compare;
mod sink;

use crate::look_ahead::LookAhead;
use crate::target::Rows;
use crate::{Control, Event, Result};
use offshoot_format::column::{Batch, Cell, INLINE_VALUE_BYTES_MAX};
use offshoot_format::leaf::FORCED_BYTES;
use offshoot_format::manifest::{Manifest, TableEntry};
use offshoot_format::table::{RowForm, TableSpec};
use std::collections::BTreeMap;
use std::fmt;

pub use compare::{HowDiffers, TableDifference};
pub use sink::DigestSink;

/// What one table holds.
#[derive(Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// Names and types of the columns, sorted by name.
    columns: Vec<(String, String)>,
    form: RowForm,
    rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    /// Of a table without rows.
    #[must_use]
    pub fn empty(spec: &TableSpec) -> Self {
        let mut columns: Vec<_> =
            spec.columns.iter().map(|column| (column.name.clone(), column.type_name.clone())).collect();
        columns.sort();
        Self { columns, form: spec.form, rows: 0, sum: [0; 4] }
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds the rows of another part of the table.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        add_assign(&mut self.sum, &other.sum);
    }
}

impl fmt::Debug for TableDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableDigest({} rows, {:016x?})", self.rows, self.sum)
    }
}

fn add_assign(sum: &mut [u64; 4], other: &[u64; 4]) {
    let mut carry = false;
    for (word, add) in sum.iter_mut().zip(other) {
        let (partial, first) = word.overflowing_add(*add);
        let (whole, second) = partial.overflowing_add(u64::from(carry));
        *word = whole;
        carry = first || second;
    }
}

/// How the content of a value that is stored apart becomes known.
type ContentOf<'a> = dyn Fn(&offshoot_format::blob::BlobRef) -> Result<[u8; 32]> + 'a;

/// Adds up the rows of one table.
struct Adder {
    /// Columns in the order of their names.
    order: Vec<usize>,
    bytes: Vec<u8>,
    rows: u64,
    sum: [u64; 4],
}

impl Adder {
    fn new(spec: &TableSpec) -> Self {
        let mut order: Vec<usize> = (0..spec.columns.len()).collect();
        order.sort_by_key(|&column| &spec.columns[column].name);
        Self { order, bytes: Vec::new(), rows: 0, sum: [0; 4] }
    }

    fn add(&mut self, batch: &Batch, content_of: &ContentOf<'_>) -> Result<()> {
        for row in 0..batch.rows {
            self.bytes.clear();
            for &column in &self.order {
                put_cell(&mut self.bytes, batch.columns[column].cell(row), content_of)?;
            }
            let hash = blake3::hash(&self.bytes);
            let mut words = [0; 4];
            for (word, bytes) in words.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            add_assign(&mut self.sum, &words);
        }
        self.rows += batch.rows as u64;
        Ok(())
    }
}

fn put_cell(out: &mut Vec<u8>, cell: Cell<'_>, content_of: &ContentOf<'_>) -> Result<()> {
    match cell {
        Cell::Null => out.push(0),
        Cell::Bytes(value) if value.len() <= INLINE_VALUE_BYTES_MAX => {
            out.push(1);
            out.extend_from_slice(&(value.len() as u64).to_le_bytes());
            out.extend_from_slice(value);
        }
        Cell::Bytes(value) => put_content(out, value.len() as u64, blake3::hash(value).as_bytes()),
        Cell::Blob(blob) => put_content(out, blob.bytes, &content_of(&blob)?),
    }
    Ok(())
}

fn put_content(out: &mut Vec<u8>, bytes: u64, hash: &[u8; 32]) {
    out.push(2);
    out.extend_from_slice(&bytes.to_le_bytes());
    out.extend_from_slice(hash);
}

/// What all tables hold, by schema and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    tables: BTreeMap<(String, String), TableDigest>,
}

impl Digests {
    /// The digest of a table.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Option<&TableDigest> {
        self.tables.get(&(schema.to_owned(), name.to_owned()))
    }

    /// Of a snapshot, its large objects included.
    ///
    /// # Errors
    /// If the store is damaged, or the operation is cancelled.
    pub fn of_snapshot(
        manifest: &Manifest,
        rows: &dyn Rows,
        look_ahead: &LookAhead,
        control: &Control,
    ) -> Result<Self> {
        let mut digests = Self::default();
        for entry in manifest.content.tables.iter().chain(&manifest.content.large_objects) {
            control.step(format!("digest {}.{}", entry.spec.schema, entry.spec.name));
            let digest = of_table(entry, rows, look_ahead, control)?;
            digests.tables.insert((entry.spec.schema.clone(), entry.spec.name.clone()), digest);
        }
        Ok(digests)
    }
}

fn of_table(entry: &TableEntry, rows: &dyn Rows, look_ahead: &LookAhead, control: &Control) -> Result<TableDigest> {
    let leaves = rows.leaves(entry)?;
    let content_of = |blob: &offshoot_format::blob::BlobRef| {
        let mut hasher = blake3::Hasher::new();
        for piece in rows.blob(blob)? {
            control.check()?;
            hasher.update(&piece?);
        }
        Ok(*hasher.finalize().as_bytes())
    };
    let mut digest = TableDigest::empty(&entry.spec);
    look_ahead.each(
        leaves.iter().map(|leaf| (leaf, leaf.bytes.min(FORCED_BYTES as u64) * 2)),
        |leaf| {
            let batch = rows.batch(entry, leaf)?;
            let mut adder = Adder::new(&entry.spec);
            adder.add(&batch, &content_of)?;
            Ok((adder, batch.bytes_len()))
        },
        |(adder, bytes)| {
            control.check()?;
            digest.rows += adder.rows;
            add_assign(&mut digest.sum, &adder.sum);
            control.emit(&Event::Rows { rows: adder.rows, bytes: bytes as u64 });
            Ok(())
        },
    )?;
    Ok(digest)
}
