//! What views name together with their own database, so that they go on reading that one wherever they are restored.
//!
//! Servers print columns so where the view's definer may not read them, tables too where the view reads any table of another
//! database, and functions and sequences as they were named. A statement is what the server prints, never what a user wrote:
//! keywords are bare words, names stand in backquotes, tables follow `from` and `join`.

use crate::mysql::quote::{ident, split_ident};

/// The statement with `` `t`.`c` `` in the place of `` `database`.`t`.`c` ``, and `` `t` `` in that of `` `database`.`t` ``. Two
/// names alone that no table can be are a table and its column, and stay as they are.
pub(crate) fn without_own_database(sql: &str, database: &str) -> String {
    let own = format!("{}.", ident(database));
    let mut out = String::with_capacity(sql.len());
    let mut place = Place::default();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let is_name = first == '`' && !out.ends_with('.');
        if let Some(inner) = rest.strip_prefix(&own).filter(|inner| is_name && place.is_of_database(inner)) {
            rest = inner;
        }
        // What is quoted is copied whole, so that nothing in it is taken for a name.
        let token = &rest[..token_bytes(rest)];
        place.pass(token);
        out.push_str(token);
        rest = &rest[token.len()..];
    }
    out
}

/// Where in a statement one is, as far as it says what a name can be.
#[derive(Default)]
struct Place {
    /// For each open parenthesis, whether a SELECT began in it: the FROM of another one (`extract(year from ...)`) names no table.
    selects: Vec<bool>,
    /// Whether a table or sequence is next.
    is_table_next: bool,
    /// Whether what was last belongs to the head of a SELECT, where STRAIGHT_JOIN joins nothing.
    is_in_head: bool,
    outer_select: bool,
}

impl Place {
    /// Whether what comes behind a name that may be a database's shows that it is one.
    fn is_of_database(&self, inner: &str) -> bool {
        split_ident(inner)
            .is_some_and(|(_, after)| self.is_table_next || after.starts_with(".`") || after.starts_with('('))
    }

    fn select(&mut self) -> &mut bool {
        self.selects.last_mut().unwrap_or(&mut self.outer_select)
    }

    fn pass(&mut self, token: &str) {
        if token.starts_with(char::is_whitespace) {
            return;
        }
        let was_in_head = std::mem::take(&mut self.is_in_head);
        let was_table_next = std::mem::take(&mut self.is_table_next);
        match token.to_ascii_lowercase().as_str() {
            "(" => {
                self.selects.push(false);
                self.is_table_next = was_table_next;
            }
            ")" => drop(self.selects.pop()),
            "select" => {
                *self.select() = true;
                self.is_in_head = true;
            }
            "all" | "distinct" | "high_priority" => self.is_in_head = was_in_head,
            word if word.starts_with("sql_") => self.is_in_head = was_in_head,
            "from" => self.is_table_next = *self.select(),
            "straight_join" => {
                self.is_table_next = !was_in_head;
                self.is_in_head = was_in_head;
            }
            "join" | "nextval" | "lastval" | "setval" => self.is_table_next = true,
            _ => {}
        }
    }
}

/// The length of the string, name, word, blanks or sign that a text begins with.
fn token_bytes(text: &str) -> usize {
    let run = |is_in: fn(char) -> bool| text.find(|c| !is_in(c)).unwrap_or(text.len());
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match text.chars().next() {
        Some('\'' | '"' | '`') => super::words::end_of_quoted(text.as_bytes(), 0),
        Some(first) if first.is_whitespace() => run(char::is_whitespace),
        Some(first) if is_word(first) => run(is_word),
        first => first.map_or(0, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::without_own_database;
    use proptest::prelude::*;

    #[test]
    fn columns_lose_their_database() {
        let sql = "CREATE VIEW `v` AS select `d`.`t`.`a` AS `a`,`d`.`x` AS `x`,'`d`.`t`.`a`' AS `s`,`o`.`t`.`b`,`o`.`d`.`b` from `t`";
        let expected = "CREATE VIEW `v` AS select `t`.`a` AS `a`,`d`.`x` AS `x`,'`d`.`t`.`a`' AS `s`,`o`.`t`.`b`,`o`.`d`.`b` from `t`";
        assert_eq!(without_own_database(sql, "d"), expected);
    }

    #[test]
    fn tables_lose_their_database_where_tables_stand() {
        for (sql, expected) in [
            (
                "select `u`.`a`,`d`.`q` AS `q` from (((`d`.`u` join `o`.`d`) left join (`d`.`d` `x` straight_join `d`.`w`) on(`d`.`q` = 1))",
                "select `u`.`a`,`d`.`q` AS `q` from (((`u` join `o`.`d`) left join (`d` `x` straight_join `w`) on(`d`.`q` = 1))",
            ),
            (
                "select (select max(`d`.`u`.`i`) from `d`.`u`) AS `m` from `o`.`x` union select straight_join `d`.`i` from `d`.`u` `d`",
                "select (select max(`u`.`i`) from `u`) AS `m` from `o`.`x` union select straight_join `d`.`i` from `u` `d`",
            ),
            // A table of the database's own name, and its columns.
            (
                "select distinct straight_join extract(year from `d`.`at`),trim(both 'x' from `d`.`a`) from `d` where (`d`.`at` > 1)",
                "select distinct straight_join extract(year from `d`.`at`),trim(both 'x' from `d`.`a`) from `d` where (`d`.`at` > 1)",
            ),
            (
                "with recursive c as (select 1 AS `n` union all select `c`.`n` from (`c` join `d`.`u` on(`d`.`u`.`i` = `c`.`n`)))select 1",
                "with recursive c as (select 1 AS `n` union all select `c`.`n` from (`c` join `u` on(`u`.`i` = `c`.`n`)))select 1",
            ),
        ] {
            assert_eq!(without_own_database(sql, "d"), expected);
        }
    }

    #[test]
    fn functions_and_sequences_lose_their_database() {
        let sql = "select `d`.`f`(`d`.`x`),nextval(`d`.`s`),lastval(`o`.`s`),setval(`d`.`s`, 1) from `t`";
        let expected = "select `f`(`d`.`x`),nextval(`s`),lastval(`o`.`s`),setval(`s`, 1) from `t`";
        assert_eq!(without_own_database(sql, "d"), expected);
    }

    proptest! {
        #[test]
        fn what_is_of_no_database_stays(sql in "[a-z`'\".() ,é]{0,60}") {
            prop_assert_eq!(without_own_database(&sql, "no such"), sql);
        }
    }
}
