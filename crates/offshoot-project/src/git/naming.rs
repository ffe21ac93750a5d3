//! Names of database branches after Git branches: the same name, which may be almost anything for both.
//!
//! A name that is taken gets a number: a branch that these hooks did not make is never used, as it may be another clone's.

/// Most bytes of a name, its number not counted. Branches take 255; Git's names are paths and may be longer.
const NAME_BYTES_MAX: usize = 200;

/// A name for the database branch of this Git branch that is not among the `taken`.
pub(super) fn database_name(git: &str, taken: &[String]) -> String {
    let end = (0..=git.len().min(NAME_BYTES_MAX)).rev().find(|at| git.is_char_boundary(*at));
    let name = match git[..end.unwrap_or(0)].trim() {
        "" => "branch",
        name => name,
    };
    let is_free = |name: &str| !taken.iter().any(|taken| taken == name);
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
        let taken = ["main".to_owned(), "main-2".to_owned()];
        for (git, expected) in [("fix/4711-login", "fix/4711-login"), ("main", "main-3"), ("π/it's", "π/it's")] {
            assert_eq!(database_name(git, &taken), expected);
        }
        assert_eq!(database_name(&"é".repeat(150), &[]), "é".repeat(100));
        assert_eq!(database_name("\u{3000}", &[]), "branch");
    }

    proptest! {
        #[test]
        fn every_name_is_free_and_fits(git in "[^\\s\\p{Cc}]{1,300}", taken in prop::collection::vec("[a-c]{1,2}", 0..4)) {
            let name = database_name(&git, &taken);
            prop_assert!(!taken.contains(&name) && !name.is_empty() && name.len() <= NAME_BYTES_MAX + 21);
        }
    }
}
