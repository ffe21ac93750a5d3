//! `offshoot tag`: give a snapshot a fixed name, or remove one.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Report;
use clap::Args;
use offshoot::{ErrorKind, Store};
use serde_json::json;

/// Give a snapshot a fixed name, or remove one
#[derive(Debug, Args)]
pub struct Tag {
    /// The snapshot; with --delete it may be left out
    #[arg(value_name = "SNAPSHOT", required = true)]
    snapshot: String,
    /// The name
    #[arg(value_name = "NAME", required_unless_present = "delete")]
    name: Option<String>,
    /// Remove the name. The snapshot stays, but gc may take it once nothing names it
    #[arg(long)]
    delete: bool,
}

impl Tag {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        if self.delete {
            return self.remove(&store);
        }
        let name = self.name.as_deref().unwrap_or_default();
        let id = store.tag(&self.snapshot, name)?.to_string();
        Ok(Report::done(format!("{name} is {id}\n"), json!({ "name": name, "snapshot": id })))
    }

    fn remove(&self, store: &Store) -> Outcome {
        let name = self.name.as_deref().unwrap_or(&self.snapshot);
        if self.name.is_some() {
            // The snapshot was named too, so it must be the tag's.
            let (wanted, found) = (store.resolve(&self.snapshot)?, store.tagged(name)?);
            if wanted != found {
                let what = format!("the tag {name} names {found}, not {}", self.snapshot);
                return Err(Failure::new(ErrorKind::Refused, what, "name the tag's own snapshot, or only the tag"));
            }
        }
        let id = store.untag(name)?.to_string();
        let text = format!("{name} is no more; it was {id}\n");
        Ok(Report::done(text, json!({ "name": name, "snapshot": id, "deleted": true })))
    }
}
