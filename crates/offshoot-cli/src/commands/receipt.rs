//! `offshoot receipt`: what was done to the rows of a scrubbed snapshot, signed.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Report;
use clap::Args;
use offshoot::ErrorKind;
use offshoot::scrub::receipts::render;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Show the receipt of a scrubbed snapshot
#[derive(Debug, Args)]
pub struct Receipt {
    /// The snapshot
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
    /// Check with the scrub key that it was signed under it and not changed since
    #[arg(long)]
    check: bool,
    /// Write it as a page into this new file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Receipt {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let snapshot = context.open_store()?.snapshot(&self.snapshot)?;
        let receipt = if self.check {
            snapshot.check_receipt(&crate::key::require(&context.config()?)?)?
        } else {
            snapshot.receipt()?
        };
        let mut text = match &self.html {
            Some(path) => {
                write_new(path, &render::html(&receipt))?;
                format!("wrote {}\n", path.display())
            }
            None => render::text(&receipt),
        };
        if self.check {
            text.push_str("the signature is right: it was signed under this key and not changed since\n");
        }
        let body = serde_json::to_value(&receipt).unwrap_or(Value::Null);
        let checked = self.check.then_some(true);
        Ok(Report::done(text, json!({ "snapshot": snapshot.id.to_string(), "checked": checked, "receipt": body })))
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let message = format!("{} exists already, and is not overwritten", path.display());
            Failure::new(ErrorKind::Conflict, message, "name a new file with --html")
        }
        _ => Failure::io("write", path, &error),
    })
}
