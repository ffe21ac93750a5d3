//! Rows that no statement takes whole: their large values are put together on the server, in variables of the session.

use super::pieces;
use crate::mysql::MysqlError;
use crate::mysql::load::{APART_BYTES_MIN, InsertEncoder, escape_literal_into};
use crate::mysql::restore::MysqlTargetSession;
use offshoot_core::Result;
use offshoot_core::target::{LoadContext, Loaded};
use offshoot_format::column::{Batch, Cell};
use offshoot_format::manifest::TableEntry;

/// The most of a value that one statement brings, in bytes: each copies what is there already.
const PIECE_BYTES_MAX: u64 = 8 << 20;

impl MysqlTargetSession<'_> {
    /// Inserts the one row of a batch.
    pub(super) fn insert_apart(
        &mut self,
        doing: &str,
        table: &TableEntry,
        encoder: &InsertEncoder,
        row: &Batch,
        context: &LoadContext<'_>,
        loaded: &mut Loaded,
    ) -> Result<()> {
        let mut variables = Vec::new();
        for (index, column) in row.columns.iter().enumerate() {
            let bytes = match column.cell(0) {
                Cell::Blob(blob) => blob.bytes,
                Cell::Bytes(value) if value.len() > APART_BYTES_MIN => value.len() as u64,
                _ => continue,
            };
            if bytes > self.packet_bytes_max {
                let name = format!("column {} of table {}", table.spec.columns[index].name, table.spec.name);
                return Err(MysqlError::Target {
                    what: format!(
                        "max_allowed_packet of the target is {}, and a value of {name} has {bytes} bytes",
                        self.packet_bytes_max
                    ),
                    mend: format!(
                        "Run there: SET GLOBAL local_infile = 1, which needs no such packet, or SET GLOBAL max_allowed_packet = {}; \
                         then run the restore again",
                        bytes.next_multiple_of(1 << 20).saturating_add(1 << 20).min(1 << 30)
                    ),
                }
                .into());
            }
            let variable = format!("@offshoot_{index}");
            self.run(doing, &format!("SET {variable} = _binary''"))?;
            let mut filler = Filler { session: self, doing, variable: &variable, pending: Vec::new(), sent: 0 };
            match column.cell(0) {
                Cell::Blob(blob) => pieces(context.rows, &blob, |piece| filler.add(piece))?,
                Cell::Bytes(value) => filler.add(value)?,
                Cell::Null => {}
            }
            filler.flush()?;
            loaded.bytes += filler.sent;
            variables.push((index, variable));
        }
        let of_column =
            |index| variables.iter().find(|(column, _)| *column == index).map(|(_, variable)| variable.clone());
        let statement = encoder.with_variables(row, of_column)?;
        self.insert(doing, table, &statement, loaded)?;
        for (_, variable) in &variables {
            self.run(doing, &format!("SET {variable} = NULL"))?;
        }
        Ok(())
    }
}

/// Appends pieces to a variable, in statements of a size that the server takes.
struct Filler<'a, 't> {
    session: &'a mut MysqlTargetSession<'t>,
    doing: &'a str,
    variable: &'a str,
    pending: Vec<u8>,
    sent: u64,
}

impl Filler<'_, '_> {
    fn add(&mut self, piece: &[u8]) -> Result<()> {
        // Escaped, a piece is at most twice as long.
        let most = usize::try_from((self.session.packet_bytes_max / 4).min(PIECE_BYTES_MAX)).unwrap_or(1 << 20);
        for part in piece.chunks(most.max(1)) {
            if self.pending.len() + 2 * part.len() > 3 * most {
                self.flush()?;
            }
            escape_literal_into(&mut self.pending, part);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut sql = format!("SET {0} = CONCAT({0}, _binary'", self.variable).into_bytes();
        sql.append(&mut self.pending);
        sql.extend_from_slice(b"')");
        self.session.session.execute_bytes(self.doing, &sql)?;
        self.sent += sql.len() as u64;
        Ok(())
    }
}
