//! What the doctor found of a MySQL or MariaDB database.

use super::list;
use crate::output::Style;
use crate::render::facts::Facts;
use offshoot::doctor::MysqlReport;
use serde_json::{Value, json};

/// For people.
pub(super) fn told(report: &MysqlReport, style: Style) -> String {
    let mut facts = Facts::default();
    facts.add("server", &report.server_version);
    facts.add("database", format!("{}, {}", report.database, report.encoding));
    facts.add("user", &report.user);
    facts.add("capture", if report.is_ready() { "can begin" } else { "cannot begin: see below" });
    facts.add("one state", &report.method);
    list(&mut facts, "cannot be read", &report.missing, style);
    list(&mut facts, "what grants it", &report.grants, style);
    let old = report.old_transactions.iter();
    let old = old.map(|(id, seconds)| format!("session {id}, {}", offshoot::amounts::span(seconds * 1000)));
    list(&mut facts, "transactions open for more than a minute", &old.collect::<Vec<_>>(), style);
    list(&mut facts, "tables without snapshots, locked while they are read", &report.without_snapshots, style);
    list(&mut facts, "tables without a key, ordered by all columns", &report.keyless_tables, style);
    facts.finish()
}

/// For programs.
pub(super) fn in_json(report: &MysqlReport) -> Value {
    let old = report.old_transactions.iter().map(|(id, seconds)| json!({ "session": id, "seconds": seconds }));
    json!({
        "ready": report.is_ready(),
        "server_version": report.server_version,
        "database": report.database,
        "encoding": report.encoding,
        "user": report.user,
        "method": report.method,
        "missing": report.missing,
        "grants": report.grants,
        "without_snapshots": report.without_snapshots,
        "keyless_tables": report.keyless_tables,
        "old_transactions": old.collect::<Vec<_>>(),
    })
}
