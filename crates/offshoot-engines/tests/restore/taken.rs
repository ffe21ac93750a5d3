//! A snapshot taken by the plainest means, so that these tests depend on no capture: pg_dump's text split into
//! statements, and `COPY ... TO STDOUT` parsed by a parser of a few lines.

use std::collections::HashMap;

use offshoot_core::Result;
use offshoot_core::read::LeafHandle;
use offshoot_core::target::Rows;
use offshoot_engines::postgres::quote::{ident_list, qualified};
use offshoot_engines::postgres::schema;
use offshoot_engines::postgres::types::TypeTree;
use offshoot_engines::postgres::types::rewrite::{Put, Rewriter};
use offshoot_format::blob::{BlobRef, PIECE_BYTES};
use offshoot_format::column::{Batch, INLINE_VALUE_BYTES_MAX};
use offshoot_format::ids::{ChunkId, ChunkKind, ContentRoot, IdKey};
use offshoot_format::manifest::{
    Content, Environment, Extension, Load, Manifest, Origin, SchemaItem, Sequence, Stats, TableEntry, Trust,
};
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use offshoot_format::tree::TreeRoot;
use offshoot_testkit::postgres::Server;
use tokio_postgres::Client;

/// Rows of a leaf; small, so that tests have many leaves.
const LEAF_ROWS: usize = 300;

/// Rows in memory.
#[derive(Default)]
pub struct Memory {
    leaves: HashMap<(String, String), Vec<Batch>>,
    blobs: HashMap<ChunkId, Vec<u8>>,
}

impl Rows for Memory {
    fn leaves(&self, table: &TableEntry) -> Result<Vec<LeafHandle>> {
        let leaves = self.leaves.get(&key(&table.spec)).map(Vec::as_slice).unwrap_or_default();
        let handle = |(index, batch): (usize, &Batch)| LeafHandle {
            id: ChunkId::from_bytes([index as u8; 32]),
            rows: index as u64,
            bytes: batch.bytes_len() as u64,
        };
        Ok(leaves.iter().enumerate().map(handle).collect())
    }

    fn batch(&self, table: &TableEntry, leaf: &LeafHandle) -> Result<Batch> {
        Ok(self.leaves[&key(&table.spec)][leaf.rows as usize].clone())
    }

    fn blob<'a>(&'a self, blob: &BlobRef) -> Result<Box<dyn Iterator<Item = Result<Vec<u8>>> + 'a>> {
        Ok(Box::new(self.blobs[&blob.id].chunks(PIECE_BYTES[2]).map(|piece| Ok(piece.to_vec()))))
    }
}

impl Memory {
    /// Adds rows to a table.
    pub fn push(&mut self, spec: &TableSpec, batch: Batch) {
        self.leaves.entry(key(spec)).or_default().push(batch);
    }

    /// Keeps a large value.
    pub fn keep(&mut self, value: &[u8]) -> BlobRef {
        let id = IdKey::from_bytes([7; 32]).chunk_id(ChunkKind::Blob, &[value]);
        self.blobs.insert(id, value.to_vec());
        BlobRef { id, bytes: value.len() as u64 }
    }
}

fn key(spec: &TableSpec) -> (String, String) {
    (spec.schema.clone(), spec.name.clone())
}

/// A snapshot: what a manifest says, and the rows.
pub struct Taken {
    pub manifest: Manifest,
    pub rows: Memory,
}

/// Takes a database as it is.
pub fn take(server: &Server, db: &str) -> Taken {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url(db), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path = ''; SET row_security = off; SET TimeZone = 'UTC'").await.unwrap();
        let mut taken = Taken { manifest: empty_manifest(&client, db).await, rows: Memory::default() };
        taken.manifest.content.schema = statements(server, db);
        let refreshes = schema::matviews::refreshes(&client).await.unwrap();
        schema::append_before_event_triggers(&mut taken.manifest.content.schema, refreshes);
        tables(&client, &mut taken).await;
        sequences(&client, &mut taken).await;
        large_objects(&client, &mut taken).await;
        taken
    })
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn empty_manifest(client: &Client, db: &str) -> Manifest {
    let mut environment = Environment {
        server_version: text(client, "SELECT current_setting('server_version')").await,
        server_version_num: text(client, "SELECT current_setting('server_version_num')").await.parse().unwrap(),
        encoding: text(client, "SELECT current_setting('server_encoding')").await,
        ..Environment::default()
    };
    let extensions = "SELECT extname::text, extversion::text, nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace";
    for row in client.query(extensions, &[]).await.unwrap() {
        environment.extensions.insert(row.get(0), Extension { version: row.get(1), schema: row.get(2) });
    }
    let origin = Origin {
        engine: "postgres".into(),
        system_id: text(client, "SELECT system_identifier::text FROM pg_control_system()").await,
        database_id: text(client, "SELECT oid::text FROM pg_database WHERE datname = current_database()").await,
        database: db.into(),
        position: String::new(),
    };
    Manifest {
        taken_unix_ms: 0,
        parent: None,
        content_root: ContentRoot::from_bytes([0; 32]),
        trust: Trust::Raw,
        origin,
        environment,
        content: Content::default(),
        omitted: Vec::new(),
        not_carried: Vec::new(),
        stats: Stats::default(),
        facts: Vec::new(),
        receipt: None,
        written_by: "test".into(),
    }
}

/// The statements of pg_dump in order.
fn statements(server: &Server, db: &str) -> Vec<SchemaItem> {
    let dump = server.pg_dump(db, &["--schema-only", "--no-publications", "--no-subscriptions", "--encoding=UTF8"]);
    let lines: Vec<&str> = dump.lines().filter(|line| !line.starts_with('\\')).collect();
    schema::items(&lines.join("\n")).unwrap()
}

const TABLES: &str = "
SELECT c.oid, n.nspname::text, c.relname::text,
       ARRAY(SELECT p.relname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
             WHERE i.inhparent = c.oid AND c.relkind = 'p' ORDER BY 1)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_partitioned_table t
         ON t.partrelid = i.inhparent WHERE i.inhrelid = c.oid AND t.partstrat = 'h')
       OR c.oid IN (SELECT partrelid FROM pg_catalog.pg_partitioned_table WHERE partstrat = 'h'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2, 3";

const COLUMNS: &str = "
SELECT attname::text, atttypid, pg_catalog.format_type(atttypid, atttypmod), NOT (attnotnull AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = attrelid AND k.contype = 'n' AND k.conkey = ARRAY[attnum]
      AND NOT k.convalidated))
FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";

async fn tables(client: &Client, taken: &mut Taken) {
    for row in client.query(TABLES, &[]).await.unwrap() {
        let oid: u32 = row.get(0);
        let mut spec = TableSpec {
            schema: row.get(1),
            name: row.get(2),
            columns: Vec::new(),
            key: Key::WholeRow,
            form: RowForm::Binary,
        };
        let mut types = Vec::new();
        for column in client.query(COLUMNS, &[&oid]).await.unwrap() {
            types.push(column.get::<_, u32>(1));
            spec.columns.push(ColumnSpec {
                name: column.get(0),
                type_name: column.get(2),
                layout: Layout::Var,
                order: KeyOrder::Bytes,
                nullable: column.get(3),
            });
        }
        let tree = TypeTree::load(client, types.iter().copied()).await.unwrap();
        if !types.iter().all(|&oid| tree.is_binary(oid)) {
            spec.form = RowForm::Text;
        } else {
            spec.columns.iter_mut().zip(&types).for_each(|(column, &oid)| column.layout = tree.layout(oid));
        }
        let names: Vec<String> = row.get(3);
        let partitions: Vec<_> = names.into_iter().map(|name| (spec.schema.clone(), name)).collect();
        let stream = copy_out(client, &spec, !partitions.is_empty()).await;
        let rows = match spec.form {
            RowForm::Binary => binary_rows(taken, &spec, &tree, &types, &stream),
            RowForm::Text => text_rows(taken, &spec, &stream),
        };
        taken.manifest.content.tables.push(entry(spec, rows, stream.len(), partitions));
    }
}

fn entry(spec: TableSpec, rows: usize, bytes: usize, partitions: Vec<(String, String)>) -> TableEntry {
    let root = TreeRoot { id: None, height: 0, rows: rows as u64, logical_bytes: bytes as u64, leaf: None };
    TableEntry { spec, root, load: Load { partitions, ..Load::default() } }
}

async fn copy_out(client: &Client, spec: &TableSpec, is_partitioned: bool) -> Vec<u8> {
    use futures_util::TryStreamExt as _;
    let columns = ident_list(spec.columns.iter().map(|column| column.name.as_str()));
    let form = if spec.form == RowForm::Binary { "binary" } else { "text" };
    let only = if is_partitioned { "" } else { "ONLY " };
    let name = qualified(&spec.schema, &spec.name);
    let sql = format!("COPY (SELECT {columns} FROM {only}{name}) TO STDOUT (FORMAT {form})");
    let stream = client.copy_out(&sql).await.unwrap();
    let chunks: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    chunks.concat()
}

/// Rows of a binary stream, as the values of each.
pub fn parse_binary(stream: &[u8]) -> Vec<Vec<Option<&[u8]>>> {
    fn word<'a>(rest: &mut &'a [u8], bytes: usize) -> &'a [u8] {
        let (word, tail) = rest.split_at(bytes);
        *rest = tail;
        word
    }
    let mut rest = &stream[19..];
    let mut rows = Vec::new();
    loop {
        let fields = i16::from_be_bytes(word(&mut rest, 2).try_into().unwrap());
        if fields < 0 {
            assert!(rest.is_empty());
            return rows;
        }
        let field = |_| match i32::from_be_bytes(word(&mut rest, 4).try_into().unwrap()) {
            -1 => None,
            length => Some(word(&mut rest, length as usize)),
        };
        rows.push((0..fields).map(field).collect());
    }
}

fn binary_rows(taken: &mut Taken, spec: &TableSpec, tree: &TypeTree, types: &[u32], stream: &[u8]) -> usize {
    let rows = parse_binary(stream);
    for rows in rows.chunks(LEAF_ROWS) {
        let mut batch = Batch::new(&spec.columns);
        for row in rows {
            for ((column, cell), &oid) in batch.columns.iter_mut().zip(row).zip(types) {
                let Some(value) = cell else {
                    column.push_null();
                    continue;
                };
                let mut value = value.to_vec();
                Rewriter::new(tree, oid, Put::Zero).value(&mut value).unwrap();
                if value.len() > INLINE_VALUE_BYTES_MAX {
                    column.push_blob(&taken.rows.keep(&value)).unwrap();
                } else {
                    column.push(&value).unwrap();
                }
            }
            batch.rows += 1;
        }
        taken.rows.push(spec, batch);
    }
    rows.len()
}

fn text_rows(taken: &mut Taken, spec: &TableSpec, stream: &[u8]) -> usize {
    let lines: Vec<&[u8]> = stream.split(|&byte| byte == b'\n').collect();
    let lines = &lines[..lines.len() - 1];
    for lines in lines.chunks(LEAF_ROWS) {
        let mut batch = Batch::new(&spec.columns);
        for line in lines {
            for (column, field) in batch.columns.iter_mut().zip(line.split(|&byte| byte == b'\t')) {
                if field == b"\\N" { column.push_null() } else { column.push(&unescape(field)).unwrap() }
            }
            batch.rows += 1;
        }
        taken.rows.push(spec, batch);
    }
    lines.len()
}

/// A field of the text form as it was.
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = field.iter();
    let mut out = Vec::new();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            },
            other => other,
        });
    }
    out
}

async fn sequences(client: &Client, taken: &mut Taken) {
    let sql = "SELECT schemaname::text, sequencename::text FROM pg_catalog.pg_sequences ORDER BY 1, 2";
    for row in client.query(sql, &[]).await.unwrap() {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let state = format!("SELECT last_value, is_called FROM {}", qualified(&schema, &name));
        let state = client.query_one(&state, &[]).await.unwrap();
        let sequence = Sequence { schema, name, last_value: state.get(0), is_called: state.get(1) };
        taken.manifest.content.sequences.push(sequence);
    }
}

async fn large_objects(client: &Client, taken: &mut Taken) {
    let sql = "SELECT oid, pg_catalog.lo_get(oid) FROM pg_catalog.pg_largeobject_metadata ORDER BY oid";
    let rows = client.query(sql, &[]).await.unwrap();
    if rows.is_empty() {
        return;
    }
    let spec = offshoot_engines::postgres::catalog::large_objects::spec();
    let mut batch = Batch::new(&spec.columns);
    let mut bytes = 0;
    for row in &rows {
        let (oid, data): (u32, Vec<u8>) = (row.get(0), row.get(1));
        batch.columns[0].push(&oid.to_be_bytes()).unwrap();
        bytes += data.len();
        if data.len() > INLINE_VALUE_BYTES_MAX {
            batch.columns[1].push_blob(&taken.rows.keep(&data)).unwrap();
        } else {
            batch.columns[1].push(&data).unwrap();
        }
        batch.rows += 1;
    }
    taken.rows.push(&spec, batch);
    taken.manifest.content.large_objects = Some(entry(spec, rows.len(), bytes, Vec::new()));
}
