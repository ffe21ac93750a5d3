//! Columns of views that the server prints with their database, as it does where the view's definer may not read them.

use crate::mysql::quote::{ident, split_ident};

/// The statement with `` `t`.`c` `` in the place of `` `database`.`t`.`c` ``. Two names alone are a table and its column, and
/// stay as they are.
pub(crate) fn without_own_database(sql: &str, database: &str) -> String {
    let begin = format!("{}.`", ident(database));
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_own = rest.starts_with(&begin)
            && split_ident(&rest[begin.len() - 1..]).is_some_and(|(_, after)| after.starts_with(".`"));
        if is_own {
            rest = &rest[begin.len() - 1..];
        }
        // What is quoted is copied whole, so that nothing in it is taken for a name.
        let quoted = end_of_quoted(rest);
        out.push_str(&rest[..quoted]);
        rest = &rest[quoted..];
    }
    out.push_str(rest);
    out
}

/// The length of the string or name that a text begins with.
fn end_of_quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    super::words::end_of_quoted(bytes, 0).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::without_own_database;

    #[test]
    fn only_columns_lose_their_database() {
        let sql = "CREATE VIEW `v` AS select `d`.`t`.`a` AS `a`,`d`.`x` AS `x`,'`d`.`t`.`a`' AS `s`,`o`.`t`.`b` from `t` join `d`.`u`";
        let expected = "CREATE VIEW `v` AS select `t`.`a` AS `a`,`d`.`x` AS `x`,'`d`.`t`.`a`' AS `s`,`o`.`t`.`b` from `t` join `d`.`u`";
        assert_eq!(without_own_database(sql, "d"), expected);
    }
}
