//! Variables as a POSIX shell reads them.

use offshoot::Access;

/// Lines that export a branch's URL and variables.
pub fn exports(access: &Access) -> String {
    let url = format!("export DATABASE_URL={}\n", quoted(access.url.expose()));
    let others = access.variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value.expose())));
    std::iter::once(url).chain(others).collect()
}

/// A word that a shell takes as it is.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn anything_is_one_word() {
        assert_eq!(quoted("a b$(c)"), "'a b$(c)'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
