//! `offshoot gc`: give back the space of what no snapshot needs, or say how much that would be.

use super::Outcome;
use crate::context::Context;
use crate::output::Report;
use crate::values;
use clap::Args;
use offshoot::amounts::{bytes, counted};
use offshoot::{GcOptions, GcPlan, GcReport};
use serde_json::{Value, json};
use std::time::Duration;

/// Give back the space of what no snapshot needs
#[derive(Debug, Args)]
pub struct Gc {
    /// Time between condemning a pack and deleting it [default: 1d]
    #[arg(long, value_name = "D", value_parser = values::duration)]
    grace: Option<Duration>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Gc {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let control = context.control();
        let mut options = GcOptions::default();
        if let Some(grace) = self.grace {
            options.grace = grace;
        }
        let plan = store.plan_gc(&options, &control)?;
        let mut json = planned(&plan);
        let mut text = plan.to_string();
        json["dry_run"] = json!(self.dry_run);
        if self.dry_run {
            text.push_str("dry run: nothing was changed\n");
            return Ok(Report::done(text, json));
        }
        let report = plan.apply(&control)?;
        json["done"] = done(&report);
        Ok(Report::done(told(&report), json))
    }
}

fn told(report: &GcReport) -> String {
    let mut text = format!("deleted {} in {}", bytes(report.deleted_bytes), packs(report.deleted_packs));
    let change = bytes(report.freed_bytes.unsigned_abs());
    let direction = if report.freed_bytes < 0 { "larger for now" } else { "smaller" };
    text.push_str(&format!("; the store is {change} {direction}\n"));
    if report.condemned_packs > 0 {
        let condemned = bytes(report.condemned_bytes);
        text.push_str(&format!("condemned {condemned} in {}", packs(report.condemned_packs)));
        if report.rewritten_bytes > 0 {
            text.push_str(&format!(", after copying {} out of them", bytes(report.rewritten_bytes)));
        }
        text.push_str("; a gc after the grace period frees them\n");
    }
    if report.spared_packs > 0 {
        text.push_str(&format!("spared {}, which a snapshot needs again\n", packs(report.spared_packs)));
    }
    if report.unnamed_snapshots + report.unfinished > 0 {
        let snapshots = counted(report.unnamed_snapshots as u64, "snapshot");
        let files = counted(report.unfinished as u64, "file");
        text.push_str(&format!("removed {snapshots} and {files} that a crash left behind\n"));
    }
    text
}

fn packs(packs: usize) -> String {
    counted(packs as u64, "pack")
}

fn planned(plan: &GcPlan) -> Value {
    let count = |count: offshoot::PackCount| json!({ "packs": count.packs, "bytes": count.bytes });
    json!({
        "snapshots": plan.snapshots(),
        "keep": count(plan.kept()),
        "drop": count(plan.dropped()),
        "rewrite": count(plan.rewritten()),
        "condemned": count(plan.condemned()),
        "blocking_sessions": plan.blocking_sessions(),
        "freed_bytes_in_the_end": plan.freed_bytes(),
    })
}

fn done(report: &GcReport) -> Value {
    json!({
        "deleted_packs": report.deleted_packs,
        "deleted_bytes": report.deleted_bytes,
        "freed_bytes": report.freed_bytes,
        "condemned_packs": report.condemned_packs,
        "condemned_bytes": report.condemned_bytes,
        "rewritten_bytes": report.rewritten_bytes,
        "spared_packs": report.spared_packs,
        "waiting_lists": report.waiting_lists,
        "unnamed_snapshots": report.unnamed_snapshots,
        "unfinished_files": report.unfinished,
    })
}
