//! How a statement that makes a trigger begins. MariaDB keeps it as it was typed, with the database before the trigger's name
//! and its table's; it has to be made in the database where its table is, whatever that is called.

use super::Head;
use crate::mysql::quote::{is_word, split_any_ident};

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
    /// Where it stands, with the database, and where without.
    whole: usize,
    alone: usize,
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

    /// The statement without the databases.
    pub(crate) fn without_database(&self) -> String {
        let between = &self.statement[self.name.alone..self.table.whole];
        format!("{}{between}{}", &self.statement[..self.name.whole], &self.statement[self.table.alone..])
    }
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
    match blanks(rest).strip_prefix('.') {
        Some(behind) => {
            let behind = blanks(behind);
            let (name, rest) = identifier(behind)?;
            Some((Named { database: Some(first), name, whole, alone: statement.len() - behind.len() }, rest))
        }
        None => Some((Named { database: None, name: first, whole, alone: whole }, rest)),
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
