//! `offshoot doctor`: whether a database can be captured, and what is missing.

use super::Outcome;
use crate::context::Context;
use crate::failure::{Failure, code};
use crate::output::{Report, Style};
use crate::render::facts::Facts;
use crate::{parity, surroundings};
use clap::Args;
use offshoot::DoctorReport;
use serde_json::{Value, json};

/// Say whether a database can be captured and what is missing, or how a branch differs from production
#[derive(Debug, Args)]
pub struct Doctor {
    /// The database, as psql takes it, or a branch
    #[arg(value_name = "URL|BRANCH")]
    url: String,
    /// Exit with 5 if a capture could not succeed, or the branch drifts
    #[arg(long)]
    strict: bool,
}

impl Doctor {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if let Some(report) = self.of_branch(context)? {
            return Ok(report);
        }
        let connection = context.connection(&self.url)?;
        let report = connection.doctor(&surroundings::pg_dump_programs())?;
        let exit = if self.strict && !report.is_ready() { code::FOUND } else { code::DONE };
        Ok(Report::done(told(&report, context.style), in_json(&report)).with_code(exit))
    }
}

impl Doctor {
    /// The report of a branch, if the word is the name of one; a URL never is, and where there is no store there is none.
    fn of_branch(&self, context: &Context) -> Result<Option<Report>, Failure> {
        if self.url.contains("://") || self.url.contains('=') || context.open_store().is_err() {
            return Ok(None);
        }
        let branches = context.branches(true)?;
        if !branches.list()?.iter().any(|branch| branch.name.as_str() == self.url) {
            return Ok(None);
        }
        let parity = parity::of_branch(context, &branches, &self.url)?;
        let exit = if self.strict && parity.drift().next().is_some() { code::FOUND } else { code::DONE };
        let json = json!({ "branch": self.url, "parity": parity.rows, "notes": parity.notes });
        Ok(Some(Report::done(parity::table(&parity, context.style), json).with_code(exit)))
    }
}

fn told(report: &DoctorReport, style: Style) -> String {
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

fn list(facts: &mut Facts, head: &str, lines: &[String], style: Style) {
    if lines.is_empty() {
        return;
    }
    facts.section(head, style);
    for line in lines {
        facts.block(&format!("{}\n", crate::render::text::plain_line(line)));
    }
}

fn in_json(report: &DoctorReport) -> Value {
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
