//! A repository in a folder of its own, with the hooks installed, and what can be asked of it.

use crate::program::{self, Files};
use offshoot_project::DatabaseBranches;
use offshoot_project::git::{self, InstallOptions, Installed, Means, Repository};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A repository.
pub struct Case {
    _dir: tempfile::TempDir,
    /// The main checkout.
    pub top: PathBuf,
    /// The program that the hooks call.
    pub program: PathBuf,
}

impl Case {
    /// A repository with three commits on `main`, without hooks.
    pub fn bare_of_hooks() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("home")).unwrap();
        fs::create_dir_all(root.join("databases")).unwrap();
        let case = Self { program: program::write(&root.join("databases")), top: root.join("it's a repo"), _dir: dir };
        fs::create_dir_all(&case.top).unwrap();
        case.git(["init", "-q", "-b", "main"]);
        for name in ["one", "two", "three"] {
            fs::write(case.top.join(name), name).unwrap();
            case.git(["add", name]);
            case.git(["commit", "-q", "-m", name]);
        }
        case
    }

    /// The same with the hooks.
    pub fn new() -> Self {
        let case = Self::bare_of_hooks();
        case.install().unwrap();
        case
    }

    pub fn options(&self) -> InstallOptions {
        let env_file = PathBuf::from(".env.offshoot");
        InstallOptions { program: self.program.clone(), project: self.top.clone(), env_file, means: Means::default() }
    }

    pub fn install(&self) -> offshoot_project::Result<Installed> {
        git::install(&Repository::around(&self.top).unwrap(), &self.options())
    }

    pub fn uninstall(&self) -> git::Uninstalled {
        git::uninstall(&Repository::around(&self.top).unwrap()).unwrap()
    }

    /// Runs Git in a folder, apart from the user's configuration. It may fail.
    pub fn try_git_in<S: AsRef<OsStr>>(&self, folder: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        let home = self.top.parent().unwrap().join("home");
        command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("GIT_CONFIG_NOSYSTEM", "1");
        for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            command.env(name, "a@example.org");
        }
        command.env("GIT_EDITOR", "true").current_dir(folder).args(arguments).output().unwrap()
    }

    /// Runs Git in a folder. Returns what it said on stderr.
    pub fn git_in<S: AsRef<OsStr>>(&self, folder: &Path, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.try_git_in(folder, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }

    /// Runs Git in the main checkout.
    pub fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        self.git_in(&self.top, arguments)
    }

    pub fn databases(&self) -> PathBuf {
        self.program.parent().unwrap().to_owned()
    }

    /// The database branches that there are.
    pub fn names(&self) -> String {
        Files(self.databases()).list().unwrap().join(" ")
    }

    /// How often the program was called with these first words.
    pub fn calls(&self, words: &str) -> usize {
        let calls = fs::read_to_string(self.databases().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with(words)).count()
    }

    /// Waits until there are exactly these database branches.
    pub fn has(&self, expected: &str) {
        waits_for(expected, || self.names());
    }

    /// The branch that the variables of a checkout lead to, or the host that leads nowhere.
    pub fn leads_to(&self, top: &Path) -> String {
        let text = fs::read_to_string(top.join(".env.offshoot")).unwrap_or_default();
        let value = |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
        value("OFFSHOOT_BRANCH=").or_else(|| value("PGHOST=")).unwrap_or_default()
    }
}

/// Waits until something is as expected: syncs live on their own.
pub fn waits_for(expected: &str, look: impl Fn() -> String) {
    let until = Instant::now() + Duration::from_secs(60);
    while look() != expected && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(look(), expected);
}
