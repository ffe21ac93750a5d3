//! `.upsun/*.yaml` and `.platform/services.yaml`: services by type and version.
//!
//! A type is `name:version`. The name `mysql` means MariaDB there, and `oracle-mysql` means MySQL.
//! <https://docs.upsun.com/add-services.html>

use super::yaml::{self, text};
use super::{Database, Declared, Engine, Service};
use crate::error::{ProjectError, Result};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Adds what the files below `folder` declare.
pub(super) fn read(folder: &Path, found: &mut Declared) -> Result<()> {
    for file in upsun_files(folder)? {
        if let Some(tree) = yaml::read(&folder.join(&file))? {
            add(&file, &tree["services"], found);
        }
    }
    let file = PathBuf::from(".platform/services.yaml");
    if let Some(tree) = yaml::read(&folder.join(&file))? {
        add(&file, &tree, found);
    }
    Ok(())
}

/// All files of `.upsun`, which count as one.
fn upsun_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let place = folder.join(".upsun");
    let entries = match fs::read_dir(&place) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(ProjectError::io("list", &place))?,
    };
    let names = entries.flatten().map(|entry| PathBuf::from(".upsun").join(entry.file_name()));
    let mut files: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")).collect();
    files.sort();
    Ok(files)
}

fn add(file: &Path, services: &Value, found: &mut Declared) {
    for (name, service) in services.as_object().into_iter().flatten() {
        let Some(declared) = service.get("type").and_then(text) else { continue };
        let (kind, version) = match declared.split_once(':') {
            Some((kind, version)) => (kind, Some(version.to_owned()).filter(|version| !version.is_empty())),
            None => (declared.as_str(), None),
        };
        let kind = match kind {
            "mysql" => "mariadb",
            "oracle-mysql" => "mysql",
            other => other,
        };
        let service_found =
            Service { name: name.clone(), kind: kind.to_owned(), version, file: file.to_owned(), is_optional: false };
        match Engine::of_word(kind) {
            Some(engine) => {
                let extensions = service["configuration"]["extensions"].as_array().into_iter().flatten();
                let extensions = extensions.filter_map(text).collect();
                found.databases.push(Database { engine, service: service_found, extensions });
            }
            None => found.others.push(service_found),
        }
    }
}
