//! Large objects: many small ones at a time through a table beside the mark, a large one in slices.
//!
//! They keep their oids. Neither way needs a right beyond making large objects; a COPY into the catalog itself would.

use super::{MARK_SCHEMA, PostgresSession};
use crate::error::{EngineError, refused};
use crate::postgres::copy_in::RowEncoder;
use crate::postgres::quote::ident;
use crate::postgres::types::TypeTree;
use offshoot_core::target::{LoadContext, Loaded};
use offshoot_core::{CoreError, Event, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::leaf::FORCED_BYTES;
use offshoot_format::manifest::TableEntry;

const DOING: &str = "load large objects";
const OID: u32 = 26;
const BYTEA: u32 = 17;

impl PostgresSession<'_> {
    /// Makes all large objects.
    pub(super) fn load_large_objects(&self, table: &TableEntry, context: &LoadContext<'_>) -> Result<Loaded> {
        let beside = format!("{}.large_objects", ident(MARK_SCHEMA));
        self.run(
            DOING,
            &format!("CREATE UNLOGGED TABLE IF NOT EXISTS {beside} (oid pg_catalog.oid, data pg_catalog.bytea)"),
        )?;
        let tree = self.bridge.block_on(TypeTree::load(&self.client, [OID, BYTEA]))?;
        let encoder = RowEncoder::new(table.spec.form, tree, vec![OID, BYTEA]);
        let leaves = context.rows.leaves(table)?;
        let mut loaded = Loaded::default();
        context.look_ahead.each(
            leaves.iter().map(|leaf| (leaf, leaf.bytes.min(FORCED_BYTES as u64) * 2)),
            |leaf| context.rows.batch(table, leaf),
            |batch| {
                context.control.check()?;
                let (small, large) = parted(&batch)?;
                loaded.bytes += self.small_objects(&beside, &encoder, &small, context)?;
                for (oid, blob) in large {
                    loaded.bytes += self.large_object(oid, &blob, context)?;
                }
                loaded.rows += batch.rows as u64;
                context.control.emit(&Event::Rows { rows: batch.rows as u64, bytes: batch.bytes_len() as u64 });
                Ok(())
            },
        )?;
        Ok(loaded)
    }

    fn small_objects(
        &self,
        beside: &str,
        encoder: &RowEncoder,
        batch: &Batch,
        context: &LoadContext<'_>,
    ) -> Result<u64> {
        if batch.rows == 0 {
            return Ok(0);
        }
        self.in_transaction(DOING, || {
            self.run(DOING, &format!("TRUNCATE {beside}"))?;
            let mut stream = self.begin_copy(
                &format!("COPY {beside} FROM STDIN (FORMAT binary, FREEZE)"),
                encoder.form(),
                context,
                DOING,
            )?;
            stream.send(encoder, context.rows, encoder.encode(batch)?)?;
            let loaded = stream.finish()?;
            self.run(DOING, &format!("SELECT pg_catalog.count(pg_catalog.lo_from_bytea(oid, data)) FROM {beside}"))?;
            Ok(loaded.bytes)
        })
    }

    fn large_object(&self, oid: u32, blob: &BlobRef, context: &LoadContext<'_>) -> Result<u64> {
        self.in_transaction(DOING, || {
            self.query(DOING, "SELECT pg_catalog.lo_create($1)", &[&oid])?;
            let put = self.bridge.block_on(self.client.prepare("SELECT pg_catalog.lo_put($1, $2, $3)"));
            let put = put.map_err(refused(DOING))?;
            let mut at: i64 = 0;
            for piece in context.rows.blob(blob)? {
                let piece = piece?;
                context.control.check()?;
                self.bridge.block_on(self.client.query(&put, &[&oid, &at, &piece])).map_err(refused(DOING))?;
                at += piece.len() as i64;
            }
            if at as u64 != blob.bytes {
                return Err(CoreError::Protocol("a stored large object has another length than its reference says"));
            }
            Ok(blob.bytes)
        })
    }
}

/// Those that are held in the batch, and those that are stored apart.
fn parted(batch: &Batch) -> Result<(Batch, Vec<(u32, BlobRef)>)> {
    let [oids, data] = batch.columns.as_slice() else {
        return Err(CoreError::Protocol("large objects have other columns than oid and data"));
    };
    let mut small = Batch { columns: vec![Column::new(oids.layout()), Column::new(data.layout())], rows: 0 };
    let mut large = Vec::new();
    for row in 0..batch.rows {
        let Cell::Blob(blob) = data.cell(row) else {
            small.extend_from(batch, row..row + 1)?;
            continue;
        };
        let Cell::Bytes(oid) = oids.cell(row) else { return Err(without_oid().into()) };
        large.push((u32::from_be_bytes(oid.try_into().map_err(|_| without_oid())?), blob));
    }
    Ok((small, large))
}

fn without_oid() -> EngineError {
    EngineError::Protocol { what: "a stored large object", why: "it has no oid" }
}
