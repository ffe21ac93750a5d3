//! The file that direnv and dotenv libraries read, and that a shell can source.
//!
//! Their grammars agree on little: a bare word, and a word in single quotes that holds neither quote nor backslash. Nothing
//! else is written. The URL needs no more than that, because it is percent-encoded; another variable that does is left out,
//! and a comment says so. The file begins with a line that says whose it is: one without it is never written over.

use super::variables;
use crate::error::{ProjectError, Result};
use crate::{Access, file};
use std::fs;
use std::path::Path;

/// The name of the file. Not `.env` or `.env.local`, which are the user's.
pub const FILE: &str = ".env.offshoot";
const MARK: &str = "# Written by offshoot for the Git branch that is checked out; changes are lost.\n";

/// What the file says.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// How to reach the branch.
    Ready(&'a Access),
    /// That there is no branch yet: variables that lead nowhere, so that nothing reaches the database of another Git branch.
    Pending,
    /// That no branch could be made.
    Failed,
}

/// The text of the file. Where it leads nowhere, its URL is of this scheme.
fn text(content: Content<'_>, scheme: &str) -> String {
    // `.invalid` never resolves (RFC 6761, section 6.4), and the name says in the client's own error what is the matter. Which
    // engine the branch will have is not known yet, so none finds its own default.
    let nowhere = |host: &str| {
        let host = format!("{host}.invalid");
        format!("{MARK}DATABASE_URL={scheme}://{host}/none\nPGHOST={host}\nMYSQL_HOST={host}\n")
    };
    match content {
        Content::Ready(access) => {
            let lines = variables(access).into_iter().map(|(name, value)| match word(value) {
                Some(word) => format!("{name}={word}\n"),
                None => {
                    format!("# {name} cannot be written so that every reader takes it alike; DATABASE_URL has it\n")
                }
            });
            format!("{MARK}{}\n{}", branch_line(&access.branch), lines.collect::<String>())
        }
        Content::Pending => nowhere("database-branch-is-being-made"),
        Content::Failed => nowhere("no-database-branch"),
    }
}

/// A comment that says where the file leads, whatever the name.
fn branch_line(branch: &str) -> String {
    format!("# Database branch: {}", branch.replace(char::is_control, " "))
}

/// A value as every reader takes it; none where there is no such form.
fn word(value: &str) -> Option<String> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(is_bare) {
        return Some(value.to_owned());
    }
    let is_quotable = !value.chars().any(|c| c.is_control() || matches!(c, '\'' | '\\' | '\u{2028}' | '\u{2029}'));
    is_quotable.then(|| format!("'{value}'"))
}

/// Writes the file, mode 0600, at once or not at all. One that is there with the same content is left as it is.
///
/// # Errors
/// [`ProjectError::NotOurs`] where a file or link is there that was not written here.
pub fn write(path: &Path, content: Content<'_>) -> Result<()> {
    check(path)?;
    let old = file::read(path)?.unwrap_or_default();
    let text = text(content, &scheme(&old));
    if old == text.as_bytes() {
        return Ok(());
    }
    file::replace(path, text.as_bytes())
}

/// The scheme of the URL in a file, by which an application chooses its driver.
fn scheme(file: &[u8]) -> String {
    let text = String::from_utf8_lossy(file);
    let url = text.lines().find_map(|line| line.strip_prefix("DATABASE_URL="));
    let scheme = url.and_then(|url| url.trim_start_matches('\'').split_once("://")).map(|(scheme, _)| scheme);
    scheme.filter(|scheme| word(scheme).is_some_and(|word| word == *scheme)).unwrap_or("postgres").to_owned()
}

/// Whether the file leads to this branch.
///
/// # Errors
/// When it cannot be read.
pub fn leads_to(path: &Path, branch: &str) -> Result<bool> {
    let text = file::read(path)?.unwrap_or_default();
    let line = branch_line(branch);
    Ok(text.split(|byte| *byte == b'\n').any(|found| found == line.as_bytes()))
}

/// Removes the file, if it was written here.
///
/// # Errors
/// [`ProjectError::NotOurs`] where a file is there that was not written here.
pub fn remove(path: &Path) -> Result<()> {
    check(path)?;
    path.parent().into_iter().for_each(file::sweep);
    file::remove(path)
}

/// Refuses a file or link that was not written here.
pub(crate) fn check(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if metadata.is_file() && file::read(path)?.is_none_or(|bytes| bytes.starts_with(MARK.as_bytes())) {
        return Ok(());
    }
    Err(ProjectError::NotOurs {
        path: path.to_owned(),
        why: "it does not begin as the files that offshoot writes".to_owned(),
        advice: "move it away, or name another file".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::tests::access_to;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn what_every_reader_takes_alike() {
        let mut access = access_to("fix/π #1");
        access.variables.push(("PGUSER".to_owned(), "o'hara".to_owned()));
        let text = text(Content::Ready(&access), "postgres");
        assert!(text.contains("\nDATABASE_URL=postgres://app:s3cret@127.0.0.1:5433/shop\n"), "{text}");
        assert!(text.contains("\nOFFSHOOT_BRANCH='fix/π #1'\n") && text.contains("\n# PGUSER cannot be"), "{text}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write(&path, Content::Ready(&access)).unwrap();
        assert!(leads_to(&path, "fix/π #1").unwrap() && !leads_to(&path, "fix/π").unwrap());
        let script = format!("set -a; . '{}'; printf '%s' \"$OFFSHOOT_BRANCH\"", path.display());
        assert_eq!(Command::new("sh").arg("-c").arg(script).output().unwrap().stdout, "fix/π #1".as_bytes());
        // Readers of programs: Node.js has one since 20.6, Python's is python-dotenv.
        let file = path.display().to_string();
        let option = format!("--env-file={file}");
        let print = "console.log(process.env.OFFSHOOT_BRANCH + ' ' + process.env.DATABASE_URL)";
        let python = "import dotenv, sys; all = dotenv.dotenv_values(sys.argv[1]); \
                      print(all['OFFSHOOT_BRANCH'], all['DATABASE_URL'])";
        let node: (&str, &[&str], &[&str]) = ("node", &[&option, "-e", ""], &[&option, "-e", print]);
        let python: (&str, &[&str], &[&str]) = ("python3", &["-c", "import dotenv"], &["-c", python, &file]);
        for (program, probe, read) in [node, python] {
            let has_one = Command::new(program).args(probe).output().is_ok_and(|output| output.status.success());
            if !has_one {
                println!("SKIPPED: {program} has no reader of such files here");
                continue;
            }
            let said = Command::new(program).args(read).env("PYTHONIOENCODING", "utf-8").output().unwrap();
            let expected = "fix/π #1 postgres://app:s3cret@127.0.0.1:5433/shop\n";
            assert_eq!(String::from_utf8_lossy(&said.stdout), expected, "{program}");
        }
    }

    #[test]
    fn nowhere_is_nowhere_for_every_engine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write(&path, Content::Pending).unwrap();
        let text = |path| fs::read_to_string(path).unwrap();
        assert!(text(&path).contains("\nDATABASE_URL=postgres://database-branch-is-being-made.invalid/none\n"));
        let mut access = access_to("a");
        access.url = "mysql://app:s3cret@127.0.0.1:3307/shop".to_owned();
        write(&path, Content::Ready(&access)).unwrap();
        for content in [Content::Pending, Content::Failed] {
            write(&path, content).unwrap();
            let text = text(&path);
            let lines: Vec<&str> = text.lines().skip(1).collect();
            assert!(lines[0].starts_with("DATABASE_URL=mysql://") && lines[0].ends_with(".invalid/none"), "{text}");
            for name in ["PGHOST=", "MYSQL_HOST="] {
                assert!(lines.iter().any(|line| line.starts_with(name) && line.ends_with(".invalid")), "{text}");
            }
            assert!(!text.contains("127.0.0.1") && !text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn what_killed_writers_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join(".offshoot-new-a"), dir.path().join(".offshoot-new-b"));
        fs::write(&new, "").unwrap();
        fs::write(&old, "PGPASSWORD=s3cret").unwrap();
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        fs::File::options().write(true).open(&old).unwrap().set_modified(hour_ago).unwrap();
        write(&dir.path().join(FILE), Content::Pending).unwrap();
        assert_eq!((old.exists(), new.exists()), (false, true), "somebody may be writing the new one");
    }

    #[test]
    fn a_users_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write(&path, Content::Pending).unwrap();
        write(&path, Content::Failed).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        remove(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "SECRET=1\n").unwrap();
        assert!(matches!(write(&path, Content::Pending), Err(ProjectError::NotOurs { .. })));
        assert!(matches!(remove(&path), Err(ProjectError::NotOurs { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "SECRET=1\n");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(write(&path, Content::Pending), Err(ProjectError::NotOurs { .. })));
    }
}
