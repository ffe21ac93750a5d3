//! Bringing the databases to what Git has: the one way in which branches are made and deleted for it.
//!
//! Two of these at once do no harm: each branch is made and deleted under a lock of its own, and which branch is checked out
//! is asked again before its variables are written. What a process leaves half done when it dies, the next one finishes: an
//! entry is written before its database is made, and removed after that is deleted.

use super::naming::database_name;
use super::registry::{self, Entry, Registry, State};
use super::repository::{Head, Repository};
use super::settle::settle;
use crate::env::dotenv::{self, Content};
use crate::error::{ProjectError, Result};
use crate::{DatabaseBranches, Made, Owner};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long the Git process that ran a hook is waited for. One that takes longer leaves the work to the next sync.
const GIT_WAIT_MAX: Duration = Duration::from_secs(10);
const GIT_POLL: Duration = Duration::from_millis(5);
/// Names that are tried when others are faster.
const NAMES_MAX: usize = 20;

/// What a hook knows.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// The process that ran the hook: it may be in the middle of renaming a branch.
    pub git_pid: Option<u32>,
    /// What it deletes: object ids and branches.
    pub deleted: Vec<(String, String)>,
}

/// A database branch whose Git branch is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The Git branch that was.
    pub git: String,
    /// The database branch.
    pub database: String,
}

/// What a sync did.
#[derive(Debug, Default)]
pub struct Synced {
    /// The database branches that were deleted.
    pub deleted: Vec<Gone>,
    /// The database branch that was made.
    pub created: Option<String>,
    /// The database branch of what is checked out, and the file that leads to it.
    pub current: Option<(String, PathBuf)>,
    /// What could not be done; the next sync tries again.
    pub failures: Vec<String>,
    /// What is to be said of the branch that was made, a line each.
    pub said: Vec<String>,
    /// How many of these are warnings.
    pub warnings: usize,
}

/// The database branches that the hooks made and whose Git branch is gone. Nothing is deleted.
///
/// # Errors
/// When Git or the hooks' file cannot be read.
pub fn gone(repository: &Repository) -> Result<Vec<Gone>> {
    let Some(mut registry) = registry::read(repository)? else { return Ok(Vec::new()) };
    settle_with(repository, &mut registry, &[])?;
    Ok(leaving(&registry.branches).filter(|entry| entry.identity.is_some()).map(Gone::from).collect())
}

/// Deletes the database branches whose Git branch is gone, makes the one of the branch that is checked out if there is none,
/// and writes the file that leads to it. Where the hooks are not installed it does nothing.
///
/// # Errors
/// When Git or the hooks' file cannot be read. What else fails is in the report.
pub fn sync(repository: &Repository, branches: &dyn DatabaseBranches, options: &SyncOptions) -> Result<Synced> {
    let mut synced = Synced::default();
    if registry::read(repository)?.is_none() || !has_ended(options.git_pid) {
        return Ok(synced);
    }
    let (entry, gone) = match enter(repository, branches, options) {
        Ok(entered) => entered,
        // The branches cannot be listed: then nobody knows where the old variables lead either.
        Err(ProjectError::Branches(error)) => {
            synced.failures.push(format!("no database branch for this checkout: {error}"));
            return fail_current(repository).map(|()| synced);
        }
        Err(error) => return Err(error),
    };
    for entry in gone {
        match delete(repository, branches, &entry) {
            Ok(true) => synced.deleted.push(Gone::from(&entry)),
            Ok(false) => {}
            Err(error) => synced.failures.push(format!("database branch {} stays: {error}", entry.database)),
        }
    }
    if let (Some((entry, env_file)), Some(top)) = (entry, &repository.top) {
        let path = top.join(env_file);
        if let Err(error) = follow(repository, branches, &entry, &path, &mut synced) {
            let failure = format!("Git branch {} has no database: {error}", entry.git);
            synced.failures.push(failure);
            write_if_current(repository, &entry.git, &path, Content::Failed)?;
        }
    }
    Ok(synced)
}

type Entered = (Option<(Entry, PathBuf)>, Vec<Entry>);

/// Brings the entries to what Git has. Returns the one of the branch that is checked out, and those to delete.
fn enter(repository: &Repository, branches: &dyn DatabaseBranches, options: &SyncOptions) -> Result<Entered> {
    let head = repository.head()?;
    // Only asked where it may be needed: it is the one thing here that talks to a store.
    let taken = match &head {
        Head::Branch(git) => {
            let is_known = registry::read(repository)?.is_some_and(|mut registry| registry.entry(git).is_some());
            if is_known { Vec::new() } else { branches.list().map_err(ProjectError::Branches)? }
        }
        Head::Detached => Vec::new(),
    };
    let Some(mut locked) = registry::lock(repository)? else { return Ok((None, Vec::new())) };
    let registry = &mut locked.registry;
    let before = registry.clone();
    settle_with(repository, registry, &options.deleted)?;
    let mut current = None;
    if let Head::Branch(git) = head {
        if registry.entry(&git).is_none() && !repository.is_in_passage() && repository.top.is_some() {
            let (id, database) = (registry.next_id, free_name(&git, taken, registry));
            registry.next_id += 1;
            let (identity, since_unix_s, state) = (None, now_unix_s(), State::Making);
            registry.branches.push(Entry { id, git: git.clone(), database, identity, since_unix_s, state });
        }
        current = registry.entry(&git).cloned().map(|entry| (entry, registry.env_file.clone()));
    }
    let gone = leaving(&registry.branches).cloned().collect();
    if *registry != before {
        locked.save()?;
    }
    Ok((current, gone))
}

fn settle_with(repository: &Repository, registry: &mut Registry, deleted: &[(String, String)]) -> Result<()> {
    let branches = repository.branches()?;
    // The logs of all branches are read only where something is gone.
    let is_any_gone = registry.branches.iter().any(|entry| !branches.contains(&entry.git));
    let mut renamings = if is_any_gone { repository.renamings(&branches, deleted)? } else { Vec::new() };
    // A branch that was there before cannot be what became of another one, unless a log says so.
    renamings.retain(|renaming| renaming.unix_s.is_some() || !registry.seen.contains(&renaming.to));
    settle(&mut registry.branches, &branches, &renamings);
    registry.seen = branches;
    Ok(())
}

fn leaving(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.state == State::Leaving)
}

/// Deletes the database of an entry, and forgets the entry. Says whether there was one: another's of the same name is none.
fn delete(repository: &Repository, branches: &dyn DatabaseBranches, entry: &Entry) -> Result<bool> {
    let _lock = registry::lock_branch(repository, entry.id)?;
    let Some(entry) = known(repository, entry.id)? else { return Ok(false) };
    let is_deleted = match &entry.identity {
        Some(identity) => branches.delete(&entry.database, Some(identity)).map_err(ProjectError::Branches)?,
        None => false,
    };
    if let Some(mut locked) = registry::lock(repository)? {
        locked.registry.branches.retain(|other| other.id != entry.id);
        locked.save()?;
        registry::forget_branch(repository, entry.id)?;
    }
    Ok(is_deleted)
}

/// An entry as it is now.
fn known(repository: &Repository, id: u64) -> Result<Option<Entry>> {
    Ok(registry::read(repository)?.and_then(|mut registry| registry.by_id(id).cloned()))
}

/// Leads the checkout to the database of its branch, which is made if it is not there.
fn follow(
    repository: &Repository,
    branches: &dyn DatabaseBranches,
    entry: &Entry,
    path: &Path,
    synced: &mut Synced,
) -> Result<()> {
    if !dotenv::leads_to(path, &entry.database)? {
        write_if_current(repository, &entry.git, path, Content::Pending)?;
    }
    let lock = registry::lock_branch(repository, entry.id)?;
    // While the lock was waited for, another sync may have made it, or found that its Git branch is gone.
    let Some(mut entry) = known(repository, entry.id)?.filter(|entry| entry.state != State::Leaving) else {
        return Ok(());
    };
    let there = branches.identity(&entry.database).map_err(ProjectError::Branches)?;
    if entry.identity.is_none() && entry.state == State::Ready && there.is_some() {
        // Written before identities were.
        entry.identity.clone_from(&there);
        write(repository, &mut entry, |_, _| ())?;
    }
    let access = if there.is_some() && there == entry.identity {
        branches.access(&entry.database).map_err(ProjectError::Branches)?
    } else {
        write_if_current(repository, &entry.git, path, Content::Pending)?;
        let made = make(repository, branches, &mut entry)?;
        synced.created = Some(entry.database.clone());
        (synced.said, synced.warnings) = (made.said, made.warnings);
        made.access
    };
    drop(lock);
    write_if_current(repository, &entry.git, path, Content::Ready(&access))?;
    synced.current = Some((entry.database, path.to_owned()));
    Ok(())
}

/// Makes the database of an entry. One that has its name by then is another's, whose branch may be of a clone: the next name is
/// taken.
fn make(repository: &Repository, branches: &dyn DatabaseBranches, entry: &mut Entry) -> Result<Made> {
    for _ in 0..NAMES_MAX {
        // Written before the branch is ready: who is killed leaves none that nobody knows of.
        let remember = |identity: &str| {
            let mut entry = Entry { identity: Some(identity.to_owned()), ..entry.clone() };
            write(repository, &mut entry, |_, _| ()).map_err(|error| error.to_string().into())
        };
        let owner = Owner::Remembered(&remember);
        if let Some(made) = branches.create(&entry.database, None, owner).map_err(ProjectError::Branches)? {
            entry.identity = Some(made.identity.clone());
            return Ok(made);
        }
        let taken = branches.list().map_err(ProjectError::Branches)?;
        write(repository, entry, |entry, registry| {
            entry.identity = None;
            entry.database = free_name(&entry.git, taken, registry);
        })?;
    }
    Err(ProjectError::Branches(format!("other branches have {} and all names like it", entry.database).into()))
}

/// Changes an entry, and makes it durable where it is still there. What its Git branch is by now stays as it is there.
fn write(repository: &Repository, entry: &mut Entry, change: impl FnOnce(&mut Entry, &Registry)) -> Result<()> {
    let Some(mut locked) = registry::lock(repository)? else { return Ok(()) };
    change(entry, &locked.registry);
    let Some(known) = locked.registry.by_id(entry.id) else { return Ok(()) };
    known.database.clone_from(&entry.database);
    known.identity.clone_from(&entry.identity);
    if known.state != State::Leaving {
        known.state = if known.identity.is_some() { State::Ready } else { State::Making };
    }
    locked.save()
}

/// A name that neither a database branch has nor an entry.
fn free_name(git: &str, mut taken: Vec<String>, registry: &Registry) -> String {
    taken.extend(registry.branches.iter().map(|entry| entry.database.clone()));
    database_name(git, &taken)
}

/// Makes the variables of a branch that has no database lead nowhere.
fn fail_current(repository: &Repository) -> Result<()> {
    if let (Head::Branch(git), Some(top), Some(registry)) =
        (repository.head()?, &repository.top, registry::read(repository)?)
    {
        write_if_current(repository, &git, &top.join(registry.env_file), Content::Failed)?;
    }
    Ok(())
}

/// Writes the variables, unless another branch has been checked out meanwhile: then its own sync writes them.
fn write_if_current(repository: &Repository, git: &str, path: &Path, content: Content<'_>) -> Result<()> {
    // The lock keeps the answer true until the file is written: another sync of this checkout waits for it.
    let Some(_locked) = registry::lock(repository)? else { return Ok(()) };
    if repository.head()? != Head::Branch(git.to_owned()) {
        return Ok(());
    }
    // A branch without the project's folder has no place for the file, and no application that would read it.
    match path.parent() {
        Some(folder) if folder.is_dir() => dotenv::write(path, content),
        _ => Ok(()),
    }
}

/// Waits for a Git process. Says whether it has ended.
fn has_ended(pid: Option<u32>) -> bool {
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw) else {
        return true;
    };
    let until = std::time::Instant::now() + GIT_WAIT_MAX;
    while std::time::Instant::now() < until {
        if rustix::process::test_kill_process(pid).is_err_and(|error| error == rustix::io::Errno::SRCH)
            || is_zombie(pid)
        {
            return true;
        }
        std::thread::sleep(GIT_POLL);
    }
    false
}

/// Whether a process has ended and only waits to be asked for its exit code; on systems that do not say, none has.
fn is_zombie(pid: rustix::process::Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl From<&Entry> for Gone {
    fn from(entry: &Entry) -> Self {
        Self { git: entry.git.clone(), database: entry.database.clone() }
    }
}

impl Synced {
    /// What was done, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.failures.clone();
        let deleted = self.deleted.iter();
        lines.extend(
            deleted.map(|gone| format!("database branch {} deleted: Git branch {} is gone", gone.database, gone.git)),
        );
        if let Some((database, path)) = &self.current {
            let verb = if self.created.is_some() { "made" } else { "current" };
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            lines.push(format!("database branch {database} {verb}; {file} leads to it"));
        }
        lines
    }

    /// Whether there was nothing to do but to follow.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.created.is_none() && self.deleted.is_empty() && self.failures.is_empty()
    }
}
