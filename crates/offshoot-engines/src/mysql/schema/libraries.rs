//! Libraries of MySQL 9: code that routines in other languages than SQL use, by its name and database.

use super::{Context, Reader};
use crate::mysql::error::Result;
use crate::mysql::quote::{ident, split_ident};
use crate::mysql::session::Session;
use offshoot_format::manifest::Phase;

/// The libraries of the session's database; none where the server knows no such thing.
///
/// # Errors
/// If the server refuses.
pub(crate) fn libraries(session: &mut Session) -> Result<Vec<String>> {
    const DOING: &str = "list the libraries";
    let has = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'information_schema' AND TABLE_NAME = 'LIBRARIES'";
    if session.flavor().is_mariadb() || session.query_one(DOING, has)?.parse::<u64>(0)? == Some(0) {
        return Ok(Vec::new());
    }
    let names = "SELECT LIBRARY_NAME FROM information_schema.LIBRARIES \
                 WHERE CAST(LIBRARY_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY) ORDER BY LIBRARY_NAME";
    session.query(DOING, names)?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

impl Reader<'_> {
    pub(super) fn libraries(&mut self) -> Result<()> {
        for name in libraries(self.session)? {
            let shown = match self.show("LIBRARY", &name) {
                Err(error) if super::is_denied(&error) => None,
                shown => Some(shown?),
            };
            let statement = shown.as_ref().map(|shown| shown.opt(2)).transpose()?.flatten();
            let (Some(statement), Some(shown)) = (statement, &shown) else {
                self.not_carried(format!("library {name}"), "GRANT SHOW_ROUTINE ON *.* to this user");
                continue;
            };
            // The server keeps none of it: the text is in UTF-8.
            let context = Context::new(shown.text(1)?, "utf8mb4", "utf8mb4_general_ci", None);
            self.push(Phase::PostData, format!("LIBRARY {name}"), None, context.before(statement))?;
        }
        Ok(())
    }
}

/// A routine without the `database` before its own libraries, which are those of the database that it is made in then. They
/// stand in a line of its head: ``USING (`shop`.`lib`, `shop`.`other` AS `x`)``.
pub(super) fn without_own_database(statement: &str, database: &str) -> String {
    const BEGIN: &str = "\n    USING (";
    let head = statement.find("\nAS ").map_or("", |at| &statement[..at]);
    let Some(at) = head.find(BEGIN).map(|at| at + BEGIN.len()) else { return statement.to_owned() };
    let (mut list, mut rest) = (String::new(), &statement[at..]);
    loop {
        let Some((first, behind)) = split_ident(rest) else { return statement.to_owned() };
        let Some((name, mut behind)) = behind.strip_prefix('.').and_then(split_ident) else {
            return statement.to_owned();
        };
        list += &if first == database { ident(&name) } else { format!("{}.{}", ident(&first), ident(&name)) };
        if let Some((alias, after)) = behind.strip_prefix(" AS ").and_then(split_ident) {
            list += &format!(" AS {}", ident(&alias));
            behind = after;
        }
        match behind.strip_prefix(", ") {
            Some(next) => {
                list += ", ";
                rest = next;
            }
            None => return format!("{}{list}{behind}", &statement[..at]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_own_database;

    #[test]
    fn own_libraries_lose_their_database() {
        let of = |list: &str| {
            format!(
                "CREATE FUNCTION `f`(n int) RETURNS int\n    LANGUAGE JAVASCRIPT\n    USING ({list})\n    COMMENT 'x (`shop`.`lib`)'\nAS $$ `shop`.`lib` $$"
            )
        };
        for (printed, left) in [
            ("`shop`.`lib`", "`lib`"),
            ("`shop`.`a``,)`, `o`.`b` AS `shop`, `shop`.`c` AS `x`", "`a``,)`, `o`.`b` AS `shop`, `c` AS `x`"),
            ("`o`.`b`", "`o`.`b`"),
        ] {
            assert_eq!(without_own_database(&of(printed), "shop"), of(left));
        }
        let sql = "CREATE FUNCTION `f`() RETURNS int RETURN 1 /*\n    USING (`shop`.`lib`) */";
        assert_eq!(without_own_database(sql, "shop"), sql);
    }
}
