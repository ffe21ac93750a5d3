//! The words of a statement outside of its strings, names and comments, to look for what another server does not know.

/// The words; conditional comments (`/*!80023 INVISIBLE */`) are words, too.
pub(super) fn words(sql: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let bytes = sql.as_bytes();
    let (mut at, mut start) = (0, None);
    while at < bytes.len() {
        let byte = bytes[at];
        let is_word =
            !matches!(byte, b'\'' | b'"' | b'`' | b'(' | b')' | b',' | b'=' | b';') && !byte.is_ascii_whitespace();
        match (is_word, start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                words.push(&sql[begin..at]);
                start = None;
            }
            _ => {}
        }
        at = if matches!(byte, b'\'' | b'"' | b'`') { end_of_quoted(bytes, at) } else { at + 1 };
    }
    words.extend(start.map(|begin| &sql[begin..]));
    words
}

/// Whether a statement has this word.
pub(super) fn has(sql: &str, word: &str) -> bool {
    words(sql).iter().any(|there| there.eq_ignore_ascii_case(word))
}

/// A statement with `''` in the place of each string and name.
pub(super) fn unquoted(sql: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(sql.len()), sql);
    while let Some(at) = rest.find(['\'', '"', '`']) {
        out.push_str(&rest[..at]);
        out.push_str("''");
        rest = &rest[end_of_quoted(rest.as_bytes(), at)..];
    }
    out + rest
}

/// Character sets and collations that a statement names.
pub(super) fn collations(sql: &str) -> Vec<(bool, &str)> {
    let words = words(sql);
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).copied();
        match word.to_ascii_uppercase().as_str() {
            "COLLATE" => found.extend(next.map(|name| (true, name))),
            "CHARSET" => found.extend(next.map(|name| (false, name))),
            "CHARACTER" if next.is_some_and(|next| next.eq_ignore_ascii_case("set")) => {
                found.extend(words.get(index + 2).map(|name| (false, *name)));
            }
            _ => {}
        }
    }
    found
}

/// Behind a string or name that begins at `at`.
pub(super) fn end_of_quoted(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote != b'`' => at += 2,
            byte if byte == quote => {
                if bytes.get(at + 1) != Some(&quote) {
                    return at + 1;
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_quoted_is_no_word() {
        let sql = "CREATE TABLE `COLLATE x` (\n  `a` varchar(3) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'it''s \\' COLLATE y',\n  \
                   `b` int /*!80023 INVISIBLE */\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
        let found = collations(sql);
        assert_eq!(found, [(false, "latin1"), (true, "latin1_bin"), (false, "utf8mb4"), (true, "utf8mb4_bin")]);
        assert!(words(sql).contains(&"/*!80023"));
        assert_eq!(unquoted("KEY `a((` ('it''s',`b`) \"x"), "KEY '' ('','') ''");
    }

    proptest! {
        #[test]
        fn no_statement_panics(sql in ".*") {
            words(&sql);
            collations(&sql);
            unquoted(&sql);
        }
    }
}
