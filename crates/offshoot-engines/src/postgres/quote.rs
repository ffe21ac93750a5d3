//! The one place where names and texts become SQL.
//!
//! Every identifier and every literal that the crate puts into a statement comes from here, quoted always, so that a
//! name can hold quotes, newlines, backslashes or `$$` and still be a name. It does not validate: a name that the
//! server would refuse (NUL, more than 63 bytes) is refused by the server.

use std::fmt::Write as _;

/// Settings whose value is a list of names, kept in quotes by the server; as pg_dump knows them.
const NAME_LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// An identifier in double quotes.
#[must_use]
pub fn ident(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    push_ident(&mut out, name);
    out
}

/// Appends an identifier in double quotes.
pub fn push_ident(out: &mut String, name: &str) {
    out.push('"');
    for part in name.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

/// `"schema"."name"`.
#[must_use]
pub fn qualified(schema: &str, name: &str) -> String {
    let mut out = String::with_capacity(schema.len() + name.len() + 5);
    push_ident(&mut out, schema);
    out.push('.');
    push_ident(&mut out, name);
    out
}

/// Identifiers in double quotes with commas between them.
#[must_use]
pub fn ident_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for name in names {
        if !out.is_empty() {
            out.push_str(", ");
        }
        push_ident(&mut out, name);
    }
    out
}

/// A string literal that means the same under either value of `standard_conforming_strings`.
#[must_use]
pub fn literal(text: &str) -> String {
    let escaped = text.contains('\\');
    let mut out = String::with_capacity(text.len() + 3);
    out.push_str(if escaped { "E'" } else { "'" });
    for character in text.chars() {
        if character == '\'' || character == '\\' {
            out.push(character);
        }
        out.push(character);
    }
    out.push('\'');
    out
}

/// The names of a list as settings hold it, such as `search_path`: each in double quotes or without.
#[must_use]
pub fn name_list(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut characters = list.chars().peekable();
    let mut name = String::new();
    let mut quoted = false;
    let mut any = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                name.push('"');
            }
            '"' => {
                quoted = !quoted;
                any = true;
            }
            ',' if !quoted => {
                names.push(std::mem::take(&mut name));
                any = true;
            }
            ' ' if !quoted => {}
            other => {
                name.push(other);
                any = true;
            }
        }
    }
    if any {
        names.push(name);
    }
    names
}

/// A name as a message shows it: quoted only where it must be, control characters escaped, so that it stays on its line.
#[must_use]
pub fn shown(schema: &str, name: &str) -> String {
    let mut out = String::new();
    for part in [schema, name] {
        if part.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('.');
        }
        let plain = part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            && !part.starts_with(|c: char| c.is_ascii_digit());
        if plain {
            out.push_str(part);
        } else {
            let _ = write!(
                out,
                "\"{}\"",
                part.replace('"', "\"\"").escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
            );
        }
    }
    out
}

/// `name TO value` as the server reads it back to what its catalog had.
#[must_use]
pub fn assignment(name: &str, value: &str) -> String {
    // The name of a setting may have a dot, which is not part of an identifier in quotes.
    let quoted: Vec<String> = name.split('.').map(ident).collect();
    let value = if NAME_LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        let names: Vec<String> = name_list(value).iter().map(|name| literal(name)).collect();
        if names.is_empty() { "''".to_owned() } else { names.join(", ") }
    } else {
        literal(value)
    };
    format!("{} TO {value}", quoted.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_newlines_stay_inside() {
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(qualified("s", "t\n;--"), "\"s\".\"t\n;--\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
        assert_eq!(ident_list(["a", "b\""]), "\"a\", \"b\"\"\"");
        assert_eq!(shown("public", "users"), "public.users");
        assert_eq!(shown("public", "Us\"ers\n"), "public.\"Us\"\"ers\\n\"");
    }

    /// What Postgres' own scanner makes of the text.
    fn tokens(sql: &str) -> Vec<(i32, i32)> {
        let scanned = pg_query::scan(sql).unwrap();
        scanned.tokens.iter().map(|token| (token.start, token.end)).collect()
    }

    proptest! {
        #[test]
        fn an_identifier_is_one_token(name in "[\\PC\\n\\t'\"\\\\$;-]{1,63}") {
            let sql = ident(&name);
            prop_assert_eq!(tokens(&sql), vec![(0, sql.len() as i32)]);
        }

        #[test]
        fn a_literal_is_one_token(text in "[\\PC\\n\\t'\"\\\\$;-]{0,80}") {
            let sql = literal(&text);
            prop_assert_eq!(tokens(&sql), vec![(0, sql.len() as i32)]);
        }
    }

    /// A server reads names and texts back as they were, under either meaning of a backslash.
    #[test]
    fn a_server_reads_them_so() {
        use proptest::strategy::ValueTree as _;
        use proptest::test_runner::TestRunner;
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut runner = TestRunner::deterministic();
        let texts = (0..200).map(|_| "[\\PC\\n\\r\\t'\"\\\\$;:-]{1,63}".new_tree(&mut runner).unwrap().current());
        let (mut sql, mut wanted) = (String::new(), Vec::new());
        for (at, text) in texts.enumerate() {
            let cut = (0..=63.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            let name = &text[..cut];
            let setting = if at % 2 == 0 { "on" } else { "off" };
            sql.push_str(&format!(
                "SET standard_conforming_strings = {setting};\nSELECT encode(convert_to({}, 'UTF8'), 'hex');\n\
                 CREATE TEMP TABLE {} ();\n\
                 SELECT encode(convert_to(relname, 'UTF8'), 'hex') FROM pg_class WHERE oid = {}::regclass;\nDROP TABLE {};\n",
                literal(&text), ident(name), literal(&ident(name)), qualified("pg_temp", name)
            ));
            wanted.extend([hex(&text), hex(name)]);
        }
        let said =
            offshoot_testkit::postgres::shared().psql("postgres", &format!("SET escape_string_warning = off;\n{sql}"));
        assert!(said.lines().eq(wanted.iter().map(String::as_str)));
    }

    #[test]
    fn lists_of_names_stay_lists() {
        assert_eq!(assignment("search_path", "\"$user\", public"), "\"search_path\" TO '$user', 'public'");
        assert_eq!(assignment("search_path", "\"\""), "\"search_path\" TO ''");
        assert_eq!(assignment("my.setting", "it's"), "\"my\".\"setting\" TO 'it''s'");
    }
}
