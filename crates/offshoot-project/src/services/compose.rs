//! Compose files: the one that `docker compose` would take in this folder, and its override.
//!
//! Of a service only `image` and `profiles` are looked at, and of an override only these replace what was there. `include`
//! and `extends` are not followed, and a note says so where they stand.
//! <https://docs.docker.com/reference/compose-file/>

use super::image;
use super::interpolate::interpolate;
use super::yaml::{self, text};
use super::{Database, Declared, Service};
use crate::error::Result;
use crate::file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names in the order in which they are looked for.
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// A service as the files say it together.
#[derive(Default)]
struct Entry {
    image: Option<String>,
    is_built: bool,
    is_optional: bool,
    file: PathBuf,
}

/// Adds what the files in `folder` declare.
pub(super) fn read(folder: &Path, variable: &dyn Fn(&str) -> Option<String>, found: &mut Declared) -> Result<()> {
    let first = |names: [&'static str; 4]| names.into_iter().find(|name| folder.join(name).is_file());
    let Some(main) = first(FILES) else { return Ok(()) };
    let env_file = dotenv(&file::read(&folder.join(".env"))?.unwrap_or_default());
    let variable = |name: &str| variable(name).or_else(|| env_file.get(name).cloned());
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for name in [Some(main), first(OVERRIDES)].into_iter().flatten() {
        if let Some(tree) = yaml::read(&folder.join(name))? {
            merge(Path::new(name), &tree, &mut entries, &mut found.notes);
        }
    }
    for (name, entry) in entries {
        add(name, entry, &variable, found);
    }
    Ok(())
}

fn merge(file: &Path, tree: &Value, entries: &mut BTreeMap<String, Entry>, notes: &mut Vec<String>) {
    let shown = file.display();
    if tree.get("include").is_some() {
        notes.push(format!("{shown} includes other files, which are not read"));
    }
    for (name, service) in tree["services"].as_object().into_iter().flatten() {
        let entry = entries.entry(name.clone()).or_default();
        if let Some(image) = service.get("image").and_then(text) {
            entry.image = Some(image);
        }
        if service.get("extends").is_some() {
            notes.push(format!("service {name} of {shown} extends another one, which is not read"));
        }
        entry.is_built |= service.get("build").is_some_and(|build| !build.is_null());
        entry.is_optional |= service["profiles"].as_array().is_some_and(|profiles| !profiles.is_empty());
        entry.file = file.to_owned();
    }
}

fn add(name: String, entry: Entry, variable: &dyn Fn(&str) -> Option<String>, found: &mut Declared) {
    let Entry { image, is_built, is_optional, file } = entry;
    // What is built here is the application, mostly; its image is a name for the result.
    if is_built || image.is_none() {
        return;
    }
    let read = image.as_deref().and_then(|image| interpolate(image, variable)).and_then(|image| image::parse(&image));
    let Some(image) = read else {
        let why = "its image depends on variables that are not set";
        found.notes.push(format!("service {name} of {} is not known: {why}", file.display()));
        return;
    };
    let service = Service { name, kind: image.kind, version: image.version, file, is_optional };
    match image.engine {
        Some(engine) => {
            if service.version.is_none() {
                let shown = service.file.display();
                found.notes.push(format!("the image of service {} in {shown} does not say its version", service.name));
            }
            let extensions = image.extension.map(str::to_owned).into_iter().collect();
            found.databases.push(Database { engine, service, extensions });
        }
        None => found.others.push(service),
    }
}

/// The plain lines of a dotenv file. What is quoted or multi-line in other ways names no image.
fn dotenv(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let pair = |line: &str| {
        let (name, value) = line.trim().strip_prefix("export ").unwrap_or(line.trim()).split_once('=')?;
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let bare = value.split(" #").next().unwrap_or_default().trim_end();
        Some((name.trim().to_owned(), quoted.unwrap_or(bare).to_owned()))
    };
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(pair).collect()
}
