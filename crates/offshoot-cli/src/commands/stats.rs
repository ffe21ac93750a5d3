//! `offshoot stats`: how long branches took, and how much time was spent waiting.

use super::Outcome;
use crate::context::Context;
use crate::journal;
use crate::output::{Report, note};
use clap::Args;
use offshoot::amounts::counted;
use offshoot_project::journal::stats::Stats;
use serde_json::json;

/// Say how long branches took, and how much time was spent waiting, by week
#[derive(Debug, Args)]
pub struct StatsCommand {}

impl StatsCommand {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        // The configuration's own failure is told, where the journal is only looked for elsewhere.
        context.config()?;
        let read = journal::of(context).map(|journal| journal.read()).transpose()?.unwrap_or_default();
        if read.skipped_lines > 0 {
            note(&format!(
                "left out {} of the journal that cannot be read",
                counted(read.skipped_lines as u64, "line")
            ));
        }
        let stats = Stats::of(&read.records);
        Ok(Report::done(stats.to_string(), json!({ "stats": stats })))
    }
}
