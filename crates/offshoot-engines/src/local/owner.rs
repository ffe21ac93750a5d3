//! Who servers run as: this user, or as root somebody without rights, because servers refuse root.
//!
//! Programs are run with an environment that is empty but for a search path, so that no variable and no secret of
//! the caller's reaches a server, whose superuser can read its environment.

use super::error::LocalError;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The search path of a server, and of what it starts.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The user and the group that servers run as, where that is not the one of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    other: Option<(u32, u32)>,
}

impl Owner {
    /// This user, whoever that is: for files of our own.
    pub(crate) const THIS: Self = Self { other: None };

    /// The one for this process: where this is root, the user who servers of a kind run as, else `nobody`.
    pub(crate) fn of_this_process(user: &'static str) -> Result<Self, LocalError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::THIS);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(LocalError::io("reading", "/etc/passwd"))?;
        let found = [user, "nobody"].iter().find_map(|name| ids_of(&users, name));
        found.map(|ids| Self { other: Some(ids) }).ok_or(LocalError::NoOwner { user })
    }

    pub(crate) fn other(self) -> Option<(u32, u32)> {
        self.other
    }

    /// The user's number.
    pub(crate) fn uid(self) -> u32 {
        self.other.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid)
    }

    /// Gives it a file or folder.
    pub(crate) fn take(self, path: &Path) -> Result<(), LocalError> {
        let Some((uid, gid)) = self.other else { return Ok(()) };
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(LocalError::io("changing the owner of", path))
    }

    /// A command that runs a program as the owner, and can never get more rights. Its input and outputs are empty.
    pub(crate) fn command(self, program: &Path) -> Result<Command, LocalError> {
        let mut command = match self.other {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut setpriv = Command::new(system_program("setpriv")?);
                setpriv.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
                setpriv.args(["--clear-groups", "--inh-caps=-all", "--no-new-privs", "--"]).arg(program);
                setpriv
            }
        };
        bare(&mut command);
        Ok(command)
    }
}

/// Takes the caller's environment, folder, input and outputs from a command.
pub(crate) fn bare(command: &mut Command) {
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
}

/// A program that comes with the system.
pub(crate) fn system_program(name: &'static str) -> Result<PathBuf, LocalError> {
    let places = PATH.split(':').map(|folder| Path::new(folder).join(name));
    let mend = "Install util-linux (apt-get install util-linux)";
    places.into_iter().find(|program| program.is_file()).ok_or(LocalError::NoProgram { name, mend })
}

/// User and group of a line in /etc/passwd; root under another name is none.
fn ids_of(users: &str, name: &str) -> Option<(u32, u32)> {
    let fields = |line: &str| -> Option<(u32, u32)> {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (is_it && uid != 0 && gid != 0).then_some((uid, gid))
    };
    users.lines().find_map(fields)
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\n\nbroken\npostgres2:x:7:7::/:/x\npostgres:x:101:104:,,,:/v:/bin/sh\n";
        assert_eq!(ids_of(users, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(users, "root"), None);
        assert_eq!(ids_of(users, "nobody"), None);
    }
}
