//! A plan: commands, to be read first and then run.

use std::fmt;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// What it is for.
    pub why: &'static str,
}

/// Commands in their order; all of them want root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// The commands.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The commands as a user without root's rights types them.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.steps.iter().map(|step| format!("sudo {step}")).collect()
    }

    pub(super) fn add(&mut self, why: &'static str, words: &[&str]) {
        self.steps.push(Step { words: words.iter().map(|&word| word.to_owned()).collect(), why });
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// A word for a POSIX shell.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted_into_a_shell() {
        let mut plan = Plan::default();
        plan.add("a", &["mount", "-o", "loop,nosuid", "/a b/it's", "/x$(y)"]);
        assert_eq!(plan.commands(), [r"sudo mount -o loop,nosuid '/a b/it'\''s' '/x$(y)'"]);
        assert_eq!(quoted(""), "''");
    }
}
