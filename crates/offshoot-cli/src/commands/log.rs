//! `offshoot log`: one line a snapshot, newest first.

use super::Outcome;
use crate::context::Context;
use crate::output::Report;
use crate::render::table::{Align, Table};
use clap::Args;
use offshoot::Summary;
use offshoot::amounts::{bytes, count, moment, percent};
use serde_json::{Value, json};

/// Fewest digits of a snapshot's hash that are shown.
const DIGITS_MIN: usize = 12;

/// List snapshots
#[derive(Debug, Args)]
pub struct Log {
    /// The newest of the lineage to list; without it, all snapshots of the store
    #[arg(value_name = "REF")]
    name: Option<String>,
}

impl Log {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let log = store.log(self.name.as_deref())?;
        let json = json!({ "store": store.place(), "snapshots": log.iter().map(in_json).collect::<Vec<_>>() });
        if log.is_empty() {
            return Ok(Report::done(format!("no snapshots in {}\n", store.place()), json));
        }
        let digits = digits_shown(&log);
        let mut table = Table::new(&[
            ("SNAPSHOT", Align::Left),
            ("TAKEN (UTC)", Align::Left),
            ("DATABASE", Align::Left),
            ("ROWS", Align::Right),
            ("LOGICAL", Align::Right),
            ("STORED", Align::Right),
            ("ADDED", Align::Right),
            ("REUSED", Align::Right),
            ("NAMES", Align::Left),
        ]);
        for entry in &log {
            table.push([
                entry.id.to_string()[..digits].to_owned(),
                moment(entry.taken_unix_ms),
                entry.database.clone(),
                count(entry.rows),
                bytes(entry.logical_bytes),
                bytes(entry.stored_bytes),
                bytes(entry.added_bytes),
                percent(entry.reused_share),
                names(entry),
            ]);
        }
        Ok(Report::done(table.render(context.style), json))
    }
}

fn names(entry: &Summary) -> String {
    let tags = entry.tags.iter().map(|tag| format!("tag:{tag}"));
    entry.refs.iter().cloned().chain(tags).collect::<Vec<_>>().join(", ")
}

/// Digits by which all snapshots of the list can be told apart.
fn digits_shown(log: &[Summary]) -> usize {
    let mut ids: Vec<String> = log.iter().map(|entry| entry.id.to_string()).collect();
    ids.sort_unstable();
    let shared = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    let most = ids.windows(2).map(shared).max().unwrap_or(0);
    (most + 1).clamp(DIGITS_MIN, 64)
}

/// A line of the list for programs.
pub fn in_json(entry: &Summary) -> Value {
    json!({
        "snapshot": entry.id.to_string(),
        "content_root": entry.content_root.to_string(),
        "parent": entry.parent.map(|id| id.to_string()),
        "refs": entry.refs,
        "tags": entry.tags,
        "taken_unix_ms": entry.taken_unix_ms,
        "database": entry.database,
        "scrubbed": entry.is_scrubbed,
        "tables": entry.tables,
        "rows": entry.rows,
        "logical_bytes": entry.logical_bytes,
        "stored_bytes": entry.stored_bytes,
        "added_bytes": entry.added_bytes,
        "reused_share": entry.reused_share,
        "seconds": entry.millis as f64 / 1000.0,
    })
}
