//! Option files: `/etc/my.cnf`, `/etc/mysql/my.cnf`, `~/.my.cnf`, read as the servers' own clients read them, later ones
//! before earlier ones.
//!
//! The groups are those of a client: `client`, `client-server`, `client-mariadb`, `offshoot`, and each with the suffix of
//! MYSQL_GROUP_SUFFIX. Options that have no meaning here belong to other programs and are passed over. `!include` is
//! followed; `!includedir` is not, as what it leads to on usual systems has no credentials.

use super::error::{ConnInfoError, ConnInfoWarning};
use super::settings::{self, Settings};
use crate::conninfo::Environment;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const GROUPS: [&str; 4] = ["client", "client-server", "client-mariadb", "offshoot"];

/// Files may include each other this deep.
const DEPTH_MAX: u32 = 10;

/// Fills what is unset from the option files.
pub(super) fn fill(
    settings: &mut Settings,
    environment: &Environment,
    warnings: &mut Vec<ConnInfoWarning>,
) -> Result<(), ConnInfoError> {
    let mut files: Vec<PathBuf> = vec!["/etc/my.cnf".into(), "/etc/mysql/my.cnf".into()];
    files.extend(environment.home().map(|home| home.join(".my.cnf")));
    let suffix = environment.variable("MYSQL_GROUP_SUFFIX").unwrap_or_default();
    let mut found = Vec::new();
    for file in &files {
        read(file, suffix, environment, warnings, DEPTH_MAX, &mut found)?;
    }
    // What is read last counts.
    for (name, value) in found.iter().rev() {
        settings.give_if_unset(name, value);
    }
    Ok(())
}

type Found = Vec<(&'static str, Zeroizing<String>)>;

fn read(
    path: &Path,
    suffix: &str,
    environment: &Environment,
    warnings: &mut Vec<ConnInfoWarning>,
    depth: u32,
    found: &mut Found,
) -> Result<(), ConnInfoError> {
    let content = match environment.read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            warnings.push(ConnInfoWarning::FileUnreadable { path: path.to_owned(), reason: error.to_string() });
            return Ok(());
        }
    };
    if !content.is_regular {
        return Ok(());
    }
    if content.mode & 0o002 != 0 {
        warnings.push(ConnInfoWarning::FileWritable { path: path.to_owned() });
        return Ok(());
    }
    let text = Zeroizing::new(String::from_utf8_lossy(&content.bytes).into_owned());
    let mut is_ours = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(group) = line.strip_prefix('[') {
            let group = group.split(']').next().unwrap_or_default().trim();
            let is_group =
                |known: &str| group.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest == suffix);
            is_ours = GROUPS.into_iter().any(is_group);
        } else if let Some(file) = line.strip_prefix("!include ") {
            if depth == 0 {
                let problem = "is included by itself, directly or by others".to_owned();
                return Err(ConnInfoError::OptionFile { path: path.to_owned(), problem });
            }
            read(Path::new(file.trim()), suffix, environment, warnings, depth - 1, found)?;
        } else if is_ours && !line.starts_with('!') {
            option(line, path, content.mode, warnings, found);
        }
    }
    Ok(())
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
