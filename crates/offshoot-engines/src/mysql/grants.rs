//! What the user of a session was granted. Both servers hide objects without a word from whoever may not see them, so that
//! only the grants say whether a list is whole.

use super::error::Result;
use super::quote::split_any_ident;
use super::session::Session;

/// A server without its grant tables, where everybody may do everything.
const WITHOUT_GRANTS: u16 = 1290;
/// Such a user has no grants at all.
const NO_SUCH_GRANT: u16 = 1141;

/// The grants of a user and of its roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    given: Vec<Grant>,
    /// What a grant on the whole server does not give in some database (MySQL's partial revokes).
    taken: Vec<Grant>,
    is_unbounded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    rights: Vec<String>,
    on: On,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum On {
    Server,
    /// The pattern of its name.
    Database(String),
    Table(String, String),
}

impl Grants {
    /// Reads them.
    ///
    /// # Errors
    /// If the server refuses.
    pub(crate) fn read(session: &mut Session) -> Result<Self> {
        const DOING: &str = "say what the user may do";
        let mut sql = "SHOW GRANTS".to_owned();
        if !session.flavor().is_mariadb() {
            // Without their names it does not print what roles give.
            let roles = session.query_one(DOING, "SELECT CURRENT_ROLE()")?;
            if !["", "NONE"].contains(&roles.text(0)?) {
                sql = format!("SHOW GRANTS FOR CURRENT_USER() USING {}", roles.text(0)?);
            }
        }
        let rows = match session.query(DOING, &sql) {
            Err(error) if error.number() == Some(WITHOUT_GRANTS) => {
                return Ok(Self { is_unbounded: true, ..Self::default() });
            }
            Err(error) if error.number() == Some(NO_SUCH_GRANT) => return Ok(Self::default()),
            rows => rows?,
        };
        let mut grants = Self::default();
        for row in &rows {
            grants.add(row.text(0)?);
        }
        Ok(grants)
    }

    fn add(&mut self, line: &str) {
        if let Some(grant) = line.strip_prefix("GRANT ").and_then(Grant::parse) {
            self.given.push(grant);
        } else if let Some(grant) = line.strip_prefix("REVOKE ").and_then(Grant::parse) {
            self.taken.push(grant);
        }
    }

    /// Whether it is given anywhere: enough where only advice depends on it.
    pub(crate) fn has(&self, right: &str) -> bool {
        self.is_unbounded || self.given.iter().any(|grant| grant.gives(right))
    }

    /// Whether it is given on the whole server.
    pub(crate) fn on_server(&self, right: &str) -> bool {
        self.is_unbounded || self.given.iter().any(|grant| grant.on == On::Server && grant.gives(right))
    }

    /// Whether it is given on a whole database.
    pub(crate) fn on_database(&self, database: &str, right: &str) -> bool {
        let is_of_it = |grant: &&Grant| matches!(&grant.on, On::Database(pattern) if is_like(pattern, database));
        if self.is_unbounded || self.on_server(right) {
            let is_taken = self.taken.iter().filter(is_of_it).any(|grant| grant.gives(right));
            return !is_taken;
        }
        // The server looks at one of the patterns that fit, the most exact one. Where it is not known which, all must give it.
        let is_exact = |grant: &&Grant| matches!(&grant.on, On::Database(pattern) if is_plain(pattern, database));
        let mut exact = self.given.iter().filter(is_exact).peekable();
        if exact.peek().is_some() {
            return exact.any(|grant| grant.gives(right));
        }
        // Where rights were taken again, patterns are names.
        let mut fitting = self.given.iter().filter(is_of_it).filter(|_| self.taken.is_empty()).peekable();
        fitting.peek().is_some() && fitting.all(|grant| grant.gives(right))
    }

    /// Whether it is given on a table of a database.
    pub(crate) fn on_table(&self, database: &str, table: &str, right: &str) -> bool {
        let is_it = |grant: &Grant| matches!(&grant.on, On::Table(of, name) if of == database && name == table);
        self.on_database(database, right) || self.given.iter().any(|grant| is_it(grant) && grant.gives(right))
    }
}

impl Grant {
    /// Reads what stands behind GRANT or REVOKE; none of a role, a routine or a proxy.
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with('`') {
            return None;
        }
        let parts = outside_of_names(text, " ON ");
        let [rights, rest, ..] = parts.as_slice() else { return None };
        let rights = outside_of_names(rights, ",").into_iter().map(|right| right.trim().to_ascii_uppercase()).collect();
        if rest.starts_with("*.*") {
            return Some(Self { rights, on: On::Server });
        }
        let (database, rest) = split_any_ident(rest.strip_prefix("TABLE ").unwrap_or(rest))?;
        let rest = rest.strip_prefix('.')?;
        let on = match rest.starts_with('*') {
            true => On::Database(database),
            false => On::Table(database, split_any_ident(rest)?.0),
        };
        Some(Self { rights, on })
    }

    fn gives(&self, right: &str) -> bool {
        self.rights.iter().any(|given| given == right || given == "ALL PRIVILEGES")
    }
}

/// The parts of a text between separators that stand in no name.
fn outside_of_names<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut from, mut is_in_name) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if c == '`' {
            is_in_name = !is_in_name;
        } else if !is_in_name && at >= from && text[at..].starts_with(separator) {
            parts.push(&text[from..at]);
            from = at + separator.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Whether a pattern is this name and no other.
fn is_plain(pattern: &str, name: &str) -> bool {
    let escaped = name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    pattern == name && !name.contains(['_', '%', '\\']) || pattern == escaped
}

/// Whether a name is one of a pattern, in which `_` is any character, `%` any number of them, and a backslash makes one plain.
fn is_like(pattern: &str, name: &str) -> bool {
    enum Part {
        Plain(char),
        One,
        Any,
    }
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::Plain(characters.next().unwrap_or('\\')),
            plain => Part::Plain(plain),
        });
    }
    // Whether what was seen of the name is what the first parts match.
    let mut reached = vec![false; parts.len() + 1];
    reached[0] = true;
    let skip = |reached: &mut Vec<bool>| {
        for (at, part) in parts.iter().enumerate() {
            reached[at + 1] |= reached[at] && matches!(part, Part::Any);
        }
    };
    skip(&mut reached);
    for c in name.chars() {
        let mut next = vec![false; parts.len() + 1];
        for (at, part) in parts.iter().enumerate().filter(|(at, _)| reached[*at]) {
            match part {
                Part::Any => next[at] = true,
                Part::One => next[at + 1] = true,
                Part::Plain(plain) => next[at + 1] |= *plain == c,
            }
        }
        skip(&mut next);
        reached = next;
    }
    reached[parts.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        let mut grants = Grants::default();
        lines.iter().for_each(|line| grants.add(line));
        grants
    }

    #[test]
    fn a_right_counts_where_it_was_given() {
        let some = grants(&[
            "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*00'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `u`@`%`",
            "GRANT TRIGGER ON `shop`.`t` TO `u`@`%`",
            "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `u`@`%`",
            "GRANT SELECT ON `mysql`.`proc` TO `u`@`%`",
            "GRANT `role`@`%` TO `u`@`%`",
            "GRANT BACKUP_ADMIN,SHOW_ROUTINE ON *.* TO `u`@`%`",
        ]);
        assert!(some.on_database("shop", "SELECT") && some.on_database("shop", "SHOW VIEW"));
        assert!(!some.on_database("shop", "TRIGGER") && !some.on_database("shop", "EXECUTE"));
        assert!(!some.on_database("shops", "SELECT") && !some.on_server("SELECT"));
        assert!(some.on_table("mysql", "proc", "SELECT") && !some.on_table("mysql", "event", "SELECT"));
        assert!(some.on_server("SHOW_ROUTINE") && some.has("TRIGGER") && !some.has("PROCESS"));
        // The most exact one of those that fit counts.
        let two = grants(&["GRANT SELECT ON `shop`.* TO `u`@`%`", "GRANT TRIGGER ON `sh%`.* TO `u`@`%`"]);
        assert!(!two.on_database("shop", "TRIGGER") && two.on_database("shoe", "TRIGGER"));
        let named = grants(&[
            "GRANT SELECT (`x, PROCESS ON *.*`) ON `shop`.`t` TO `u`@`%`",
            "GRANT `x, SELECT ON *.*`@`%` TO `u`@`%`",
        ]);
        assert!(!named.on_server("PROCESS") && !named.has("SELECT"));
        let all = grants(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"]);
        assert!(all.on_server("PROCESS") && all.on_database("shop", "EVENT"));
        let but = grants(&["GRANT SELECT, EVENT ON *.* TO `u`@`%`", "REVOKE EVENT ON `shop`.* FROM `u`@`%`"]);
        assert!(but.on_database("shop", "SELECT") && !but.on_database("shop", "EVENT"));
    }

    #[test]
    fn names_of_databases_are_patterns() {
        for (pattern, name, is_it) in [
            ("shop", "shop", true),
            ("sh_p", "shop", true),
            ("my\\_shop", "my_shop", true),
            ("my\\_shop", "my-shop", false),
            ("my%", "my_shop", true),
            ("%p", "shop", true),
            ("%p", "shops", false),
            ("%", "é", true),
        ] {
            assert_eq!(is_like(pattern, name), is_it, "{pattern} {name}");
        }
    }
}
