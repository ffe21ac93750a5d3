//! Installing the hooks, and undoing it.
//!
//! A hook that is there already stays what it is, bytes and mode: it is renamed, run by ours, and renamed back. Hooks are put
//! where Git looks for them, `core.hooksPath` included, unless that folder is shared with other repositories or the hook is
//! a file of the repository itself: those are somebody else's, and the error says what to do.

use super::command::path;
use super::exclude;
use super::means::Means;
use super::registry::{self, Registry};
use super::repository::Repository;
use super::script::{self, BEFORE, HOOKS};
use crate::env::dotenv;
use crate::error::{ProjectError, Result};
use crate::file;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How the hooks are installed.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// The program that the hooks call, absolute.
    pub program: PathBuf,
    /// The folder that commands are run in, absolute: where the project's configuration is found.
    pub project: PathBuf,
    /// The file with the variables, relative to the top of each checkout.
    pub env_file: PathBuf,
    /// By what the hooks make branches.
    pub means: Means,
}

/// What was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The folder of the hooks.
    pub folder: PathBuf,
    /// The hooks that were there before, and are still run.
    pub chained: Vec<&'static str>,
    /// Whether anything was changed.
    pub is_changed: bool,
}

/// What was undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uninstalled {
    /// The hooks that were removed.
    pub removed: Vec<PathBuf>,
    /// What somebody else has put where our hook was, and is left alone.
    pub left_alone: Vec<PathBuf>,
    /// The database branches that the hooks made; they are still there.
    pub databases: Vec<String>,
}

/// Installs the hooks. Doing it again changes nothing, or only what the options say otherwise than before.
///
/// # Errors
/// [`ProjectError::NotOurs`] where a file is in the way; then nothing is installed.
pub fn install(repository: &Repository, options: &InstallOptions) -> Result<Installed> {
    let folder = hooks_folder(repository)?;
    check_env_file(repository, &options.env_file)?;
    let states = HOOKS.map(|hook| (hook, folder.join(hook)));
    for (hook, path) in &states {
        check_hook(repository, hook, path)?;
    }
    let mut locked = registry::lock_or_make(repository)?;
    let mut installed = Installed { folder: folder.clone(), chained: Vec::new(), is_changed: false };
    fs::create_dir_all(&folder).map_err(ProjectError::io("make", &folder))?;
    // Remembered before they are written, so that an installation that was cut off can be undone.
    let registry = &mut locked.registry;
    let before = registry.clone();
    registry.project.clone_from(&options.project);
    registry.env_file.clone_from(&options.env_file);
    registry.means.clone_from(&options.means);
    for (_, path) in &states {
        if !registry.hooks.contains(path) {
            registry.hooks.push(path.clone());
        }
    }
    exclude_files(repository, registry)?;
    installed.is_changed = before != *registry;
    locked.save()?;
    for (hook, path) in states {
        installed.is_changed |= write_hook(hook, &path, &options.program)?;
        if before_path(&path).exists() {
            installed.chained.push(hook);
        }
    }
    Ok(installed)
}

/// Removes the hooks and puts back what was there before, also the files with the variables and what was excluded. Database
/// branches stay.
///
/// # Errors
/// When a file cannot be changed; doing it again goes on.
pub fn uninstall(repository: &Repository) -> Result<Uninstalled> {
    let mut undone = Uninstalled::default();
    let Some(mut locked) = registry::lock(repository)? else { return Ok(undone) };
    let registry = &mut locked.registry;
    for path in registry.hooks.iter().chain(&hooks_of_now(repository, registry)?) {
        match file::read(path)? {
            Some(bytes) if !script::is_ours(&bytes) => undone.left_alone.push(path.clone()),
            found => {
                if found.is_some() {
                    undone.removed.push(path.clone());
                }
                let before = before_path(path);
                match fs::symlink_metadata(&before) {
                    Ok(_) => fs::rename(&before, path).map_err(ProjectError::io("put back", path))?,
                    Err(_) => file::remove(path)?,
                }
            }
        }
    }
    let tops = repository.ask(&["worktree", "list", "--porcelain"]).lines()?;
    for top in tops.iter().filter_map(|line| line.strip_prefix("worktree ")) {
        // A file that is not ours stays without a word: it was never ours.
        let _ = dotenv::remove(&Path::new(top).join(&registry.env_file));
    }
    exclude::remove(&exclude_path(repository)?, &registry.excluded)?;
    undone.databases = registry.branches.iter().map(|entry| entry.database.clone()).collect();
    let folder = registry::folder(repository);
    fs::remove_dir_all(&folder).map_err(ProjectError::io("remove", &folder))?;
    Ok(undone)
}

/// By what the hooks of a repository make branches; none where they are not installed.
///
/// # Errors
/// When the hooks' file cannot be read.
pub fn means(repository: &Repository) -> Result<Option<Means>> {
    Ok(registry::read(repository)?.map(|registry| registry.means))
}

/// Where Git looks for hooks here.
fn hooks_folder(repository: &Repository) -> Result<PathBuf> {
    let scopes = repository.ask(&["config", "--show-scope", "--get", "core.hooksPath"]).lines()?;
    if let Some(scope) = scopes.first().and_then(|line| line.split_whitespace().next())
        && matches!(scope, "global" | "system")
    {
        let answer = repository.ask(&["config", "--type=path", "--get", "core.hooksPath"]).answer()?;
        let folder = path(&answer.unwrap_or_default()).to_owned();
        return Err(ProjectError::NotOurs {
            path: folder,
            why: format!("the {scope} configuration makes it the folder of the hooks of every repository"),
            advice: "Give this repository a folder of its own: `git config --local core.hooksPath FOLDER`".to_owned(),
        });
    }
    let answer = repository.ask(&["rev-parse", "--git-path", "hooks"]).answer()?.unwrap_or_default();
    let base = repository.top.as_deref().unwrap_or(&repository.git_dir);
    Ok(base.join(path(&answer)))
}

/// Hooks of ours where Git looks for them now, in this repository, that nothing is remembered of.
fn hooks_of_now(repository: &Repository, registry: &Registry) -> Result<Vec<PathBuf>> {
    let Ok(folder) = hooks_folder(repository) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let is_inside = |inside: &PathBuf| folder.starts_with(inside);
    if is_inside(&repository.common_dir) || repository.top.as_ref().is_some_and(is_inside) {
        for path in HOOKS.map(|hook| folder.join(hook)) {
            let is_ours = file::read(&path)?.is_some_and(|bytes| script::is_ours(&bytes));
            if is_ours && !registry.hooks.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn before_path(hook: &Path) -> PathBuf {
    let mut name = hook.as_os_str().to_owned();
    name.push(BEFORE);
    PathBuf::from(name)
}

/// Refuses a hook that cannot be chained.
fn check_hook(repository: &Repository, hook: &str, path: &Path) -> Result<()> {
    let is_foreign = match fs::symlink_metadata(path) {
        Err(_) => false,
        Ok(metadata) if metadata.is_dir() => true,
        // What a link leads to may be missing, and is somebody else's all the same.
        Ok(_) => file::read(path)?.is_none_or(|bytes| !script::is_ours(&bytes)),
    };
    if !is_foreign {
        return Ok(());
    }
    let refused =
        |why: &str, advice: String| Err(ProjectError::NotOurs { path: path.to_owned(), why: why.to_owned(), advice });
    if is_tracked(repository, path)? {
        let line = format!("offshoot git hook {hook} \"$@\" || true");
        return refused("the hook is a file of this repository", format!("Add this line to it: {line}"));
    }
    if fs::symlink_metadata(before_path(path)).is_ok() {
        let name = before_path(path).display().to_string();
        return refused(
            "another hook has taken the place of ours since",
            format!("Remove it or {name}, and try again"),
        );
    }
    Ok(())
}

/// Whether a file is one that the repository keeps.
fn is_tracked(repository: &Repository, path: &Path) -> Result<bool> {
    let (Some(top), Some(shown)) = (&repository.top, path.to_str()) else { return Ok(false) };
    if !path.starts_with(top) || path.starts_with(&repository.common_dir) {
        return Ok(false);
    }
    let literal = format!(":(literal){shown}");
    Ok(!repository.ask(&["ls-files", "--", &literal]).lines()?.is_empty())
}

fn check_env_file(repository: &Repository, env_file: &Path) -> Result<()> {
    let Some(top) = &repository.top else { return Ok(()) };
    let path = top.join(env_file);
    dotenv::check(&path)?;
    if is_tracked(repository, &path)? {
        let advice = "Take it out with `git rm --cached`, or name another file: it will hold a password".to_owned();
        return Err(ProjectError::NotOurs { path, why: "it is a file of this repository".to_owned(), advice });
    }
    Ok(())
}

fn exclude_path(repository: &Repository) -> Result<PathBuf> {
    let answer = repository.ask(&["rev-parse", "--git-path", "info/exclude"]).answer()?.unwrap_or_default();
    Ok(repository.top.as_deref().unwrap_or(&repository.git_dir).join(path(&answer)))
}

/// Keeps Git from seeing the file with the variables, and hooks that lie in the checkout.
fn exclude_files(repository: &Repository, registry: &mut Registry) -> Result<()> {
    let mut patterns: Vec<String> = registry.env_file.to_str().map(exclude::pattern).into_iter().collect();
    // The same file, as a writer that was killed leaves it.
    let temporary = registry.env_file.with_file_name(file::TEMPORARY);
    patterns.extend(temporary.to_str().map(|path| format!("{}*", exclude::pattern(path))));
    if let Some(top) = &repository.top {
        for hook in registry.hooks.iter().filter(|hook| !hook.starts_with(&repository.common_dir)) {
            let inside = [hook.clone(), before_path(hook)];
            let inside = inside.iter().filter_map(|path| path.strip_prefix(top).ok()?.to_str().map(exclude::pattern));
            patterns.extend(inside.collect::<Vec<_>>());
        }
    }
    let path = exclude_path(repository)?;
    let is_there = !registry.excluded.is_empty() && patterns.iter().all(|pattern| registry.excluded.contains(pattern));
    let text = file::read(&path)?.unwrap_or_default();
    if is_there && text.windows(registry.excluded.len()).any(|window| window == registry.excluded.as_bytes()) {
        return Ok(());
    }
    exclude::remove(&path, &registry.excluded)?;
    registry.excluded = exclude::add(&path, &patterns)?;
    Ok(())
}

/// Writes a hook, and puts another one that is there aside. Says whether anything changed.
fn write_hook(hook: &str, path: &Path, program: &Path) -> Result<bool> {
    let text = script::script(hook, program);
    match file::read(path)? {
        Some(bytes) if bytes == text.as_bytes() && is_executable(path) => return Ok(false),
        Some(bytes) if script::is_ours(&bytes) => {}
        _ if fs::symlink_metadata(path).is_ok() => {
            fs::rename(path, before_path(path)).map_err(ProjectError::io("put aside", path))?;
        }
        _ => {}
    }
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = file::temporary(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(ProjectError::io("write", path))?;
    Ok(true)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}
