//! How a statement that makes a trigger begins. MariaDB keeps it as it was typed, with the database before the trigger's name
//! and its table's; it has to be made in the database where its table is, whatever that is called.

use super::{Context, Head};
use crate::mysql::error::Result;
use crate::mysql::quote::{ident, is_word, split_any_ident};
use crate::mysql::session::Row;

/// The names in such a beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TriggerHead<'s> {
    statement: &'s str,
    name: Named,
    table: Named,
}

/// A name, perhaps with the database before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    database: Option<String>,
    name: String,
    /// Where it stands, with the database, and where without, and where it ends.
    whole: usize,
    alone: usize,
    end: usize,
}

impl<'s> TriggerHead<'s> {
    /// Reads it; none of what makes no trigger.
    pub(crate) fn parse(statement: &'s str) -> Option<Self> {
        let head = Head::parse(statement)?;
        let mut rest = word(head.rest, &["trigger"])?;
        if let Some(behind) = word(rest, &["if"]) {
            rest = word(word(behind, &["not"])?, &["exists"])?;
        }
        let (name, rest) = named(statement, rest)?;
        let rest = word(rest, &["before", "after"])?;
        let rest = word(word(rest, &["insert", "update", "delete"])?, &["on"])?;
        let (table, rest) = named(statement, rest)?;
        word(rest, &["for"])?;
        Some(Self { statement, name, table })
    }

    /// Whether it is of this name and table, in no other database than `own`, if that is said.
    pub(crate) fn is_of(&self, name: &str, table: &str, own: Option<&str>) -> bool {
        let is_in =
            |named: &Named| own.is_none_or(|own| named.database.as_ref().is_none_or(|there| is_same(there, own)));
        is_same(&self.name.name, name) && is_same(&self.table.name, table) && is_in(&self.name) && is_in(&self.table)
    }

    /// The statement with the names that the catalog has. MySQL prints them as if they were in the character set that the text
    /// behind them was typed in.
    pub(super) fn under_names(&self, name: &str, table: &str) -> String {
        let text = |named: &Named, name: &str| match name.is_ascii() || is_same(&named.name, name) {
            true => self.statement[named.alone..named.end].to_owned(),
            false => ident(name),
        };
        let (before, between) = (&self.statement[..self.name.alone], &self.statement[self.name.end..self.table.alone]);
        let behind = &self.statement[self.table.end..];
        format!("{before}{}{between}{}{behind}", text(&self.name, name), text(&self.table, table))
    }

    /// The statement without the databases.
    pub(crate) fn without_database(&self) -> String {
        let between = &self.statement[self.name.alone..self.table.whole];
        format!("{}{between}{}", &self.statement[..self.name.whole], &self.statement[self.table.alone..])
    }
}

/// The trigger of this name and table as SHOW CREATE TRIGGER has it: its settings, in a database of this collation, and its
/// statement.
pub(crate) fn shown_trigger(shown: &Row, name: &str, table: &str, collation: &str) -> Result<(Context, String)> {
    let context = Context::new(shown.text(1)?, shown.text(3)?, shown.text(4)?, None);
    let statement = shown.text(2)?;
    let named = TriggerHead::parse(statement).map(|head| head.under_names(name, table));
    Ok((context.of_database(shown.text(5)?, collation), named.unwrap_or_else(|| statement.to_owned())))
}

/// Names that differ in case are one where they cannot lead anywhere else.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// A name, and what follows it.
fn named<'s>(statement: &str, text: &'s str) -> Option<(Named, &'s str)> {
    let text = blanks(text);
    let whole = statement.len() - text.len();
    let (first, rest) = identifier(text)?;
    let place = |rest: &str| statement.len() - rest.len();
    match blanks(rest).strip_prefix('.') {
        Some(behind) => {
            let behind = blanks(behind);
            let (name, rest) = identifier(behind)?;
            Some((Named { database: Some(first), name, whole, alone: place(behind), end: place(rest) }, rest))
        }
        None => Some((Named { database: None, name: first, whole, alone: whole, end: place(rest) }, rest)),
    }
}

/// The identifier that a text begins with, quoted or not.
fn identifier(text: &str) -> Option<(String, &str)> {
    split_any_ident(text).or_else(|| {
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
    })
}

/// What follows one of these words.
fn word<'s>(text: &'s str, words: &[&str]) -> Option<&'s str> {
    let text = blanks(text);
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    words.iter().any(|word| text[..end].eq_ignore_ascii_case(word)).then(|| &text[end..])
}

/// What follows blanks and comments; a comment that is run is none.
fn blanks(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let behind = if rest.starts_with("/*") && !rest.starts_with("/*!") && !rest.starts_with("/*M!") {
            rest.split_once("*/").map(|(_, behind)| behind)
        } else if rest.starts_with('#') || rest.starts_with("-- ") || rest.starts_with("--\n") {
            rest.split_once('\n').map(|(_, behind)| behind)
        } else {
            None
        };
        match behind {
            Some(behind) => rest = behind.trim_start(),
            None => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_catalog() {
        let printed = "CREATE DEFINER=`a`@`b` TRIGGER `gÃ©` BEFORE INSERT ON shop.`t` FOR EACH ROW SET @a = '`gÃ©`'";
        let head = TriggerHead::parse(printed).unwrap();
        assert_eq!(head.under_names("g", "T"), printed);
        let named = printed.replacen("gÃ©", "gé", 1).replace("shop.`t`", "shop.`é`");
        assert_eq!(head.under_names("gé", "é"), named);
    }

    #[test]
    fn databases_go_and_all_else_stays() {
        for (statement, left) in [
            (
                "CREATE DEFINER=`a`@`b` TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 'ON shop.t'",
                "CREATE DEFINER=`a`@`b` TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 'ON shop.t'",
            ),
            (
                "CREATE DEFINER=`a`@`b` TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW INSERT INTO shop.u VALUES (1)",
                "CREATE DEFINER=`a`@`b` TRIGGER g BEFORE INSERT ON t FOR EACH ROW INSERT INTO shop.u VALUES (1)",
            ),
            (
                "CREATE DEFINER=`a`@`b` trigger if not exists `Shop` . `g` -- it\n after  update on\n\"shop\"./* x */`t`for each row SET @a = 1",
                "CREATE DEFINER=`a`@`b` trigger if not exists `g` -- it\n after  update on\n`t`for each row SET @a = 1",
            ),
        ] {
            let head = TriggerHead::parse(statement).unwrap();
            assert_eq!(head.without_database(), left);
            assert!(head.is_of("g", "t", Some("shop")) && head.is_of("G", "T", None), "{statement}");
            assert!(!head.is_of("h", "t", None) && !head.is_of("g", "u", None), "{statement}");
        }
        for statement in [
            "CREATE TRIGGER g BEFORE INSERT ON o.t FOR EACH ROW x",
            "CREATE TRIGGER o.g AFTER DELETE ON t FOR EACH ROW x",
        ] {
            let head = TriggerHead::parse(statement).unwrap();
            assert!(head.is_of("g", "t", None) && !head.is_of("g", "t", Some("shop")), "{statement}");
        }
        for statement in
            ["CREATE TRIGGERS g BEFORE INSERT ON t FOR", "CREATE TRIGGER", "CREATE TRIGGER g ON t", "DROP TRIGGER g"]
        {
            assert_eq!(TriggerHead::parse(statement), None, "{statement}");
        }
    }
}
