//! `offshoot branch psql`: the client program of the branch's own engine, in place of this process.

use super::{failed, started};
use crate::checkout;
use crate::commands::Outcome;
use crate::context::Context;
use clap::Args;
use offshoot_project::env::lead;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Open psql, mariadb or mysql in a branch, whichever is its engine's
#[derive(Debug, Args)]
pub struct Psql {
    /// The branch
    #[arg(value_name = "NAME")]
    name: String,
    /// What that program takes besides
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Psql {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let branches = context.branches(false)?;
        let access = started(context, &branches, &self.name)?;
        let client = branches.client(&self.name)?;
        crate::progress::end();
        let program = client.programs.iter().find(|program| program.is_file()).or(client.programs.last());
        let mut command = Command::new(program.cloned().unwrap_or_default());
        command.args(&client.arguments).args(&self.arguments);
        lead(&mut command, &checkout::access(&self.name, &access));
        let error = command.exec();
        let name = command.get_program().to_string_lossy();
        Err(failed(format!("{name} cannot be run: {error}"), client.mend))
    }
}
