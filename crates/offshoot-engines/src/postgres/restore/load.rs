//! Rows into a table: leaves are decoded and encoded ahead on other threads, this one sends.

use super::PostgresSession;
use crate::error::{EngineError, refused, refused_on_rows};
use crate::postgres::copy_in::{Encoded, Frame, HEADER, RowEncoder, TRAILER, escape_into};
use crate::postgres::quote::{ident_list, literal, qualified, shown};
use crate::postgres::types::TypeTree;
use bytes::Bytes;
use futures_util::SinkExt as _;
use offshoot_core::target::{LoadContext, LoadWork, Loaded, Rows};
use offshoot_core::{CoreError, Event, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::leaf::FORCED_BYTES;
use offshoot_format::manifest::TableEntry;
use offshoot_format::table::RowForm;
use std::collections::HashMap;
use std::pin::Pin;
use tokio_postgres::CopyInSink;

impl PostgresSession<'_> {
    /// Loads a table in one transaction.
    pub(super) fn load_table(&self, load: &LoadWork<'_>, context: &LoadContext<'_>) -> Result<Loaded> {
        if load.large_objects {
            return self.load_large_objects(load.table, context);
        }
        let table = load.table;
        let (schema, name) = (&table.spec.schema, &table.spec.name);
        let doing = format!("load {}", shown(schema, name));
        let encoder = self.encoder(table, &doing)?;
        let leaves = context.rows.leaves(table)?;
        self.in_transaction(&doing, || {
            if load.replace {
                self.run(&doing, &format!("TRUNCATE ONLY {}", qualified(schema, name)))?;
            }
            if table.load.append {
                self.note_appended(&doing, table)?;
            }
            let mut stream = self.begin_copy(&copy_statement(table, load.replace), encoder.form(), context, &doing)?;
            let mut oversized = Vec::new();
            context.look_ahead.each(
                leaves.iter().map(|leaf| (leaf, leaf.bytes.min(FORCED_BYTES as u64) * 2)),
                |leaf| encoder.encode(&context.rows.batch(table, leaf)?),
                |encoded| {
                    context.control.check()?;
                    let (rows, bytes) = (encoded.rows, stream.bytes);
                    oversized.extend(stream.send(&encoder, context.rows, encoded)?);
                    context.control.emit(&Event::Rows { rows, bytes: stream.bytes - bytes });
                    Ok(())
                },
            )?;
            let loaded = stream.finish()?;
            for row in &oversized {
                self.insert_oversized(table, &encoder, row, context)?;
            }
            Ok(Loaded { rows: loaded.rows + oversized.len() as u64, ..loaded })
        })
    }

    /// The encoder for a table's columns as the target has them.
    pub(super) fn encoder(&self, table: &TableEntry, doing: &str) -> Result<RowEncoder> {
        let (schema, name) = (&table.spec.schema, &table.spec.name);
        let sql = "SELECT a.attname::pg_catalog.text, a.atttypid FROM pg_catalog.pg_attribute a \
                   JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped";
        let rows = self.query(doing, sql, &[&schema, &name])?;
        let there: HashMap<String, u32> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let columns = table.spec.columns.iter().map(|column| there.get(&column.name).copied());
        let types: Vec<u32> = columns.collect::<Option<_>>().ok_or_else(|| EngineError::Target {
            what: format!("table {} lacks columns of the snapshot", shown(schema, name)),
            mend: "Run the restore again; it starts over".to_owned(),
        })?;
        let tree = self.bridge.block_on(TypeTree::load(&self.client, types.iter().copied()))?;
        Ok(RowEncoder::new(table.spec.form, tree, types).with_row_bytes_max(self.target.copy_row_bytes_max))
    }

    /// Begins a COPY of values in the snapshot's encoding. The statement itself is parsed before that is set, because names
    /// in it are UTF-8.
    pub(super) fn begin_copy(
        &self,
        statement: &str,
        form: RowForm,
        context: &LoadContext<'_>,
        doing: &str,
    ) -> Result<CopyStream<'_>> {
        let prepared = self.bridge.block_on(self.client.prepare(statement)).map_err(refused(doing))?;
        self.run(doing, &format!("SET LOCAL client_encoding = {}", literal(context.encoding)))?;
        let sink = self.bridge.block_on(self.client.copy_in(&prepared)).map_err(refused(doing))?;
        let mut stream = CopyStream { session: self, sink: Box::pin(sink), form, doing: doing.to_owned(), bytes: 0 };
        if form == RowForm::Binary {
            stream.put(Bytes::from_static(&HEADER))?;
        }
        Ok(stream)
    }
}

fn copy_statement(table: &TableEntry, freeze: bool) -> String {
    let (schema, name) = (&table.spec.schema, &table.spec.name);
    let mut sql = format!("COPY {}", qualified(schema, name));
    // Without columns there is no list: an empty one is not SQL.
    if !table.spec.columns.is_empty() {
        sql.push_str(&format!(" ({})", ident_list(table.spec.columns.iter().map(|column| column.name.as_str()))));
    }
    sql.push_str(" FROM STDIN (FORMAT ");
    sql.push_str(match table.spec.form {
        RowForm::Binary => "binary",
        RowForm::Text => "text",
    });
    sql.push_str(if freeze { ", FREEZE)" } else { ")" });
    sql
}

/// A COPY under way. Dropped before its end, it makes the server give up.
pub(super) struct CopyStream<'a> {
    session: &'a PostgresSession<'a>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    form: RowForm,
    doing: String,
    bytes: u64,
}

impl CopyStream<'_> {
    /// Sends what a leaf became, and gives back what is too large to be sent.
    pub(super) fn send(&mut self, encoder: &RowEncoder, rows: &dyn Rows, encoded: Encoded) -> Result<Vec<Batch>> {
        for frame in encoded.frames {
            match frame {
                Frame::Bytes(bytes) => self.put(bytes)?,
                Frame::Blob { blob, column } => self.send_blob(encoder, rows, &blob, column)?,
            }
        }
        Ok(encoded.oversized)
    }

    /// Streams a large value. Its length was sent before it, so it must have exactly that.
    fn send_blob(&mut self, encoder: &RowEncoder, rows: &dyn Rows, blob: &BlobRef, column: usize) -> Result<()> {
        let mut rewriter = encoder.rewriter(column);
        if let Some(rewriter) = &mut rewriter {
            rewriter.begin(blob.bytes);
        }
        let malformed =
            |_| CoreError::Protocol("a stored value does not have the form of its column's type on the target");
        let mut left = blob.bytes;
        for piece in rows.blob(blob)? {
            let mut piece = piece?;
            left = left
                .checked_sub(piece.len() as u64)
                .ok_or(CoreError::Protocol("a stored value is longer than its reference says"))?;
            if let Some(rewriter) = &mut rewriter {
                rewriter.piece(&mut piece).map_err(malformed)?;
            }
            if self.form == RowForm::Text {
                let mut escaped = Vec::with_capacity(piece.len() + piece.len() / 8);
                escape_into(&mut escaped, &piece);
                piece = escaped;
            }
            self.put(Bytes::from(piece))?;
        }
        if left > 0 {
            return Err(CoreError::Protocol("a stored value is shorter than its reference says"));
        }
        rewriter.map_or(Ok(()), |mut rewriter| rewriter.end().map_err(malformed))
    }

    fn put(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let sent = self.session.bridge.block_on(self.sink.send(bytes));
        Ok(sent.map_err(refused_on_rows(self.doing.as_str()))?)
    }

    /// Ends the stream, and gives what the server counted.
    pub(super) fn finish(mut self) -> Result<Loaded> {
        if self.form == RowForm::Binary {
            self.put(Bytes::from_static(&TRAILER))?;
        }
        let finished = self.session.bridge.block_on(self.sink.as_mut().finish());
        let rows = finished.map_err(refused_on_rows(self.doing.as_str()))?;
        self.session.run(&self.doing, "SET LOCAL client_encoding = 'UTF8'")?;
        Ok(Loaded { rows, bytes: self.bytes })
    }
}
