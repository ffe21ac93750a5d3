//! Rows that join those that an extension brought: in which order, and which they were.
//!
//! Such a table is not emptied before it is loaded, and it may have been there before the restore. So a restore that does
//! not end must leave behind which rows are its own: the transaction that added them is noted in the same transaction,
//! beside the mark. What comes next deletes them as it drops the other objects of the unfinished restore.

use super::{MARK_SCHEMA, PostgresSession};
use crate::error::{EngineError, Result};
use crate::postgres::quote::{ident, literal, qualified, shown};
use offshoot_core::target::UserObject;
use offshoot_format::manifest::TableEntry;
use std::collections::{HashMap, HashSet};

/// The table of what was added, in the mark's schema.
pub(super) const COLUMNS: &str = "(schema text, name text, transaction bigint)";

const REFERENCES: &str = "
SELECT k.conrelid, k.confrelid FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.conrelid = ANY ($1) AND k.confrelid = ANY ($1) AND k.conrelid <> k.confrelid";

/// A row keeps the lower half of its transaction's number, so that after two thousand million transactions it says nothing.
const ADDED: &str = "
SELECT a.schema, a.name, (a.transaction % 4294967296)::pg_catalog.text, a.transaction::pg_catalog.text,
       pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) - a.transaction < 2147483648
FROM {added} a JOIN pg_catalog.pg_namespace n ON n.nspname = a.schema
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = a.name ORDER BY a.transaction DESC";

/// What was added, beside the mark.
pub(super) fn table() -> String {
    format!("{}.appended", ident(MARK_SCHEMA))
}

impl PostgresSession<'_> {
    /// Those of these tables that are there, by number; each after those that its rows refer to.
    pub(super) fn appendable_tables(&self, tables: &[&TableEntry]) -> Result<Vec<usize>> {
        let doing = "order the tables of extensions";
        let names: Vec<String> = tables.iter().map(|table| qualified(&table.spec.schema, &table.spec.name)).collect();
        let sql = "SELECT pg_catalog.to_regclass(t.name)::pg_catalog.oid \
                   FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS t (name, place) ORDER BY t.place";
        let oids: Vec<Option<u32>> = self.query(doing, sql, &[&names])?.iter().map(|row| row.get(0)).collect();
        let there: Vec<u32> = oids.iter().copied().flatten().collect();
        let mut references: HashMap<u32, HashSet<u32>> = HashMap::new();
        for row in self.query(doing, REFERENCES, &[&there])? {
            references.entry(row.get(0)).or_default().insert(row.get(1));
        }
        let places: HashMap<u32, usize> = oids.iter().zip(0..).filter_map(|(oid, at)| Some(((*oid)?, at))).collect();
        Ok(in_order(&there, &references).iter().filter_map(|oid| places.get(oid).copied()).collect())
    }

    /// Notes that this transaction adds rows to a table.
    pub(super) fn note_appended(&self, doing: &str, table: &TableEntry) -> Result<()> {
        let (schema, name) = (literal(&table.spec.schema), literal(&table.spec.name));
        self.run(doing, &format!("INSERT INTO {} VALUES ({schema}, {name}, pg_catalog.txid_current())", self::table()))
    }

    /// The rows that an unfinished restore added, the last ones first.
    pub(super) fn appended_rows(&self) -> Result<Vec<UserObject>> {
        let doing = "look for rows that an unfinished restore added";
        let added = table();
        let is_there =
            self.query(doing, "SELECT pg_catalog.to_regclass($1::pg_catalog.text) IS NOT NULL", &[&added])?;
        if !is_there.first().is_some_and(|row| row.get(0)) {
            return Ok(Vec::new());
        }
        let rows = self.query(doing, &ADDED.replace("{added}", &added), &[])?;
        let object = |row: &tokio_postgres::Row| {
            let (schema, name, xmin, transaction): (String, String, String, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let label = format!("rows added to table {}", shown(&schema, &name));
            if !row.get::<_, bool>(4) {
                return Err(EngineError::Target {
                    what: format!("the {label} by an unfinished restore cannot be told from others any more"),
                    mend: "Make the database anew, and restore into that".to_owned(),
                });
            }
            // Both in one transaction: statements that are sent together are one.
            let drop_sql = format!(
                "DELETE FROM ONLY {} WHERE xmin = '{xmin}'::pg_catalog.xid; DELETE FROM {added} WHERE transaction = {transaction}",
                qualified(&schema, &name),
            );
            Ok(UserObject { label, drop_sql })
        };
        rows.iter().map(object).collect()
    }
}

/// Each after those that it refers to. Where they refer to each other in a circle, one of them comes first.
fn in_order(tables: &[u32], references: &HashMap<u32, HashSet<u32>>) -> Vec<u32> {
    let mut left = tables.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &u32| references.get(table).is_some_and(|to| left.iter().any(|other| to.contains(other)));
        let at = left.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_comes_first() {
        let references = HashMap::from([(1, HashSet::from([2, 3])), (2, HashSet::from([3]))]);
        assert_eq!(in_order(&[1, 2, 3, 4], &references), [3, 2, 1, 4]);
        let circle = HashMap::from([(1, HashSet::from([2])), (2, HashSet::from([1]))]);
        assert_eq!(in_order(&[1, 2], &circle), [1, 2]);
    }
}
