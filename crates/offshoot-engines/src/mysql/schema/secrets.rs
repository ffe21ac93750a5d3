//! Passwords in the options of tables that are over other servers: FEDERATED's and CONNECT's `CONNECTION`, Spider's comments.
//!
//! They stand in strings: as `scheme://user:password@host`, or behind a word (`password "x"`, `PWD=x;`). What they open is
//! another server, and no policy of columns says anything of them; so a snapshot never has them.

use super::create_table::strings;
use std::ops::Range;

/// The words behind which a password stands.
const WORDS: [&str; 3] = ["password", "passwd", "pwd"];

/// A CREATE TABLE without the passwords in its options.
pub(super) fn blank(create: &str) -> String {
    let mut out = create.to_owned();
    // From behind, so that places stay.
    for string in strings(create).into_iter().rev() {
        let text = &create[string.clone()];
        let mut secrets: Vec<Range<usize>> = in_url(text).into_iter().chain(behind_words(text)).collect();
        secrets.sort_by_key(|secret| secret.start);
        let mut left = String::new();
        let mut from = 0;
        for secret in secrets {
            left.push_str(text.get(from..secret.start).unwrap_or_default());
            from = from.max(secret.end);
        }
        left.push_str(&text[from..]);
        out.replace_range(string, &left);
    }
    out
}

/// Where the password of an address is, with the colon before it: up to the last `@`, as it may hold one.
fn in_url(text: &str) -> Option<Range<usize>> {
    let begin = text.find("://")? + 3;
    let colon = begin + text[begin..].find(':')?;
    let is_of_user = !text[begin..colon].contains('@');
    let end = text.rfind('@').filter(|at| *at > colon && is_of_user)?;
    Some(colon..end)
}

/// Where what follows a word is, without its quotes.
fn behind_words(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for word in WORDS {
        for (at, _) in lower.match_indices(word) {
            let is_inside = lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let rest = &text[at + word.len()..];
            let value = rest.trim_start_matches([' ', '\t', '=', ':']);
            // Another word goes on here, or nothing does.
            if is_inside || value.len() == rest.len() && !value.starts_with(['"', '\'', '\\']) {
                continue;
            }
            let begin = text.len() - value.len();
            let quotes: &[&str] = &["\\\"", "\\'", "''", "\"", "'"];
            let span = match quotes.iter().find(|quote| value.starts_with(**quote)) {
                Some(quote) => {
                    let inside = begin + quote.len();
                    inside..end_of_quoted(text, inside, quote)
                }
                None if value.starts_with('{') => begin..begin + end_of_braces(value),
                // Of a list that semicolons part, nothing else ends a value.
                None if text.contains(';') => begin..begin + value.find(';').unwrap_or(value.len()),
                None => begin..begin + value.find([' ', ',', '&', '"']).unwrap_or(value.len()),
            };
            found.push(span);
        }
    }
    found
}

/// Where a quoted value ends: at a quote that no backslash makes plain, and behind which the list goes on or ends.
fn end_of_quoted(text: &str, inside: usize, quote: &str) -> usize {
    let mut quotes = text[inside..].match_indices(quote).map(|(at, _)| inside + at);
    let is_end = |at: &usize| {
        let behind = text[at + quote.len()..].chars().next();
        !text[..*at].ends_with('\\') && behind.is_none_or(|c| c.is_whitespace() || c == ',' || c == ';')
    };
    quotes.find(is_end).unwrap_or(text.len())
}

/// The length of a value in braces, in which a closing one stands twice.
fn end_of_braces(value: &str) -> usize {
    let mut from = 1;
    while let Some(at) = value[from..].find('}') {
        from += at + 1;
        if !value[from..].starts_with('}') {
            return from;
        }
        from += 1;
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::blank;

    #[test]
    fn passwords_go_and_all_else_stays() {
        let table =
            |options: &str| format!("CREATE TABLE `t` (\n  `a` int COMMENT 'password \"x\"'\n) ENGINE={options}");
        for (options, left) in [
            (
                "FEDERATED CONNECTION='mysql://user:se/c@ret@db.example:3306/shop/t'",
                "FEDERATED CONNECTION='mysql://user@db.example:3306/shop/t'",
            ),
            ("FEDERATED CONNECTION='mysql://user@db.example:3306/shop/t'", ""),
            ("FEDERATED CONNECTION='server/t' COMMENT='it''s'", ""),
            (
                "CONNECT `TABLE_TYPE`=ODBC CONNECTION='DSN=x;UID=u;PWD=it''s;Database=d'",
                "CONNECT `TABLE_TYPE`=ODBC CONNECTION='DSN=x;UID=u;PWD=;Database=d'",
            ),
            ("CONNECT CONNECTION='PWD=my secret, b&c;Database=d'", "CONNECT CONNECTION='PWD=;Database=d'"),
            ("CONNECT CONNECTION='PWD={se;c}}r};Database=d'", "CONNECT CONNECTION='PWD=;Database=d'"),
            ("SPIDER COMMENT='password \"a\\\\\"b\", port \"1\"'", "SPIDER COMMENT='password \"\", port \"1\"'"),
            (
                "CONNECT `OPTION_LIST`='host=h,user=u,Password=secret,port=1'",
                "CONNECT `OPTION_LIST`='host=h,user=u,Password=,port=1'",
            ),
            (
                "SPIDER COMMENT='wrapper \"mysql\", user \"u\", password \"a, b\", table \"password_hints\"'\n PARTITION BY KEY (`a`)\n(PARTITION `p` COMMENT = 'host \"h\", password \"x\"' ENGINE = SPIDER)",
                "SPIDER COMMENT='wrapper \"mysql\", user \"u\", password \"\", table \"password_hints\"'\n PARTITION BY KEY (`a`)\n(PARTITION `p` COMMENT = 'host \"h\", password \"\"' ENGINE = SPIDER)",
            ),
            (
                "SPIDER COMMENT='user ''u'', password ''secret'', port ''1'''",
                "SPIDER COMMENT='user ''u'', password '''', port ''1'''",
            ),
        ] {
            let left = if left.is_empty() { options } else { left };
            assert_eq!(blank(&table(options)), table(left));
        }
    }
}
