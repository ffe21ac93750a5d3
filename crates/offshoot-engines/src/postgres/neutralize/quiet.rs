//! Keeps what fires even for a replica from firing at one table: triggers and rules of the kinds ALWAYS and REPLICA.

use super::tables::Table;
use super::work::Work;
use crate::error::Result;
use crate::postgres::quote::ident;

const LIST: &str = "
SELECT 'TRIGGER', t.tgname::pg_catalog.text, t.tgenabled = 'A' FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = $1 AND t.tgenabled IN ('A', 'R')
UNION ALL
SELECT 'RULE', r.rulename::pg_catalog.text, r.ev_enabled = 'A' FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = $1 AND r.ev_enabled IN ('A', 'R')
ORDER BY 1, 2";

/// Disables them, and gives the statements that enable them again.
pub async fn silence(work: &Work<'_>, table: &Table) -> Result<Vec<String>> {
    let mut back = Vec::new();
    for row in work.query("list a table's triggers", LIST, &[&table.oid]).await? {
        let (kind, name): (String, String) = (row.get(0), ident(row.get(1)));
        let when = if row.get(2) { "ALWAYS" } else { "REPLICA" };
        let alter = format!("ALTER TABLE ONLY {}", table.quoted());
        work.run("disable a trigger", &format!("{alter} DISABLE {kind} {name}")).await?;
        back.push(format!("{alter} ENABLE {when} {kind} {name}"));
    }
    Ok(back)
}

/// Enables them again.
pub async fn restore(work: &Work<'_>, back: Vec<String>) -> Result<()> {
    for sql in back {
        work.run("enable a trigger", &sql).await?;
    }
    Ok(())
}
