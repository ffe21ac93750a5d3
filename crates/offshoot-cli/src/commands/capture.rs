//! `offshoot capture`: take a snapshot of a live database.

use super::Outcome;
use crate::context::Context;
use crate::failure::{Failure, code};
use crate::output::{Report, Style};
use crate::render::facts::Facts;
use crate::{surroundings, values};
use clap::{Args, ValueEnum};
use offshoot::ErrorKind;
use offshoot::amounts::{bytes, count, counted, millis, percent, span};
use offshoot::scrub::Scrub;
use offshoot::{CaptureOptions, CaptureReport, Store};
use serde_json::{Value, json};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// Take a snapshot of a live database
#[derive(Debug, Args)]
pub struct Capture {
    /// The database: a URL, `keyword=value` text or a name, as psql takes it
    #[arg(value_name = "URL")]
    url: String,
    /// The ref that names the snapshot [default: the database's name]
    #[arg(long, value_name = "REF")]
    name: Option<String>,
    /// The policy that rows are scrubbed by [default: that of the project's offshoot.toml, if the store is not raw]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What to do with columns that no rule covers [default: what the policy says]
    #[arg(long, value_name = "fail|scrub", value_enum)]
    unclassified: Option<Unclassified>,
    /// Connections that read rows [default: one a core, as far as the memory allows]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// The most memory that may be used [default: 512MiB]
    #[arg(long, value_name = "BYTES", value_parser = values::size_bytes)]
    memory: Option<u64>,
    /// How long somebody may wait behind a schema change that is queued on our locks [default: 2s]
    #[arg(long, value_name = "D", value_parser = values::duration)]
    max_block: Option<Duration>,
    /// How long locks may be waited for [default: 1m]
    #[arg(long, value_name = "D", value_parser = values::duration)]
    lock_wait: Option<Duration>,
    /// How long the database's snapshot may be held [default: as long as it takes]
    #[arg(long, value_name = "D", value_parser = values::duration)]
    max_age: Option<Duration>,
    /// The most bytes of values that are read in a second, so that the source has time for others [default: all that come]
    #[arg(long, value_name = "BYTES", value_parser = values::rate)]
    max_rate: Option<NonZeroU64>,
}

/// What becomes of columns that no rule covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unclassified {
    /// The capture fails before a row is read
    Fail,
    /// Their texts go through `shape`
    Scrub,
}

impl Capture {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let connection = context.connection(&self.url)?;
        let scrub = self.scrub(context, &store)?;
        let report = store.capture(&connection, &self.options(scrub), &context.control())?;
        let carried = report.manifest.not_carried.is_empty();
        let exit = if carried { code::DONE } else { code::NOT_CARRIED };
        Ok(Report::done(told(&report, context.style), in_json(&report)).with_code(exit))
    }

    /// What rows go through. A raw store takes them as they are unless a policy is named, and says so.
    fn scrub(&self, context: &Context, store: &Store) -> Result<Option<Scrub>, Failure> {
        if store.is_raw() && self.policy.is_none() {
            if self.unclassified.is_some() {
                let message = "--unclassified is for a policy, and a raw store takes rows as they are without one";
                return Err(Failure::new(
                    ErrorKind::Usage,
                    message,
                    "name a policy with --policy FILE, or leave it away",
                ));
            }
            let place = store.place();
            crate::output::warn(&format!("{place} is a raw store: rows enter it as they are, personal data included"));
            return Ok(None);
        }
        let scrub = context.scrub(self.policy.as_deref())?;
        Ok(match self.unclassified {
            Some(unclassified) => scrub.map(|scrub| scrub.shaping_unclassified(unclassified == Unclassified::Scrub)),
            None => scrub,
        })
    }

    fn options(&self, scrub: Option<Scrub>) -> CaptureOptions {
        CaptureOptions {
            name: self.name.clone(),
            jobs: self.jobs,
            memory_bytes: self.memory,
            max_block: self.max_block,
            lock_wait: self.lock_wait,
            max_age: self.max_age,
            max_rate: self.max_rate,
            scrub,
            pg_dump: surroundings::pg_dump_programs(),
        }
    }
}

/// What was captured, as text.
pub fn told(report: &CaptureReport, style: Style) -> String {
    let stats = &report.manifest.stats;
    let tables = report.manifest.content.tables.len() as u64;
    let mut facts = Facts::default();
    facts.add("snapshot", report.snapshot.to_string());
    facts.add("ref", &report.name);
    facts.add("rows", format!("{} in {}", count(stats.rows), counted(tables, "table")));
    facts.add("logical", bytes(stats.logical_bytes));
    facts.add("stored", bytes(stats.stored_bytes));
    facts.add("added", bytes(stats.added_bytes));
    facts.add("reused", percent(report.reused_share()));
    facts.add("time", format!("{}, {}/s", span(stats.millis), bytes(per_second(stats.logical_bytes, stats.millis))));
    if let Some(proof) = report.proof {
        facts.add("proof", format!("{} of it", span(millis(proof))));
    }
    facts.notes("left out on purpose", &report.manifest.omitted, style);
    facts.notes("not carried", &report.manifest.not_carried, style);
    facts.finish()
}

fn per_second(bytes: u64, millis: u64) -> u64 {
    bytes.saturating_mul(1000) / millis.max(1)
}

/// What was captured, as JSON.
pub fn in_json(report: &CaptureReport) -> Value {
    let stats = &report.manifest.stats;
    json!({
        "snapshot": report.snapshot.to_string(),
        "ref": report.name,
        "content_root": report.manifest.content_root.to_string(),
        "tables": report.manifest.content.tables.len(),
        "rows": stats.rows,
        "logical_bytes": stats.logical_bytes,
        "added_bytes": stats.added_bytes,
        "stored_bytes": stats.stored_bytes,
        "reused_share": report.reused_share(),
        "seconds": stats.millis as f64 / 1000.0,
        "proof_seconds": report.proof.map(|proof| proof.as_secs_f64()),
        "omitted": report.manifest.omitted,
        "not_carried": report.manifest.not_carried,
    })
}
