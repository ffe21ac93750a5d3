//! `offshoot branch psql`: psql in a branch, in place of this process.

use super::{failed, started};
use crate::commands::Outcome;
use crate::context::Context;
use clap::Args;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// Open psql in a branch
#[derive(Debug, Args)]
pub struct Psql {
    /// The branch
    #[arg(value_name = "NAME")]
    name: String,
    /// What psql takes besides
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Psql {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let branches = context.branches(false)?;
        let access = started(context, &branches, &self.name)?;
        let own = branches.programs(&self.name)?.join("psql");
        let program = if own.is_file() { own } else { PathBuf::from("psql") };
        crate::progress::end();
        let mut command = Command::new(&program);
        command.args(&self.arguments);
        for (name, value) in &access.variables {
            command.env(name, value.expose());
        }
        let error = command.exec();
        let hint = "install PostgreSQL's client programs, such as by `apt-get install postgresql-client`";
        Err(failed(format!("psql cannot be run: {error}"), hint))
    }
}
