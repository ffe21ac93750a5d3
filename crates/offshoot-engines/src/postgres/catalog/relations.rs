//! The list of what is to be locked and read: taken once before the locks and once under the snapshot, and compared.
//!
//! It must be cheap and the same for equal states: only what tells a relation from its successor is in it.

use super::user_schema;
use crate::error::{Result, refused};
use tokio_postgres::Client;

/// A table or partitioned table, as it is told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its oid.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it holds rows itself: a partitioned table does not.
    pub has_rows: bool,
    /// Its file: another after TRUNCATE or a rewrite.
    pub file: u32,
    /// What its columns are; changes with any ALTER of them.
    pub columns: String,
    /// Condition under which rows of an extension's configuration table belong to the user. `Some("")` is all.
    pub extension_condition: Option<String>,
}

/// Tables of the user: not of an extension, but for its configuration tables.
const QUERY: &str = concat!(
    "SELECT c.oid, n.nspname, c.relname, c.relkind = 'r', c.relfilenode,
       (SELECT pg_catalog.count(*) || ':' || pg_catalog.hashtextextended(pg_catalog.string_agg(
          pg_catalog.concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated), ';' ORDER BY a.attnum), 0)
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       CASE WHEN x.oid IS NOT NULL THEN COALESCE(x.condition, '') END
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN (SELECT t.oid, t.condition FROM pg_catalog.pg_extension e,
                  LATERAL ROWS FROM (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) AS t (oid, condition)) x
       ON x.oid = c.oid
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ",
    user_schema!(),
    " AND (x.oid IS NOT NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'))
     ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
);

/// Lists them in the order of their names.
///
/// # Errors
/// If the server refuses.
pub async fn list(client: &Client) -> Result<Vec<Relation>> {
    let rows = client.query(QUERY, &[]).await.map_err(refused("list the tables"))?;
    let relation = |row: &tokio_postgres::Row| Relation {
        oid: row.get(0),
        schema: row.get(1),
        name: row.get(2),
        has_rows: row.get(3),
        file: row.get(4),
        columns: row.get::<_, Option<String>>(5).unwrap_or_default(),
        extension_condition: row.get(6),
    };
    Ok(rows.iter().map(relation).collect())
}

/// Names of the tables that another session holds or wants an exclusive lock of, for a message.
///
/// # Errors
/// If the server refuses.
pub async fn locked_by_others(client: &Client) -> Result<Option<String>> {
    let sql = "SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND l.pid <> pg_catalog.pg_backend_pid()
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
               ORDER BY 1, 2 LIMIT 10";
    let rows = client.query(sql, &[]).await.map_err(refused("say which tables are locked"))?;
    let names: Vec<String> = rows.iter().map(|row| crate::postgres::quote::shown(row.get(0), row.get(1))).collect();
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

/// The first relation by which two lists differ, by name.
#[must_use]
pub fn difference(before: &[Relation], after: &[Relation]) -> Option<String> {
    let shown = |relation: &Relation| crate::postgres::quote::shown(&relation.schema, &relation.name);
    let pairs = before.iter().zip(after);
    let changed = pairs.clone().find(|(before, after)| before != after).map(|(before, after)| {
        if (&before.schema, &before.name) == (&after.schema, &after.name) {
            format!("{} was altered, truncated or made anew", shown(before))
        } else {
            format!("{} or {} came or went", shown(before), shown(after))
        }
    });
    changed.or_else(|| {
        let longer = if before.len() > after.len() { before } else { after };
        longer.get(pairs.len()).map(|relation| format!("{} came or went", shown(relation)))
    })
}
