//! A repository as it is seen from one of its checkouts.

use super::command::{Question, path};
use crate::error::{ProjectError, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const BRANCHES: &str = "refs/heads/";
/// Entries of a reflog that are looked at for a renaming.
const REFLOG_ENTRIES_MAX: &str = "-n20";

/// A repository, seen from a checkout or, where it is bare, from its own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What belongs to this checkout alone.
    pub git_dir: PathBuf,
    /// What all checkouts share.
    pub common_dir: PathBuf,
    /// The checkout's folder; none in a bare repository.
    pub top: Option<PathBuf>,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A branch, which may have no commit yet.
    Branch(String),
    /// A commit, or a branch whose name is not UTF-8.
    Detached,
}

/// A branch that was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renaming {
    pub from: String,
    pub to: String,
    /// When, in seconds since 1970; none where Git keeps no log and it was concluded.
    pub unix_s: Option<u64>,
}

impl Repository {
    /// The repository that a Git command in this folder would work on, by the folder and by GIT_DIR.
    ///
    /// # Errors
    /// [`ProjectError::NoRepository`], or Git's own.
    pub fn discover(folder: &Path) -> Result<Self> {
        Self::discover_by(folder, &|arguments| Question::in_folder(folder, arguments))
    }

    /// The repository that the folder lies in, whatever the environment says.
    ///
    /// # Errors
    /// As [`Self::discover`].
    pub fn around(folder: &Path) -> Result<Self> {
        Self::discover_by(folder, &|arguments| Question::in_folder(folder, arguments).apart())
    }

    /// The repository of this Git folder, seen from a checkout whose top is given.
    ///
    /// # Errors
    /// As [`Self::discover`].
    pub fn at(git_dir: &Path, top: Option<&Path>) -> Result<Self> {
        let ask = |arguments: &[&str]| Question::of(git_dir, top, arguments);
        let common_dir = common_dir(git_dir, &ask)?;
        Ok(Self { git_dir: git_dir.to_owned(), common_dir, top: top.map(Path::to_owned) })
    }

    fn discover_by(folder: &Path, ask: &dyn Fn(&[&str]) -> Question) -> Result<Self> {
        let git_dir = absolute(folder, ask, "--git-dir")?;
        let common_dir = common_dir(folder, ask)?;
        let top = match ask(&["rev-parse", "--is-inside-work-tree"]).answer()?.as_deref() {
            Some(b"true") => Some(absolute(folder, ask, "--show-toplevel")?),
            _ => None,
        };
        Ok(Self { git_dir, common_dir, top })
    }

    pub(super) fn ask(&self, arguments: &[&str]) -> Question {
        Question::of(&self.git_dir, self.top.as_deref(), arguments)
    }

    /// What is checked out.
    ///
    /// # Errors
    /// When Git cannot say.
    pub fn head(&self) -> Result<Head> {
        let answer = self.ask(&["symbolic-ref", "-q", "HEAD"]).answer()?.unwrap_or_default();
        let name = String::from_utf8(answer).ok().and_then(|name| branch_of(&name).map(str::to_owned));
        Ok(name.map_or(Head::Detached, Head::Branch))
    }

    /// Whether a rebase or a bisection goes on in this checkout: it passes through commits that nobody means to work on.
    #[must_use]
    pub fn is_in_passage(&self) -> bool {
        ["rebase-merge", "rebase-apply", "BISECT_LOG"].iter().any(|name| self.git_dir.join(name).exists())
    }

    /// All branches: those with commits, and those without that are checked out somewhere.
    pub(crate) fn branches(&self) -> Result<BTreeSet<String>> {
        let mut names = self.ask(&["for-each-ref", "--format=%(refname)", BRANCHES]).lines()?;
        names.extend(self.ask(&["worktree", "list", "--porcelain"]).lines()?);
        let names = names.iter().filter_map(|line| branch_of(line.strip_prefix("branch ").unwrap_or(line)));
        Ok(names.map(str::to_owned).collect())
    }

    /// What the reflogs of these branches say of renaming, and what can be concluded where there is no reflog: a branch
    /// that stands exactly where a deleted one stood. `deleted` are pairs of an object id and a branch.
    pub(crate) fn renamings(&self, branches: &BTreeSet<String>, deleted: &[(String, String)]) -> Result<Vec<Renaming>> {
        let mut found = Vec::new();
        for branch in branches {
            let full = format!("{BRANCHES}{branch}");
            let question = [
                "log",
                "-g",
                REFLOG_ENTRIES_MAX,
                "--no-show-signature",
                "--date=unix",
                "--format=%gd %gs",
                &full,
                "--",
            ];
            // A branch without a commit has no log, and Git calls that an error.
            let lines = self.ask(&question).lines().unwrap_or_default();
            if lines.is_empty() && !deleted.is_empty() {
                let tip = self.ask(&["rev-parse", "-q", "--verify", &full]).lines().unwrap_or_default();
                let stood_here = deleted.iter().filter(|(id, from)| Some(id) == tip.first() && from != branch);
                let concluded =
                    |(_, from): &(String, String)| Renaming { from: from.clone(), to: branch.clone(), unix_s: None };
                found.extend(stood_here.map(concluded));
            }
            found.extend(lines.iter().filter_map(|line| renaming_of(line)));
        }
        Ok(found)
    }
}

fn common_dir(folder: &Path, ask: &dyn Fn(&[&str]) -> Question) -> Result<PathBuf> {
    absolute(folder, ask, "--git-common-dir")
}

fn absolute(folder: &Path, ask: &dyn Fn(&[&str]) -> Question, name: &str) -> Result<PathBuf> {
    match ask(&["rev-parse", "--path-format=absolute", name]).answer() {
        Err(ProjectError::Git { what, .. }) if what.contains("not a git repository") => {
            Err(ProjectError::NoRepository { folder: folder.to_owned() })
        }
        answer => Ok(path(&answer?.unwrap_or_default()).to_owned()),
    }
}

/// The branch of a full reference name.
pub(super) fn branch_of(reference: &str) -> Option<&str> {
    reference.strip_prefix(BRANCHES).filter(|name| !name.is_empty())
}

/// Reads `name@{1795706768} Branch: renamed refs/heads/a to refs/heads/b`. No reference holds a blank, so this has one
/// meaning.
fn renaming_of(line: &str) -> Option<Renaming> {
    let (place, message) = line.split_once(" Branch: renamed ")?;
    let unix_s = place.rsplit_once("@{")?.1.strip_suffix('}')?.parse().ok()?;
    let (from, to) = message.split_once(" to ")?;
    Some(Renaming { from: branch_of(from)?.to_owned(), to: branch_of(to)?.to_owned(), unix_s: Some(unix_s) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reflog_says_of_renaming() {
        let read = renaming_of("a@{b}@{1795706768} Branch: renamed refs/heads/x to refs/heads/a@{b}").unwrap();
        assert_eq!((read.from.as_str(), read.to.as_str(), read.unix_s), ("x", "a@{b}", Some(1_795_706_768)));
        assert_eq!(renaming_of("a@{1} commit: Branch: renamed"), None);
        assert_eq!(renaming_of("a@{1} branch: Created from HEAD"), None);
    }
}
