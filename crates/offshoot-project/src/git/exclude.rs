//! `info/exclude`: the list of what Git does not see in any checkout of a repository, and that is not committed.

use crate::error::{ProjectError, Result};
use crate::file;
use std::fs;
use std::path::Path;

const BEGIN: &str = "# offshoot begin: removed by `offshoot git uninstall`\n";
const END: &str = "# offshoot end\n";

/// Adds a block with these patterns, if there is none. Returns exactly what was added, for [`remove`].
pub(super) fn add(path: &Path, patterns: &[String]) -> Result<String> {
    let old = file::read(path)?.unwrap_or_default();
    let lines: String = patterns.iter().map(|pattern| format!("{pattern}\n")).collect();
    let block = format!("{BEGIN}{lines}{END}");
    let gap = if old.is_empty() || old.ends_with(b"\n") { "" } else { "\n" };
    let added = format!("{gap}{block}");
    if let Some(folder) = path.parent() {
        file::make_folder(folder)?;
    }
    write(path, &[old.as_slice(), added.as_bytes()].concat())?;
    Ok(added)
}

/// Takes away what [`add`] added, wherever it stands now.
pub(super) fn remove(path: &Path, added: &str) -> Result<()> {
    let Some(old) = file::read(path)? else { return Ok(()) };
    let block = added.as_bytes();
    let place = (!block.is_empty()).then(|| old.windows(block.len()).position(|window| window == block)).flatten();
    let Some(at) = place else { return Ok(()) };
    let rest = [&old[..at], &old[at + block.len()..]].concat();
    if rest.is_empty() { file::remove(path) } else { write(path, &rest) }
}

/// A pattern that means exactly this path from the top of a checkout.
pub(super) fn pattern(path: &str) -> String {
    let mut pattern = String::from("/");
    for c in path.chars() {
        if matches!(c, '\\' | '*' | '?' | '[' | ' ') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Writes in place: the file is the user's, and so are its mode and links to it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(ProjectError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_goes_without_a_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("info/exclude");
        for before in ["", "*.log\n", "*.log"] {
            if !before.is_empty() {
                fs::write(&path, before).unwrap();
            }
            let added = add(&path, &[pattern(".env.offshoot"), pattern("a b/[x]")]).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains("\n/.env.offshoot\n/a\\ b/\\[x]\n"), "{text}");
            fs::write(&path, text + "later\n").unwrap();
            remove(&path, &added).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}later\n"));
            fs::write(&path, before).unwrap();
            let added = add(&path, &[pattern("x")]).unwrap();
            remove(&path, &added).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap_or_default(), before);
        }
    }
}
