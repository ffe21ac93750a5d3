//! `offshoot completions`: the completions of a shell.

use super::Outcome;
use crate::args::Cli;
use crate::output::Report;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "offshoot", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let json = json!({ "shell": self.shell.to_string(), "script": script });
        Ok(Report::done(script, json))
    }
}
