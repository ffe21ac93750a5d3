//! `offshoot run`: a command with a branch of its own, which is gone when the command is.

use super::Outcome;
use crate::checkout::CheckoutBranches;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, fail, warn};
use clap::Args;
use offshoot::{Control, ErrorKind};
use offshoot_project::run::{self, RunOptions};
use offshoot_project::{DatabaseBranches, ProjectError};
use serde_json::json;
use std::ffi::OsString;

/// Run a command with a branch of its own
#[derive(Debug, Args)]
pub struct Run {
    /// The snapshot [default: `from` in offshoot.toml, else the only ref]
    #[arg(long, value_name = "SNAPSHOT")]
    from: Option<String>,
    /// Take a raw snapshot as it is, personal data included
    #[arg(long)]
    raw: bool,
    /// Refuse a branch that differs from where its snapshot was taken
    #[arg(long)]
    strict: bool,
    /// Wait for the end of the command that has this branch
    #[arg(long, value_name = "BRANCH", hide = true)]
    watch: Option<String>,
    /// The command
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required_unless_present = "watch"
    )]
    command: Vec<OsString>,
}

impl Run {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        if let Some(branch) = &self.watch {
            return watch(context, branch);
        }
        let code = self.run_command(context).unwrap_or_else(|failure| {
            fail(&failure);
            run::FAILED
        });
        Ok(Report::done("", json!({ "exit_code": code })).with_code(code))
    }

    fn run_command(&self, context: &Context) -> Result<u8, Failure> {
        let control = context.control_without_signals();
        let branches = CheckoutBranches::new(context, control.clone(), self.raw, self.strict);
        let program = std::env::current_exe();
        let program = program.map_err(|error| Failure::io("find", "offshoot".as_ref(), &error))?;
        let mut watcher = context.store_arguments();
        watcher.extend(["--quiet", "run", "--watch"].map(OsString::from));
        let watcher = Some((program.as_path(), watcher.as_slice()));
        let options = RunOptions { command: &self.command, from: self.from.as_deref(), watcher };
        let outcome = run::run(options, &branches, move || control.cancel());
        let code = run::exit_code(&outcome);
        match outcome {
            Ok(finished) => {
                if let Some(error) = finished.refusal {
                    let name = self.command.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    warn(&format!("{name} cannot be run: {error}"));
                }
                if let Some(error) = finished.leftover {
                    warn(&format!("branch {} is still there: {error}", finished.branch));
                }
            }
            Err(ProjectError::Interrupted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(code)
    }
}

fn watch(context: &Context, branch: &str) -> Outcome {
    let delete = || CheckoutBranches::new(context, Control::default(), true, false).delete(branch, None).map(drop);
    let failed = |error: offshoot_project::BranchError| {
        Failure::new(ErrorKind::Failed, error.to_string(), "`offshoot branch list` removes it")
    };
    run::watch(std::io::stdin(), delete).map_err(failed)?;
    Ok(Report::done("", json!({})))
}
