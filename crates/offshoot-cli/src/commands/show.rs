//! `offshoot show`: what is known of a snapshot.

use super::Outcome;
use crate::context::Context;
use crate::output::{Report, Style};
use crate::render::facts::Facts;
use crate::render::text::qualified;
use crate::render::{lock, sizes};
use clap::Args;
use offshoot::amounts::{bytes, count, counted, moment, percent, span};
use offshoot::manifest::Trust;
use offshoot::{ErrorKind, Snapshot, Summary};
use serde_json::{Value, json};

/// Show what is known of a snapshot
#[derive(Debug, Args)]
pub struct Show {
    /// The snapshot: `prod`, `prod~2`, `prod@{2026-11-22 10:05}`, a tag, or the first digits of its hash
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
    /// Rows and sizes of each table
    #[arg(long)]
    tables: bool,
    /// Sizes of each column
    #[arg(long)]
    columns: bool,
}

impl Show {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let snapshot = store.snapshot(&self.snapshot)?;
        let summary = store.summary(&snapshot)?;
        // What is known of a snapshot is shown even if another one is damaged.
        let alone = match store.bytes_alone(&snapshot, &context.control()) {
            Ok(alone) => Some(alone),
            Err(error) if error.kind() == ErrorKind::Damaged => None,
            Err(error) => return Err(error.into()),
        };
        let style = context.style;
        let mut facts = Facts::default();
        head(&mut facts, &snapshot, &summary, alone);
        lock::add(&mut facts, &snapshot.manifest.environment, style);
        sequences(&mut facts, &snapshot, style);
        if self.tables {
            facts.section("tables", style).block(&sizes::tables(&snapshot, style));
        }
        if self.columns {
            facts.section("columns", style).block(&sizes::columns(&snapshot, style));
        }
        facts.notes("left out on purpose", &snapshot.manifest.omitted, style);
        facts.notes("not carried", &snapshot.manifest.not_carried, style);
        Ok(Report::done(facts.finish(), self.in_json(&snapshot, &summary, alone)))
    }

    fn in_json(&self, snapshot: &Snapshot, summary: &Summary, alone: Option<u64>) -> Value {
        let manifest = &snapshot.manifest;
        let mut json = super::log::in_json(summary);
        json["alone_bytes"] = json!(alone);
        json["origin"] = json!(manifest.origin);
        json["environment"] = json!(manifest.environment);
        json["sequences"] = json!(manifest.content.sequences);
        json["omitted"] = json!(manifest.omitted);
        json["not_carried"] = json!(manifest.not_carried);
        json["written_by"] = json!(manifest.written_by);
        if self.tables || self.columns {
            json["table_sizes"] = sizes::in_json(snapshot, self.columns);
        }
        json
    }
}

fn head(facts: &mut Facts, snapshot: &Snapshot, summary: &Summary, alone: Option<u64>) {
    let manifest = &snapshot.manifest;
    let origin = &manifest.origin;
    facts.add("snapshot", snapshot.id.to_string());
    facts.add_list("ref", summary.refs.iter().cloned()).add_list("tag", summary.tags.iter().cloned());
    facts.add("taken", format!("{} UTC, in {}", moment(summary.taken_unix_ms), span(summary.millis)));
    facts.add("database", format!("{} ({} system {})", origin.database, origin.engine, origin.system_id));
    if !origin.position.is_empty() {
        facts.add("position", &origin.position);
    }
    facts.add(
        "data",
        match &manifest.trust {
            Trust::Raw => "raw: rows as they are at the source".to_owned(),
            Trust::Scrubbed { policy_digest, .. } => format!("scrubbed under the policy {policy_digest}"),
        },
    );
    facts.add("content", manifest.content_root.to_string());
    facts.add("parent", summary.parent.map_or_else(|| "none".to_owned(), |id| id.to_string()));
    facts.add("rows", format!("{} in {}", count(summary.rows), counted(summary.tables, "table")));
    facts.add("logical", bytes(summary.logical_bytes));
    facts.add("stored", bytes(summary.stored_bytes));
    facts.add("added", bytes(summary.added_bytes));
    facts.add("reused", percent(summary.reused_share));
    facts.add(
        "alone",
        match alone {
            Some(alone) => format!("{}, which forgetting it and gc give back", bytes(alone)),
            None => "unknown, as a snapshot of the store is damaged; `offshoot verify` names it".to_owned(),
        },
    );
    facts.add("written by", &manifest.written_by);
}

fn sequences(facts: &mut Facts, snapshot: &Snapshot, style: Style) {
    let sequences = &snapshot.manifest.content.sequences;
    if sequences.is_empty() {
        return;
    }
    facts.section("sequences", style);
    let mut table = crate::render::table::Table::bare(2);
    for sequence in sequences {
        let next = if sequence.is_called { "last given" } else { "first to give" };
        table.push([qualified(&sequence.schema, &sequence.name), format!("{next} {}", sequence.last_value)]);
    }
    facts.block(&table.render(style));
}
