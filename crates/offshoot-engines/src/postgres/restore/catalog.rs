//! Whether the target's catalog has what the snapshot's schema says: every object there, indexes and constraints valid,
//! definitions as the server prints them equal to those of the snapshot, columns with their types; and nothing else there.
//!
//! Definitions are compared where pg_dump writes what the server prints (indexes, constraints, triggers, rules, views, the
//! bodies of functions). Where the text is another one, the server is asked how it prints the snapshot's. Functions
//! are told apart by the types of their arguments. What belongs to an extension or is on a table of one, and what comes with
//! another object, is not looked at.

mod address;
mod comments;
mod default_privileges;
mod expected;
mod firing;
mod flags;
mod owners;
mod parameters;
mod privileges;
mod roles;
mod twins;

use super::{MARK_SCHEMA, PostgresSession};
use crate::error::Result;
use crate::postgres::catalog::tables::valid_not_null;
use crate::postgres::quote::{literal, shown};
use offshoot_core::target::{Adapted, Difference};
use offshoot_format::manifest::{Manifest, TableEntry};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Kind, schema, table (where the name is one within a table), name; that of a function with the types of its arguments.
type Key = (String, String, String, String);

/// Everything that a statement of a schema makes: its key, whether it is valid, how the server prints it, and what pg_dump
/// calls its kind if it writes it.
const OBJECTS: &str = "
WITH relation AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
object (class, oid, on_table, kind, schema, within, name, is_valid, definition, written) AS (
SELECT 'pg_class'::pg_catalog.regclass, oid, 0::pg_catalog.oid,
       CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
         WHEN 'f' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'type' END,
       nspname::text, '', relname::text, true, CASE WHEN relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(oid) END,
       CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
         WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TYPE' END
  FROM relation WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
UNION ALL SELECT 'pg_class'::pg_catalog.regclass, r.oid, i.indrelid, 'index', r.nspname, '', r.relname, i.indisvalid AND i.indisready,
       pg_catalog.pg_get_indexdef(i.indexrelid), 'INDEX'
  FROM pg_catalog.pg_index i JOIN relation r ON r.oid = i.indexrelid
UNION ALL SELECT 'pg_constraint'::pg_catalog.regclass, k.oid, r.oid, 'constraint', r.nspname, r.relname, k.conname, k.convalidated,
       pg_catalog.pg_get_constraintdef(k.oid), CASE WHEN k.contype = 'f' AND k.conparentid = 0 THEN 'FK CONSTRAINT' END
  FROM pg_catalog.pg_constraint k JOIN relation r ON r.oid = k.conrelid
UNION ALL SELECT 'pg_trigger'::pg_catalog.regclass, t.oid, r.oid, 'trigger', r.nspname, r.relname, t.tgname, true,
       pg_catalog.pg_get_triggerdef(t.oid, false), 'TRIGGER'
  FROM pg_catalog.pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL SELECT 'pg_rewrite'::pg_catalog.regclass, w.oid, r.oid, 'rule', r.nspname, r.relname, w.rulename, true,
       pg_catalog.pg_get_ruledef(w.oid), 'RULE'
  FROM pg_catalog.pg_rewrite w JOIN relation r ON r.oid = w.ev_class
UNION ALL SELECT 'pg_policy'::pg_catalog.regclass, p.oid, r.oid, 'policy', r.nspname, r.relname, p.polname, true, NULL, 'POLICY'
  FROM pg_catalog.pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL SELECT 'pg_statistic_ext'::pg_catalog.regclass, s.oid, s.stxrelid, 'statistics', n.nspname, '', s.stxname, true,
       pg_catalog.pg_get_statisticsobjdef(s.oid), 'STATISTICS'
  FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL SELECT 'pg_proc'::pg_catalog.regclass, p.oid, 0, 'function', n.nspname, '', p.proname || '(' || CASE
         WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*' ELSE pg_catalog.oidvectortypes(p.proargtypes) END || ')', true,
       CASE WHEN p.prokind <> 'a' AND l.lanname NOT IN ('c', 'internal') AND p.prosrc <> '' THEN p.prosrc END,
       CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL SELECT 'pg_type'::pg_catalog.regclass, t.oid, 0, 'type', n.nspname, '', t.typname, t.typisdefined, NULL,
       CASE WHEN t.typisdefined THEN CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END END
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typtype <> 'c'
UNION ALL SELECT 'pg_namespace'::pg_catalog.regclass, oid, 0, 'schema', '', '', nspname, true, NULL,
       CASE WHEN nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema', {mark})
         AND oid NOT IN (SELECT e.extnamespace FROM pg_catalog.pg_extension e) THEN 'SCHEMA' END
  FROM pg_catalog.pg_namespace
UNION ALL SELECT 'pg_extension'::pg_catalog.regclass, oid, 0, 'extension', '', '', extname, true, NULL, NULL FROM pg_catalog.pg_extension
UNION ALL SELECT 'pg_event_trigger'::pg_catalog.regclass, oid, 0, 'event trigger', '', '', evtname, true, NULL, 'EVENT TRIGGER'
  FROM pg_catalog.pg_event_trigger)
SELECT o.kind, o.schema, o.within, o.name, o.is_valid, o.definition, CASE WHEN o.schema <> {mark} AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.objsubid = 0
      AND d.deptype IN ('i', 'e', 'P', 'S')) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = o.on_table
      AND d.objsubid = 0 AND d.deptype = 'e') THEN o.written END
FROM object o";

const COLUMNS: &str = "
SELECT n.nspname::text, c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT (a.attnotnull {valid})
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND n.nspname !~ '^pg_'";

/// An object of the target.
struct Found {
    is_valid: bool,
    definition: Option<String>,
    /// What pg_dump calls its kind; none for what it does not write.
    written: Option<String>,
}

/// Columns of a table: type, and whether they may be null.
type Columns = BTreeMap<String, (String, bool)>;

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn catalog_differences(&self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>> {
        let doing = "compare the catalog";
        let rows = self.query(doing, &OBJECTS.replace("{mark}", &literal(MARK_SCHEMA)), &[])?;
        let mut found: HashMap<Key, Found> = HashMap::new();
        for row in &rows {
            let mut key: Key = (row.get(0), row.get(1), row.get(2), row.get(3));
            if key.0 == "function" {
                key.3 = in_label(&key.3);
            }
            found.insert(key, Found { is_valid: row.get(4), definition: row.get(5), written: row.get(6) });
        }
        let mut differences = self.object_differences(manifest, adapted, &found)?;
        differences.extend(extra(manifest, &found));
        let rows = self.query(doing, &COLUMNS.replace("{valid}", valid_not_null(self.version)), &[])?;
        let mut columns: HashMap<(String, String), Columns> = HashMap::new();
        for row in &rows {
            columns.entry((row.get(0), row.get(1))).or_default().insert(row.get(2), (row.get(3), row.get(4)));
        }
        let left_out = |entry: &&TableEntry| {
            let key = ("table".to_owned(), entry.spec.schema.clone(), String::new(), entry.spec.name.clone());
            found.contains_key(&key) || adapted.losses.is_empty()
        };
        let tables = manifest.content.tables.iter().filter(left_out);
        differences.extend(tables.filter_map(|entry| table(entry, &columns)));
        differences.extend(self.role_differences(manifest, adapted)?);
        // How objects are made is asked of those that are there.
        if differences.is_empty() {
            differences.extend(self.property_differences(manifest, adapted)?);
            differences.extend(self.policy_differences(adapted)?);
            differences.extend(self.flag_differences(adapted)?);
            differences.extend(self.firing_differences(adapted)?);
            differences.extend(self.parameter_differences(adapted)?);
            differences.extend(self.comment_differences(adapted)?);
            differences.extend(self.owner_differences(adapted)?);
            differences.extend(self.privilege_differences(adapted)?);
            differences.extend(self.default_privilege_differences(adapted)?);
        }
        Ok(differences)
    }

    fn object_differences(
        &self,
        manifest: &Manifest,
        adapted: &Adapted,
        found: &HashMap<Key, Found>,
    ) -> Result<Vec<Difference>> {
        let written = expected::written(manifest);
        let mut seen = BTreeSet::new();
        let mut differences = Vec::new();
        let statements = adapted.works.iter().flat_map(|work| work.sql.iter().map(|sql| (work.label.as_str(), sql)));
        for key in statements.filter_map(|(label, sql)| expected::made_by(label, sql)) {
            if !seen.insert(key.clone()) {
                continue;
            }
            let source = written.get(&key);
            let mut differs = |how: &str| {
                let (kind, schema, table, name) = &key;
                let place = if table.is_empty() { String::new() } else { format!(" of {}", shown(schema, table)) };
                let name = match kind.as_str() {
                    "function" => format!("{schema}.{name}"),
                    _ if table.is_empty() => shown(schema, name),
                    _ => shown("", name),
                };
                differences.push(Difference { object: format!("{kind} {name}{place}"), how: how.to_owned() });
            };
            match found.get(&key) {
                None => differs("it is not there"),
                Some(object) if !object.is_valid && !source.is_some_and(|source| source.may_be_invalid) => {
                    differs("it is not valid")
                }
                Some(Found { definition: Some(definition), .. }) => {
                    if let Some(source) = source
                        && !normal(&source.sql).contains(&normal(definition))
                        && !self.is_same_definition(&key, &source.sql, definition)?
                    {
                        differs("its definition is another one");
                    }
                }
                Some(_) => {}
            }
        }
        Ok(differences)
    }
}

/// What is there and is no part of the snapshot: found by the names that pg_dump gives to what it writes.
fn extra(manifest: &Manifest, found: &HashMap<Key, Found>) -> Vec<Difference> {
    let known: HashSet<&str> = manifest.content.schema.iter().map(|item| item.label.as_str()).collect();
    let written = expected::written(manifest);
    let unknown = found.iter().filter(|(key, _)| !written.contains_key(*key));
    let mut extra: Vec<String> =
        unknown.filter_map(|(key, found)| Some(label(key, found.written.as_deref()?))).collect();
    extra.retain(|label| !known.contains(label.as_str()));
    extra.sort();
    let difference = |object| Difference { object, how: "it is not in the snapshot".to_owned() };
    extra.into_iter().map(difference).collect()
}

/// As the label of a statement that pg_dump wrote.
fn label((_, schema, table, name): &Key, kind: &str) -> String {
    let name = match kind {
        "FUNCTION" | "PROCEDURE" | "AGGREGATE" => name.clone(),
        _ if table.is_empty() => in_label(name),
        _ => in_label(&format!("{table} {name}")),
    };
    if schema.is_empty() { format!("{kind} {name}") } else { format!("{kind} {}.{name}", one_line(schema)) }
}

/// A name as it stands in a label.
fn in_label(name: &str) -> String {
    one_line(name).escape_debug().to_string()
}

/// As pg_dump writes names into comments.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// A definition without what differs between printing and writing it.
fn normal(definition: &str) -> String {
    definition.trim_end_matches([';', ' ', '\n']).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn table(entry: &TableEntry, columns: &HashMap<(String, String), Columns>) -> Option<Difference> {
    let spec = &entry.spec;
    let object = format!("table {}", shown(&spec.schema, &spec.name));
    let none = BTreeMap::new();
    let there = columns.get(&(spec.schema.clone(), spec.name.clone())).unwrap_or(&none);
    for column in &spec.columns {
        let (name, wanted) = (&column.name, &column.type_name);
        let how = match there.get(name) {
            None => format!("column {name} is not there"),
            Some((other, _)) if other != wanted => format!("column {name} is of type {other}, not {wanted}"),
            Some((_, true)) if !column.nullable => format!("column {name} may be null"),
            Some((_, false)) if column.nullable => format!("column {name} may not be null"),
            Some(_) => continue,
        };
        return Some(Difference { object, how });
    }
    let more = there.len() - spec.columns.len();
    (more > 0).then(|| Difference { object, how: format!("it has {more} more columns") })
}
