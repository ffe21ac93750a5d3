//! The tables that hold rows: their columns, types, keys and sizes, read under the snapshot that their rows are read in.

use super::inheritance::Inheritance;
use super::keys::{Candidate, KeyColumn, choose};
use super::relations::Relation;
use crate::error::{EngineError, Result, refused};
use crate::postgres::session::Version;
use crate::postgres::types::TypeTree;
use offshoot_format::manifest::Load;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::collections::HashMap;
use tokio_postgres::{Client, Row};

/// Tables above this size are worth asking in what order their keys lie.
const CORRELATION_BYTES_MIN: u64 = 8 << 20;
/// Below this, a heap counts as scattered.
const CORRELATION_MIN: f32 = 0.5;

/// A table that is captured.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it is to the store.
    pub spec: TableSpec,
    /// Oids of the columns' types.
    pub types: Vec<u32>,
    /// Send functions of the columns' types, for values that COPY cannot send.
    pub sends: Vec<String>,
    /// What holds its rows: itself, or the partitions of one that is captured as a whole.
    pub heaps: Vec<Heap>,
    /// The condition under which rows are captured, `WHERE ...`, of an extension's configuration table.
    pub condition: Option<String>,
    /// How it is loaded back.
    pub load: Load,
    /// Whether rows come in random key order.
    pub is_scattered: bool,
}

impl Table {
    /// Size with what is stored out of line, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.heaps.iter().map(|heap| heap.bytes).sum()
    }

    /// Rows as the planner believes.
    #[must_use]
    pub fn rows_estimate(&self) -> u64 {
        self.heaps.iter().map(|heap| heap.rows_estimate).sum()
    }
}

/// What holds rows and can be read by itself.
#[derive(Debug, Clone)]
pub struct Heap {
    /// Its oid.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Size of the heap alone, in bytes.
    pub heap_bytes: u64,
    /// Size with what is stored out of line, in bytes.
    pub bytes: u64,
    /// Rows as the planner believes.
    pub rows_estimate: u64,
    /// Rows lie in blocks that can be addressed by ctid.
    pub is_heap: bool,
    /// It is not in the log, so a standby has no rows of it.
    pub is_unlogged: bool,
}

/// Where sizes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// The files: exact, but it waits for locks that others hold. For tables that are locked already.
    Exact,
    /// The last VACUUM or ANALYZE.
    Estimated,
}

/// The first column of sizes is of the heap, the second with what is stored out of line.
const EXACT_SIZES: &str = "pg_catalog.pg_relation_size(c.oid), pg_catalog.pg_table_size(c.oid)";
const ESTIMATED_SIZES: &str = "c.relpages::pg_catalog.int8 * 8192, c.relpages::pg_catalog.int8 * 8192";

const TABLES: &str = "
       GREATEST(c.reltuples, 0)::pg_catalog.float8, COALESCE(am.amname = 'heap', true), c.relpersistence = 'u'
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE c.oid = ANY ($1)";

const INDEXES: &str = "
SELECT i.indrelid, i.indkey::pg_catalog.int2[], i.indnkeyatts::pg_catalog.int4, i.indisprimary, i.indisreplident, i.indimmediate
FROM pg_catalog.pg_index i
WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT i.indisexclusion";

/// The highest ancestor of partitions that puts rows into partitions by a hash which differs between databases: that of an
/// enum is over its oid, and what is made of other types may be made of enums.
const UNSTABLE: &str = "
WITH RECURSIVE up (leaf, parent, height) AS (
  SELECT i.inhrelid, i.inhparent, 1 FROM pg_catalog.pg_inherits i WHERE i.inhrelid = ANY ($1)
  UNION ALL SELECT up.leaf, i.inhparent, height + 1 FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.parent)
SELECT DISTINCT ON (up.leaf) up.leaf, up.parent
FROM up JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = up.parent
WHERE p.partstrat = 'h' AND EXISTS (
  SELECT FROM pg_catalog.pg_opclass o WHERE o.oid = ANY (p.partclass::pg_catalog.oid[]) AND o.opcintype::pg_catalog.regtype::pg_catalog.text
    IN ('anyenum', 'anyarray', 'record', 'anyrange', 'anymultirange'))
ORDER BY up.leaf, up.height DESC";

/// Foreign tables among the partitions of these, however deep.
const FOREIGN: &str = "
WITH RECURSIVE down (root, oid) AS (
  SELECT t.oid, t.oid FROM pg_catalog.unnest($1::pg_catalog.oid[]) t(oid)
  UNION SELECT down.root, i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid)
SELECT down.root, n.nspname::pg_catalog.text, c.relname::pg_catalog.text FROM down JOIN pg_catalog.pg_class c ON c.oid = down.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' ORDER BY 1, 2, 3";

/// Of tables whose rows a restore gives to other partitions than they were in: a foreign table among these. Rows that went
/// into it would leave the database.
///
/// # Errors
/// If the server refuses.
pub async fn foreign_partitions(
    client: &Client,
    relations: &[Relation],
    tables: &[Table],
) -> Result<HashMap<(String, String), String>> {
    let name = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
    let moved = |relation: &&Relation| {
        let is_it = |table: &&Table| (&table.spec.schema, &table.spec.name) == (&relation.schema, &relation.name);
        tables.iter().find(is_it).is_some_and(|table| !table.load.partitions.is_empty())
    };
    let roots: HashMap<u32, &Relation> =
        relations.iter().filter(moved).map(|relation| (relation.oid, relation)).collect();
    let oids: Vec<u32> = roots.keys().copied().collect();
    let rows = client.query(FOREIGN, &[&oids]).await.map_err(refused("list the partitions"))?;
    let foreign =
        |row: &Row| Some((name(roots.get(&row.get(0))?), crate::postgres::quote::shown(row.get(1), row.get(2))));
    Ok(rows.iter().filter_map(foreign).collect())
}

/// Reads what is to be known of these relations, and the types that they use.
///
/// # Errors
/// If the server refuses.
pub async fn describe(
    client: &Client,
    version: Version,
    relations: &[Relation],
    sizes: Sizes,
) -> Result<(Vec<Table>, TypeTree)> {
    let with_rows: Vec<&Relation> = relations.iter().filter(|relation| relation.has_rows).collect();
    let oids: Vec<u32> = with_rows.iter().map(|relation| relation.oid).collect();
    let mut heaps: HashMap<u32, Vec<Heap>> = HashMap::new();
    let wholes = wholes(client, &oids).await?;
    let sizes = if sizes == Sizes::Exact { EXACT_SIZES } else { ESTIMATED_SIZES };
    let sql = format!("SELECT c.oid, {sizes}, {TABLES}");
    let rows = client.query(&sql, &[&oids]).await.map_err(refused("list the tables"))?;
    let rows: HashMap<u32, Row> = rows.into_iter().map(|row| (row.get(0), row)).collect();
    for relation in with_rows {
        let row = rows.get(&relation.oid).ok_or_else(|| gone(relation))?;
        let whole = wholes.get(&relation.oid).unwrap_or(&relation.oid);
        heaps.entry(*whole).or_default().push(heap(relation, row));
    }
    let oids: Vec<u32> = heaps.keys().copied().collect();
    let mut columns = columns(client, version, &oids).await?;
    let inheritance = Inheritance::load(client, &oids).await?;
    for (&oid, columns) in &mut columns {
        if let Some(order) = inheritance.order(oid) {
            columns.sort_by_key(|column| order.iter().position(|name| *name == column.name));
        }
    }
    let tree = TypeTree::load(client, columns.values().flatten().map(|column| column.type_oid)).await?;
    let mut candidates = candidates(client, &oids).await?;
    let mut tables = Vec::with_capacity(oids.len());
    for relation in relations {
        let Some(heaps) = heaps.remove(&relation.oid) else { continue };
        let columns = columns.remove(&relation.oid).unwrap_or_default();
        let candidates = candidates.remove(&relation.oid).unwrap_or_default();
        tables.push(table(relation, heaps, &columns, &candidates, &tree));
    }
    for table in &mut tables {
        table.is_scattered = is_scattered(client, table).await?;
    }
    Ok((tables, tree))
}

fn gone(relation: &Relation) -> EngineError {
    EngineError::Unstable { what: crate::postgres::quote::shown(&relation.schema, &relation.name), tries: 1 }
}

/// A column as the catalog has it.
struct Attribute {
    attnum: i16,
    name: String,
    type_oid: u32,
    type_name: String,
    send: String,
    is_not_null: bool,
    is_identity_always: bool,
}

/// What `a.attnotnull` wants beside it to mean that no row has NULL there: from version 18 on, NOT NULL may not be valid yet.
#[must_use]
pub fn valid_not_null(version: Version) -> &'static str {
    if version.at_least(18) {
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' \
         AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)"
    } else {
        ""
    }
}

/// The columns that hold data: neither dropped nor generated.
async fn columns(client: &Client, version: Version, oids: &[u32]) -> Result<HashMap<u32, Vec<Attribute>>> {
    let valid = valid_not_null(version);
    let sql = format!(
        "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), \
           a.attnotnull {valid}, a.attidentity = 'a', \
           COALESCE((SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) \
                     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
                     WHERE p.oid = t.typsend), '') \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
         ORDER BY a.attrelid, a.attnum"
    );
    let rows = client.query(&sql, &[&oids]).await.map_err(refused("list the columns"))?;
    let mut columns: HashMap<u32, Vec<Attribute>> = HashMap::new();
    for row in &rows {
        columns.entry(row.get(0)).or_default().push(Attribute {
            attnum: row.get(1),
            name: row.get(2),
            type_oid: row.get(3),
            type_name: row.get(4),
            is_not_null: row.get(5),
            is_identity_always: row.get(6),
            send: row.get(7),
        });
    }
    Ok(columns)
}

async fn candidates(client: &Client, oids: &[u32]) -> Result<HashMap<u32, Vec<Candidate>>> {
    let rows = client.query(INDEXES, &[&oids]).await.map_err(refused("list the keys"))?;
    let mut candidates: HashMap<u32, Vec<Candidate>> = HashMap::new();
    for row in &rows {
        let mut columns: Vec<i16> = row.get(1);
        columns.truncate(usize::try_from(row.get::<_, i32>(2)).unwrap_or(0));
        candidates.entry(row.get(0)).or_default().push(Candidate {
            columns,
            is_primary: row.get(3),
            is_replica_identity: row.get(4),
            is_immediate: row.get(5),
        });
    }
    Ok(candidates)
}

/// The partitions that are not tables of their own, with the table that they are captured as.
async fn wholes(client: &Client, oids: &[u32]) -> Result<HashMap<u32, u32>> {
    let rows = client.query(UNSTABLE, &[&oids]).await.map_err(refused("list the partitions"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn heap(relation: &Relation, row: &Row) -> Heap {
    let bytes = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or(0);
    Heap {
        oid: relation.oid,
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        heap_bytes: bytes(1),
        bytes: bytes(2),
        rows_estimate: row.get::<_, f64>(3) as u64,
        is_heap: row.get(4),
        is_unlogged: row.get(5),
    }
}

fn table(
    relation: &Relation,
    heaps: Vec<Heap>,
    columns: &[Attribute],
    candidates: &[Candidate],
    tree: &TypeTree,
) -> Table {
    let form =
        if columns.iter().all(|column| tree.is_binary(column.type_oid)) { RowForm::Binary } else { RowForm::Text };
    let key_columns: Vec<KeyColumn> =
        columns.iter().map(|column| KeyColumn { attnum: column.attnum, is_not_null: column.is_not_null }).collect();
    let identity = columns.iter().zip(0..).filter(|(column, _)| column.is_identity_always).map(|(_, place)| place);
    let names = heaps.iter().map(|heap| (heap.schema.clone(), heap.name.clone()));
    let partitions = if relation.has_rows { Vec::new() } else { names.collect() };
    let append = relation.extension_condition.is_some();
    Table {
        spec: TableSpec {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            columns: columns.iter().map(|column| column_spec(column, form, tree)).collect(),
            key: choose(&key_columns, candidates),
            form,
        },
        types: columns.iter().map(|column| column.type_oid).collect(),
        sends: columns.iter().map(|column| column.send.clone()).collect(),
        heaps,
        condition: relation.extension_condition.clone().filter(|condition| !condition.is_empty()),
        load: Load { partitions, append, identity: identity.collect() },
        is_scattered: false,
    }
}

fn column_spec(column: &Attribute, form: RowForm, tree: &TypeTree) -> ColumnSpec {
    let (layout, order) = match form {
        RowForm::Binary => (tree.layout(column.type_oid), tree.order(column.type_oid)),
        RowForm::Text => (Layout::Var, KeyOrder::Bytes),
    };
    ColumnSpec {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        layout,
        order,
        nullable: !column.is_not_null,
    }
}

/// Whether rows come in random key order: by the statistics where they can be read, else by the key's type.
async fn is_scattered(client: &Client, table: &Table) -> Result<bool> {
    let first = match &table.spec.key {
        Key::Unique(columns) => columns.first().copied().unwrap_or(0) as usize,
        Key::WholeRow => 0,
    };
    let Some(column) = table.spec.columns.get(first) else { return Ok(false) };
    // Texts and uuids are rarely given out in order.
    let guess = column.order == KeyOrder::Bytes;
    // One of the partitions is as good as another.
    let largest = table.heaps.iter().max_by_key(|heap| heap.heap_bytes);
    let Some(heap) = largest.filter(|heap| heap.heap_bytes >= CORRELATION_BYTES_MIN) else { return Ok(guess) };
    let sql = "SELECT s.correlation FROM pg_catalog.pg_stats s \
               WHERE s.schemaname = $1 AND s.tablename = $2 AND s.attname = $3 AND NOT s.inherited";
    let rows =
        client.query(sql, &[&heap.schema, &heap.name, &column.name]).await.map_err(refused("read how the keys lie"))?;
    let correlation: Option<f32> = rows.first().and_then(|row| row.get(0));
    Ok(correlation.map_or(guess, |correlation| correlation < CORRELATION_MIN))
}
