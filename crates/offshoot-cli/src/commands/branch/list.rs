//! `offshoot branch list`: what there is, after putting in order what killed processes left.

use crate::commands::Outcome;
use crate::context::Context;
use crate::output::{Report, note};
use crate::render::table::{Align, Table};
use clap::Args;
use offshoot::BranchInfo;
use offshoot::amounts::{bytes, counted, millis, span};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// List branches
#[derive(Debug, Args)]
pub struct List {}

impl List {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let branches = context.branches(false)?;
        let healed = branches.healed();
        if !context.globals.quiet {
            if healed.leftovers > 0 {
                note(&format!(
                    "removed {} that killed processes left",
                    counted(healed.leftovers as u64, "half branch")
                ));
            }
            healed.expired.iter().for_each(|name| note(&format!("removed {name}: its time was over")));
            healed.ownerless.iter().for_each(|name| note(&format!("removed {name}: its command has ended")));
        }
        branches.remove_old_data()?;
        let list = branches.list()?;
        let now = now_unix_ms();
        let mut table = Table::new(&[
            ("NAME", Align::Left),
            ("STATE", Align::Left),
            ("AGE", Align::Right),
            ("OWN", Align::Right),
            ("SNAPSHOT", Align::Left),
            ("SESSIONS", Align::Right),
            ("KEPT FOR", Align::Right),
        ]);
        for branch in &list {
            table.push([
                branch.name.to_string(),
                branch.state.word().to_owned(),
                span(now.saturating_sub(branch.made_unix_ms)),
                branch.own_bytes.map_or_else(String::new, bytes),
                snapshot(branch),
                branch.connections.map_or_else(String::new, |count| count.to_string()),
                branch.expires_unix_ms.map_or_else(String::new, |expires| span(expires.saturating_sub(now))),
            ]);
        }
        let json = json!({ "branches": list.iter().map(in_json).collect::<Vec<_>>() });
        Ok(Report::done(table.render(context.style), json))
    }
}

fn snapshot(branch: &BranchInfo) -> String {
    let digits = branch.snapshot.get(..12).unwrap_or(&branch.snapshot);
    if branch.snapshot.starts_with(&branch.address) {
        digits.to_owned()
    } else {
        format!("{} {digits}", branch.address)
    }
}

fn in_json(branch: &BranchInfo) -> Value {
    json!({
        "name": branch.name.as_str(),
        "state": branch.state.word(),
        "address": branch.address,
        "snapshot": branch.snapshot,
        "made_unix_ms": branch.made_unix_ms,
        "expires_unix_ms": branch.expires_unix_ms,
        "own_bytes": branch.own_bytes,
        "connections": branch.connections,
        "port": branch.port,
    })
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}
