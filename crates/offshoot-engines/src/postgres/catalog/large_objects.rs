//! Large objects, as rows of oid and data, and the statements for their owners, comments and rights.
//!
//! Their pages come in order from the system's own table where the role may read it, in one stream; else each object is
//! read in pieces. An object is never held whole. Pages that were never written read as zeros.

use super::privileges;
use crate::bridge::Bridge;
use crate::error::{EngineError, Result, refused};
use crate::postgres::capture::connection::Connection;
use crate::postgres::capture::stop::Stop;
use crate::postgres::quote::{ident, literal};
use crate::postgres::schema::{added, append_before_event_triggers};
use bytes::Bytes;
use futures_util::StreamExt as _;
use offshoot_core::source::{BATCH_BYTES, BATCH_ROWS, Captured, LARGE_OBJECTS, RangeSink, Sink};
use offshoot_core::{CoreError, Event};
use offshoot_format::column::{Batch, INLINE_VALUE_BYTES_MAX};
use offshoot_format::facts::{ColumnFacts, Equality, TableFacts};
use offshoot_format::manifest::SchemaItem;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use tokio_postgres::{Client, Row};

/// What one call of lo_get brings.
const PIECE_BYTES: i32 = 1 << 20;
/// How many zeros are made at once for pages that were never written.
const ZEROS_BYTES_MAX: usize = 64 << 10;

/// The table that large objects are captured as.
#[must_use]
pub fn spec() -> TableSpec {
    let column = |name: &str, type_name: &str, layout| ColumnSpec {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        layout,
        order: KeyOrder::Bytes,
        nullable: false,
    };
    TableSpec {
        schema: String::new(),
        name: LARGE_OBJECTS.to_owned(),
        columns: vec![column("oid", "oid", Layout::Fixed(4)), column("data", "bytea", Layout::Var)],
        key: Key::Unique(vec![0]),
        form: RowForm::Binary,
    }
}

/// What is known of large objects before they are read; nothing if there are none.
///
/// # Errors
/// The server's.
pub async fn facts(client: &Client) -> Result<Option<TableFacts>> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)";
    let row = client.query_one(sql, &[]).await.map_err(refused("list its large objects"))?;
    let TableSpec { schema, name, columns, form, .. } = spec();
    let columns = columns
        .iter()
        .map(|column| ColumnFacts { is_nullable: false, ..ColumnFacts::new(&column.name, &column.type_name) });
    let facts = TableFacts {
        schema,
        name,
        columns: columns.collect(),
        form,
        key: vec![0],
        unique: vec![(vec![0], Equality::Bytes)],
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    };
    Ok(row.get::<_, bool>(0).then_some(facts))
}

/// Captures all large objects on the leader's connection; nothing at all if there are none.
///
/// # Errors
/// The server's or the sink's.
pub fn read(
    bridge: &Bridge,
    connection: &Connection,
    stop: &Stop,
    sink: &dyn Sink,
    captured: &mut Captured,
) -> Result<(), CoreError> {
    let client = &connection.client;
    let objects = bridge.block_on(list(client))?;
    if objects.is_empty() {
        return Ok(());
    }
    stop.control().step("large objects");
    let table = sink.table(&spec())?;
    let mut range = table.range(false)?;
    let page_bytes = bridge.block_on(page_bytes(client))?;
    let reader = Reader { bridge, client, stop, page_bytes };
    match page_bytes {
        Some(_) => reader.read_pages(&objects, &mut *range)?,
        None => reader.read_pieces(&objects, &mut *range)?,
    }
    range.finish()?;
    table.finish()?;
    let items = bridge.block_on(statements(client))?;
    append_before_event_triggers(&mut captured.schema, items);
    Ok(())
}

async fn list(client: &Client) -> Result<Vec<u32>> {
    let sql = "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid";
    let rows = client.query(sql, &[]).await.map_err(refused("list its large objects"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Bytes of a page, if the pages can be read.
async fn page_bytes(client: &Client) -> Result<Option<u64>> {
    if !privileges::may_read_all_large_objects(client).await? {
        return Ok(None);
    }
    let sql = "SELECT pg_catalog.current_setting('block_size')::pg_catalog.int8 / 4";
    let row = client.query_one(sql, &[]).await.map_err(refused("list its large objects"))?;
    Ok(Some(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
}

struct Reader<'r> {
    bridge: &'r Bridge,
    client: &'r Client,
    stop: &'r Stop,
    page_bytes: Option<u64>,
}

impl Reader<'_> {
    /// Reads pages in the order of objects. Objects without a page are empty.
    fn read_pages(&self, objects: &[u32], range: &mut dyn RangeSink) -> Result<(), CoreError> {
        let page_bytes = self.page_bytes.unwrap_or(2048);
        // A row a page, and a row a message: small enough that the client's own framing serves.
        let sql = "SELECT loid, pageno, data FROM pg_catalog.pg_largeobject ORDER BY loid, pageno";
        let none: [&str; 0] = [];
        let rows = self.bridge.block_on(self.client.query_raw(sql, none)).map_err(refused("read its large objects"))?;
        let mut rows = Box::pin(rows);
        let mut page = self.next_page(&mut rows)?;
        let mut filling = Filling::new(range, self.stop);
        for &object in objects {
            let mut at = 0u64;
            filling.store(object, &mut || {
                let Some((_, number, data)) = page.as_ref().filter(|(of, ..)| *of == object) else { return Ok(None) };
                let hole = (u64::from(*number) * page_bytes).saturating_sub(at);
                if hole > 0 {
                    let zeros = vec![0; usize::try_from(hole).unwrap_or(usize::MAX).min(ZEROS_BYTES_MAX)];
                    at += zeros.len() as u64;
                    return Ok(Some(zeros.into()));
                }
                let data = data.clone();
                at += data.len() as u64;
                page = self.next_page(&mut rows)?;
                Ok(Some(data))
            })?;
        }
        if page.is_some() {
            return Err(EngineError::Protocol { what: "a large object", why: "a page belongs to none" }.into());
        }
        filling.flush()
    }

    fn next_page(
        &self,
        rows: &mut std::pin::Pin<Box<tokio_postgres::RowStream>>,
    ) -> Result<Option<(u32, u32, Bytes)>, CoreError> {
        self.stop.check()?;
        let Some(row) = self.bridge.block_on(rows.next()) else { return Ok(None) };
        let row: Row = row.map_err(refused("read its large objects"))?;
        let page: i32 = row.get(1);
        let page = u32::try_from(page)
            .map_err(|_| EngineError::Protocol { what: "a large object", why: "a page has no number" })?;
        Ok(Some((row.get(0), page, Bytes::copy_from_slice(row.get(2)))))
    }

    /// Reads each object in pieces, which wants a right on each object only.
    fn read_pieces(&self, objects: &[u32], range: &mut dyn RangeSink) -> Result<(), CoreError> {
        let sql = "SELECT pg_catalog.lo_get($1, $2, $3)";
        let role = self.bridge.block_on(privileges::role(self.client))?;
        let statement = self.bridge.block_on(self.client.prepare(sql)).map_err(refused("read its large objects"))?;
        let mut filling = Filling::new(range, self.stop);
        for &object in objects {
            let mut at = 0i64;
            filling.store(object, &mut || {
                self.stop.check()?;
                let row = self.bridge.block_on(self.client.query_one(&statement, &[&object, &at, &PIECE_BYTES]));
                let row = row.map_err(|error| denied(&role, object, error))?;
                let piece = Bytes::copy_from_slice(row.get(0));
                at += piece.len() as i64;
                Ok((!piece.is_empty()).then_some(piece))
            })?;
        }
        filling.flush()
    }
}

/// Its right was there before the locks were taken, and is gone.
fn denied(role: &str, object: u32, error: tokio_postgres::Error) -> EngineError {
    let error = refused(format!("read large object {object}"))(error);
    if error.code() != Some("42501") {
        return error;
    }
    EngineError::Privileges {
        role: role.to_owned(),
        missing: vec![format!("large object {object}")],
        grants: vec![privileges::grant_large_objects(role)],
    }
}

/// The batch that objects go into.
struct Filling<'f> {
    range: &'f mut dyn RangeSink,
    stop: &'f Stop,
    batch: Batch,
}

impl<'f> Filling<'f> {
    fn new(range: &'f mut dyn RangeSink, stop: &'f Stop) -> Self {
        let batch = range.batch();
        Self { range, stop, batch }
    }

    /// Adds one object, whose pieces `next` gives: held while it is short, a blob as soon as it is not.
    fn store(
        &mut self,
        object: u32,
        next: &mut dyn FnMut() -> Result<Option<Bytes>, CoreError>,
    ) -> Result<(), CoreError> {
        let mut held = Vec::new();
        self.batch.columns[0].push(&object.to_be_bytes())?;
        while held.len() <= INLINE_VALUE_BYTES_MAX {
            let Some(piece) = next()? else {
                self.batch.columns[1].push(&held)?;
                return self.end_row();
            };
            held.extend_from_slice(&piece);
        }
        let mut blob = self.range.blob(1)?;
        blob.write(&held)?;
        while let Some(piece) = next()? {
            blob.write(&piece)?;
        }
        blob.finish()?.push_to(&mut self.batch.columns[1])?;
        self.end_row()
    }

    fn end_row(&mut self) -> Result<(), CoreError> {
        self.batch.rows += 1;
        if self.batch.rows < BATCH_ROWS && self.batch.bytes_len() + self.range.held_bytes() < BATCH_BYTES {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.batch, self.range.batch());
        self.push(full)
    }

    fn push(&mut self, batch: Batch) -> Result<(), CoreError> {
        let (rows, bytes) = (batch.rows as u64, batch.bytes_len() as u64);
        self.range.push(batch)?;
        self.stop.control().emit(&Event::Rows { rows, bytes });
        Ok(())
    }

    fn flush(mut self) -> Result<(), CoreError> {
        let batch = std::mem::replace(&mut self.batch, Batch { columns: Vec::new(), rows: 0 });
        if batch.rows == 0 { Ok(()) } else { self.push(batch) }
    }
}

/// Owners, comments and rights of large objects, which pg_dump would write with the data.
async fn statements(client: &Client) -> Result<Vec<SchemaItem>> {
    let sql = "
        SELECT m.oid, r.rolname, d.description,
               ARRAY(SELECT COALESCE(g.rolname::pg_catalog.text, '') FROM pg_catalog.aclexplode(m.lomacl) a
                     LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee WHERE a.grantee <> m.lomowner
                     ORDER BY a.grantee, a.privilege_type)::pg_catalog.text[],
               ARRAY(SELECT a.privilege_type || CASE WHEN a.is_grantable THEN '+' ELSE '' END FROM pg_catalog.aclexplode(m.lomacl) a
                     WHERE a.grantee <> m.lomowner ORDER BY a.grantee, a.privilege_type)::pg_catalog.text[]
        FROM pg_catalog.pg_largeobject_metadata m LEFT JOIN pg_catalog.pg_roles r ON r.oid = m.lomowner
        LEFT JOIN pg_catalog.pg_description d
          ON d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND d.objoid = m.oid
        ORDER BY m.oid";
    let rows = client.query(sql, &[]).await.map_err(refused("list its large objects"))?;
    Ok(rows.iter().flat_map(statements_of).collect())
}

fn statements_of(row: &Row) -> Vec<SchemaItem> {
    let oid: u32 = row.get(0);
    let object = format!("LARGE OBJECT {oid}");
    let mut items = Vec::new();
    if let Some(owner) = row.get::<_, Option<String>>(1) {
        items.push(added(format!("OWNER OF {object}"), format!("ALTER {object} OWNER TO {}", ident(&owner))));
    }
    if let Some(comment) = row.get::<_, Option<String>>(2) {
        items.push(added(format!("COMMENT {object}"), format!("COMMENT ON {object} IS {}", literal(&comment))));
    }
    let (grantees, privileges): (Vec<String>, Vec<String>) = (row.get(3), row.get(4));
    for (grantee, privilege) in grantees.iter().zip(&privileges) {
        let to = if grantee.is_empty() { "PUBLIC".to_owned() } else { ident(grantee) };
        let (privilege, option) = match privilege.strip_suffix('+') {
            Some(privilege) => (privilege, " WITH GRANT OPTION"),
            None => (privilege.as_str(), ""),
        };
        items.push(added(format!("ACL {object}"), format!("GRANT {privilege} ON {object} TO {to}{option}")));
    }
    items
}
