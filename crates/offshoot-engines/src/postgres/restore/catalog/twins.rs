//! Whether what a statement says is what is there, asked of the server itself: the statement is run once more under
//! another name, in a transaction that is undone, and both are compared as the server has them.
//!
//! No reading of a statement can tell this. Servers of another version print definitions otherwise, and even the same
//! server prints some otherwise after they were read again: `status IN ('a', 'b')` of a `varchar` column is printed with
//! the array cast as a whole, and that, read again, with each element cast.
//!
//! A twin lives in the schema of the mark. Event triggers are silent meanwhile, where that is allowed.

mod policies;
mod properties;
mod statements;

use super::super::{MARK_SCHEMA, PostgresSession};
use super::{Key, normal};
use crate::error::Result;
use crate::postgres::quote::{literal, qualified};

const TWIN: &str = "twin";

impl PostgresSession<'_> {
    /// Whether the server prints the definition of what `sql` makes as it prints that of what is there.
    pub(super) fn is_same_definition(&self, key: &Key, sql: &str, there: &str) -> Result<bool> {
        let (kind, schema, within, name) = key;
        let twin = qualified(MARK_SCHEMA, TWIN);
        let Some(twin_sql) = statements::of_another_relation(sql, &twin) else { return Ok(false) };
        let on_table = format!("= {}::pg_catalog.regclass", literal(&twin));
        let definition = match kind.as_str() {
            "view" | "materialized view" => {
                format!("pg_catalog.pg_get_viewdef({}::pg_catalog.regclass)", literal(&twin))
            }
            "index" => {
                format!("pg_catalog.pg_get_indexdef({}::pg_catalog.regclass)", literal(&qualified(MARK_SCHEMA, name)))
            }
            "constraint" => format!(
                "(SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint WHERE conrelid {on_table} AND conname = {})",
                literal(name)
            ),
            "trigger" => format!(
                "(SELECT pg_catalog.pg_get_triggerdef(oid, false) FROM pg_catalog.pg_trigger WHERE tgrelid {on_table} AND tgname = {})",
                literal(name)
            ),
            "statistics" => format!(
                "(SELECT pg_catalog.pg_get_statisticsobjdef(oid) FROM pg_catalog.pg_statistic_ext WHERE stxname = {} \
                 AND stxnamespace = {}::pg_catalog.regnamespace)",
                literal(TWIN),
                literal(MARK_SCHEMA)
            ),
            "rule" => format!(
                "(SELECT pg_catalog.pg_get_ruledef(oid) FROM pg_catalog.pg_rewrite WHERE ev_class {on_table} AND rulename = {})",
                literal(name)
            ),
            _ => return Ok(false),
        };
        // The table that it is on: that of an index is known to the catalog only.
        let real = match kind.as_str() {
            "index" => format!(
                "(SELECT indrelid::pg_catalog.regclass FROM pg_catalog.pg_index WHERE indexrelid = {}::pg_catalog.regclass)",
                literal(&qualified(schema, name))
            ),
            "statistics" => format!(
                "pg_catalog.quote_ident({}) || '.' || pg_catalog.quote_ident({})",
                literal(schema),
                literal(name)
            ),
            _ if within.is_empty() => format!("{}::pg_catalog.regclass", literal(&qualified(schema, name))),
            _ => format!("{}::pg_catalog.regclass", literal(&qualified(schema, within))),
        };
        let printed = self.undone("compare a definition", || {
            let doing = "compare a definition";
            let rows = self.query(doing, &format!("SELECT ({real})::text"), &[])?;
            let real: String = rows.first().map_or_else(String::new, |row| row.get(0));
            // What is no relation, and is not on one of its own, goes by the table's name.
            if !kind.ends_with("view") && kind != "statistics" {
                self.run(doing, &format!("CREATE TABLE {twin} (LIKE {real})"))?;
            }
            self.run(doing, &twin_sql)?;
            let rows = self.query(doing, &format!("SELECT {definition}"), &[])?;
            let printed: Option<String> = rows.first().and_then(|row| row.get(0));
            let twin = format!("{MARK_SCHEMA}.{TWIN}");
            Ok(printed.map(|printed| printed.replacen(&twin, &real, 1)))
        })?;
        let without_only = |text: &str| normal(text).replacen(" ON ONLY ", " ON ", 1);
        Ok(printed.is_some_and(|printed| without_only(&printed) == without_only(there)))
    }

    /// Does something in a transaction that is undone. A statement that the server refuses gives nothing.
    fn undone<T>(&self, doing: &str, work: impl FnOnce() -> Result<Option<T>>) -> Result<Option<T>> {
        self.run(doing, "BEGIN")?;
        let outcome = self.silence_event_triggers(doing).and_then(|_| work());
        self.run(doing, "ROLLBACK")?;
        match outcome {
            Err(error) if error.code().is_some() => {
                tracing::debug!(doing, code = error.code(), "no twin could be made");
                Ok(None)
            }
            outcome => outcome,
        }
    }
}
