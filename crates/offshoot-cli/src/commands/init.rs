//! `offshoot init`: make a store.

use super::Outcome;
use crate::context::Context;
use crate::output::Report;
use clap::Args;
use offshoot::{InitOptions, Store};
use serde_json::json;

/// Make a store
#[derive(Debug, Args)]
pub struct Init {
    /// Let rows in as they are at the source, personal data included
    #[arg(long)]
    raw: bool,
}

impl Init {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = Store::init(context.store_path()?, InitOptions { raw: self.raw })?;
        let place = store.place();
        let takes = if self.raw {
            "a raw store: it takes rows as they are at the source, so guard it like the source"
        } else {
            "a store for scrubbed rows: a capture into it wants a policy and a scrub key"
        };
        let text = format!("made {place}, {takes}\n");
        Ok(Report::done(text, json!({ "store": place, "raw": self.raw })))
    }
}
