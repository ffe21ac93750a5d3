//! `offshoot branch`: isolated, disposable copies of a snapshot, each a database server of its own.

mod create;
mod hooks;
mod list;
mod make;
mod psql;
mod tend;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::journal;
use crate::output::{Report, note};
use clap::{Args, Subcommand};
use offshoot::{Branches, ErrorKind};
use serde_json::json;
use std::fs;

pub use create::{Create, Told, describe, description, say};
pub use make::Making;
pub use tend::begin_tending;

/// Make, list and delete branches
#[derive(Debug, Args)]
pub struct Branch {
    #[command(subcommand)]
    command: BranchCommand,
}

#[derive(Debug, Subcommand)]
enum BranchCommand {
    /// Make a branch and print its URL
    Create(Create),
    /// List branches; what is past its time, or was left by killed processes, is removed
    List(list::List),
    /// Print a branch's URL; its server is started if it is down
    Url(Named),
    /// Open psql, mariadb or mysql in a branch, whichever is its engine's
    #[command(visible_alias = "client")]
    Psql(psql::Psql),
    /// Start a branch's server
    Start(Named),
    /// Stop a branch's server; its files stay
    Stop(Named),
    /// Give a branch the content of a snapshot again; its URL stays
    Reset(Reset),
    /// Delete a branch, with all that was written into it
    Delete(Named),
    /// Print the log of a branch's server
    Logs(Named),
    /// Do in the background what no command should wait for
    #[command(hide = true)]
    Tend(tend::Tend),
}

/// A branch by its name.
#[derive(Debug, Args)]
struct Named {
    /// The branch
    #[arg(value_name = "NAME")]
    name: String,
}

/// Give a branch the content of a snapshot again; its URL stays
#[derive(Debug, Args)]
struct Reset {
    /// The branch
    #[arg(value_name = "NAME")]
    name: String,
    /// Another snapshot than the one that it came from
    #[arg(long, value_name = "SNAPSHOT")]
    to: Option<String>,
    /// Take a raw snapshot as it is
    #[arg(long)]
    raw: bool,
}

impl Branch {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.command {
            BranchCommand::Create(create) => create.run(context),
            BranchCommand::List(list) => list.run(context),
            BranchCommand::Url(named) => url(named, context),
            BranchCommand::Psql(psql) => psql.run(context),
            BranchCommand::Start(named) => start(named, context),
            BranchCommand::Stop(named) => done(named, context, "stopped", Branches::stop),
            BranchCommand::Reset(reset) => reset.run(context),
            BranchCommand::Delete(named) => delete(named, context),
            BranchCommand::Logs(named) => logs(named, context),
            BranchCommand::Tend(tend) => tend.run(context),
        }
    }
}

impl Reset {
    fn run(&self, context: &Context) -> Outcome {
        let branches = context.branches(self.raw)?;
        let control = context.control();
        let made = make::reset(context, &branches, &self.name, self.to.as_deref(), &control)?;
        if made.moved {
            let name = &self.name;
            note(&format!(
                "{name} has another URL than before: it has another port, or its database another name. Whoever has the old \
                 one asks `offshoot branch url` for the new one"
            ));
        }
        if !context.globals.quiet {
            describe("reset", &self.name, &made, &branches);
        }
        begin_tending(context)?;
        let text = format!("{}\n", made.access.url.expose());
        Ok(Report::done(text, create::in_json(&self.name, &made)))
    }
}

fn url(named: &Named, context: &Context) -> Outcome {
    let access = started(context, &context.branches(false)?, &named.name)?;
    let url = access.url.expose();
    Ok(Report::done(format!("{url}\n"), json!({ "name": named.name, "url": url })))
}

fn start(named: &Named, context: &Context) -> Outcome {
    let access = started(context, &context.branches(false)?, &named.name)?;
    let url = access.url.expose();
    Ok(Report::done(format!("{url}\n"), json!({ "name": named.name, "url": url })))
}

/// How to get into a branch, whose server runs then.
fn started(context: &Context, branches: &Branches, name: &str) -> Result<offshoot::Access, Failure> {
    let (access, moved) = branches.start(name, &context.control())?;
    if moved {
        note(&format!(
            "{name} has another port than before, and so another URL: a program has taken the old one. Whoever has the old \
                       one asks `offshoot branch url` for the new one"
        ));
    }
    Ok(access)
}

fn done(
    named: &Named,
    context: &Context,
    word: &str,
    work: impl Fn(&Branches, &str) -> offshoot::Result<()>,
) -> Outcome {
    work(&context.branches(false)?, &named.name)?;
    Ok(Report::done(format!("{word} {}\n", named.name), json!({ "name": named.name, "done": word })))
}

fn delete(named: &Named, context: &Context) -> Outcome {
    let report = done(named, context, "deleted", Branches::delete)?;
    journal::deleted(context, &named.name);
    Ok(report)
}

fn logs(named: &Named, context: &Context) -> Outcome {
    let file = context.branches(false)?.log_file(&named.name)?;
    let text = match fs::read(&file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", &file, &error)),
    };
    let lines: Vec<&str> = text.lines().collect();
    let json = json!({ "name": named.name, "lines": lines });
    Ok(Report::done(text.clone(), json))
}

/// A command of the user's own that failed.
fn failed(message: String, hint: &str) -> Failure {
    Failure::new(ErrorKind::Failed, message, hint)
}
