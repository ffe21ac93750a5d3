//! The mark of an unfinished restore: a schema that nobody overlooks, with one row that says what was going on.
//!
//! It lives in the target itself, so that it survives whoever was restoring, and goes in the last step.

use super::{MARK_SCHEMA, PostgresSession, appended};
use crate::error::Result;
use crate::postgres::quote::{ident, literal};
use offshoot_core::target::Mark;

/// The session does not wait for the disk when it commits; here it must. What was committed before is then on it, too: a
/// crash never leaves objects without the mark, and takes nothing from what was said to be restored.
const DURABLY: &str = "SET LOCAL synchronous_commit = on";

impl PostgresSession<'_> {
    /// Sets the mark, or replaces it.
    pub(super) fn put_mark(&self, mark: &Mark) -> Result<()> {
        let list = |names: &[String]| names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
        let schema = ident(MARK_SCHEMA);
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};\n\
             CREATE TABLE IF NOT EXISTS {schema}.restore (snapshot text, step text, extensions text[], roles text[]);\n\
             CREATE TABLE IF NOT EXISTS {} {};\n\
             DELETE FROM {schema}.restore;\n\
             INSERT INTO {schema}.restore VALUES ({}, {}, ARRAY[{}]::text[], ARRAY[{}]::text[]);\n\
             COMMENT ON SCHEMA {schema} IS {}",
            appended::table(),
            appended::COLUMNS,
            literal(&mark.snapshot),
            literal(&mark.step),
            list(&mark.extensions),
            list(&mark.roles),
            literal(&format!(
                "This database is incomplete: a restore of snapshot {} did not end (step: {}). Run the restore again; it starts over.",
                mark.snapshot, mark.step
            )),
        );
        self.durably("mark the target as incomplete", &sql)
    }

    /// Removes the mark and all that was put beside it.
    pub(super) fn drop_mark(&self) -> Result<()> {
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", ident(MARK_SCHEMA));
        self.durably("remove the mark of an incomplete target", &sql)
    }

    fn durably(&self, doing: &str, sql: &str) -> Result<()> {
        self.run(doing, &format!("BEGIN;\n{DURABLY}"))?;
        let wake = self.silence_event_triggers(doing);
        wake.and_then(|wake| self.run(doing, &format!("{sql};\n{wake}COMMIT"))).inspect_err(|_| {
            let _ = self.run("give up", "ROLLBACK");
        })
    }

    /// The mark, if there is one.
    pub(super) fn read_mark(&self) -> Result<Option<Mark>> {
        let doing = "look for the mark of an unfinished restore";
        let sql = "SELECT pg_catalog.to_regclass($1::pg_catalog.text) IS NOT NULL, pg_catalog.to_regnamespace($2::pg_catalog.text) IS NOT NULL";
        let table = format!("{}.restore", ident(MARK_SCHEMA));
        let found = self.query(doing, sql, &[&table, &ident(MARK_SCHEMA)])?;
        let Some((has_table, has_schema)) = found.first().map(|row| (row.get::<_, bool>(0), row.get::<_, bool>(1)))
        else {
            return Ok(None);
        };
        let rows = if has_table {
            self.query(doing, &format!("SELECT snapshot, step, extensions, roles FROM {table}"), &[])?
        } else {
            Vec::new()
        };
        let mark = rows.first().map(|row| Mark {
            snapshot: row.get(0),
            step: row.get(1),
            extensions: row.get(2),
            roles: row.get(3),
        });
        // A schema of this name without a row is no mark of ours; it is an object like others.
        Ok(mark.filter(|_| has_schema))
    }
}
