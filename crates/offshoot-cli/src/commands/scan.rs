//! `offshoot scan`: look for personal data in a live database and propose a policy.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, note, warn};
use clap::Args;
use offshoot::amounts::{count, counted};
use offshoot::{ErrorKind, ScanOptions, ScanReport};
use serde_json::{Value, json};
use std::io::{ErrorKind as Io, Write as _};
use std::path::{Path, PathBuf};

/// Look for personal data in a live database, and propose a policy
#[derive(Debug, Args)]
pub struct Scan {
    /// The database, as psql takes it
    #[arg(value_name = "URL")]
    url: String,
    /// Write the policy to this new file instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Scan {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let connection = context.connection(&self.url)?;
        if let Some(path) = self.out.as_deref().filter(|path| path.symlink_metadata().is_ok()) {
            return Err(exists(path));
        }
        let report = offshoot::scan(&connection, &ScanOptions::default(), &context.control())?;
        crate::progress::end();
        for (table, why) in &report.unread {
            warn(&format!("{table} was not looked into: {why}"));
        }
        for column in report.undecided() {
            warn(&format!(
                "{}.{}.{} looks personal, and its constraints refuse every rule that changes it: it has no rule yet, and a capture \
                 refuses until it has one",
                column.schema, column.table, column.column
            ));
        }
        let text = match &self.out {
            Some(path) => {
                write_new(path, &report.policy)?;
                format!("{}\n", summary(&report, path))
            }
            None => report.policy.clone(),
        };
        if self.out.is_none() && !context.globals.quiet {
            note(&found(&report));
        }
        Ok(Report::done(text, in_json(&report, self.out.as_deref())))
    }
}

fn exists(path: &Path) -> Failure {
    let message = format!("{} exists already, and is not overwritten", path.display());
    Failure::new(ErrorKind::Conflict, message, "name a new file with --out, or leave --out away and compare the two")
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(
        |error| if error.kind() == Io::AlreadyExists { exists(path) } else { Failure::io("write", path, &error) },
    )
}

fn found(report: &ScanReport) -> String {
    let columns = counted(report.columns.len() as u64, "column");
    let of = format!("{} in {}", counted(report.rows, "row"), counted(report.tables as u64, "table"));
    format!("{} of {columns} hold personal data, by {of}", count(report.personal() as u64))
}

fn summary(report: &ScanReport, path: &Path) -> String {
    format!("wrote {}: {}; read it before it is used", path.display(), found(report))
}

fn in_json(report: &ScanReport, out: Option<&Path>) -> Value {
    let columns = report.columns.iter().map(|column| {
        json!({
            "schema": column.schema,
            "table": column.table,
            "column": column.column,
            "rule": column.rule,
            "personal": column.personal,
            "confidence": column.confidence,
            "evidence": column.evidence,
            "refused": column.refused,
        })
    });
    let unread = report.unread.iter().map(|(table, why)| json!({ "table": table, "why": why }));
    json!({
        "policy": report.policy,
        "out": out.map(|path| path.display().to_string()),
        "tables": report.tables,
        "rows": report.rows,
        "personal": report.personal(),
        "undecided": report.undecided().count(),
        "columns": columns.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    })
}
