//! How a statement that makes an object begins: with CREATE, words of its kind, who it runs as, and what it is.
//!
//! What comes from a server or a store is run only if it begins like the object that it is said to be.

use super::TriggerHead;
use crate::mysql::quote::{ident, split_any_ident};
use offshoot_format::manifest::{Phase, SchemaItem};

/// The beginning of a CREATE statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head<'s> {
    /// Who it runs as, quoted as the server writes it, if that is said.
    pub definer: Option<&'s str>,
    /// What follows: the kind of object, its name, and all else.
    pub rest: &'s str,
}

/// What may stand before the kind of an object.
const WORDS: &[&str] =
    &["OR REPLACE ", "AGGREGATE ", "SQL SECURITY DEFINER ", "SQL SECURITY INVOKER ", "JSON RELATIONAL DUALITY "];

impl<'s> Head<'s> {
    /// Reads it; none of what is no CREATE.
    pub fn parse(statement: &'s str) -> Option<Self> {
        let mut rest = statement.trim_start().strip_prefix("CREATE ")?;
        let mut definer = None;
        loop {
            rest = rest.trim_start();
            if let Some(user) = rest.strip_prefix("DEFINER=").or_else(|| rest.strip_prefix("DEFINER = ")) {
                let who = account(user)?;
                (definer, rest) = (Some(who), &user[who.len()..]);
            } else if let Some(after) = rest.strip_prefix("ALGORITHM=") {
                rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            } else if let Some(after) = WORDS.iter().find_map(|words| rest.strip_prefix(words)) {
                rest = after;
            } else {
                return Some(Self { definer, rest });
            }
        }
    }

    /// Whether it makes something of this kind.
    pub fn is(&self, kind: &str) -> bool {
        self.rest.strip_prefix(kind).is_some_and(|rest| rest.starts_with([' ', '\n', '\t']))
    }
}

/// A statement that makes a thing of this kind under its `name` in the catalog. Servers print the name, which they keep in UTF-8,
/// as if it were in the character set that the text behind it was typed in.
pub(super) fn under_name(statement: &str, kind: &str, name: &str) -> String {
    let printed = || {
        let rest = Head::parse(statement)?.rest.strip_prefix(kind)?.trim_start();
        let (printed, behind) = split_any_ident(rest)?;
        (printed != name).then_some((statement.len() - rest.len(), behind))
    };
    match printed().filter(|_| !name.is_ascii()) {
        Some((at, behind)) => format!("{}{}{behind}", &statement[..at], ident(name)),
        None => statement.to_owned(),
    }
}

/// The account that a text begins with, as it stands there: `` `user`@`host` ``, or a role, which has no host.
fn account(text: &str) -> Option<&str> {
    let (_, after_user) = split_any_ident(text)?;
    let rest = after_user.strip_prefix('@').and_then(split_any_ident).map_or(after_user, |(_, rest)| rest);
    Some(&text[..text.len() - rest.len()])
}

/// Whether the statement of a schema item, without its settings, begins as what its label says.
pub(crate) fn is_as_labelled(item: &SchemaItem, statement: &str) -> bool {
    // What follows the table's name.
    let of_table = |begin: &str| {
        let (_, table) = item.table.as_ref()?;
        statement.strip_prefix(&format!("{begin}{}", ident(table)))
    };
    let is = |kinds: &[&str]| Head::parse(statement).is_some_and(|head| kinds.iter().any(|kind| head.is(kind)));
    match (item.phase, item.label.split(' ').next()) {
        (Phase::PreData, Some("TABLE")) => of_table("CREATE TABLE ").is_some_and(|rest| rest.starts_with(" (")),
        (Phase::PreData, Some("SEQUENCE")) => is(&["SEQUENCE"]),
        (Phase::Index | Phase::Constraint | Phase::ForeignKey, _) => {
            of_table("ALTER TABLE ").is_some_and(|rest| rest.trim_start().starts_with("ADD "))
        }
        (Phase::PostData, Some("ROUTINE")) => is(&["PROCEDURE", "FUNCTION", "PACKAGE"]),
        (Phase::PostData, Some("LIBRARY")) => is(&["LIBRARY"]),
        (Phase::PostData, Some("TRIGGER")) => {
            let name = item.label.strip_prefix("TRIGGER ").unwrap_or_default();
            let table = item.table.as_ref().map_or("", |(_, table)| table);
            TriggerHead::parse(statement).is_some_and(|head| head.is_of(name, table, None))
        }
        (Phase::PostData, Some(kind @ ("VIEW" | "EVENT"))) => is(&[kind]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_read() {
        let view =
            "CREATE ALGORITHM=UNDEFINED DEFINER=`a``b`@`%` SQL SECURITY DEFINER VIEW `v` AS select 'DEFINER=`x`@`y`'";
        let head = Head::parse(view).unwrap();
        assert_eq!((head.definer, head.is("VIEW")), (Some("`a``b`@`%`"), true));
        let dual = "CREATE ALGORITHM=UNDEFINED DEFINER=`a`@`b` SQL SECURITY DEFINER JSON RELATIONAL DUALITY VIEW `v` AS select 1";
        assert!(Head::parse(dual).unwrap().is("VIEW"));
        let head = Head::parse("CREATE DEFINER=`role` FUNCTION `f`() RETURNS INT RETURN 1").unwrap();
        assert_eq!((head.definer, head.is("FUNCTION")), (Some("`role`"), true));
        let head = Head::parse("CREATE PROCEDURE `DEFINER=``x```() SELECT 1").unwrap();
        assert_eq!((head.definer, head.is("PROCEDURE")), (None, true));
        let head = Head::parse("CREATE DEFINER=\"a\"@\"%\" PACKAGE BODY \"box\" AS END").unwrap();
        assert_eq!((head.definer, head.is("PACKAGE")), (Some("\"a\"@\"%\""), true));
        assert_eq!(Head::parse("GRANT ALL ON *.* TO x"), None);
    }

    #[test]
    fn names_are_those_of_the_catalog() {
        let printed = "CREATE DEFINER=`a`@`b` PROCEDURE `pÃ©`() SELECT '`pÃ©`'";
        let named = "CREATE DEFINER=`a`@`b` PROCEDURE `pé`() SELECT '`pÃ©`'";
        assert_eq!(under_name(printed, "PROCEDURE", "pé"), named);
        assert_eq!(under_name(named, "PROCEDURE", "pé"), named);
        assert_eq!(under_name(printed, "FUNCTION", "pé"), printed);
        assert_eq!(under_name("CREATE PROCEDURE `P`() SELECT 1", "PROCEDURE", "p"), "CREATE PROCEDURE `P`() SELECT 1");
    }

    #[test]
    fn an_item_is_what_its_label_says() {
        let item = |phase, label: &str| {
            let table = Some((String::new(), "t".to_owned()));
            SchemaItem { phase, label: label.to_owned(), table, sql: String::new() }
        };
        for (phase, label, statement) in [
            (Phase::PreData, "TABLE t", "CREATE TABLE `t` (\n  `a` int\n)"),
            (Phase::Index, "INDEX t.i", "ALTER TABLE `t` ADD KEY `i` (`a`)"),
            (
                Phase::PostData,
                "TRIGGER g",
                "CREATE DEFINER=`a`@`b` TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1",
            ),
            (Phase::PostData, "ROUTINE p", "CREATE DEFINER=`a`@`b` PACKAGE BODY `p` AS END"),
        ] {
            assert!(is_as_labelled(&item(phase, label), statement), "{statement}");
        }
        for (phase, label, statement) in [
            (Phase::PreData, "TABLE t", "CREATE TABLE `mysql`.`t` (a int)"),
            (Phase::PreData, "TABLE t", "DROP DATABASE `prod`"),
            (Phase::Index, "INDEX t.i", "ALTER TABLE `other` ADD KEY `i` (`a`)"),
            (Phase::Index, "INDEX t.i", "ALTER TABLE `t` RENAME TO `other`.`t`, ADD KEY `i` (`a`)"),
            (Phase::PostData, "VIEW v", "CREATE USER `v`@`%`"),
            (Phase::PostData, "TRIGGER g", "CREATE TRIGGER `g` BEFORE INSERT ON `other` FOR EACH ROW SET @a = 1"),
            (Phase::PostData, "TRIGGER g", "CREATE TRIGGER `h` BEFORE INSERT ON `t` FOR EACH ROW SET @a = 1"),
            (Phase::PostData, "EVENT e", "SET GLOBAL event_scheduler = 1"),
            (Phase::PostData, "ROUTINE f", "CREATE FUNCTIONS `f`"),
        ] {
            assert!(!is_as_labelled(&item(phase, label), statement), "{statement}");
        }
    }
}
