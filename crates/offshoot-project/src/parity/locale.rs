//! Names of locales and encodings, which systems spell differently.

/// A locale's name in one spelling: `en_US.utf8` and `en_US.UTF-8` are one, and so are `C` and `POSIX`.
pub(super) fn locale(name: &str) -> String {
    if name == "POSIX" {
        return "C".to_owned();
    }
    let Some((language, rest)) = name.split_once('.') else { return name.to_owned() };
    let (codeset, modifier) = match rest.split_once('@') {
        Some((codeset, modifier)) => (codeset, format!("@{modifier}")),
        None => (rest, String::new()),
    };
    format!("{language}.{}{modifier}", encoding(codeset))
}

/// An encoding's name in one spelling.
pub(super) fn encoding(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(locale("en_US.utf8"), locale("en_US.UTF-8"));
        assert_eq!(locale("POSIX"), locale("C"));
        assert_eq!(locale("de_DE.ISO-8859-15@euro"), locale("de_DE.iso885915@euro"));
        for (a, b) in
            [("en_US.utf8", "en_GB.utf8"), ("C", "C.UTF-8"), ("C.UTF-8", "C.ISO-8859-1"), ("de_DE", "de_DE.utf8")]
        {
            assert_ne!(locale(a), locale(b));
        }
        assert_eq!(encoding("SQL_ASCII"), encoding("sqlascii"));
    }
}
