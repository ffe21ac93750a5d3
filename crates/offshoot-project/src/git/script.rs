//! The text of the hooks: POSIX shell, because Git runs them often and most often there is nothing to do.

use crate::env::shell::quoted;
use std::path::Path;

/// The hooks that are installed.
pub(super) const HOOKS: [&str; 3] = ["post-checkout", "post-rewrite", "reference-transaction"];
/// What is put behind the name of a hook that was there before.
pub(super) const BEFORE: &str = ".before-offshoot";
const MARK: &str = "# Written by `offshoot git install`; `offshoot git uninstall` puts back what was here before.\n";

/// Runs the hook that was here before, as Git would. A plain shell script is read by this shell, because it may look for its
/// neighbours by its own name, which is the name of this file.
const RUN_BEFORE: &str = r#"
status=0
before="$0.before-offshoot"
run_before() {
    [ -x "$before" ] || return 0
    IFS= read -r first < "$before" 2> /dev/null
    case $first in
        '#!/bin/sh' | '#!/usr/bin/env sh' | '#!/bin/dash') (. "$before") ;;
        *) "$before" "$@" ;;
    esac
}
"#;

/// Finds the program where it was, or else on the PATH; without it there is nothing to do.
const FIND_PROGRAM: &str = r#"[ -x "$offshoot" ] || offshoot=$(command -v offshoot) || exit "$status"
"#;

/// The script of a hook.
pub(super) fn script(hook: &str, program: &Path) -> String {
    let program = format!("offshoot={}\n", quoted(&program.to_string_lossy()));
    let rest = match hook {
        // A file that is checked out (third argument 0) is no branch.
        "post-checkout" => format!(
            "{RUN_BEFORE}run_before \"$@\" || status=$?\n[ \"$3\" = 1 ] || exit \"$status\"\n{program}{FIND_PROGRAM}\
             \"$offshoot\" git hook {hook} \"$@\" < /dev/null\nexit \"$status\"\n"
        ),
        // An amended commit (first argument `amend`) changes no branch's name.
        "post-rewrite" => format!(
            "{RUN_BEFORE}run_before \"$@\" || status=$?\n[ \"$1\" = rebase ] || exit \"$status\"\n{program}{FIND_PROGRAM}\
             OFFSHOOT_GIT_PID=$PPID \"$offshoot\" git hook {hook} \"$@\" < /dev/null\nexit \"$status\"\n"
        ),
        // Lines of old id, new id and name come on stdin; a new id of zeros may mean that a branch was deleted. What this
        // hook answers counts before the transaction is committed, so the one from before has the last word.
        _ => format!(
            "{RUN_BEFORE}\
             if [ \"$1\" != committed ]; then\n    run_before \"$@\" || status=$?\n    exit \"$status\"\nfi\n\
             changes=$(cat)\n\
             changes() {{ [ -z \"$changes\" ] || printf '%s\\n' \"$changes\"; }}\n\
             changes | run_before \"$@\" || status=$?\n\
             case $changes in\n    *'{ZEROS} refs/heads/'*) ;;\n    *) exit \"$status\" ;;\nesac\n\
             {program}{FIND_PROGRAM}\
             changes | OFFSHOOT_GIT_PID=$PPID \"$offshoot\" git hook {hook} \"$@\"\nexit \"$status\"\n"
        ),
    };
    format!("#!/bin/sh\n{MARK}{rest}")
}

/// The end of an id of zeros, whatever the hash.
const ZEROS: &str = "0000000000000000000000000000000000000000";

/// Whether a file is a script of ours, of this version or another.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"#!/bin/sh\n").is_some_and(|rest| rest.starts_with(MARK.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_can_read_the_scripts() {
        for hook in HOOKS {
            let text = script(hook, Path::new("/opt/it's here/offshoot"));
            assert!(is_ours(text.as_bytes()) && text.contains(BEFORE));
            let checked = Command::new("sh").args(["-n", "-c", &text]).output().unwrap();
            assert!(checked.status.success(), "{text}");
        }
    }
}
