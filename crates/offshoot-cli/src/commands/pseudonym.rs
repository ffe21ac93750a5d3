//! `offshoot pseudonym`: what a value became in a scrubbed snapshot.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Report;
use clap::Args;
use offshoot::ErrorKind;
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The most that is read from standard input.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// Say what a value became in a scrubbed snapshot, for who holds the key
#[derive(Debug, Args)]
pub struct Pseudonym {
    /// The column: table.column or schema.table.column
    #[arg(value_name = "COLUMN")]
    column: String,
    /// The value as it is at the source; - reads it from standard input, so that no list of processes shows it
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// The snapshot [default: the only ref]
    #[arg(long, value_name = "SNAPSHOT")]
    from: Option<String>,
    /// The policy that the snapshot was scrubbed by [default: that of the project's offshoot.toml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Pseudonym {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let snapshot = match &self.from {
            Some(address) => store.snapshot(address)?,
            None => store.snapshot(&store.only_ref()?)?,
        };
        let Some(scrub) = context.scrub(self.policy.as_deref())? else {
            let hint = "name the policy of the snapshot with --policy FILE";
            return Err(Failure::new(ErrorKind::Usage, "there is no policy", hint));
        };
        let pseudonym = snapshot.pseudonym(&scrub, &self.column, &self.value()?)?;
        let text = pseudonym.clone().unwrap_or_else(|| "NULL".to_owned());
        Ok(Report::done(format!("{text}\n"), json!({ "column": self.column, "pseudonym": pseudonym })))
    }

    fn value(&self) -> Result<String, Failure> {
        if self.value != "-" {
            return Ok(self.value.clone());
        }
        let mut text = String::new();
        let read = std::io::stdin().lock().take(VALUE_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| Failure::io("read", Path::new("standard input"), &error))?;
        Ok(text.strip_suffix('\n').map_or(text.clone(), |line| line.trim_end_matches('\r').to_owned()))
    }
}
