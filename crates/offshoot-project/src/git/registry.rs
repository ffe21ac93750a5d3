//! What the hooks of a repository have made: one small file in the folder that all checkouts share.
//!
//! It says which database branch belongs to which Git branch, and what installing changed, so that it can be undone. It is
//! read and written under a lock that is held for no longer than that; what takes its time (making, deleting) is done under
//! the lock of the one branch.

use super::means::Means;
use super::place::{Came, Place};
use super::repository::Repository;
use crate::error::{ProjectError, Result};
use crate::file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;
const FOLDER: &str = "offshoot";

/// Everything that is remembered of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registry {
    pub version: u32,
    /// Where the repository was when this was written.
    #[serde(default)]
    pub place: Option<Place>,
    /// Where commands are run, so that they find the project's configuration and store from every checkout.
    pub project: PathBuf,
    /// The file with the variables, from the top of a checkout.
    pub env_file: PathBuf,
    /// By what branches are made.
    #[serde(flatten)]
    pub means: Means,
    /// The hooks that were written.
    #[serde(default)]
    pub hooks: Vec<PathBuf>,
    /// What was added to `info/exclude`.
    #[serde(default)]
    pub excluded: String,
    /// The number that the next branch gets.
    #[serde(default)]
    pub next_id: u64,
    /// The Git branches that there were, with a database or without.
    #[serde(default)]
    pub seen: BTreeSet<String>,
    /// Those with a database.
    #[serde(default)]
    pub branches: Vec<Entry>,
}

/// A Git branch and its database branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its number, never used twice.
    pub id: u64,
    /// The Git branch.
    pub git: String,
    /// The database branch.
    pub database: String,
    /// What tells it from others of its name; none until it is made.
    #[serde(default)]
    pub identity: Option<String>,
    /// Since when the two belong together, in seconds since 1970.
    pub since_unix_s: u64,
    /// How far it is.
    pub state: State,
}

/// How far a branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Somebody makes it, or died while making it.
    Making,
    /// It was there when it was last seen.
    Ready,
    /// Its Git branch is gone; somebody deletes it, or died while deleting it.
    Leaving,
}

/// The registry, locked for as long as this lives.
pub(super) struct Locked {
    path: PathBuf,
    pub registry: Registry,
    _lock: File,
}

/// The folder of the hooks' files in a repository.
pub(super) fn folder(repository: &Repository) -> PathBuf {
    repository.common_dir.join(FOLDER)
}

fn path(repository: &Repository) -> PathBuf {
    folder(repository).join("git.json")
}

/// The registry as it is; none where the hooks are not installed.
pub(super) fn read(repository: &Repository) -> Result<Option<Registry>> {
    let Some(mut registry) = load(repository)? else { return Ok(None) };
    registry.come_to(Place::of(&repository.common_dir)?);
    Ok(Some(registry))
}

fn load(repository: &Repository) -> Result<Option<Registry>> {
    let path = path(repository);
    let Some(bytes) = file::read(&path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| ProjectError::Damaged { path: path.clone(), what: error.to_string() };
    let registry: Registry = serde_json::from_slice(&bytes).map_err(damaged)?;
    if registry.version != VERSION {
        return Err(ProjectError::Newer { path, version: registry.version });
    }
    Ok(Some(registry))
}

/// The registry for a change; none where the hooks are not installed.
pub(super) fn lock(repository: &Repository) -> Result<Option<Locked>> {
    if load(repository)?.is_none() {
        return Ok(None);
    }
    let lock = take(&folder(repository).join("lock"))?;
    // Read again: it may have changed while the lock was waited for.
    let Some(before) = load(repository)? else { return Ok(None) };
    let mut locked = Locked { path: path(repository), registry: before.clone(), _lock: lock };
    locked.registry.come_to(Place::of(&repository.common_dir)?);
    if locked.registry != before {
        locked.save()?;
    }
    Ok(Some(locked))
}

/// The registry for a change, an empty one where there is none.
pub(super) fn lock_or_make(repository: &Repository) -> Result<Locked> {
    file::make_folder(&folder(repository))?;
    let lock = take(&folder(repository).join("lock"))?;
    let mut registry = load(repository)?.unwrap_or_else(|| Registry { version: VERSION, ..Registry::default() });
    registry.come_to(Place::of(&repository.common_dir)?);
    Ok(Locked { path: path(repository), registry, _lock: lock })
}

/// The lock of one branch: who has it makes or deletes it.
pub(super) fn lock_branch(repository: &Repository, id: u64) -> Result<File> {
    take(&branch_lock(repository, id))
}

/// Removes the lock file of a branch that is gone.
pub(super) fn forget_branch(repository: &Repository, id: u64) -> Result<()> {
    file::remove(&branch_lock(repository, id))
}

fn branch_lock(repository: &Repository, id: u64) -> PathBuf {
    folder(repository).join(format!("branch-{id}.lock"))
}

fn take(path: &Path) -> Result<File> {
    let open = || {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(ProjectError::io("lock", path))
}

impl Locked {
    /// Makes the changes durable.
    pub(super) fn save(&self) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.registry);
        let text = text.map_err(|error| ProjectError::Damaged { path: self.path.clone(), what: error.to_string() })?;
        file::replace(&self.path, &text)
    }
}

impl Registry {
    /// Brings it to where its repository is by now. What a copy has the original's registry say of databases is the original's.
    fn come_to(&mut self, here: Place) {
        let Some(before) = self.place.replace(here.clone()) else { return };
        let came = here.since(&before);
        if came == Came::Stayed {
            return;
        }
        let follow = |path: &mut PathBuf| {
            if let Some(new) = here.rebased(path, &before).filter(|new| new.exists()) {
                *path = new;
            }
        };
        follow(&mut self.project);
        if came == Came::Copied {
            self.branches.clear();
            self.hooks = self.hooks.iter().filter_map(|hook| here.rebased(hook, &before)).collect();
            return;
        }
        self.hooks.iter_mut().for_each(|hook| *hook = here.rebased(hook, &before).unwrap_or_else(|| hook.clone()));
        self.means.store.iter_mut().chain(&mut self.means.config).for_each(follow);
        for value in self.means.variables.values_mut() {
            let mut path = PathBuf::from(&value);
            follow(&mut path);
            if let Some(new) = path.to_str() {
                new.clone_into(value);
            }
        }
    }

    /// The entry of a Git branch that is not on its way out.
    pub(super) fn entry(&mut self, git: &str) -> Option<&mut Entry> {
        self.branches.iter_mut().find(|entry| entry.git == git && entry.state != State::Leaving)
    }

    /// The entry of this number.
    pub(super) fn by_id(&mut self, id: u64) -> Option<&mut Entry> {
        self.branches.iter_mut().find(|entry| entry.id == id)
    }
}
