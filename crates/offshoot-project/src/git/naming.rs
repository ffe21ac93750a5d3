//! Names of database branches after Git branches.
//!
//! The same name where it can be one. Git's names may hold anything but blanks and a few signs; here stay letters, digits and
//! `. _ - /`, because the name is typed in commands and stands in variables. A name that is taken gets a number: a branch that
//! these hooks did not make is never used, as it may be another clone's.

/// Most characters of a name, its number not counted.
const NAME_CHARS_MAX: usize = 60;

/// A name for the database branch of this Git branch that is not among the `taken`.
pub(super) fn database_name(git: &str, taken: &[String]) -> String {
    let mut name = String::new();
    for c in git.chars().take(NAME_CHARS_MAX) {
        let c = if c.is_ascii_alphanumeric() || "._/-".contains(c) { c } else { '-' };
        // Two signs in a row mean something in addresses and paths, or look like a slip.
        let doubles = name.ends_with(['.', '/', '-']) && matches!(c, '.' | '/' | '-');
        if !(doubles || name.is_empty() && !c.is_ascii_alphanumeric()) {
            name.push(c);
        }
    }
    let name = name.trim_end_matches(['.', '/', '-']).trim_end_matches(".lock");
    let name = if name.is_empty() { "branch" } else { name };
    let is_free = |name: &str| !taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if is_free(name) {
        return name.to_owned();
    }
    let numbered = (2_u64..).map(|number| format!("{name}-{number}")).find(|name| is_free(name));
    numbered.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        let taken = ["main".to_owned(), "MAIN-2".to_owned()];
        for (git, expected) in [
            ("fix/4711-login", "fix/4711-login"),
            ("main", "main-3"),
            ("π/é", "branch"),
            ("user@{x}/it's", "user-x-it-s"),
            ("--all", "all"),
            ("a..lock", "a"),
        ] {
            assert_eq!(database_name(git, &taken), expected, "{git}");
        }
    }

    proptest! {
        #[test]
        fn every_name_can_be_typed_and_is_free(git in "\\PC{1,300}", taken in prop::collection::vec("[a-c]{1,2}", 0..4)) {
            let name = database_name(&git, &taken);
            prop_assert!(!taken.contains(&name) && name.len() <= NAME_CHARS_MAX + 21);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c)));
            prop_assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains("..") && !name.contains("//"));
            prop_assert!(!name.ends_with(['.', '/', '-']) && !name.ends_with(".lock"));
        }
    }
}
