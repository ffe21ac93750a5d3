//! Rows into a table: leaves are decoded and encoded ahead on other threads, this one sends.
//!
//! As a file of `LOAD DATA LOCAL` where the server takes one, else by `INSERT`. The server lets pass what it can somehow
//! take, a duplicate of a key or a text that is cut among it, and only warns; so rows and warnings are counted against what
//! was sent, and anything else than both as expected is a failure.

mod apart;

use super::MysqlTargetSession;
use crate::mysql::load::{
    FieldEncoder, Fields, Form, Frame, InsertEncoder, LoadColumn, Statement, escape_field_into, load_statement,
};
use crate::mysql::quote::literal;
use crate::mysql::session::{Done, Sender};
use crate::mysql::types::{ColumnType, Edge};
use crate::mysql::{MysqlError, Result};
use offshoot_core::read::LeafHandle;
use offshoot_core::target::{LoadContext, LoadWork, Loaded, Rows};
use offshoot_core::{CoreError, Event};
use offshoot_format::blob::BlobRef;
use offshoot_format::leaf::FORCED_BYTES;
use offshoot_format::manifest::TableEntry;
use std::io::Write as _;

/// What servers answer when they take no file from a client: an old word, MySQL's, MariaDB's.
const NO_FILES: &[u16] = &[1148, 3948, 4166];

/// Where warnings stop being counted in an answer.
const WARNINGS_MAX: u64 = u16::MAX as u64;

impl MysqlTargetSession<'_> {
    /// Loads a part of a table in one transaction.
    pub(super) fn load_table(
        &mut self,
        load: &LoadWork<'_>,
        context: &LoadContext<'_>,
    ) -> offshoot_core::Result<Loaded> {
        let table = load.table;
        let doing = format!("load {}", table.spec.name);
        let columns = self.columns(table, &doing)?;
        let leaves = context.rows.leaves(table)?;
        let leaves = load.part.leaves(&leaves);
        // A line cannot be told from none where there are no columns.
        if self.takes_files && !columns.is_empty() {
            match self.in_transaction(&doing, |session| session.load_file(&doing, table, &columns, leaves, context)) {
                Err(Failure::Server(error)) if error.number().is_some_and(|number| NO_FILES.contains(&number)) => {
                    tracing::warn!("the server takes no files from its clients; rows go by INSERT");
                    self.takes_files = false;
                }
                outcome => return Ok(outcome?),
            }
        }
        Ok(self.in_transaction(&doing, |session| session.load_inserts(&doing, table, &columns, leaves, context))?)
    }

    /// The snapshot's columns as the target has them.
    fn columns(&mut self, table: &TableEntry, doing: &str) -> Result<Vec<LoadColumn>> {
        let sql = format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = {} \
             AND extra LIKE '%auto_increment%'",
            literal(&table.spec.name)
        );
        let rows = self.session.query(doing, &sql)?;
        let counter = rows.first().map(|row| row.text(0)).transpose()?;
        let mut has_narrow_times = || {
            // NULL where a TIMESTAMP does not go so far.
            let sql = "SELECT FROM_UNIXTIME(4294967295) IS NULL";
            self.session.query_one(doing, sql).and_then(|row| row.is_yes(0))
        };
        let mut column = |spec: &offshoot_format::table::ColumnSpec| {
            let of = ColumnType::parse(&spec.type_name)?;
            let form = match of.edge {
                Some(Edge::End) if has_narrow_times()? => Form::NarrowEnd,
                _ => Form::of(&of),
            };
            Ok(LoadColumn { name: spec.name.clone(), form, is_auto_increment: counter == Some(spec.name.as_str()) })
        };
        table.spec.columns.iter().map(&mut column).collect()
    }

    /// Runs `work` in a transaction, which is given up if it fails.
    fn in_transaction<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.run(doing, "START TRANSACTION")?;
        match work(self) {
            Ok(done) => {
                self.run(doing, "COMMIT")?;
                Ok(done)
            }
            Err(error) => {
                // The first error is what counts; a connection that is gone has given up by itself.
                let _ = self.run(doing, "ROLLBACK");
                Err(error)
            }
        }
    }

    fn load_file(
        &mut self,
        doing: &str,
        table: &TableEntry,
        columns: &[LoadColumn],
        leaves: &[LeafHandle],
        context: &LoadContext<'_>,
    ) -> Result<Loaded, Failure> {
        let encoder = FieldEncoder::new(columns);
        let mut sent = Sent::default();
        let done = self.session.load(doing, &load_statement(&table.spec.name, columns), |sender| {
            context.look_ahead.each(
                jobs(leaves),
                |leaf| encoder.encode(&context.rows.batch(table, leaf)?),
                |fields| {
                    context.control.check()?;
                    let bytes = send(sender, context.rows, &fields)?;
                    sent.add(fields.rows, bytes, fields.warnings);
                    context.control.emit(&Event::Rows { rows: fields.rows, bytes });
                    Ok(())
                },
            )?;
            Ok::<_, Failure>(())
        })?;
        self.check(table, done, &sent)?;
        Ok(Loaded { rows: sent.rows, bytes: sent.bytes })
    }

    fn load_inserts(
        &mut self,
        doing: &str,
        table: &TableEntry,
        columns: &[LoadColumn],
        leaves: &[LeafHandle],
        context: &LoadContext<'_>,
    ) -> Result<Loaded, Failure> {
        let packet = usize::try_from(self.packet_bytes_max).unwrap_or(usize::MAX);
        let encoder = InsertEncoder::new(&table.spec.name, columns, packet);
        let mut loaded = Loaded::default();
        context.look_ahead.each(
            jobs(leaves),
            |leaf| encoder.encode(&context.rows.batch(table, leaf)?),
            |inserts| {
                let before = loaded;
                for statement in inserts.statements {
                    context.control.check()?;
                    self.insert(doing, table, &statement, &mut loaded)?;
                }
                for row in &inserts.apart {
                    context.control.check()?;
                    self.insert_apart(doing, table, &encoder, row, context, &mut loaded)?;
                }
                let (rows, bytes) = (loaded.rows - before.rows, loaded.bytes - before.bytes);
                context.control.emit(&Event::Rows { rows, bytes });
                Ok(())
            },
        )?;
        Ok(loaded)
    }

    fn insert(&mut self, doing: &str, table: &TableEntry, statement: &Statement, loaded: &mut Loaded) -> Result<()> {
        let done = self.session.execute_bytes(doing, &statement.sql)?;
        let mut sent = Sent::default();
        sent.add(statement.rows, statement.sql.len() as u64, statement.warnings);
        self.check(table, done, &sent)?;
        loaded.rows += sent.rows;
        loaded.bytes += sent.bytes;
        Ok(())
    }

    /// Whether the server took all rows as they were sent.
    fn check(&mut self, table: &TableEntry, done: Done, sent: &Sent) -> Result<()> {
        let warnings = match u64::from(done.warnings) {
            WARNINGS_MAX => {
                let row = self.session.query_one("count warnings", "SELECT @@warning_count")?;
                row.parse(0)?.unwrap_or(WARNINGS_MAX)
            }
            warnings => warnings,
        };
        if done.affected_rows == sent.rows && warnings == sent.warnings {
            return Ok(());
        }
        // Their texts quote values.
        let mut numbers = Vec::new();
        for row in self.session.query("list warnings", "SHOW WARNINGS")? {
            let number = row.text(1)?.to_owned();
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        Err(MysqlError::Target {
            what: format!(
                "the server took {} of {} rows of table {} and warned {} times instead of {} (warnings {})",
                done.affected_rows,
                sent.rows,
                table.spec.name,
                warnings,
                sent.warnings,
                numbers.join(", ")
            ),
            mend: "The table there is not as the snapshot has it, or its engine cannot hold these rows".to_owned(),
        })
    }
}

fn jobs(leaves: &[LeafHandle]) -> impl Iterator<Item = (&LeafHandle, u64)> {
    leaves.iter().map(|leaf| (leaf, leaf.bytes.min(FORCED_BYTES as u64) * 2))
}

/// What was sent of a table.
#[derive(Default)]
struct Sent {
    rows: u64,
    bytes: u64,
    warnings: u64,
}

impl Sent {
    fn add(&mut self, rows: u64, bytes: u64, warnings: u64) {
        self.rows += rows;
        self.bytes += bytes;
        self.warnings += warnings;
    }
}

/// Sends what a leaf became, and gives the bytes.
fn send(sender: &mut Sender<'_>, rows: &dyn Rows, fields: &Fields) -> offshoot_core::Result<u64> {
    let mut bytes = 0;
    let mut put = |piece: &[u8]| {
        bytes += piece.len() as u64;
        sender.write_all(piece).map_err(|_| CoreError::from(MysqlError::Lost { doing: "take rows".to_owned() }))
    };
    for frame in &fields.frames {
        match frame {
            Frame::Bytes(piece) => put(piece)?,
            Frame::Blob(blob) => pieces(rows, blob, |piece| {
                let mut escaped = Vec::with_capacity(piece.len() + piece.len() / 8);
                escape_field_into(&mut escaped, piece);
                put(&escaped)
            })?,
        }
    }
    Ok(bytes)
}

/// Gives `take` the pieces of a large value, which must have together the length that its reference says.
fn pieces(
    rows: &dyn Rows,
    blob: &BlobRef,
    mut take: impl FnMut(&[u8]) -> offshoot_core::Result<()>,
) -> offshoot_core::Result<()> {
    let mut left = blob.bytes;
    for piece in rows.blob(blob)? {
        let piece = piece?;
        let longer = CoreError::Protocol("a stored value is longer than its reference says");
        left = left.checked_sub(piece.len() as u64).ok_or(longer)?;
        take(&piece)?;
    }
    if left > 0 {
        return Err(CoreError::Protocol("a stored value is shorter than its reference says"));
    }
    Ok(())
}

/// Why rows could not be loaded.
enum Failure {
    /// The server.
    Server(MysqlError),
    /// The store, or the wish to stop.
    Other(CoreError),
}

impl From<MysqlError> for Failure {
    fn from(error: MysqlError) -> Self {
        Self::Server(error)
    }
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for CoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Server(error) => error.into(),
            Failure::Other(error) => error,
        }
    }
}
