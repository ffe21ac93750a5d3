//! What a team wants done after a branch was made or reset: SQL files and commands, in the order of offshoot.toml.

use super::failed;
use crate::checkout;
use crate::config::After;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::note;
use offshoot::{Access, Branches, Control, ErrorKind};
use offshoot_project::env::lead;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long after a command has failed it is looked whether that was by an interrupt.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs the hooks in a branch.
pub fn run(
    context: &Context,
    branches: &Branches,
    name: &str,
    access: &Access,
    control: &Control,
) -> Result<(), Failure> {
    let config = context.config()?;
    let check = || match control.is_cancelled() {
        true => Err(Failure::plain(ErrorKind::Interrupted, "interrupted")),
        false => Ok(()),
    };
    for after in &config.branch.after {
        check()?;
        match after {
            After::Sql(file) => {
                let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, &error))?;
                say(context, &format!("run {}", file.display()));
                branches.run_script(name, &file.display().to_string(), &text, control)?;
            }
            After::Command(line) => {
                say(context, &format!("run {line}"));
                let ran = shell(line, name, access);
                if ran.is_err() {
                    // A terminal's Ctrl-C ends the command as well, which is no failure of its own; it may be seen here a moment later.
                    std::thread::sleep(MOMENT);
                }
                check()?;
                ran?;
            }
        }
    }
    check()
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
    let status = lead(&mut command, &checkout::access(name, access))
        .status()
        .map_err(|error| Failure::io("run", "/bin/sh".as_ref(), &error))?;
    if status.success() {
        return Ok(());
    }
    let hint = "mend the command, or take it out of [[branch.after]] in offshoot.toml";
    Err(failed(format!("`{line}`, which runs after a branch is made, failed: {status}"), hint))
}
