//! What a team wants done after a branch was made or reset: SQL files and commands, in the order of offshoot.toml.

use super::failed;
use crate::checkout;
use crate::config::After;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::note;
use offshoot::{Access, Branches, Control, CreatedBranch, ErrorKind};
use offshoot_project::env::lead;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether a command has ended or is to end, and how long it may take to.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
const GRACE: Duration = Duration::from_secs(5);
/// How long after a command has failed it is looked whether that was by an interrupt.
const MOMENT: Duration = Duration::from_millis(50);

/// Runs the hooks in a branch.
pub fn run(
    context: &Context,
    branches: &Branches,
    name: &str,
    made: &CreatedBranch,
    control: &Control,
) -> Result<(), Failure> {
    let config = context.config()?;
    let check = || -> Result<(), Failure> {
        if control.is_cancelled() {
            return Err(Failure::plain(ErrorKind::Interrupted, "interrupted"));
        }
        // Another one of its name is not what the hooks are for.
        if branches.id(name)? == made.id {
            return Ok(());
        }
        let hint = "look at `offshoot branch list`, and make one under another name";
        Err(Failure::new(ErrorKind::Conflict, format!("{name} was deleted meanwhile, and made by somebody else"), hint))
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
                let ran = shell(line, name, &made.access, control);
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

/// Runs a command. One that goes on when it is to end is told so, and after a while it is killed.
fn run_to_end(command: &mut Command, control: &Control) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let mut told: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match told {
            None if control.is_cancelled() => {
                told = Some(Instant::now());
                kill_process(Pid::from_child(&child), Signal::TERM)?;
            }
            Some(told) if told.elapsed() > GRACE => {
                child.kill()?;
                return child.wait();
            }
            _ => std::thread::sleep(LOOK_INTERVAL),
        }
    }
}

/// Its output goes to stderr: stdout is for the URL alone.
fn shell(line: &str, name: &str, access: &Access, control: &Control) -> Result<(), Failure> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(std::io::stderr());
    lead(&mut command, &checkout::access(name, access));
    let status = run_to_end(&mut command, control).map_err(|error| Failure::io("run", "/bin/sh".as_ref(), &error))?;
    if status.success() {
        return Ok(());
    }
    let hint = "mend the command, or take it out of [[branch.after]] in offshoot.toml";
    Err(failed(format!("`{line}`, which runs after a branch is made, failed: {status}"), hint))
}
