//! Option files: `/etc/my.cnf`, `/etc/mysql/my.cnf`, `~/.my.cnf`, read as the servers' own clients read them, later ones
//! before earlier ones.
//!
//! The groups are those of a client: `client`, `client-server`, `client-mariadb`, `offshoot`, and each with the suffix of
//! MYSQL_GROUP_SUFFIX. Options that have no meaning here belong to other programs and are passed over.
//!
//! `!include FILE` and `!includedir FOLDER` are followed where they stand: of a folder the files whose names end in `.cnf`, by
//! their names' bytes, and nothing below it. A file that is not there is passed over, a folder that is not there is an error.
//! Three things are stricter than in the clients: what includes itself is an error, where they go round ten times; a folder is
//! missed in an included file, too, where they go on without the rest of that file; and a folder that everybody can write is not
//! read.

use super::error::{ConnInfoError, ConnInfoWarning};
use super::settings::{self, Settings};
use crate::conninfo::Environment;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const GROUPS: [&str; 4] = ["client", "client-server", "client-mariadb", "offshoot"];

/// Files may include each other this deep, as in the clients.
const DEPTH_MAX: usize = 10;

/// Files that are read in all: links make folders that include themselves under ever new names.
const FILES_MAX: usize = 500;

const WRITABLE_BY_ALL: u32 = 0o002;

/// Fills what is unset from the option files.
pub(super) fn fill(
    settings: &mut Settings,
    environment: &Environment,
    warnings: &mut Vec<ConnInfoWarning>,
) -> Result<(), ConnInfoError> {
    let mut files: Vec<PathBuf> = vec!["/etc/my.cnf".into(), "/etc/mysql/my.cnf".into()];
    files.extend(environment.home().map(|home| home.join(".my.cnf")));
    let suffix = environment.variable("MYSQL_GROUP_SUFFIX").unwrap_or_default();
    let mut reader = Reader { suffix, environment, warnings, open: Vec::new(), files: 0, found: Vec::new() };
    for file in files {
        reader.read(file)?;
    }
    // What is read last counts.
    for (name, value) in reader.found.iter().rev() {
        settings.give_if_unset(name, value);
    }
    Ok(())
}

type Found = Vec<(&'static str, Zeroizing<String>)>;

struct Reader<'e> {
    suffix: &'e str,
    environment: &'e Environment,
    warnings: &'e mut Vec<ConnInfoWarning>,
    /// The file that is being read, behind those that include it.
    open: Vec<PathBuf>,
    files: usize,
    found: Found,
}

impl Reader<'_> {
    fn read(&mut self, path: PathBuf) -> Result<(), ConnInfoError> {
        let Some((text, mode)) = self.text(&path)? else { return Ok(()) };
        self.open.push(path);
        let mut is_ours = false;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(group) = line.strip_prefix('[') {
                is_ours = self.is_ours(group.split(']').next().unwrap_or_default().trim());
            } else if let Some(directive) = line.strip_prefix('!') {
                self.follow(directive.trim_start())?;
            } else if is_ours && let Some(path) = self.open.last() {
                option(line, path, mode, self.warnings, &mut self.found);
            }
        }
        self.open.pop();
        Ok(())
    }

    /// The text of a file and its mode; nothing of one that is not there or not to be read.
    fn text(&mut self, path: &Path) -> Result<Option<(Zeroizing<String>, u32)>, ConnInfoError> {
        let content = match self.environment.read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let reason = error.to_string();
                self.warnings.push(ConnInfoWarning::FileUnreadable { path: path.to_owned(), reason });
                return Ok(None);
            }
        };
        if !content.is_regular {
            return Ok(None);
        }
        if content.mode & WRITABLE_BY_ALL != 0 {
            self.warnings.push(ConnInfoWarning::FileWritable { path: path.to_owned() });
            return Ok(None);
        }
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(wrong(path, format!("is one of more than {FILES_MAX} that include each other")));
        }
        let text = Zeroizing::new(String::from_utf8_lossy(&content.bytes).into_owned());
        Ok(Some((text, content.mode)))
    }

    fn is_ours(&self, group: &str) -> bool {
        let is = |known: &str| group.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest == self.suffix);
        GROUPS.into_iter().any(is)
    }

    fn follow(&mut self, directive: &str) -> Result<(), ConnInfoError> {
        let (word, place) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
        let place = place.trim();
        match word {
            "include" | "includedir" if place.is_empty() => Err(self.wrong_here(format!("says !{word} and not what"))),
            "include" => self.include(self.unpacked(place)),
            "includedir" => self.include_folder(&self.unpacked(place)),
            _ => Ok(()),
        }
    }

    fn include(&mut self, path: PathBuf) -> Result<(), ConnInfoError> {
        if self.open.contains(&path) {
            return Err(wrong(&path, "is included by itself, directly or by others".to_owned()));
        }
        if self.open.len() > DEPTH_MAX {
            return Err(wrong(&path, format!("is included more than {DEPTH_MAX} deep")));
        }
        self.read(path)
    }

    fn include_folder(&mut self, folder: &Path) -> Result<(), ConnInfoError> {
        let content = self.environment.list(folder).map_err(|error| {
            self.wrong_here(format!("includes the folder {}, which cannot be read: {error}", folder.display()))
        })?;
        if content.mode & WRITABLE_BY_ALL != 0 {
            self.warnings.push(ConnInfoWarning::FolderWritable { path: folder.to_owned() });
            return Ok(());
        }
        let mut names = content.names;
        names.retain(|name| name.as_encoded_bytes().ends_with(b".cnf"));
        names.sort_unstable();
        names.into_iter().try_for_each(|name| self.include(folder.join(name)))
    }

    /// A path as it is written, where `~` is the user's home.
    fn unpacked(&self, place: &str) -> PathBuf {
        match (place.strip_prefix("~/"), self.environment.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(place),
        }
    }

    fn wrong_here(&self, problem: String) -> ConnInfoError {
        wrong(&self.open.last().cloned().unwrap_or_default(), problem)
    }
}

fn wrong(path: &Path, problem: String) -> ConnInfoError {
    ConnInfoError::OptionFile { path: path.to_owned(), problem }
}

fn option(line: &str, path: &Path, mode: u32, warnings: &mut Vec<ConnInfoWarning>, found: &mut Found) {
    let (name, value) = line.split_once('=').map_or((line, "1"), |(name, value)| (name.trim_end(), value));
    // What an older client does not know may be marked.
    let name = name.strip_prefix("loose-").or_else(|| name.strip_prefix("loose_")).unwrap_or(name);
    let (name, value) = match name.strip_prefix("skip-").or_else(|| name.strip_prefix("disable-")) {
        Some(name) => (name, "0"),
        None => (name, value),
    };
    let Some(name) = settings::find(name) else { return };
    if name == "password" && mode & 0o077 != 0 {
        warnings.push(ConnInfoWarning::FileReadable { path: path.to_owned(), mode });
        return;
    }
    found.push((name, unquoted(value.trim())));
}

/// A value without the comment behind it, its quotes and escapes.
fn unquoted(value: &str) -> Zeroizing<String> {
    let quote = value.chars().next().filter(|c| ['"', '\''].contains(c));
    let (inner, is_quoted) = match quote.and_then(|quote| value[1..].rfind(quote)) {
        Some(end) => (&value[1..=end], true),
        None => (value, false),
    };
    let mut out = Zeroizing::new(String::with_capacity(inner.len()));
    let mut characters = inner.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '#' if !is_quoted => break,
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('s') => out.push(' '),
                Some(c @ ('\\' | '"' | '\'')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    if !is_quoted {
        let kept = out.trim_end().len();
        out.truncate(kept);
    }
    out
}
