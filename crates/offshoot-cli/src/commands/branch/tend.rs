//! What no command should wait for, done by a process of its own when nobody works: writing new branches to the disk, removing
//! what resets left, and making spares.

use crate::commands::Outcome;
use crate::context::{BranchWish, Context};
use crate::failure::Failure;
use crate::output::Report;
use clap::Args;
use offshoot::SpareWish;
use serde_json::json;
use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Do in the background what no command should wait for
#[derive(Debug, Args)]
pub struct Tend {
    /// Wait for a quiet moment, and do nothing if another process waits for one
    #[arg(long)]
    later: bool,
}

impl Tend {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        let store = context.open_store()?;
        let branches = context.branches_of(&store, BranchWish { raw: true, ..BranchWish::default() })?;
        if self.later && !branches.wait_for_quiet(&context.control())? {
            return Ok(Report::done("another process does it\n", json!({ "synced": 0, "spares": 0 })));
        }
        let synced = branches.tend()?;
        let config = context.config()?.branch;
        let mut spares = 0;
        if config.spares > 0 || config.had_spares {
            let from = context.from(&store, None)?;
            let wish = SpareWish { count: config.spares, started: config.spares_started };
            spares = branches.fill_spares(&from, &wish, &context.control())?;
        }
        Ok(Report::done(
            format!("wrote {synced} branches to the disk, made {spares} spares\n"),
            json!({ "synced": synced, "spares": spares }),
        ))
    }
}

/// Starts a process that does it, and does not wait for it.
pub fn begin_tending(context: &Context) -> Result<(), Failure> {
    let Ok(program) = env::current_exe() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(context.store_arguments()).args(["--quiet", "branch", "tend", "--later"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // Without it, branches are as good, only not yet on the disk.
    let _ = command.spawn();
    Ok(())
}
