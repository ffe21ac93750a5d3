//! Words that must not be committed: numbers of someone's tickets and paths of someone's machine.

use std::path::Path;

use super::Finding;

/// What a ticket is called, followed by a number sign and a number.
const TICKETS: [&str; 3] = ["issue", "task", "ticket"];

/// All breaches in one file; `root` is the project's folder on this machine.
pub(super) fn check(path: &Path, text: &str, root: &Path) -> Vec<Finding> {
    let root = root.to_string_lossy();
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(what) = breach(line, &root) {
            findings.push(Finding::in_line(path, number + 1, what));
        }
    }
    findings
}

fn breach(line: &str, root: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    if TICKETS.iter().any(|ticket| names_ticket(&lower, ticket)) {
        return Some("names a ticket by number: say the thing itself".to_owned());
    }
    // In parts, so that this file is not a breach itself.
    let machine_paths = [concat!("/wo", "rk/"), concat!("/tmp", "/t/")];
    let is_machine_path =
        machine_paths.iter().any(|path| starts_path(line, path)) || (root.len() > 5 && line.contains(root));
    is_machine_path.then(|| "holds a path of one machine: derive it, or name it by an environment variable".to_owned())
}

/// True for `<ticket> #<digit>`, with or without the blank.
fn names_ticket(lower: &str, ticket: &str) -> bool {
    lower.match_indices(ticket).any(|(at, _)| {
        let rest = lower[at + ticket.len()..].trim_start();
        rest.strip_prefix('#').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// True where `path` begins a path, not where it lies inside a longer one.
fn starts_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/".contains(c)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::check;

    fn breaches(text: &str) -> usize {
        check(Path::new("a.md"), text, Path::new("/home/someone/offshoot")).len()
    }

    #[test]
    fn tickets_and_machine_paths_are_found() {
        for parts in [
            ["Iss", "ue #12"],
            ["ta", "sk #3"],
            ["see /wo", "rk/main"],
            ["\"/tmp", "/t/x\""],
            ["/home/someone", "/offshoot/target"],
        ] {
            assert_eq!(breaches(&parts.concat()), 1, "{parts:?}");
        }
    }

    #[test]
    fn plain_words_are_not() {
        assert_eq!(
            breaches("an issue is a task; #[test]; /network/of/paths; crates/work/x; issue # not a number\n"),
            0
        );
    }
}
