//! What columns' types are at bottom: domains resolved, elements of arrays named, labels and constraints with them.

use super::checks::{Demand, DomainCheck};
use crate::error::{Result, refused};
use crate::postgres::types::FIRST_UNSTABLE_OID;
use offshoot_format::facts::ColumnFacts;
use std::collections::HashMap;
use tokio_postgres::Client;

/// Domains over domains are this deep at most; more is a damaged catalog.
const DEPTH_MAX: usize = 64;

/// The name is qualified where it would be taken for one of PostgreSQL's own types, or for citext.
const TYPES: &str = "
SELECT t.oid,
       CASE WHEN t.oid >= $2 AND (
              EXISTS (SELECT FROM pg_catalog.pg_type o JOIN pg_catalog.pg_namespace s ON s.oid = o.typnamespace
                      WHERE s.nspname = 'pg_catalog' AND o.typname = t.typname AND o.oid <> t.oid)
              OR t.typname = 'citext' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
                  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname = 'citext'))
            THEN n.nspname || '.' || t.typname ELSE t.typname::pg_catalog.text END,
       t.typname::pg_catalog.text, t.typtype = 'd', t.typbasetype, t.typtypmod, t.typnotnull,
       CASE WHEN t.typsend = 'pg_catalog.array_send'::pg_catalog.regproc THEN t.typelem ELSE 0::pg_catalog.oid END,
       ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
       ARRAY(SELECT k.conname::pg_catalog.text FROM pg_catalog.pg_constraint k
             WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname COLLATE \"C\"),
       ARRAY(SELECT pg_catalog.pg_get_expr(k.conbin, 0) FROM pg_catalog.pg_constraint k
             WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname COLLATE \"C\"),
       EXISTS (SELECT FROM pg_catalog.pg_collation l WHERE l.oid = t.typcollation AND NOT l.collisdeterministic)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = ANY ($1)";

/// Fields of composite types.
const FIELDS: &str = "
SELECT t.oid, a.attname::pg_catalog.text, a.atttypid, a.atttypmod
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
WHERE t.oid = ANY ($1) AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.oid, a.attnum";

struct Node {
    name: String,
    bare_name: String,
    is_domain: bool,
    base: u32,
    modifier: i32,
    is_not_null: bool,
    element: u32,
    labels: Vec<String>,
    checks: Vec<DomainCheck>,
    /// Of a composite: names, types and modifiers.
    fields: Vec<(String, u32, i32)>,
}

/// The types of some columns.
pub struct Types(HashMap<u32, Node>);

/// What a column's type is at bottom.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Its bare name, `_` before it for an array.
    pub type_name: String,
    /// The domain that the column is declared with.
    pub domain: Option<String>,
    /// Whether a domain forbids NULL.
    pub is_not_null: bool,
    /// The most characters of a value, or of an element.
    pub chars_max: Option<u32>,
    /// Labels of an enum.
    pub labels: Vec<String>,
    /// Constraints of domains.
    pub checks: Vec<DomainCheck>,
    /// Fields of a composite, or of the elements of an array.
    pub fields: Vec<ColumnFacts>,
}

impl Types {
    /// Reads these types and what they are made of.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn load(client: &Client, oids: impl IntoIterator<Item = u32>) -> Result<Self> {
        let mut nodes: HashMap<u32, Node> = HashMap::new();
        let mut wanted: Vec<u32> = oids.into_iter().collect();
        for _depth in 0..DEPTH_MAX {
            wanted.sort_unstable();
            wanted.dedup();
            wanted.retain(|oid| *oid != 0 && !nodes.contains_key(oid));
            if wanted.is_empty() {
                break;
            }
            let rows = client.query(TYPES, &[&wanted, &FIRST_UNSTABLE_OID]).await.map_err(refused("describe types"))?;
            let fields = client.query(FIELDS, &[&wanted]).await.map_err(refused("describe types"))?;
            wanted.clear();
            for row in &rows {
                let (names, expressions): (Vec<String>, Vec<Option<String>>) = (row.get(9), row.get(10));
                let is_loose = row.get(11);
                let checks = names.into_iter().zip(expressions).map(|(name, expression)| DomainCheck {
                    name,
                    expression: expression.unwrap_or_default(),
                    is_loose,
                });
                let node = Node {
                    name: row.get(1),
                    bare_name: row.get(2),
                    is_domain: row.get(3),
                    base: row.get(4),
                    modifier: row.get(5),
                    is_not_null: row.get(6),
                    element: row.get(7),
                    labels: row.get(8),
                    checks: checks.collect(),
                    fields: Vec::new(),
                };
                wanted.extend([node.base, node.element]);
                nodes.insert(row.get(0), node);
            }
            for row in &fields {
                if let Some(node) = nodes.get_mut(&row.get(0)) {
                    wanted.push(row.get(2));
                    node.fields.push((row.get(1), row.get(2), row.get(3)));
                }
            }
        }
        Ok(Self(nodes))
    }

    /// What a type with a modifier is at bottom.
    #[must_use]
    pub fn resolve(&self, oid: u32, modifier: i32) -> Resolved {
        self.resolve_at(oid, modifier, 0)
    }

    fn resolve_at(&self, oid: u32, modifier: i32, depth: usize) -> Resolved {
        let domain = self.0.get(&oid).filter(|node| node.is_domain).map(|node| node.bare_name.clone());
        let mut resolved = Resolved { domain, ..Resolved::default() };
        let (oid, modifier) = self.base(oid, modifier, &mut resolved);
        let Some(node) = self.0.get(&oid) else { return resolved };
        if self.0.contains_key(&node.element) {
            // NULL in an array is no NULL in the column, and a label is no array.
            let is_not_null = resolved.is_not_null;
            let (element, modifier) = self.base(node.element, modifier, &mut resolved);
            resolved.is_not_null = is_not_null;
            let name = self.0.get(&element).map_or("", |node| node.name.as_str());
            (resolved.type_name, resolved.chars_max) = (format!("_{name}"), chars_max(name, modifier));
            resolved.fields = self.fields(element, depth);
        } else {
            resolved.type_name.clone_from(&node.name);
            resolved.labels.clone_from(&node.labels);
            resolved.chars_max = chars_max(&node.name, modifier);
            resolved.fields = self.fields(oid, depth);
            if !resolved.fields.is_empty() {
                // One that is called so is no array.
                resolved.type_name = resolved.type_name.trim_start_matches('_').to_owned();
            }
        }
        resolved
    }

    /// The fields of a composite. One that is nested deeper than anything real is taken for a type without meaning.
    fn fields(&self, oid: u32, depth: usize) -> Vec<ColumnFacts> {
        let Some(node) = self.0.get(&oid).filter(|_| depth < DEPTH_MAX) else { return Vec::new() };
        let field = |(name, oid, modifier): &(String, u32, i32)| {
            let resolved = self.resolve_at(*oid, *modifier, depth + 1);
            let mut facts = ColumnFacts {
                domain_type: resolved.domain,
                is_nullable: !resolved.is_not_null,
                max_chars: resolved.chars_max,
                labels: resolved.labels,
                fields: resolved.fields,
                ..ColumnFacts::new(name, &resolved.type_name)
            };
            let demands = resolved.checks.iter().flat_map(|check| Demand::of_domain(check, &resolved.type_name));
            demands.for_each(|demand| demand.apply(&mut facts));
            facts
        };
        node.fields.iter().map(field).collect()
    }

    /// Goes down through domains.
    fn base(&self, mut oid: u32, mut modifier: i32, resolved: &mut Resolved) -> (u32, i32) {
        while let Some(node) = self.0.get(&oid).filter(|node| node.is_domain) {
            resolved.is_not_null |= node.is_not_null;
            resolved.checks.extend(node.checks.iter().cloned());
            if modifier < 0 {
                modifier = node.modifier;
            }
            oid = node.base;
        }
        (oid, modifier)
    }
}

/// The modifier of a text type counts the length with four more.
fn chars_max(name: &str, modifier: i32) -> Option<u32> {
    match name {
        "varchar" | "bpchar" => modifier.checked_sub(4).and_then(|chars| u32::try_from(chars).ok()),
        "name" => Some(63),
        "char" => Some(1),
        _ => None,
    }
}
