//! Which of the tables that are read a statement is about that waits for something.
//!
//! Names are told from other words by nothing but the list of tables: one that has the name of a column of another statement
//! is taken for it. So somebody may be let go who did not wait for the capture; nobody is kept who did.

use crate::mysql::quote::is_word;

/// A table that others may have to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Its name.
    pub table: String,
    /// Whether it is locked, and not only read.
    pub is_kept: bool,
}

/// How names are compared, and whose they are.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The database that is captured.
    pub(super) database: String,
    /// Whether the server looks at the case of its and its tables' names.
    pub(super) is_case_told: bool,
}

impl Names {
    /// The table that a statement is about, if it runs in the database `from`.
    pub(super) fn about<'b>(&self, statement: &str, from: &str, busy: &'b [Busy]) -> Option<&'b Busy> {
        let names = names(statement);
        let words: Vec<String> = names.iter().map(|name| name.join(".").to_ascii_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let is_here = self.is_same(from, &self.database);
        let last = names.last().map(Vec::as_slice).unwrap_or_default();
        let is_about_all = match words.as_slice() {
            ["drop", "database" | "schema", ..] => {
                matches!(last, [database] if self.is_same(database, &self.database))
            }
            // It waits for a table that it does not name.
            ["drop", "trigger", ..] => match last {
                [database, _] => self.is_same(database, &self.database),
                _ => is_here,
            },
            ["flush", rest @ ..] => rest.iter().all(|word| FLUSH.contains(word)),
            _ => false,
        };
        if is_about_all {
            return busy.first();
        }
        let is_it = |name: &Vec<String>, table: &str| match name.as_slice() {
            [one] => is_here && self.is_same(one, table),
            [first, second, ..] => {
                self.is_same(first, &self.database) && self.is_same(second, table)
                    || is_here && self.is_same(first, table)
            }
            [] => false,
        };
        busy.iter().find(|busy| names.iter().any(|name| is_it(name, &busy.table)))
    }

    fn is_same(&self, one: &str, other: &str) -> bool {
        one == other || !self.is_case_told && one.to_lowercase() == other.to_lowercase()
    }
}

/// The words of a FLUSH that is about all tables.
const FLUSH: [&str; 7] = ["local", "no_write_to_binlog", "table", "tables", "with", "read", "lock"];

/// The words and names of a statement, each with those that stand before it and a dot; without strings and comments.
fn names(statement: &str) -> Vec<Vec<String>> {
    let mut names: Vec<Vec<String>> = Vec::new();
    let (mut rest, mut is_joined, mut is_after_name) = (statement, false, false);
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if let Some(behind) = comment(rest) {
            rest = behind;
            continue;
        }
        let name = match first {
            '`' | '"' => {
                let (name, behind) = quoted(rest, first);
                rest = behind;
                Some(name)
            }
            '\'' => {
                rest = quoted(rest, first).1;
                None
            }
            c if is_word(c) => {
                let (name, behind) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
                rest = behind;
                Some(name.to_owned())
            }
            c => {
                rest = &rest[c.len_utf8()..];
                is_joined = c == '.' && is_after_name;
                is_after_name = false;
                continue;
            }
        };
        is_after_name = name.is_some();
        match (name, names.last_mut().filter(|_| is_joined)) {
            (Some(name), Some(last)) => last.push(name),
            (Some(name), None) => names.push(vec![name]),
            (None, _) => {}
        }
        is_joined = false;
    }
    names
}

/// What follows the comment that a text begins with; the inside of one that is run is none.
fn comment(text: &str) -> Option<&str> {
    if let Some(inside) = text.strip_prefix("/*!").or_else(|| text.strip_prefix("/*M!")) {
        return Some(inside.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    if let Some(inside) = text.strip_prefix("/*") {
        return Some(inside.split_once("*/").map_or("", |(_, behind)| behind));
    }
    let is_dashed =
        text.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c.is_control()));
    if is_dashed || text.starts_with('#') {
        return Some(text.split_once('\n').map_or("", |(_, behind)| behind));
    }
    text.strip_prefix("*/")
}

/// What stands in the quotes that a text begins with, and what follows them; all of it where they do not end.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && quote != '`' {
            inside.extend(characters.next().map(|(_, c)| c));
        } else if c != quote {
            inside.push(c);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            inside.push(quote);
        } else {
            return (inside, &text[at + 1..]);
        }
    }
    (inside, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn about(statement: &str, from: &str, is_case_told: bool) -> Option<String> {
        let names = Names { database: "shop".to_owned(), is_case_told };
        let busy = ["t", "a`b", "Orders"].map(|table| Busy { table: table.to_owned(), is_kept: false });
        names.about(statement, from, &busy).map(|busy| busy.table.clone())
    }

    #[test]
    fn statements_are_about_the_tables_that_they_name() {
        for (statement, from, table) in [
            ("ALTER TABLE t ADD c INT", "shop", Some("t")),
            ("ALTER TABLE t ADD c INT", "other", None),
            ("ALTER TABLE t ADD c INT", "", None),
            ("ALTER TABLE shop.t ADD c INT", "other", Some("t")),
            ("/* app */ alter table `shop` . `t`\nadd c int", "", Some("t")),
            ("ALTER TABLE other.t ADD c INT", "shop", None),
            ("ALTER TABLE items ADD at INT COMMENT 't', ADD b INT -- t", "shop", None),
            ("ALTER TABLE `a``b` ADD c INT", "shop", Some("a`b")),
            ("ALTER TABLE \"t\" ADD c INT", "shop", Some("t")),
            ("/*!50003 DROP TABLE t*/", "shop", Some("t")),
            ("RENAME TABLE x TO y, shop.Orders TO shop.z", "other", Some("Orders")),
            ("ALTER TABLE orders ADD c INT", "shop", None),
            ("UPDATE t SET a = 1", "shop", Some("t")),
            ("DELETE t.* FROM t", "shop", Some("t")),
            ("DROP DATABASE IF EXISTS `shop`", "", Some("t")),
            ("DROP DATABASE other", "shop", None),
            ("DROP TRIGGER IF EXISTS shop.g", "other", Some("t")),
            ("DROP TRIGGER g", "other", None),
            ("--\tit's urgent\nALTER TABLE t ADD c INT", "shop", Some("t")),
            ("FLUSH TABLES WITH READ LOCK", "other", Some("t")),
            ("FLUSH LOCAL TABLES x", "shop", None),
        ] {
            assert_eq!(about(statement, from, true).as_deref(), table, "{statement}");
        }
        assert_eq!(about("ALTER TABLE SHOP.orders ADD c INT", "other", false).as_deref(), Some("Orders"));
    }

    proptest! {
        #[test]
        fn no_statement_panics(statement in "[a-z`'\"./*#!\\\\ é-]{0,40}") {
            about(&statement, "shop", true);
        }
    }
}
