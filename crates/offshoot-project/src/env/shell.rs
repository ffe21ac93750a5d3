//! Text for POSIX shells, to be read with `eval`.

use super::{LEADING, REMOVED, variables};
use crate::Access;

/// Statements that export a branch's variables and unset those that would lead elsewhere.
#[must_use]
pub fn exports(access: &Access) -> String {
    let exports = variables(access).into_iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    format!("unset {}\n{}", REMOVED.join(" "), exports.collect::<String>())
}

/// Statements for where there is no branch: what would lead to another database is unset, and the last of them fails, so that a shell
/// that stops at failures stops.
#[must_use]
pub fn nothing() -> String {
    format!("unset {} {}\nfalse\n", LEADING.join(" "), REMOVED.join(" "))
}

/// A word of a shell that stands for exactly this text. A NUL cannot be in any variable, and is left out.
#[must_use]
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::tests::access_to;
    use proptest::prelude::*;
    use std::process::Command;

    fn printed_by_sh(script: &str) -> Vec<u8> {
        Command::new("sh").arg("-c").arg(script).env("PGSERVICE", "elsewhere").output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("OFFSHOOT_LONG").is_some() { 10_000 } else { 64 }))]
        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[^\0]*") {
            prop_assert_eq!(printed_by_sh(&format!("printf %s {}", quoted(&text))), text.into_bytes());
        }
    }

    #[test]
    fn a_shell_takes_the_exports() {
        let mut access = access_to("o'clock");
        access.variables[1].1 = "a'b\"c$d\\e`f\ng".to_owned();
        let shown = "printf '%s|%s|%s|%s' \"$OFFSHOOT_BRANCH\" \"$PGPASSWORD\" \"${PGSERVICE-gone}\" \"$PGSSLMODE\"";
        assert_eq!(printed_by_sh(&(exports(&access) + shown)), b"o'clock|a'b\"c$d\\e`f\ng|gone|disable");
    }
}
