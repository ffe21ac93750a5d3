//! What a hook does: start a sync that lives on its own, wait for it a little, say in a line what is the matter.
//!
//! A checkout waits for a branch that is there soon, and for no other: an image may have to be built first, which takes
//! minutes, or a store may not answer. The sync goes on then, its messages go to a file, and until it is through the
//! variables lead nowhere rather than to the database of another branch. A deletion is never waited for.

use super::registry::{self, Registry};
use super::repository::{Repository, branch_of};
use super::sync::Synced;
use crate::error::{ProjectError, Result};
use offshoot::amounts::counted;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a checkout should wait at most.
pub const CHECKOUT_WAIT_MAX: Duration = Duration::from_secs(3);
/// A transaction of more lines than this is read no further.
const CHANGES_BYTES_MAX: u64 = 64 << 20;
/// What the last line of a sync begins with.
const LAST_LINE: &str = "offshoot sync: ";
const LOG: &str = "sync.log";
/// A log that is longer begins anew.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// How a hook was called.
#[derive(Debug, Clone, Copy)]
pub struct HookContext<'a> {
    /// The hook's name.
    pub hook: &'a str,
    /// What Git gave it.
    pub arguments: &'a [String],
    /// The current folder.
    pub folder: &'a Path,
    /// The program to start: it is given `git sync --from-hook` and options.
    pub program: &'a Path,
    /// The Git process, where the script said so.
    pub git_pid: Option<u32>,
    /// How long a checkout waits for its branch, such as [`CHECKOUT_WAIT_MAX`].
    pub wait_max: Duration,
}

/// Runs a hook. Returns what to tell the user, if anything; whatever happens, the caller exits with 0.
pub fn run_hook(context: HookContext<'_>, changes: &mut dyn Read) -> Option<String> {
    let outcome = match (context.hook, context.arguments) {
        ("post-checkout", [_, _, flag]) if flag == "1" => after_checkout(context),
        ("post-rewrite", [command, ..]) if command == "rebase" => after_rebase(context),
        ("reference-transaction", [state]) if state == "committed" => after_changes(context, changes),
        _ => Ok(None),
    };
    outcome.unwrap_or_else(|error| Some(format!("no database branch for this checkout: {error}")))
}

fn after_checkout(context: HookContext<'_>) -> Result<Option<String>> {
    let repository = Repository::discover(context.folder)?;
    let Some(registry) = registry::read(&repository)? else { return Ok(None) };
    let log = log_path(&repository);
    let mut sync = start(&repository, context, &registry, &[], Stdio::piped())?;
    let Some(output) = sync.stderr.take() else { return Ok(None) };
    let (sender, receiver) = mpsc::channel();
    // Not the end of the pipe is waited for, which a server that the sync has started may hold open, but the last line.
    let read = move || {
        let lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
        let last = lines.filter_map(|line| line.strip_prefix(LAST_LINE).map(str::to_owned)).next();
        let _ = sender.send(last.unwrap_or_default());
    };
    std::thread::Builder::new().name("sync".to_owned()).spawn(read).map_err(|source| ProjectError::Io {
        doing: "wait for",
        path: context.program.to_owned(),
        source,
    })?;
    Ok(match receiver.recv_timeout(context.wait_max) {
        Ok(line) => Some(line).filter(|line| !line.is_empty()),
        Err(_) => Some(format!("the database branch is still being made; {} says how it goes", log.display())),
    })
}

/// `git rebase UPSTREAM BRANCH` checks a branch out at its very end, and no other hook is run then.
fn after_rebase(context: HookContext<'_>) -> Result<Option<String>> {
    let repository = Repository::discover(context.folder)?;
    if let Some(registry) = registry::read(&repository)? {
        start(&repository, context, &registry, &[], Stdio::null())?;
    }
    Ok(None)
}

fn after_changes(context: HookContext<'_>, changes: &mut dyn Read) -> Result<Option<String>> {
    let mut text = Vec::new();
    let read = changes.take(CHANGES_BYTES_MAX).read_to_end(&mut text);
    read.map_err(|source| ProjectError::Io { doing: "read the changes of", path: context.folder.to_owned(), source })?;
    let deleted: Vec<String> = String::from_utf8_lossy(&text).lines().filter_map(deletion).collect();
    if deleted.is_empty() {
        return Ok(None);
    }
    let repository = Repository::discover(context.folder)?;
    let Some(registry) = registry::read(&repository)? else { return Ok(None) };
    // Thousands of branches at once would not fit an argument list; what is left out is found all the same.
    let options = deleted.into_iter().take(100).map(|deletion| format!("--deleted={deletion}"));
    start(&repository, context, &registry, &options.collect::<Vec<_>>(), Stdio::null())?;
    Ok(None)
}

/// `id:branch` of a line that may delete a branch: `old new refs/heads/branch` with a new id of zeros.
fn deletion(line: &str) -> Option<String> {
    let mut fields = line.splitn(3, ' ');
    let (old, new, name) = (fields.next()?, fields.next()?, fields.next()?);
    let is_deleted = new.len() >= 40 && new.bytes().all(|byte| byte == b'0');
    is_deleted.then(|| branch_of(name)).flatten().map(|branch| format!("{old}:{branch}"))
}

fn log_path(repository: &Repository) -> PathBuf {
    registry::folder(repository).join(LOG)
}

/// Starts a sync in a process group of its own, so that what ends this one, such as Ctrl-C, does not end it.
fn start(
    repository: &Repository,
    context: HookContext<'_>,
    registry: &Registry,
    options: &[String],
    said: Stdio,
) -> Result<std::process::Child> {
    let project = registry.project.as_path();
    let folder = if project.is_dir() { project } else { repository.top.as_deref().unwrap_or(&repository.git_dir) };
    let mut command = Command::new(context.program);
    command.process_group(0).current_dir(folder).args(["git", "sync", "--from-hook"]).args(options);
    command.arg("--git-dir").arg(&repository.git_dir);
    if let Some(top) = &repository.top {
        command.arg("--top").arg(top);
    }
    if let Some(pid) = context.git_pid {
        command.args(["--git-pid", &pid.to_string()]);
    }
    let is_missing = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    command.envs(registry.means.variables.iter().filter(|(name, _)| is_missing(name)));
    for name in super::command::REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    command.spawn().map_err(|source| ProjectError::Io { doing: "start", path: context.program.to_owned(), source })
}

/// Says what came of a sync that a hook started: a line for each thing in the log, all in one line for the hook if it still
/// listens. What cannot be written is lost: nobody waits for it.
pub fn tell(repository: &Repository, outcome: &Result<Synced>) {
    let log = log_path(repository);
    let mut lines = match outcome {
        Ok(synced) => synced.lines(),
        Err(error) => vec![error.to_string()],
    };
    let said = outcome.as_ref().map_or(&[][..], |synced| &synced.said);
    log_lines(&log, said.iter().chain(&lines));
    if let Some(count @ 1..) = outcome.as_ref().ok().map(|synced| synced.warnings) {
        lines.push(format!("{} in {}", counted(count as u64, "warning"), log.display()));
    }
    let is_quiet = outcome.as_ref().is_ok_and(Synced::is_quiet);
    let shown = if is_quiet { String::new() } else { lines.join("; ").replace(['\n', '\r'], " ") };
    let _ = writeln!(io::stderr(), "{LAST_LINE}{shown}");
}

fn log_lines<'a>(path: &Path, lines: impl Iterator<Item = &'a String>) {
    let is_long = fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX);
    if is_long {
        let _ = fs::remove_file(path);
    }
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_lines_delete_a_branch() {
        let zeros = "0".repeat(40);
        let id = "608d545958de4bd9798557cd59ad2cba40abf548";
        assert_eq!(deletion(&format!("{id} {zeros} refs/heads/a/b")), Some(format!("{id}:a/b")));
        for other in [
            format!("{zeros} {id} refs/heads/a"),
            format!("{id} {zeros} refs/remotes/origin/a"),
            format!("{id} {zeros} HEAD"),
            format!("{zeros} ref:refs/heads/a HEAD"),
            String::new(),
        ] {
            assert_eq!(deletion(&other), None, "{other}");
        }
        assert!(deletion(&format!("{} {} refs/heads/x", "1".repeat(64), "0".repeat(64))).is_some());
    }
}
