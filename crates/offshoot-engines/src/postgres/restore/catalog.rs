//! Whether the target's catalog has what the snapshot's schema says: every object there, indexes and constraints valid,
//! definitions as the server prints them equal to those of the snapshot, columns with their types.
//!
//! Definitions are compared where pg_dump writes what the server prints (indexes, constraints, triggers, rules, views), and
//! only between servers of the same major version, since versions print differently. What is on the target beyond the
//! snapshot is not looked for: it was empty.

mod expected;

use super::PostgresSession;
use crate::error::Result;
use crate::postgres::quote::shown;
use offshoot_core::target::{Adapted, Difference};
use offshoot_format::manifest::{Manifest, TableEntry};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Kind, schema, table (where the name is one within a table), name.
type Key = (String, String, String, String);

/// Everything that a statement of a schema makes: its key, whether it is valid, how the server prints it.
const OBJECTS: &str = "
WITH relation AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
         WHEN 'f' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'type' END,
       nspname::text, '', relname::text, true, CASE WHEN relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(oid) END
  FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
UNION ALL SELECT 'index', r.nspname, '', r.relname, i.indisvalid AND i.indisready, pg_catalog.pg_get_indexdef(i.indexrelid)
  FROM pg_catalog.pg_index i JOIN relation r ON r.oid = i.indexrelid
UNION ALL SELECT 'constraint', r.nspname, r.relname, k.conname, k.convalidated, pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k JOIN relation r ON r.oid = k.conrelid
UNION ALL SELECT 'trigger', r.nspname, r.relname, t.tgname, true, pg_catalog.pg_get_triggerdef(t.oid, false)
  FROM pg_catalog.pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT 'rule', r.nspname, r.relname, w.rulename, true, pg_catalog.pg_get_ruledef(w.oid)
  FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = w.ev_class
UNION ALL SELECT 'policy', r.nspname, r.relname, p.polname, true, NULL FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL SELECT DISTINCT 'function', n.nspname, '', p.proname, true, NULL
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_'
UNION ALL SELECT 'type', n.nspname, '', t.typname, t.typisdefined, NULL
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_' AND t.typtype <> 'c'
UNION ALL SELECT 'schema', '', '', nspname, true, NULL FROM pg_catalog.pg_namespace
UNION ALL SELECT 'extension', '', '', extname, true, NULL FROM pg_catalog.pg_extension
UNION ALL SELECT 'event trigger', '', '', evtname, true, NULL FROM pg_catalog.pg_event_trigger";

const COLUMNS: &str = "
SELECT n.nspname::text, c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND n.nspname !~ '^pg_'";

struct Found {
    is_valid: bool,
    definition: Option<String>,
}

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn catalog_differences(&self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>> {
        let doing = "compare the catalog";
        let rows = self.query(doing, OBJECTS, &[])?;
        let mut found: HashMap<Key, Found> = HashMap::new();
        for row in &rows {
            let key = (row.get(0), row.get(1), row.get(2), row.get(3));
            found.insert(key, Found { is_valid: row.get(4), definition: row.get(5) });
        }
        let same_major = manifest.environment.server_version_num / 10_000 == self.version.major();
        let mut differences = objects(manifest, adapted, &found, same_major);
        let rows = self.query(doing, COLUMNS, &[])?;
        let mut columns: HashMap<(String, String), BTreeMap<String, String>> = HashMap::new();
        for row in &rows {
            columns.entry((row.get(0), row.get(1))).or_default().insert(row.get(2), row.get(3));
        }
        let left_out = |entry: &&TableEntry| {
            let key = ("table".to_owned(), entry.spec.schema.clone(), String::new(), entry.spec.name.clone());
            found.contains_key(&key) || adapted.losses.is_empty()
        };
        let tables = manifest.content.tables.iter().filter(left_out);
        differences.extend(tables.filter_map(|entry| table(entry, &columns)));
        Ok(differences)
    }
}

fn objects(manifest: &Manifest, adapted: &Adapted, found: &HashMap<Key, Found>, same_major: bool) -> Vec<Difference> {
    let written = expected::written(manifest);
    let mut seen = BTreeSet::new();
    let mut differences = Vec::new();
    for key in adapted.works.iter().flat_map(|work| work.sql.iter()).filter_map(|sql| expected::made_by(sql)) {
        if !seen.insert(key.clone()) {
            continue;
        }
        let source = written.get(&key);
        let mut differs = |how: &str| {
            let (kind, schema, table, name) = &key;
            let place = if table.is_empty() { String::new() } else { format!(" of {}", shown(schema, table)) };
            let name = if table.is_empty() { shown(schema, name) } else { shown("", name) };
            differences.push(Difference { object: format!("{kind} {name}{place}"), how: how.to_owned() });
        };
        match found.get(&key) {
            None => differs("it is not there"),
            Some(object) if !object.is_valid && !source.is_some_and(|source| source.may_be_invalid) => {
                differs("it is not valid")
            }
            Some(Found { definition: Some(definition), .. }) if same_major => {
                if source.is_some_and(|source| !normal(&source.sql).contains(&normal(definition))) {
                    differs("its definition is another one");
                }
            }
            Some(_) => {}
        }
    }
    differences
}

/// A definition without what differs between printing and writing it.
fn normal(definition: &str) -> String {
    definition.trim_end_matches([';', ' ', '\n']).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn table(entry: &TableEntry, columns: &HashMap<(String, String), BTreeMap<String, String>>) -> Option<Difference> {
    let spec = &entry.spec;
    let object = format!("table {}", shown(&spec.schema, &spec.name));
    let none = BTreeMap::new();
    let there = columns.get(&(spec.schema.clone(), spec.name.clone())).unwrap_or(&none);
    let differing = spec.columns.iter().find(|column| there.get(&column.name) != Some(&column.type_name));
    if let Some(column) = differing {
        let how = match there.get(&column.name) {
            Some(other) => format!("column {} is of type {other}, not {}", column.name, column.type_name),
            None => format!("column {} is not there", column.name),
        };
        return Some(Difference { object, how });
    }
    let more = there.len() - spec.columns.len();
    (more > 0).then(|| Difference { object, how: format!("it has {more} more columns") })
}
