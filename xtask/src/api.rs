//! No type of a dependency may be in the public API of the library: an embedder would have to use the same version of it.
//!
//! rustdoc writes down what is public. Everything that can be reached from the crate `offshoot` is looked at: what it
//! re-exports, and from there fields, arguments, results, bounds, and the arguments of implemented traits. That a type
//! implements the trait of a dependency ties nobody to it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::place;
use crate::process::{Failure, cargo};

/// The library, and the crates whose items it re-exports.
const CRATES: [&str; 6] =
    ["offshoot", "offshoot-core", "offshoot-engines", "offshoot-format", "offshoot-restore", "offshoot-scrub"];
const STANDARD: [&str; 3] = ["std", "core", "alloc"];

/// Fails if a type of a dependency is in the public API.
pub fn check() -> Result<(), Failure> {
    let packages: Vec<&str> = CRATES.iter().flat_map(|name| ["--package", name]).collect();
    cargo(&["doc", "--quiet", "--no-deps"])
        .arguments(&packages)
        .variable("RUSTDOC", place::root().join("xtask/rustdoc-json"))
        .variable("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
        .run()?;
    let folder = place::target_dir().join("doc");
    let documents = CRATES.iter().map(|name| read(&folder, name)).collect::<Result<_, Failure>>()?;
    let mut walk = Walk { documents, seen: BTreeSet::new(), found: BTreeMap::new() };
    let root = walk.documents["offshoot"]["root"].to_string();
    walk.item("offshoot", &root, "");
    if walk.found.is_empty() {
        return Ok(());
    }
    let lines = walk.found.iter().map(|(what, place)| format!("\n  {what}, at {place}"));
    Err(Failure::Failed(format!("types of dependencies are in the public API:{}", lines.collect::<String>())))
}

fn read(folder: &Path, name: &str) -> Result<(String, Value), Failure> {
    let name = name.replace('-', "_");
    let path = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(Failure::of_file("read", &path))?;
    let document = serde_json::from_str(&text)
        .map_err(|error| Failure::Failed(format!("{} is not as expected: {error}", path.display())))?;
    Ok((name, document))
}

struct Walk {
    documents: BTreeMap<String, Value>,
    /// Crate and number of the items that were looked at.
    seen: BTreeSet<(String, String)>,
    /// Types of dependencies, and where the first use of each is.
    found: BTreeMap<String, String>,
}

impl Walk {
    fn item(&mut self, document: &str, id: &str, via: &str) {
        if !self.seen.insert((document.to_owned(), id.to_owned())) {
            return;
        }
        let item = self.documents[document]["index"][id].clone();
        // Fields, variants and methods of traits are as visible as what they belong to.
        if !matches!(item["visibility"].as_str(), Some("public" | "default")) {
            return;
        }
        let Some((kind, body)) = item["inner"].as_object().and_then(|inner| inner.iter().next()) else { return };
        let here = format!("{via}::{}", item["name"].as_str().unwrap_or(kind));
        if kind == "impl" && (!self.is_ours(document, &body["trait"]) || !body["blanket_impl"].is_null()) {
            return;
        }
        if kind == "use" {
            return self.reference(document, &body["id"], &here);
        }
        let mut references = Vec::new();
        match kind.as_str() {
            "impl" => collect_references(&body["trait"]["args"], &mut references),
            _ => collect_references(body, &mut references),
        }
        for reference in references {
            self.reference(document, reference, &here);
        }
        let mut children = Vec::new();
        collect_children(body, &mut children);
        for child in children {
            self.item(document, &child.to_string(), &here);
        }
    }

    /// Whether a trait is not that of a dependency; null, that of an inherent implementation, is not.
    fn is_ours(&self, document: &str, name: &Value) -> bool {
        name.is_null() || self.origin(document, &name["id"]).is_none_or(|origin| self.is_known(&origin))
    }

    fn is_known(&self, crate_name: &str) -> bool {
        STANDARD.contains(&crate_name) || self.documents.contains_key(crate_name)
    }

    /// The crate that an item is from; none for one of this document.
    fn origin(&self, document: &str, id: &Value) -> Option<String> {
        let document = &self.documents[document];
        let number = document["paths"][id.to_string()]["crate_id"].as_u64().filter(|number| *number > 0)?;
        let name = document["external_crates"][number.to_string()]["name"].as_str()?;
        Some(name.replace('-', "_"))
    }

    fn reference(&mut self, document: &str, id: &Value, via: &str) {
        let Some(origin) = self.origin(document, id) else { return self.item(document, &id.to_string(), via) };
        if STANDARD.contains(&origin.as_str()) {
            return;
        }
        let path = self.documents[document]["paths"][id.to_string()]["path"].clone();
        if let Some(other) = self.documents.get(&origin) {
            let same = |(_, found): &(&String, &Value)| found["crate_id"] == 0 && found["path"] == path;
            let own = other["paths"].as_object().and_then(|paths| paths.iter().find(same)).map(|(id, _)| id.clone());
            return own.map_or((), |id| self.item(&origin, &id, via));
        }
        let words = path.as_array().into_iter().flatten().filter_map(Value::as_str);
        let name = words.collect::<Vec<_>>().join("::");
        self.found.entry(name).or_insert_with(|| via.to_owned());
    }
}

/// The numbers of the types and traits that a signature names.
fn collect_references<'v>(value: &'v Value, into: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if matches!(name.as_str(), "resolved_path" | "trait") && !value["id"].is_null() {
                    into.push(&value["id"]);
                }
                collect_references(value, into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

/// The numbers of the items that an item consists of.
fn collect_children<'v>(body: &'v Value, into: &mut Vec<&'v Value>) {
    let forms = body["kind"].as_object().into_iter().flat_map(|kinds| kinds.values());
    for holder in std::iter::once(body).chain(forms) {
        let lists = ["items", "variants", "impls", "fields"].map(|name| &holder[name]);
        let lists = lists.into_iter().chain(std::iter::once(holder));
        into.extend(lists.filter_map(Value::as_array).flatten().filter(|id| id.is_number()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(index: Value, paths: Value) -> Value {
        serde_json::json!({"index": index, "paths": paths, "external_crates": {"1": {"name": "std"}, "2": {"name": "other-crate"}}})
    }

    fn walk(field: u32) -> BTreeMap<String, String> {
        let index = serde_json::json!({
            "0": {"name": "offshoot", "visibility": "public", "inner": {"module": {"items": [1]}}},
            "1": {"name": "Shop", "visibility": "public",
                  "inner": {"struct": {"kind": {"plain": {"fields": [2]}}, "generics": {}, "impls": [3]}}},
            "2": {"name": "till", "visibility": "public", "inner": {"struct_field": {"resolved_path": {"id": field, "args": null}}}},
            "3": {"name": null, "visibility": "default",
                  "inner": {"impl": {"trait": {"id": 9, "args": null}, "items": [], "blanket_impl": null}}},
        });
        let paths = serde_json::json!({
            "7": {"crate_id": 1, "path": ["std", "String"]},
            "8": {"crate_id": 2, "path": ["other_crate", "Till"]},
            "9": {"crate_id": 2, "path": ["other_crate", "Serialize"]},
        });
        let documents = BTreeMap::from([("offshoot".to_owned(), document(index, paths))]);
        let mut walk = Walk { documents, seen: BTreeSet::new(), found: BTreeMap::new() };
        walk.item("offshoot", "0", "");
        walk.found
    }

    #[test]
    fn a_field_of_a_foreign_type_is_found_and_a_foreign_trait_is_not() {
        assert!(walk(7).is_empty());
        let found = walk(8);
        assert_eq!(found.get("other_crate::Till").map(String::as_str), Some("::offshoot::Shop::till"));
        assert_eq!(found.len(), 1);
    }
}
