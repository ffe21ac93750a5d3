//! Links of the documentation that lead to files: each must exist.

use std::path::Path;

use super::Finding;

/// All links of one Markdown file that lead nowhere.
pub(super) fn check(root: &Path, path: &Path, text: &str) -> Vec<Finding> {
    let dir = root.join(path.parent().unwrap_or(Path::new("")));
    let mut findings = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !is_elsewhere(file) && !dir.join(file).exists() {
                findings.push(Finding::in_line(path, number + 1, format!("leads to {file}, which is not there")));
            }
        }
    }
    findings
}

/// The targets of `[text](target)` in a line, code spans left out.
fn targets(line: &str) -> Vec<&str> {
    let prose: Vec<&str> = line.split('`').step_by(2).collect();
    let mut found = Vec::new();
    for part in prose {
        for (at, _) in part.match_indices("](") {
            let rest = &part[at + 2..];
            let target = rest.split(')').next().unwrap_or_default();
            found.extend(target.split_whitespace().next());
        }
    }
    // A link whose text is code is split at its backticks: `](` then opens the part after them.
    found
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{check, targets};

    #[test]
    fn targets_are_read_outside_of_code() {
        assert_eq!(targets("a [b](c.md) and [`d`](e.md#f \"title\") but not `[g](h.md)`"), ["c.md", "e.md#f"]);
        assert!(targets("nothing here").is_empty());
    }

    #[test]
    fn missing_files_are_named_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("docs")).unwrap();
        fs::write(dir.path().join("docs/here.md"), "").unwrap();
        let text = "[a](here.md) [b](#part) [c](https://example.org/x)\n```\n[d](in-code.md)\n```\n[e](../gone.md)\n";
        let found = check(dir.path(), Path::new("docs/a.md"), text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].place, "docs/a.md:5");
    }
}
