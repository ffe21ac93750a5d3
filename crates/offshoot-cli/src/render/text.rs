//! Foreign text made safe for a terminal: names of tables may hold anything.

/// On one line, without control and direction characters.
pub fn plain_line(text: &str) -> String {
    text.chars().flat_map(|c| plain(c, false)).collect()
}

/// As [`plain_line`], but lines stay lines.
pub fn plain_block(text: &str) -> String {
    text.chars().flat_map(|c| plain(c, true)).collect()
}

fn plain(c: char, keeps_lines: bool) -> Vec<char> {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match c {
        '\n' if keeps_lines => vec![c],
        _ if c.is_control() || turns => c.escape_default().collect(),
        _ => vec![c],
    }
}

/// A table's or column's name with its schema, in quotes only where it would be misread.
pub fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() { name.to_owned() } else { format!("{}.{}", part(schema), part(name)) }
}

fn part(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() && !c.is_uppercase() || c == '_' || c == '$');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_it() {
        assert_eq!(plain_line("a\x1b[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\nc\\u{202e}d");
        assert_eq!(plain_block("a\nb\t"), "a\nb\\t");
        assert_eq!(plain_line("grüße 東京 👍🏽"), "grüße 東京 👍🏽");
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(qualified("public", "users"), "public.users");
        assert_eq!(qualified("public", "Users"), "public.\"Users\"");
        assert_eq!(qualified("a b", "c\"d"), "\"a b\".\"c\"\"d\"");
        assert_eq!(qualified("", "large_objects"), "large_objects");
    }
}
