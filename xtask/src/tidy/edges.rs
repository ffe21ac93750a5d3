//! Who may depend on whom, read from `cargo metadata`.

use std::path::Path;

use serde_json::Value;

use super::Finding;

/// Our crates and the ones of ours that each may depend on, as the architecture draws them:
/// `format <- core <- restore <- offshoot <- project <- cli`, `format <- scrub <- offshoot`,
/// `core, restore <- engines <- offshoot`. core and scrub never meet.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("offshoot-format", &[]),
    ("offshoot-core", &["offshoot-format"]),
    ("offshoot-scrub", &["offshoot-format"]),
    ("offshoot-restore", &["offshoot-format", "offshoot-core"]),
    ("offshoot-engines", &["offshoot-format", "offshoot-core", "offshoot-restore"]),
    ("offshoot", &["offshoot-format", "offshoot-core", "offshoot-scrub", "offshoot-restore", "offshoot-engines"]),
    ("offshoot-project", &["offshoot"]),
    ("offshoot-cli", &["offshoot", "offshoot-project"]),
    ("offshoot-testkit", &["offshoot-format", "offshoot-core"]),
    ("xtask", &[]),
];
/// Packages of tests and measurements: they look at everything, and nothing may depend on them.
const LOOK_AT_ALL: [&str; 2] = ["offshoot-tests", "offshoot-benches"];
/// What any crate's tests may use besides.
const FOR_TESTS: &str = "offshoot-testkit";
/// The only crate where asynchronous code may be.
const ASYNC_CRATE: &str = "offshoot-engines";

/// All breaches in the output of `cargo metadata --no-deps`; places are named from `root`.
pub(super) fn check(metadata: &Value, root: &Path) -> Vec<Finding> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let (Some(name), Some(manifest)) = (package["name"].as_str(), package["manifest_path"].as_str()) else {
            continue;
        };
        let manifest = Path::new(manifest);
        let shown = manifest.strip_prefix(root).unwrap_or(manifest);
        if !std::fs::read_to_string(manifest).is_ok_and(|text| inherits_lints(&text)) {
            let what = "does not take the workspace's lints: add `[lints]` with `workspace = true`";
            findings.push(Finding::in_file(shown, what));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(used) = dependency["name"].as_str() else { continue };
            let is_for_tests = dependency["kind"] == "dev";
            let breach = if ours.contains(&used) {
                edge_breach(name, used, is_for_tests)
            } else {
                async_breach(name, used, is_for_tests)
            };
            findings.extend(breach.map(|what| Finding::in_file(shown, what)));
        }
    }
    findings
}

fn edge_breach(user: &str, used: &str, is_for_tests: bool) -> Option<String> {
    if LOOK_AT_ALL.contains(&user) && !LOOK_AT_ALL.contains(&used) {
        return None;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == user) else {
        return Some(format!(
            "{user} has no place among the crates yet: give it one in xtask/src/tidy/edges.rs and ARCHITECTURE.md"
        ));
    };
    if allowed.contains(&used) || (is_for_tests && used == FOR_TESTS) {
        return None;
    }
    Some(format!("{user} must not depend on {used}: move what is shared to a crate below both"))
}

fn async_breach(user: &str, used: &str, is_for_tests: bool) -> Option<String> {
    let is_async = used == "tokio" || used.starts_with("tokio-") || used == "async-std" || used == "smol";
    let may = user == ASYNC_CRATE || is_for_tests || LOOK_AT_ALL.contains(&user);
    (is_async && !may).then(|| format!("{user} must not depend on {used}: asynchronous code stays in {ASYNC_CRATE}"))
}

fn inherits_lints(manifest: &str) -> bool {
    let mut table = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            table = line;
        }
        let compact: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        (table == "[lints]" && compact == "workspace=true") || compact == "lints.workspace=true"
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::{check, inherits_lints};

    /// The findings for packages given as name, normal and test dependencies.
    fn findings(packages: &[(&str, &[&str], &[&str])]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("Cargo.toml");
        fs::write(&manifest, "[lints]\nworkspace = true\n").unwrap();
        let dependencies = |names: &[&str], kind: Value| -> Vec<Value> {
            names.iter().map(|name| json!({"name": name, "kind": kind})).collect()
        };
        let package = |(name, normal, dev): &(&str, &[&str], &[&str])| {
            let all = [dependencies(normal, Value::Null), dependencies(dev, json!("dev"))].concat();
            json!({"name": name, "manifest_path": manifest, "dependencies": all})
        };
        let metadata = json!({"packages": packages.iter().map(package).collect::<Vec<_>>()});
        check(&metadata, dir.path()).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn the_drawn_edges_are_allowed() {
        let found = findings(&[
            ("offshoot-format", &["blake3"], &["proptest", "offshoot-testkit"]),
            ("offshoot-core", &["offshoot-format", "rayon"], &["offshoot-testkit"]),
            ("offshoot-engines", &["offshoot-core", "offshoot-format", "tokio", "tokio-postgres"], &[]),
            ("offshoot", &["offshoot-core", "offshoot-engines"], &["tokio", "offshoot-testkit"]),
            ("offshoot-cli", &["offshoot", "clap"], &[]),
            ("offshoot-testkit", &["offshoot-core"], &[]),
            ("offshoot-tests", &["offshoot-cli", "offshoot-core", "offshoot-testkit", "tokio"], &[]),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn other_edges_are_named() {
        let found = findings(&[
            ("offshoot-format", &["offshoot-core"], &[]),
            ("offshoot-core", &["tokio", "offshoot-testkit"], &[]),
            ("offshoot-cli", &["offshoot-core"], &[]),
            ("offshoot-testkit", &["offshoot-tests"], &[]),
            ("offshoot-tests", &[], &[]),
            ("offshoot-new", &["offshoot-core"], &[]),
        ]);
        let expected = [
            "offshoot-format must",
            "offshoot-core must not depend on tokio",
            "offshoot-core must not depend on offshoot-testkit",
            "offshoot-cli must",
            "offshoot-testkit must",
            "offshoot-new has no place",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn lints_must_come_from_the_workspace() {
        assert!(inherits_lints("[package]\n[lints]\nworkspace = true\n"));
        assert!(inherits_lints("lints.workspace = true\n"));
        assert!(!inherits_lints("[dependencies]\nworkspace = true\n[lints]\n"));
    }
}
