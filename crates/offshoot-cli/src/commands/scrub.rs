//! `offshoot scrub`: make a scrubbed snapshot of a raw one.

use super::Outcome;
use super::capture::{in_json, told};
use crate::context::Context;
use crate::failure::{Failure, code};
use crate::output::Report;
use clap::Args;
use offshoot::{CaptureOptions, ErrorKind, Store};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Make a scrubbed snapshot of a raw one
#[derive(Debug, Args)]
pub struct Scrub {
    /// The raw snapshot
    #[arg(value_name = "SNAPSHOT")]
    snapshot: String,
    /// The policy that rows are scrubbed by [default: that of the project's offshoot.toml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The store that it goes to
    #[arg(long, value_name = "STORE")]
    into: PathBuf,
    /// The ref that names it [default: the database's name; in the same store with `-scrubbed` behind it]
    #[arg(long, value_name = "REF")]
    name: Option<String>,
    /// Threads that read and scrub [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Scrub {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let (store, into) = (context.open_store()?, Store::open(&self.into)?);
        let Some(scrub) = context.scrub(self.policy.as_deref())? else {
            let hint = "name one with --policy FILE, or propose one with `offshoot scan URL`";
            return Err(Failure::new(ErrorKind::Usage, "there is no policy to scrub by", hint));
        };
        let (name, jobs) = (self.name.clone(), self.jobs);
        let options = CaptureOptions { name, jobs, scrub: Some(scrub), ..CaptureOptions::default() };
        let report = store.scrub(&self.snapshot, &into, &options, &context.control())?;
        let carried = report.manifest.not_carried.is_empty();
        let exit = if carried { code::DONE } else { code::NOT_CARRIED };
        Ok(Report::done(told(&report, context.style), in_json(&report)).with_code(exit))
    }
}
