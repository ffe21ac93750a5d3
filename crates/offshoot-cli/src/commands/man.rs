//! `offshoot man`: the manual pages, one a command.

use super::Outcome;
use crate::args::Cli;
use crate::failure::Failure;
use crate::output::Report;
use clap::{Args, CommandFactory};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// Write the manual pages into a folder
#[derive(Debug, Args)]
pub struct Man {
    /// The folder; made if it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Man {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let failed = |error| Failure::io("write manual pages into", &self.dir, &error);
        fs::create_dir_all(&self.dir).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), &self.dir).map_err(failed)?;
        let text = format!("wrote the manual pages into {}\n", self.dir.display());
        Ok(Report::done(text, json!({ "dir": self.dir.display().to_string() })))
    }
}
