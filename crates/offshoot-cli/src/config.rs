//! Finding the store where no option names it: OFFSHOOT_STORE, the project's offshoot.toml, the user's configuration.
//!
//! Only the key `store` is read here; what else stands in the file is left to those who know it.

use crate::failure::Failure;
use offshoot::ErrorKind;
use serde::Deserialize;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "offshoot.toml";
const STORE: &str = ".offshoot";
/// A configuration is written by hand; a larger file is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
struct Config {
    store: Option<PathBuf>,
}

/// The store that the environment and the configuration name, or the one beside the project's configuration.
pub fn store_path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("OFFSHOOT_STORE").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let here = env::current_dir().map_err(|error| Failure::io("find the current folder", Path::new("."), &error))?;
    let project = match named {
        Some(path) => Some(path.to_path_buf()),
        None => here.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file()),
    };
    let beside = |file: &Path| file.parent().unwrap_or(Path::new("")).to_path_buf();
    if let Some(store) = project.as_deref().map(read).transpose()?.flatten() {
        return Ok(project.as_deref().map(beside).unwrap_or_default().join(store));
    }
    if let Some(file) = user_file().filter(|file| file.is_file())
        && let Some(store) = read(&file)?
    {
        return Ok(beside(&file).join(store));
    }
    Ok(shown_from(&here, project.as_deref().map_or_else(|| here.clone(), beside)).join(STORE))
}

/// A folder as it is shortest to read: relative where it is the current one.
fn shown_from(here: &Path, folder: PathBuf) -> PathBuf {
    if folder == here { PathBuf::new() } else { folder }
}

fn user_file() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let base = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(base.join("offshoot").join(FILE))
}

/// The store that a file names.
fn read(file: &Path) -> Result<Option<PathBuf>, Failure> {
    let failed = |error: &io::Error| Failure::io("read", file, error);
    if fs::metadata(file).map_err(|error| failed(&error))?.len() > FILE_BYTES_MAX {
        return Err(failed(&io::ErrorKind::FileTooLarge.into()));
    }
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    toml::from_str::<Config>(&text).map(|config| config.store).map_err(|error| {
        let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
        let what = format!("{}:{line}:{column}: {}", file.display(), error.message().replace('\n', ", "));
        Failure::new(ErrorKind::Usage, what, "correct the file, or name another one with --config")
    })
}

/// Line and column of an offset, counted from 1, in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let read_text = |text: &str| {
            fs::write(&file, text).unwrap();
            read(&file)
        };
        assert_eq!(read_text("store = 's'\n[scrub]\nkey = 1\n").unwrap(), Some(PathBuf::from("s")));
        assert_eq!(read_text("").unwrap(), None);
        let message = |text| read_text(text).unwrap_err().to_string();
        assert!(message("# é\n\nstore = 5\n").contains("offshoot.toml:3:9: "), "{}", message("# é\n\nstore = 5\n"));
        assert!(message("store = 'x\n").contains("offshoot.toml:1:"));
    }
}
