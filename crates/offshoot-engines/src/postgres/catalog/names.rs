//! Names that are in no known encoding: a database in SQL_ASCII takes any bytes for a name, and a snapshot keeps names as
//! Unicode.
//!
//! They are looked for before anything else is read, because the server refuses to send them and does not say what they
//! are names of. Only names, comments and bodies of functions are looked at; what else may hold such bytes (defaults, views)
//! is refused by the server when it is read.

use crate::error::{EngineError, Result, refused};
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// Objects that are named; the rest is counted.
const NAMED_MAX: usize = 10;

/// What it is, of which other object, and its name or text, both as bytes; only where a byte is not ASCII.
const QUERY: &str = "
WITH named (kind, of, name) AS (
  SELECT 'schema', NULL, nspname::text FROM pg_catalog.pg_namespace
  UNION ALL SELECT CASE c.relkind WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
      WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' ELSE 'table' END, NULL, c.relname::text
    FROM pg_catalog.pg_class c WHERE c.relkind <> 't'
  UNION ALL SELECT 'column', c.relname::text, a.attname::text FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') WHERE NOT a.attisdropped
  UNION ALL SELECT 'constraint', c.relname::text, k.conname::text FROM pg_catalog.pg_constraint k
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  UNION ALL SELECT 'trigger', c.relname::text, t.tgname::text FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  UNION ALL SELECT 'type', NULL, t.typname::text FROM pg_catalog.pg_type t WHERE t.typtype <> 'c' AND t.typelem = 0
  UNION ALL SELECT 'label', t.typname::text, e.enumlabel::text FROM pg_catalog.pg_enum e
    JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
  UNION ALL SELECT 'function', NULL, p.proname::text FROM pg_catalog.pg_proc p
  UNION ALL SELECT 'body', p.proname::text, p.prosrc FROM pg_catalog.pg_proc p
  UNION ALL SELECT 'comment', COALESCE(c.relname::text, 'another object'), d.description FROM pg_catalog.pg_description d
    LEFT JOIN pg_catalog.pg_class c ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objoid
  UNION ALL SELECT 'role', NULL, r.rolname::text FROM pg_catalog.pg_roles r),
bytes (kind, of, name) AS (
  SELECT kind, pg_catalog.convert_to(of, 'SQL_ASCII'), pg_catalog.convert_to(name, 'SQL_ASCII') FROM named)
SELECT kind, of, name FROM bytes WHERE pg_catalog.encode(name, 'escape') ~ '\\\\[23][0-7][0-7]' ORDER BY 1, 2, 3";

/// Refuses a database that has them.
///
/// # Errors
/// `NotUnicode` with the objects, or the server's refusal.
pub async fn check(client: &Client) -> Result<()> {
    let doing = "look for names that are not Unicode";
    let encoding = client.query_one("SELECT pg_catalog.current_setting('server_encoding')", &[]).await;
    if encoding.map_err(refused(doing))?.get::<_, &str>(0) != "SQL_ASCII" {
        return Ok(());
    }
    let mut objects = BTreeSet::new();
    for row in client.query(QUERY, &[]).await.map_err(refused(doing))? {
        let (kind, of, name): (&str, Option<&[u8]>, &[u8]) = (row.get(0), row.get(1), row.get(2));
        if std::str::from_utf8(name).is_err() {
            objects.insert(shown(kind, of, name));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    let count = objects.len();
    Err(EngineError::NotUnicode { objects: objects.into_iter().take(NAMED_MAX).collect(), count })
}

/// A text is not shown: its object says enough.
fn shown(kind: &str, of: Option<&[u8]>, name: &[u8]) -> String {
    match of {
        Some(of) if ["body", "comment"].contains(&kind) => format!("{kind} of {}", of.escape_ascii()),
        Some(of) => format!("{kind} {} of {}", name.escape_ascii(), of.escape_ascii()),
        None => format!("{kind} {}", name.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_escaped_and_texts_are_not_shown() {
        assert_eq!(shown("table", None, b"t\xe9\n"), "table t\\xe9\\n");
        assert_eq!(shown("column", Some(b"\xff"), b"c\xe9"), "column c\\xe9 of \\xff");
        assert_eq!(shown("comment", Some(b"t"), b"caf\xe9"), "comment of t");
    }
}
