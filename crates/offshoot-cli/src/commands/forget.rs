//! `offshoot forget`: forget snapshots, or say which would be.

use super::Outcome;
use crate::context::Context;
use crate::output::Report;
use crate::values;
use clap::Args;
use offshoot::ForgetOptions;
use offshoot::amounts::bytes;
use serde_json::json;
use std::time::Duration;

/// Forget snapshots; gc gives their space back
#[derive(Debug, Args)]
pub struct Forget {
    /// A snapshot, or a ref for all of its snapshots but those to keep
    #[arg(value_name = "SNAPSHOT|REF")]
    what: String,
    /// Keep the newest N of the ref
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep_last: Option<u32>,
    /// Keep those of the ref that were taken within this time
    #[arg(long, value_name = "D", value_parser = values::duration)]
    keep_within: Option<Duration>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

impl Forget {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let keep_last = self.keep_last.map(|last| last as usize);
        let options = ForgetOptions { keep_last, keep_within: self.keep_within };
        let plan = store.plan_forget(&self.what, &options)?;
        let forgotten: Vec<String> = plan.forgotten().iter().map(|gone| gone.snapshot.to_string()).collect();
        let kept = plan.kept().iter().map(|kept| json!({ "snapshot": kept.snapshot.to_string(), "why": kept.why }));
        let mut json = json!({
            "dry_run": self.dry_run,
            "forgotten": forgotten,
            "kept": kept.collect::<Vec<_>>(),
            "refs_removed": plan.refs_removed(),
        });
        let mut text = plan.to_string();
        if self.dry_run {
            let freeable = plan.freeable_bytes(&context.control())?;
            json["freeable_bytes"] = json!(freeable);
            text.push_str(&format!("nothing else needs {} of it, which gc can give back\n", bytes(freeable)));
            text.push_str("dry run: nothing was changed\n");
        } else {
            let gone = plan.apply()?;
            tracing::info!(snapshots = gone, "forgotten");
            if gone > 0 {
                text.push_str("gone; `offshoot gc` gives their space back\n");
            }
        }
        Ok(Report::done(text, json))
    }
}
