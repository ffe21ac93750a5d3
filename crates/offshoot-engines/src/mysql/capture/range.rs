//! Reads one range of one table into the sink: from the read buffer into the columns of a batch, without a copy between.

use super::bound::Keys;
use crate::mysql::catalog::tables::Table;
use crate::mysql::error::{MysqlError, Result, number};
use crate::mysql::quote::ident;
use crate::mysql::session::{LongRow, NextRow, Session, cut_short, split_value};
use crate::stop::Stop;
use offshoot_core::source::{BATCH_BYTES, BATCH_ROWS, RangeSink};
use offshoot_core::{CoreError, Event};
use offshoot_format::column::{Batch, INLINE_VALUE_BYTES_MAX};
use offshoot_format::table::Layout;
use std::collections::BTreeSet;

/// A part of a table.
pub struct Range<'r> {
    /// The table.
    pub table: &'r Table,
    /// What of it.
    pub keys: Keys,
    /// When to give up.
    pub stop: &'r Stop,
}

/// Rows between looks at whether to give up.
const ROWS_UNWATCHED: usize = 512;

impl Range<'_> {
    /// Reads all its rows; their number.
    ///
    /// # Errors
    /// The server's or the sink's.
    pub fn read(&self, session: &mut Session, sink: &mut dyn RangeSink) -> Result<u64, CoreError> {
        let doing = format!("read table {}", self.table.name);
        let mut rows = session.rows(&doing, &self.statement())?;
        if rows.columns() != self.table.types.len().max(1) {
            return Err(MysqlError::Protocol { what: "an answer", why: "it has another number of columns" }.into());
        }
        let mut reading = Reading { range: self, batch: sink.batch(), bytes: 0, rows: 0 };
        while let Some(row) = rows.next_row()? {
            match row {
                NextRow::Whole(row) => reading.whole(row, sink)?,
                NextRow::Long(row) => reading.long(row, sink)?,
            }
            reading.batch.rows += 1;
            if reading.batch.rows.is_multiple_of(ROWS_UNWATCHED) {
                self.stop.check()?;
            }
            if reading.batch.rows == BATCH_ROWS || reading.bytes + sink.held_bytes() >= BATCH_BYTES {
                reading.push(sink)?;
            }
        }
        reading.push(sink)?;
        let count = reading.rows;
        if rows.warnings() > 0 {
            drop(rows);
            return Err(self.warned(session)?.into());
        }
        Ok(count)
    }

    /// What a server warns of can be a value that it did not give as it is stored.
    fn warned(&self, session: &mut Session) -> Result<MysqlError> {
        let numbers: BTreeSet<String> = session
            .query("list warnings", "SHOW WARNINGS")?
            .iter()
            .map(|row| row.text(1).map(str::to_owned))
            .collect::<Result<_>>()?;
        let table = &self.table.name;
        if numbers.contains(&number::ABOVE_PACKET.to_string()) {
            return Ok(MysqlError::NotReadable {
                what: format!(
                    "a value of table {table} is longer than the source's max_allowed_packet, and it gives NULL in its place"
                ),
                mend: "Run there: SET GLOBAL max_allowed_packet = 1073741824, then try again".to_owned(),
            });
        }
        let numbers = numbers.into_iter().collect::<Vec<_>>().join(", ");
        Ok(MysqlError::NotReadable {
            what: format!(
                "the server warned while it gave the rows of table {table} (warnings {numbers}), so that they may not be as they are stored"
            ),
            mend: "Look at the table with CHECK TABLE, and at the server's log".to_owned(),
        })
    }

    fn statement(&self) -> String {
        self.table.select() + &self.clause("<")
    }

    /// Counts rows that held at no time, which are not read: no server takes them back.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn left_out(&self, session: &mut Session) -> Result<u64> {
        if self.table.period().is_none() {
            return Ok(0);
        }
        let sql = format!("SELECT COUNT(*) FROM {}{}", self.table.source(), self.clause(">="));
        let row = session.query_one(&format!("count rows of table {}", self.table.name), &sql)?;
        Ok(row.parse(0)?.unwrap_or(0))
    }

    /// Its keys; of former rows those whose start compares so with their end.
    fn clause(&self, compare: &str) -> String {
        let keys = self.keys.clause();
        let Some((start, end)) = self.table.period() else { return keys };
        let [start, end] = [start, end].map(|place| ident(&self.table.spec.columns[place].name));
        let word = if keys.is_empty() { "WHERE" } else { "AND" };
        format!("{keys} {word} {start} {compare} {end}")
    }
}

struct Reading<'r> {
    range: &'r Range<'r>,
    batch: Batch,
    bytes: usize,
    rows: u64,
}

impl Reading<'_> {
    #[inline]
    fn whole(&mut self, mut row: &[u8], sink: &mut dyn RangeSink) -> Result<(), CoreError> {
        self.bytes += row.len();
        let types = &self.range.table.types;
        for (place, (of, column)) in types.iter().zip(&mut self.batch.columns).enumerate() {
            let (value, rest) = split_value(row).ok_or_else(cut_short)?;
            row = rest;
            match value {
                None => column.push_null(),
                Some(value) if value.len() > INLINE_VALUE_BYTES_MAX && of.layout() == Layout::Var => {
                    let mut blob = sink.blob(place)?;
                    blob.write(value)?;
                    blob.finish()?.push_to(column)?;
                    self.bytes -= value.len();
                }
                Some(value) => of.push(value, column)?,
            }
        }
        // The one value of a table without stored columns is no part of its rows.
        let is_at_end = row.is_empty() || types.is_empty();
        if is_at_end {
            Ok(())
        } else {
            Err(MysqlError::Protocol { what: "a row", why: "it has more values than columns" }.into())
        }
    }

    fn long(&mut self, mut row: LongRow<'_>, sink: &mut dyn RangeSink) -> Result<(), CoreError> {
        let mut short = Vec::new();
        for (place, of) in self.range.table.types.iter().enumerate() {
            let Some(length) = row.value()? else {
                self.batch.columns[place].push_null();
                continue;
            };
            if length > INLINE_VALUE_BYTES_MAX as u64 {
                if of.layout() != Layout::Var {
                    return Err(MysqlError::Protocol { what: "a value", why: "it is too long for its type" }.into());
                }
                let mut blob = sink.blob(place)?;
                row.pieces(length, |piece| blob.write(piece).and_then(|()| self.range.stop.check()))?;
                blob.finish()?.push_to(&mut self.batch.columns[place])?;
            } else {
                short.clear();
                row.pieces(length, |piece| {
                    short.extend_from_slice(piece);
                    Ok::<_, MysqlError>(())
                })?;
                self.bytes += short.len();
                of.push(&short, &mut self.batch.columns[place])?;
            }
        }
        Ok(row.finish()?)
    }

    fn push(&mut self, sink: &mut dyn RangeSink) -> Result<(), CoreError> {
        self.range.stop.check()?;
        if self.batch.rows == 0 {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Batch { columns: Vec::new(), rows: 0 });
        let (rows, bytes) = (batch.rows as u64, batch.bytes_len() as u64);
        sink.push(batch)?;
        self.batch = sink.batch();
        self.bytes = 0;
        self.rows += rows;
        self.range.stop.control().emit(&Event::Rows { rows, bytes });
        Ok(())
    }
}
