//! The tables of a database as far as neutralizing needs them: names, columns, children, foreign keys.

use super::work::Work;
use crate::error::Result;
use crate::postgres::catalog::user_schema;
use crate::postgres::quote::{ident, qualified, shown};
use offshoot_restore::NeutralizeChoices;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;

/// What a column can hold, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Json,
    Bytes,
    Uuid,
    Array,
    /// Something that may hold text, and of which only NULL is known: hstore, xml, a composite, an enumeration.
    Opaque,
    /// A number, a truth value, a time or the like.
    Other,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub is_required: bool,
    pub is_generated: bool,
}

/// An ordinary or partitioned table.
#[derive(Debug)]
pub struct Table {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// Whether it holds rows itself: a partitioned table does not.
    pub has_rows: bool,
    pub columns: Vec<Column>,
}

impl Table {
    pub fn quoted(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    pub fn shown(&self) -> String {
        shown(&self.schema, &self.name)
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A foreign key. Partitions have the same columns by name, not by number.
#[derive(Debug, Clone)]
pub struct ForeignKey {
    pub from: u32,
    pub to: u32,
    pub from_columns: Vec<String>,
    pub to_columns: Vec<String>,
    /// Operators in their schemas that compare the columns referred to with those that refer.
    pub operators: Vec<String>,
    /// Whether the columns must be null together.
    pub is_full: bool,
}

/// The two tables of a foreign key and the columns in them.
type Ends<'k> = (u32, u32, &'k [String], &'k [String]);

/// All of them.
#[derive(Debug, Default)]
pub struct Tables {
    all: BTreeMap<u32, Table>,
    children: BTreeMap<u32, Vec<u32>>,
    parents: BTreeMap<u32, u32>,
    partitions: BTreeSet<u32>,
    /// As the catalog has them.
    pub foreign_keys: Vec<ForeignKey>,
}

const COLUMNS: &str = concat!(
    "WITH RECURSIVE base (oid, type, required) AS (
       SELECT t.oid, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, t.typnotnull FROM pg_catalog.pg_type t
       UNION ALL SELECT b.oid, t.typbasetype, b.required OR t.typnotnull
       FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
     SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind = 'r',
       a.attname::pg_catalog.text, a.attnotnull OR b.required, a.attgenerated <> '',
       t.typname::pg_catalog.text, t.typcategory::pg_catalog.text
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN (pg_catalog.pg_attribute a JOIN base b ON b.oid = a.atttypid
                JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd')
       ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ",
    user_schema!(),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\", a.attnum"
);

const FOREIGN_KEYS: &str = "
SELECT k.conrelid, k.confrelid, c.names, r.names, k.confmatchtype = 'f', o.schemas, o.names
FROM pg_catalog.pg_constraint k,
     LATERAL (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY u.at)
              FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (number, at)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number) c (names),
     LATERAL (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY u.at)
              FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u (number, at)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number) r (names),
     LATERAL (SELECT pg_catalog.array_agg(n.nspname::pg_catalog.text ORDER BY u.at), pg_catalog.array_agg(o.oprname::pg_catalog.text ORDER BY u.at)
              FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY u (oid, at)
              JOIN pg_catalog.pg_operator o ON o.oid = u.oid JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace) o (schemas, names)
WHERE k.contype = 'f' ORDER BY k.oid";

const CHILDREN: &str = "
SELECT i.inhparent, i.inhrelid, c.relispartition
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid ORDER BY i.inhrelid";

impl Tables {
    /// Reads them.
    pub async fn read(work: &Work<'_>) -> Result<Self> {
        let mut tables = Self::default();
        for row in work.query("list the tables", COLUMNS, &[]).await? {
            let oid: u32 = row.get(0);
            let table = tables.all.entry(oid).or_insert_with(|| Table {
                oid,
                schema: row.get(1),
                name: row.get(2),
                has_rows: row.get(3),
                columns: Vec::new(),
            });
            table.columns.extend(column(&row));
        }
        for row in work.query("list the partitions", CHILDREN, &[]).await? {
            let (parent, child): (u32, u32) = (row.get(0), row.get(1));
            tables.children.entry(parent).or_default().push(child);
            tables.parents.insert(child, parent);
            if row.get(2) {
                tables.partitions.insert(child);
            }
        }
        for row in work.query("list the foreign keys", FOREIGN_KEYS, &[]).await? {
            tables.foreign_keys.push(foreign_key(&row));
        }
        Ok(tables)
    }

    /// The foreign keys that refer to some tables with rows. Catalogs have those of partitioned tables to partitions and
    /// the other way round, but not those of the parts to the parts.
    pub fn keys_to(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<ForeignKey> {
        let mut keys: BTreeMap<Ends<'_>, ForeignKey> = BTreeMap::new();
        for key in &self.foreign_keys {
            let tos: Vec<u32> = self.parts(key.to).into_iter().filter(|to| is_wanted(*to)).collect();
            let mut froms = if tos.is_empty() { Vec::new() } else { self.parts(key.from) };
            // A partitioned table refers too, even if it has no parts.
            froms.push(key.from);
            for (from, to) in froms.iter().flat_map(|&from| tos.iter().map(move |&to| (from, to))) {
                let one = || ForeignKey { from, to, ..key.clone() };
                keys.entry((from, to, &key.from_columns, &key.to_columns)).or_insert_with(one);
            }
        }
        keys.into_values().collect()
    }

    /// The tables that hold the rows of a table: itself, or its partitions.
    fn parts(&self, oid: u32) -> Vec<u32> {
        let family = self.family(oid).into_iter().map(|table| table.oid);
        let is_part = |part: &u32| *part == oid || self.partitions.contains(part);
        family.filter(is_part).filter(|part| self.all.get(part).is_some_and(|table| table.has_rows)).collect()
    }

    pub fn get(&self, oid: u32) -> Option<&Table> {
        self.all.get(&oid)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Table> {
        let mut tables: Vec<&Table> = self.all.values().collect();
        tables.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        tables.into_iter()
    }

    /// The table at the root of the family that a table belongs to; itself, mostly.
    pub fn root<'t>(&'t self, table: &'t Table) -> &'t Table {
        let mut root = table;
        while let Some(parent) = self.parents.get(&root.oid).and_then(|oid| self.all.get(oid)) {
            root = parent;
        }
        root
    }

    /// Whether the user wants a table left alone, by its own name or as a part of another.
    pub fn is_kept(&self, table: &Table, choices: &NeutralizeChoices) -> bool {
        let parent = self.parents.get(&table.oid).and_then(|oid| self.all.get(oid));
        choices.is_kept(&table.schema, &table.name) || parent.is_some_and(|parent| self.is_kept(parent, choices))
    }

    /// A table and all that inherit from it, partitions too; tables only, nothing foreign.
    pub fn family(&self, oid: u32) -> Vec<&Table> {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![oid]);
        while let Some(next) = waiting.pop() {
            if seen.insert(next) {
                waiting.extend(self.children.get(&next).into_iter().flatten());
            }
        }
        seen.into_iter().filter_map(|oid| self.all.get(&oid)).collect()
    }
}

fn foreign_key(row: &Row) -> ForeignKey {
    let operators = row.get::<_, Vec<String>>(5).into_iter().zip(row.get::<_, Vec<String>>(6));
    ForeignKey {
        from: row.get(0),
        to: row.get(1),
        from_columns: row.get(2),
        to_columns: row.get(3),
        operators: operators.map(|(schema, name)| format!("OPERATOR({}.{name})", ident(&schema))).collect(),
        is_full: row.get(4),
    }
}

fn column(row: &Row) -> Option<Column> {
    let (type_name, category): (String, String) = (row.get::<_, Option<String>>(7)?, row.get(8));
    let kind = match (type_name.as_str(), category.as_str()) {
        ("json" | "jsonb", _) => Kind::Json,
        ("bytea", _) => Kind::Bytes,
        ("uuid", _) => Kind::Uuid,
        (_, "S") => Kind::Text,
        (_, "A") => Kind::Array,
        (_, "U" | "C" | "E") => Kind::Opaque,
        _ => Kind::Other,
    };
    Some(Column { name: row.get(4), kind, is_required: row.get(5), is_generated: row.get(6) })
}
