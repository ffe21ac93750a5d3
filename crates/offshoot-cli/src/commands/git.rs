//! `offshoot git`: hooks that give every Git branch a database branch.

use super::Outcome;
use crate::checkout::CheckoutBranches;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Report, note};
use crate::surroundings;
use clap::{Args, Subcommand};
use offshoot_project::env::dotenv;
use offshoot_project::git::{self, CHECKOUT_WAIT_MAX, HookContext, InstallOptions, Means, Repository, SyncOptions};
use serde_json::json;
use std::env;
use std::path::{Path, PathBuf};

/// Give every Git branch a database branch
#[derive(Debug, Args)]
pub struct Git {
    #[command(subcommand)]
    command: GitCommand,
}

#[derive(Debug, Subcommand)]
enum GitCommand {
    /// Add the hooks to the repository around the current folder; others that are there are still run
    Install {
        /// Take raw snapshots as they are, personal data included
        #[arg(long)]
        raw: bool,
    },
    /// Remove the hooks, and put back what was there before
    Uninstall,
    /// Bring the database branches to what Git has, as the hooks do
    Sync(Sync),
    /// What the hooks call
    #[command(hide = true)]
    Hook {
        hook: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// Bring the database branches to what Git has, as the hooks do
#[derive(Debug, Args)]
struct Sync {
    #[arg(long, hide = true)]
    from_hook: bool,
    #[arg(long, hide = true)]
    git_dir: Option<PathBuf>,
    #[arg(long, hide = true)]
    top: Option<PathBuf>,
    #[arg(long, hide = true)]
    git_pid: Option<u32>,
    #[arg(long, hide = true)]
    deleted: Vec<String>,
}

impl Git {
    /// Runs the command.
    pub fn run(&self, context: &Context) -> Outcome {
        match &self.command {
            GitCommand::Install { raw } => install(context, *raw),
            GitCommand::Uninstall => uninstall(),
            GitCommand::Sync(sync) => sync.run(context),
            GitCommand::Hook { hook, arguments } => Ok(run_hook(hook, arguments)),
        }
    }
}

fn here() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| Failure::io("find the current folder", Path::new("."), &error))
}

fn program() -> Result<PathBuf, Failure> {
    env::current_exe().map_err(|error| Failure::io("find the program", Path::new("offshoot"), &error))
}

fn install(context: &Context, raw: bool) -> Outcome {
    let here = here()?;
    let repository = Repository::discover(&here)?;
    let named = context.config()?.project;
    let folder = named.as_deref().and_then(Path::parent).map_or_else(|| here.clone(), |folder| here.join(folder));
    let project = folder.canonicalize().map_err(|error| Failure::io("find", &folder, &error))?;
    // The file stands beside the project's configuration, or at the top where that is not in this checkout.
    let top = repository.top.as_deref().unwrap_or(&here);
    let env_file = project.strip_prefix(top).unwrap_or(Path::new("")).join(dotenv::FILE);
    let options =
        InstallOptions { program: program()?, project, env_file: env_file.clone(), means: means(context, raw)? };
    let installed = git::install(&repository, &options)?;
    let word = if installed.is_changed { "installed" } else { "nothing to change" };
    let mut text = format!(
        "{word}: hooks in {}; {} leads to the database branch\n",
        installed.folder.display(),
        env_file.display()
    );
    for hook in &installed.chained {
        text.push_str(&format!("{hook} was there before, and is still run\n"));
    }
    let json = json!({
        "changed": installed.is_changed, "hooks": installed.folder, "env_file": env_file, "chained": installed.chained,
    });
    Ok(Report::done(text, json))
}

/// What the hooks must know again: a store or a configuration that was named, and the environment as far as it says where
/// things are.
fn means(context: &Context, raw: bool) -> Result<Means, Failure> {
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(|error| Failure::io("find", path, &error));
    Ok(Means {
        store: context.globals.store.as_ref().map(absolute).transpose()?,
        config: context.globals.config.as_ref().map(absolute).transpose()?,
        variables: surroundings::places().map_err(|error| Failure::io("find", Path::new("."), &error))?,
        raw,
    })
}

fn uninstall() -> Outcome {
    let undone = git::uninstall(&Repository::discover(&here()?)?)?;
    let mut text = match undone.removed.len() {
        0 => "no hooks were installed here\n".to_owned(),
        count => format!("removed {count} hooks\n"),
    };
    for path in &undone.left_alone {
        text.push_str(&format!("{} is somebody else's now, and stays\n", path.display()));
    }
    if !undone.databases.is_empty() {
        text.push_str("their database branches stay; `offshoot branch delete` deletes them:\n");
        undone.databases.iter().for_each(|name| text.push_str(&format!("  {name}\n")));
    }
    let json = json!({ "removed": undone.removed, "left_alone": undone.left_alone, "branches": undone.databases });
    Ok(Report::done(text, json))
}

/// Whatever a hook comes to, Git goes on.
fn run_hook(hook: &str, arguments: &[String]) -> Report {
    let git_pid = env::var("OFFSHOOT_GIT_PID").ok().and_then(|pid| pid.parse().ok());
    let said = match (here(), program()) {
        (Ok(folder), Ok(program)) => {
            let (folder, program, wait_max) = (folder.as_path(), program.as_path(), CHECKOUT_WAIT_MAX);
            let context = HookContext { hook, arguments, folder, program, git_pid, wait_max };
            git::run_hook(context, &mut std::io::stdin())
        }
        (Err(failure), _) | (_, Err(failure)) => Some(failure.to_string()),
    };
    if let Some(line) = said {
        note(&format!("offshoot: {line}"));
    }
    Report::done("", json!({}))
}

impl Sync {
    fn run(&self, context: &Context) -> Outcome {
        let repository = match &self.git_dir {
            Some(git_dir) => Repository::at(git_dir, self.top.as_deref())?,
            None => Repository::discover(&here()?)?,
        };
        if !self.from_hook {
            for gone in git::gone(&repository)? {
                note(&format!("Git branch {} is gone: database branch {} is deleted", gone.git, gone.database));
            }
        }
        let means = git::means(&repository)?.unwrap_or_default();
        let mut globals = context.globals.clone();
        globals.store = globals.store.or(means.store);
        globals.config = globals.config.or(means.config);
        let context = &Context::new(globals);
        let branches = CheckoutBranches::new(context, context.control(), means.raw, false);
        let deleted = self.deleted.iter().filter_map(|deletion| deletion.split_once(':'));
        let options = SyncOptions {
            git_pid: self.git_pid,
            deleted: deleted.map(|(id, branch)| (id.to_owned(), branch.to_owned())).collect(),
        };
        let outcome = git::sync(&repository, &branches, &options);
        if self.from_hook {
            git::tell(&repository, &outcome);
        }
        let synced = outcome?;
        let text: String = synced.lines().iter().map(|line| format!("{line}\n")).collect();
        let deleted: Vec<&str> = synced.deleted.iter().map(|gone| gone.database.as_str()).collect();
        let json = json!({
            "created": synced.created,
            "deleted": deleted,
            "current": synced.current.as_ref().map(|(branch, _)| branch),
            "failures": synced.failures,
        });
        let code = if synced.failures.is_empty() { crate::failure::code::DONE } else { crate::failure::code::FAILED };
        Ok(Report::done(text, json).with_code(code))
    }
}
