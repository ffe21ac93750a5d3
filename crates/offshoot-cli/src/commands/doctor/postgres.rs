//! What the doctor found of a Postgres database.

use super::list;
use crate::output::Style;
use crate::render::facts::Facts;
use offshoot::doctor::PostgresReport;
use serde_json::{Value, json};

/// For people.
pub(super) fn told(report: &PostgresReport, style: Style) -> String {
    let mut facts = Facts::default();
    facts.add("server", &report.server_version);
    facts.add("database", format!("{}, {}", report.database, report.encoding));
    facts.add("role", &report.role);
    if report.is_standby {
        facts.add("standby", "yes: conflicts with its recovery are tried again");
    }
    facts.add("wal_level", &report.wal_level);
    if let Some(program) = &report.pg_dump {
        facts.add("pg_dump", program.display().to_string());
    }
    facts.add("capture", if report.is_ready() { "can begin" } else { "cannot begin: see below" });
    list(&mut facts, "cannot be read", &report.missing, style);
    list(&mut facts, "what grants it", &report.grants, style);
    list(&mut facts, "no pg_dump", report.no_pg_dump.as_slice(), style);
    let locks =
        report.locks.iter().map(|(pid, table)| format!("process {pid} has or wants an exclusive lock on {table}"));
    list(&mut facts, "locks that a capture would wait for", &locks.collect::<Vec<_>>(), style);
    let old = report.old_transactions.iter();
    let old = old.map(|(pid, seconds)| format!("process {pid}, {}", offshoot::amounts::span(seconds * 1000)));
    list(&mut facts, "transactions open for more than a minute", &old.collect::<Vec<_>>(), style);
    if report.is_standby {
        list(&mut facts, "unlogged tables, whose rows a standby does not have", &report.unlogged, style);
    }
    let text = report.text_tables.iter().map(|(table, kind)| format!("{table}: {kind} has no binary form"));
    list(&mut facts, "tables that are read as text", &text.collect::<Vec<_>>(), style);
    list(&mut facts, "tables without a key, ordered by all columns", &report.keyless_tables, style);
    facts.finish()
}

/// For programs.
pub(super) fn in_json(report: &PostgresReport) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Vec<Value> {
        pairs.iter().map(|(table, kind)| json!({ "table": table, "type": kind })).collect()
    };
    let locks = report.locks.iter().map(|(pid, table)| json!({ "pid": pid, "table": table }));
    let old = report.old_transactions.iter().map(|(pid, seconds)| json!({ "pid": pid, "seconds": seconds }));
    json!({
        "ready": report.is_ready(),
        "server_version": report.server_version,
        "database": report.database,
        "encoding": report.encoding,
        "role": report.role,
        "is_standby": report.is_standby,
        "wal_level": report.wal_level,
        "missing": report.missing,
        "grants": report.grants,
        "pg_dump": report.pg_dump.as_ref().map(|program| program.display().to_string()),
        "no_pg_dump": report.no_pg_dump,
        "unlogged": report.unlogged,
        "text_tables": pairs(&report.text_tables),
        "keyless_tables": report.keyless_tables,
        "locks": locks.collect::<Vec<_>>(),
        "old_transactions": old.collect::<Vec<_>>(),
    })
}
