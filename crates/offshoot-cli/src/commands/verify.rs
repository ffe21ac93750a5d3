//! `offshoot verify`: check the store, or compare a snapshot with a live database.

use super::Outcome;
use crate::context::Context;
use crate::failure::code;
use crate::output::Report;
use crate::render::comparison;
use crate::render::text::plain_line;
use crate::{surroundings, values};
use clap::Args;
use offshoot::amounts::{bytes, count, counted};
use offshoot::manifest::Trust;
use offshoot::{Affected, CaptureOptions, Depth, Mended, VerifyReport};
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Check the store, or compare a snapshot with a live database
#[derive(Debug, Args)]
pub struct Verify {
    /// Only what this snapshot needs; the one to compare with --against
    #[arg(value_name = "SNAPSHOT")]
    snapshot: Option<String>,
    /// Only the structure; no row is read
    #[arg(long, conflicts_with = "against")]
    quick: bool,
    /// Make damaged parts of the index again, and let the next capture write again what damaged packs hold
    #[arg(long, conflicts_with = "against")]
    mend: bool,
    /// Compare the snapshot with this live database, table by table, and name the tables that differ
    #[arg(long, value_name = "URL", requires = "snapshot")]
    against: Option<String>,
    /// The policy that the snapshot was scrubbed by [default: that of the project's offshoot.toml]
    #[arg(long, value_name = "FILE", requires = "against")]
    policy: Option<PathBuf>,
    /// The most bytes of values that are read of the live database in a second [default: all that come]
    #[arg(long, value_name = "BYTES", value_parser = values::rate, requires = "against")]
    max_rate: Option<NonZeroU64>,
}

impl Verify {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        if let (Some(snapshot), Some(url)) = (&self.snapshot, &self.against) {
            let connection = context.connection(url)?;
            let scrub = match store.snapshot(snapshot)?.manifest.trust {
                Trust::Scrubbed { .. } => context.scrub(self.policy.as_deref())?,
                Trust::Raw => None,
            };
            let options = CaptureOptions {
                scrub,
                max_rate: self.max_rate,
                pg_dump: surroundings::pg_dump_programs(),
                ..CaptureOptions::default()
            };
            return Ok(comparison::report(&store.verify_against(
                snapshot,
                &connection,
                &options,
                &context.control(),
            )?));
        }
        let depth = if self.quick { Depth::Quick } else { Depth::Full };
        let report = store.verify(self.snapshot.as_deref(), depth, &context.control())?;
        let mended = if self.mend { Some(store.mend(&report)?) } else { None };
        let json = json!({
            "snapshots": report.snapshots,
            "packs": report.packs,
            "leaves": report.leaves,
            "condemned_packs": report.condemned_packs,
            "bytes": report.bytes,
            "sound": report.is_sound(),
            "problems": problems(&report),
            "mended": mended.map(|mended| {
                json!({
                    "replaced_segments": mended.replaced_segments,
                    "indexed_packs": mended.indexed_packs,
                    "condemned_packs": mended.condemned_packs,
                })
            }),
        });
        let exit = if report.is_sound() { code::DONE } else { code::FOUND };
        Ok(Report::done(told(&report, mended), json).with_code(exit))
    }
}

fn told(report: &VerifyReport, mended: Option<Mended>) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&format!("{}: {}\n", plain_line(&problem.object), plain_line(&problem.why)));
        for affected in &problem.affected {
            text.push_str(&format!("  affects {}\n", plain_line(&place(affected))));
        }
    }
    let (snapshots, packs) = (counted(report.snapshots as u64, "snapshot"), counted(report.packs as u64, "pack"));
    text.push_str(&format!("checked {snapshots}, {packs}, {}", bytes(report.bytes)));
    if report.leaves > 0 {
        text.push_str(&format!(
            ", {} {}",
            count(report.leaves as u64),
            if report.leaves == 1 { "leaf" } else { "leaves" }
        ));
    }
    match report.problems.len() {
        0 => text.push_str(": sound\n"),
        problems => text.push_str(&format!(": {}\n", counted(problems as u64, "problem"))),
    }
    if report.leaves == 0 && report.condemned_packs > 0 {
        let packs = counted(report.condemned_packs as u64, "pack");
        text.push_str(&format!(
            "{packs} that nothing new relies on were not looked at: a full check says what of them is needed\n"
        ));
    }
    match mended {
        Some(mended) => text.push_str(&what_was_mended(mended)),
        None if report.is_sound() => {}
        None => text.push_str(
            "what to do: `offshoot verify --mend`, then capture again: what the new snapshot shares with damaged ones is written \
             anew. What stays damaged then can only be forgotten\n",
        ),
    }
    text
}

fn what_was_mended(Mended { replaced_segments, indexed_packs, condemned_packs }: Mended) -> String {
    let mut text = String::new();
    if replaced_segments + indexed_packs > 0 {
        let segments = counted(replaced_segments as u64, "damaged segment");
        let packs = counted(indexed_packs as u64, "pack");
        text.push_str(&format!(
            "mended: {segments} of the index went, and it says again what {packs} hold; check again\n"
        ));
    }
    if condemned_packs > 0 {
        let packs = counted(condemned_packs as u64, "pack");
        text.push_str(&format!(
            "mended: {packs} with damage are relied on no longer. Capture again: what the new snapshot shares with them is \
             written anew; then check again, and forget what is still damaged\n"
        ));
    }
    if text.is_empty() {
        text.push_str("there was nothing that could be mended\n");
    }
    text
}

fn place(affected: &Affected) -> String {
    let mut text = format!("snapshot {}", affected.snapshot);
    if let Some(table) = &affected.table {
        text.push_str(&format!(", table {table}"));
    }
    if let Some(column) = &affected.column {
        text.push_str(&format!(", column {column}"));
    }
    text
}

fn problems(report: &VerifyReport) -> Vec<Value> {
    let affected = |affected: &Affected| {
        json!({
            "snapshot": affected.snapshot.to_string(), "table": affected.table, "column": affected.column,
        })
    };
    let problem = |problem: &offshoot::Damage| {
        let affected: Vec<Value> = problem.affected.iter().map(affected).collect();
        json!({ "object": problem.object, "why": problem.why, "affected": affected })
    };
    report.problems.iter().map(problem).collect()
}
