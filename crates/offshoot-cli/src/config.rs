//! The configuration: the project's offshoot.toml, then the user's.
//!
//! Only the keys of the command are read here; what else stands in the file, such as the policy, is left to those who know
//! it. What a relative path counts from is the file's folder.

mod branch;

pub use branch::{After, BranchConfig};

use crate::failure::Failure;
use branch::BranchKeys;
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

/// What the configuration says, the project's before the user's.
#[derive(Debug, Default)]
pub struct Config {
    /// The store.
    pub store: Option<PathBuf>,
    /// The file of the scrub key.
    pub key: Option<PathBuf>,
    /// The folder of images and branches.
    pub home: Option<PathBuf>,
    /// What branches are.
    pub branch: BranchConfig,
    /// The project's file, if there is one.
    pub project: Option<PathBuf>,
    /// Its text.
    pub project_text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Keys {
    store: Option<PathBuf>,
    key: Option<PathBuf>,
    home: Option<PathBuf>,
    branch: Option<BranchKeys>,
}

/// Reads the configuration: `named`, else the nearest project file upwards from here, and the user's.
pub fn load(named: Option<&Path>) -> Result<Config, Failure> {
    let here = here()?;
    let project = match named {
        Some(path) => Some(path.to_path_buf()),
        None => here.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file()),
    };
    let mut config = Config::default();
    if let Some(file) = &project {
        let text = read_text(file)?;
        config.take(file, &text)?;
        config.project_text = Some(text);
    }
    if let Some(file) = user_file().filter(|file| file.is_file()) {
        config.take(&file, &read_text(&file)?)?;
    }
    config.project = project;
    Ok(config)
}

impl Config {
    /// Takes from a file what is not known yet.
    fn take(&mut self, file: &Path, text: &str) -> Result<(), Failure> {
        let keys = parse(file, text)?;
        let beside = |path: PathBuf| folder_of(file).join(path);
        self.store = self.store.take().or_else(|| keys.store.map(beside));
        self.key = self.key.take().or_else(|| keys.key.map(beside));
        self.home = self.home.take().or_else(|| keys.home.map(beside));
        if let Some(keys) = keys.branch {
            self.branch.take(keys, &folder_of(file)).map_err(|what| {
                let what = format!("{}: {what}", file.display());
                Failure::new(ErrorKind::Usage, what, "docs/branches.md says what [branch] takes")
            })?;
        }
        Ok(())
    }

    /// The store that the environment and the configuration name, or the one beside the project's file.
    pub fn store_path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = env::var_os("OFFSHOOT_STORE").filter(|path| !path.is_empty()) {
            return Ok(path.into());
        }
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let here = here()?;
        let folder = self.project.as_deref().map_or_else(|| here.clone(), folder_of);
        Ok(shown_from(&here, folder).join(STORE))
    }
}

fn here() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| Failure::io("find the current folder", Path::new("."), &error))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).to_path_buf()
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

/// The text of a configuration or a policy.
pub fn read_text(file: &Path) -> Result<String, Failure> {
    let failed = |error: &io::Error| Failure::io("read", file, error);
    if fs::metadata(file).map_err(|error| failed(&error))?.len() > FILE_BYTES_MAX {
        return Err(failed(&io::ErrorKind::FileTooLarge.into()));
    }
    fs::read_to_string(file).map_err(|error| failed(&error))
}

fn parse(file: &Path, text: &str) -> Result<Keys, Failure> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
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

    fn taken(texts: &[&str]) -> Result<Config, Failure> {
        let mut config = Config::default();
        for (at, text) in texts.iter().enumerate() {
            config.take(Path::new(&format!("/{at}/offshoot.toml")), text)?;
        }
        Ok(config)
    }

    #[test]
    fn the_first_file_that_says_something_counts() {
        let config = taken(&["store = 's'\n[scrub]\nkey = 1\n", "store = 't'\nkey = 'k'"]).unwrap();
        assert_eq!(config.store, Some(PathBuf::from("/0/s")));
        assert_eq!(config.key, Some(PathBuf::from("/1/k")));
        assert!(taken(&[""]).unwrap().store.is_none());
    }

    #[test]
    fn errors_have_a_place() {
        let message = |text| taken(&[text]).unwrap_err().to_string();
        assert!(message("# é\n\nstore = 5\n").contains("offshoot.toml:3:9: "), "{}", message("# é\n\nstore = 5\n"));
        assert!(message("store = 'x\n").contains("offshoot.toml:1:"));
    }
}
