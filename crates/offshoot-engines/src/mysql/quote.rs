//! The one place where names and texts become SQL.
//!
//! Every identifier and every literal that is put into a statement comes from here, quoted always. Literals are written as
//! hexadecimal where they hold anything that a session's sql_mode or character set could read in two ways.

use std::fmt::Write as _;

/// An identifier in backquotes, which mean the same under every sql_mode.
#[must_use]
pub fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Identifiers in backquotes with commas between them.
#[must_use]
pub fn ident_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(ident).collect::<Vec<_>>().join(", ")
}

/// A string literal that means the same with and without NO_BACKSLASH_ESCAPES, in utf8mb4.
#[must_use]
pub fn literal(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\'' && byte != b'\\');
    if is_plain { format!("'{text}'") } else { format!("_utf8mb4 {}", hex(text.as_bytes())) }
}

/// Bytes as a literal without a character set.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "''".to_owned();
    }
    let mut out = String::with_capacity(bytes.len() * 2 + 3);
    out.push_str("x'");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('\'');
    out
}

/// The identifier in backquotes that a text begins with, and what follows it.
#[must_use]
pub fn split_ident(text: &str) -> Option<(String, &str)> {
    split_quoted(text, '`')
}

/// The same for an identifier in double quotes too, which servers print for what was made under ANSI_QUOTES.
#[must_use]
pub fn split_any_ident(text: &str) -> Option<(String, &str)> {
    split_ident(text).or_else(|| split_quoted(text, '"'))
}

fn split_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let rest = text.strip_prefix(quote)?;
    let mut name = String::new();
    let mut at = 0;
    loop {
        let end = at + rest[at..].find(quote)?;
        name.push_str(&rest[at..end]);
        if !rest[end + 1..].starts_with(quote) {
            return Some((name, &rest[end + 1..]));
        }
        name.push(quote);
        at = end + 2;
    }
}

/// Whether a character may be one of a word or of a name without quotes.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn identifiers_come_back(name in ".*", rest in "[^`].*") {
            let quoted = ident(&name) + &rest;
            prop_assert_eq!(split_ident(&quoted), Some((name, rest.as_str())));
        }

        #[test]
        fn literals_hold_nothing_to_escape(text in ".*") {
            let literal = literal(&text);
            let inner = literal[literal.find('\'').unwrap() + 1..].strip_suffix('\'').unwrap();
            prop_assert!(!inner.contains(['\'', '\\']));
        }
    }

    #[test]
    fn texts_that_could_be_misread_are_hexadecimal() {
        assert_eq!(literal("plain text"), "'plain text'");
        assert_eq!(literal("it's"), "_utf8mb4 x'69742773'");
        assert_eq!(hex(b""), "''");
    }
}
