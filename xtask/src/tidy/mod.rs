//! `tidy`: the rules of the project that no compiler checks.
//!
//! Who may depend on whom ([`edges`]), how source files open, are named and how long they get ([`sources`]),
//! words that must not be committed ([`words`]), links of the documentation that lead nowhere ([`links`]).
//! Every rule says what to do. There is no list of exceptions: a rule that needs one is changed here.

mod edges;
mod links;
mod sources;
mod words;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::place;
use crate::process::{Failure, cargo};

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the project's folder, and a line where one is meant.
    place: String,
    /// What is wrong and what to do.
    what: String,
}

impl Finding {
    fn in_file(path: &Path, what: impl Into<String>) -> Self {
        Self { place: path.display().to_string(), what: what.into() }
    }

    fn in_line(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", path.display()), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What a look at the whole tree found.
#[derive(Debug, Default)]
pub struct Report {
    files: usize,
    findings: Vec<Finding>,
    long_files: Vec<(PathBuf, usize)>,
}

/// Looks at the project; fails with every breach named.
pub fn run() -> Result<(), Failure> {
    let root = place::root();
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]).output()?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| Failure::Failed(format!("cargo metadata: {error}")))?;
    let mut report = check_tree(&root)?;
    report.findings.extend(edges::check(&metadata, &root));
    for (path, lines) in &report.long_files {
        println!("tidy: {}: {lines} lines without tests, more than {}", path.display(), sources::LINES_GOOD_MAX);
    }
    for finding in &report.findings {
        eprintln!("{finding}");
    }
    match report.findings.len() {
        0 => {
            println!("tidy: {} files, all in order", report.files);
            Ok(())
        }
        count => Err(Failure::Failed(format!("tidy: {count} breaches in {} files", report.files))),
    }
}

/// All rules about files below `root`.
fn check_tree(root: &Path) -> Result<Report, Failure> {
    let mut report = Report::default();
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort();
    for path in files {
        let Ok(text) = fs::read_to_string(root.join(&path)) else { continue };
        report.files += 1;
        report.findings.extend(words::check(&path, &text, root));
        let ending = path.extension().unwrap_or_default();
        if ending == "rs" {
            report.findings.extend(sources::check(&path, &text));
            let lines = sources::lines_without_tests(&path, &text);
            if lines > sources::LINES_GOOD_MAX {
                report.long_files.push((path, lines));
            }
        } else if ending == "md" {
            report.findings.extend(links::check(root, &path, &text));
        }
    }
    Ok(report)
}

/// The text files of the tree, relative to `root`; what builds and version control keep is left out.
fn collect(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(dir).map_err(Failure::of_file("reading", dir))?.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let is_hidden = name.starts_with('.') && !matches!(&*name, ".ci" | ".cargo" | ".config");
            if !is_hidden && !matches!(&*name, "target" | "corpus" | "artifacts" | "seeds") {
                collect(root, &path, files)?;
            }
        } else if kind.is_file() && is_text(&name, dir) {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_path_buf());
        }
    }
    Ok(())
}

fn is_text(name: &str, dir: &Path) -> bool {
    const ENDINGS: [&str; 11] =
        [".rs", ".md", ".toml", ".sql", ".sh", ".yml", ".yaml", ".json", ".txt", ".html", ".css"];
    dir.file_name().is_some_and(|dir| dir == ".ci") || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::check_tree;

    /// A small project: each pair is a path and the file's text.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn a_tidy_tree_has_no_findings() {
        let dir = tree(&[
            ("crates/a/src/lib.rs", "//! What it is.\n\npub fn f() {}\n"),
            (
                "docs/format.md",
                "see [the map](../ARCHITECTURE.md#way), [out](https://example.org) and `[not](a-link)`\n",
            ),
            ("ARCHITECTURE.md", "# Map\n[format](docs/format.md)\n"),
            ("target/debug/x.rs", "no header"),
            (".git/x.rs", "no header"),
            ("fuzz/corpus/x.txt", "anything"),
        ]);
        let report = check_tree(dir.path()).unwrap_or_default();
        assert_eq!(report.findings, []);
        assert_eq!(report.files, 3);
    }

    #[test]
    fn every_rule_is_applied_to_the_tree() {
        let marker = ["to", "do!"].concat();
        let dir = tree(&[
            ("crates/a/src/lib.rs", "pub fn f() {}\n"),
            ("crates/a/src/util.rs", "//! Header.\n"),
            ("crates/a/src/b.rs", &format!("//! Header.\nfn f() {{ {marker}() }}\n")),
            ("crates/a/src/long.rs", &format!("//! Header.\n{}", "// line\n".repeat(601))),
            ("crates/a/src/longish.rs", &format!("//! Header.\n{}", "// line\n".repeat(450))),
            ("docs/a.md", "[gone](gone.md)\n"),
            (".ci/run", &["see iss", "ue #7\n"].concat()),
        ]);
        let report = check_tree(dir.path()).unwrap_or_default();
        let places: Vec<&str> = report.findings.iter().map(|finding| finding.place.as_str()).collect();
        let expected = [
            ".ci/run:1",
            "crates/a/src/b.rs:2",
            "crates/a/src/lib.rs",
            "crates/a/src/long.rs",
            "crates/a/src/util.rs",
            "docs/a.md:1",
        ];
        assert_eq!(places, expected, "{:?}", report.findings);
        assert_eq!(report.long_files.len(), 2);
    }
}
