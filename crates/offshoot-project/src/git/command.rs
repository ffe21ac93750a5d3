//! Asking Git: only questions, never a change of a reference, so that no hook of ours sets off another.

use crate::error::{ProjectError, Result};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What ties a Git process to one repository, as `git rev-parse --local-env-vars` lists them.
pub(crate) const REPOSITORY_VARIABLES: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// What to ask, and where.
pub(crate) struct Question {
    command: Command,
    shown: String,
}

impl Question {
    /// Asked as the environment says, as any other program started here would.
    pub(crate) fn in_folder(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(arguments);
        Self::new(command, arguments)
    }

    /// Asked of one repository, whatever the environment says.
    pub(crate) fn of(git_dir: &Path, top: Option<&Path>, arguments: &[&str]) -> Self {
        let option = |name: &str, value: &Path| {
            let mut option = OsString::from(name);
            option.push(value);
            option
        };
        let mut command = Command::new("git");
        command.arg(option("--git-dir=", git_dir));
        if let Some(top) = top {
            command.arg("-C").arg(top).arg(option("--work-tree=", top));
        }
        command.args(arguments);
        Self::new(command, arguments).apart()
    }

    fn new(mut command: Command, arguments: &[&str]) -> Self {
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null());
        Self { command, shown: arguments.join(" ") }
    }

    /// Without what ties the process to another repository.
    pub(crate) fn apart(mut self) -> Self {
        for name in REPOSITORY_VARIABLES {
            self.command.env_remove(name);
        }
        self
    }

    /// The answer, without the line's end after it; none where Git exits with 1 and says nothing, which means no.
    pub(crate) fn answer(mut self) -> Result<Option<Vec<u8>>> {
        let failed = |what: String| ProjectError::Git { command: self.shown.clone(), what };
        let Output { status, mut stdout, stderr } =
            self.command.output().map_err(|error| failed(format!("git could not be started: {error}")))?;
        if status.success() {
            if stdout.last() == Some(&b'\n') {
                stdout.pop();
            }
            return Ok(Some(stdout));
        }
        let said = String::from_utf8_lossy(&stderr).trim().to_owned();
        if status.code() == Some(1) && said.is_empty() {
            return Ok(None);
        }
        Err(failed(if said.is_empty() { status.to_string() } else { said }))
    }

    /// The lines of the answer that are UTF-8.
    pub(crate) fn lines(self) -> Result<Vec<String>> {
        let answer = self.answer()?.unwrap_or_default();
        let lines = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.filter_map(|line| std::str::from_utf8(line).ok()).map(str::to_owned).collect())
    }
}

/// Bytes of a path as Git prints it.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(OsStr::from_bytes(bytes))
}
