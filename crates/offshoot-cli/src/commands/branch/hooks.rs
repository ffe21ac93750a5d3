//! What a team wants done after a branch was made or reset: SQL files and commands, in the order of offshoot.toml.

use super::failed;
use crate::config::After;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::note;
use offshoot::{Access, Branches};
use std::fs;
use std::process::{Command, Stdio};

/// Runs the hooks in a branch.
pub fn run(context: &Context, branches: &Branches, name: &str, access: &Access) -> Result<(), Failure> {
    let config = context.config()?;
    for after in &config.branch.after {
        match after {
            After::Sql(file) => {
                let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, &error))?;
                say(context, &format!("run {}", file.display()));
                branches.run_script(name, &file.display().to_string(), &text)?;
            }
            After::Command(line) => {
                say(context, &format!("run {line}"));
                shell(line, name, access)?;
            }
        }
    }
    Ok(())
}

fn say(context: &Context, text: &str) {
    if !context.globals.quiet {
        note(text);
    }
}

/// Its output goes to stderr: stdout is for the URL alone.
fn shell(line: &str, name: &str, access: &Access) -> Result<(), Failure> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(std::io::stderr());
    command.env("OFFSHOOT_BRANCH", name).env("DATABASE_URL", access.url.expose());
    command.envs(access.variables.iter().map(|(name, value)| (name, value.expose())));
    let status = command.status().map_err(|error| Failure::io("run", "/bin/sh".as_ref(), &error))?;
    if status.success() {
        return Ok(());
    }
    let hint = "mend the command, or take it out of [[branch.after]] in offshoot.toml";
    Err(failed(format!("`{line}`, which runs after a branch is made, failed: {status}"), hint))
}
