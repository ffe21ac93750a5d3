//! How Rust files open, are named, and how long they may get.

use std::path::Path;

use super::Finding;

/// A file with more lines than this, tests not counted, is mentioned.
pub(super) const LINES_GOOD_MAX: usize = 400;
/// A file with more lines than this, tests not counted, is a breach.
const LINES_MAX: usize = 600;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "utilities"];
/// Macros of unfinished work, without their exclamation mark so that this file is not a breach itself.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// What only the command may ask of its process: an embedder says everything in values.
const ASKS_THE_PROCESS: [&str; 4] = ["env::var", "env::args", "env::set_var", "process::exit"];
/// Where programs are looked for is where the system would look for them.
const MAY_BE_ASKED: &str = "env::var_os(\"PATH\")";
/// Crates that other programs are built with.
const LIBRARIES: [&str; 6] =
    ["offshoot", "offshoot-format", "offshoot-core", "offshoot-scrub", "offshoot-restore", "offshoot-engines"];

/// All breaches in one file.
pub(super) fn check(path: &Path, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !opens_with_header(text) {
        let what = "does not open with `//!`: say what it is, why, and what it is not";
        findings.push(Finding::in_file(path, what));
    }
    let names = path.iter().map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned());
    findings.extend(names.filter(|name| EMPTY_NAMES.contains(&name.as_str())).map(|name| {
        Finding::in_file(path, format!("`{name}` says nothing about what is inside: name it by its concept"))
    }));
    let lines = lines_without_tests(path, text);
    if lines > LINES_MAX {
        let what = format!("{lines} lines without tests, the limit is {LINES_MAX}: make a folder, a concept a file");
        findings.push(Finding::in_file(path, what));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = UNFINISHED.iter().find(|name| calls(line, name)) {
            findings.push(Finding::in_line(path, number + 1, format!("`{name}!` is unfinished work")));
        }
    }
    if is_of_a_library(path) {
        for (number, line) in text.lines().take(lines).enumerate().filter(|(_, line)| asks_the_process(line)) {
            let what = format!("a library asks its process: `{}`", line.trim());
            findings.push(Finding::in_line(path, number + 1, what));
        }
    }
    findings
}

/// Whether a file is part of what embedders get: `crates/<a library>/src/...`.
fn is_of_a_library(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    parts.windows(3).any(|three| three[0] == "crates" && LIBRARIES.contains(&three[1]) && three[2] == "src")
}

fn asks_the_process(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default().replace(MAY_BE_ASKED, "");
    ASKS_THE_PROCESS.iter().any(|asks| code.contains(asks))
}

/// The lines of a file but for the test module at its end; none in a file that is all tests.
pub(super) fn lines_without_tests(path: &Path, text: &str) -> usize {
    let is_test_file = path.file_stem().is_some_and(|name| name == "tests")
        || path.iter().any(|part| part == "tests" || part == "benches");
    if is_test_file {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let starts_tests =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(starts_tests).unwrap_or(lines.len())
}

/// A header is the first thing, but for a line that an operating system or the compiler wants first.
fn opens_with_header(text: &str) -> bool {
    let mut lines = text.lines();
    match lines.next() {
        Some(line) if line.starts_with("#!") => {
            lines.find(|line| !line.is_empty()).is_some_and(|line| line.starts_with("//!"))
        }
        first => first.is_some_and(|line| line.starts_with("//!")),
    }
}

/// True when a line of code, not a comment, calls the macro.
fn calls(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let call = format!("{name}!");
    code.match_indices(&call).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{calls, check, lines_without_tests, opens_with_header};

    #[test]
    fn headers() {
        assert!(opens_with_header("//! What it is.\n"));
        assert!(opens_with_header("#![no_main]\n\n//! What it is.\n"));
        assert!(!opens_with_header("\n//! What it is.\n"));
        assert!(!opens_with_header("use std::fs;\n"));
        assert!(!opens_with_header(""));
    }

    #[test]
    fn names_of_files_and_folders() {
        for path in ["a/util.rs", "a/common/mod.rs", "a/helpers.rs"] {
            assert_eq!(check(Path::new(path), "//! Header.\n").len(), 1, "{path}");
        }
        assert!(check(Path::new("a/utility_pole.rs"), "//! Header.\n").is_empty());
    }

    #[test]
    fn a_test_module_at_the_end_does_not_count() {
        let text = "//! Header.\nfn f() {}\n#[cfg(test)]\nmod tests {\n    // many\n    // lines\n}\n";
        assert_eq!(lines_without_tests(Path::new("a.rs"), text), 2);
        assert_eq!(lines_without_tests(Path::new("a/tests.rs"), text), 0);
        let outside = "//! Header.\n#[cfg(test)]\nmod tests;\nfn f() {}\n";
        assert_eq!(lines_without_tests(Path::new("a.rs"), outside), 4);
    }

    #[test]
    fn a_library_asks_its_process_nothing() {
        let breaches = |path: &str, code: &str| check(Path::new(path), &format!("//! Header.\n{code}\n")).len();
        let asks = "let home = std::env::var_os(\"HOME\");";
        assert_eq!(breaches("crates/offshoot-engines/src/a.rs", asks), 1);
        assert_eq!(breaches("crates/offshoot/src/a.rs", "std::process::exit(1);"), 1);
        for (path, code) in [
            ("crates/offshoot-cli/src/a.rs", asks),
            ("crates/offshoot/tests/a.rs", asks),
            ("crates/offshoot/src/a.rs", "let path = std::env::var_os(\"PATH\");"),
            ("crates/offshoot/src/a.rs", "// env::var is for the command"),
            ("crates/offshoot/src/a.rs", "#[cfg(test)]\nmod tests {\n    fn f() { std::env::args(); }\n}"),
        ] {
            assert_eq!(breaches(path, code), 0, "{path} {code}");
        }
    }

    #[test]
    fn unfinished_work_is_found_in_code_only() {
        let call = ["db", "g!(x)"].concat();
        assert!(calls(&format!("let a = {call};"), "dbg"));
        assert!(!calls(&format!("// {call}"), "dbg"));
        assert!(!calls(&format!("not_{call}"), "dbg"));
    }
}
