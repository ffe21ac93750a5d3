//! Texts of triggers, events and routines that name the database that they were captured from. They are as users wrote them, so
//! that in a database of another name they go on using that one, if the target's server has it.

use super::words::end_of_quoted;
use super::{split, without_names_of_database};
use crate::mysql::quote::{ident, is_word};
use offshoot_core::target::Inspection;
use offshoot_format::manifest::{Manifest, SchemaItem};

/// Names that are listed of many.
const SHOWN_MAX: usize = 5;

/// A line about them, if there are any.
pub(super) fn warning(manifest: &Manifest, inspection: &Inspection) -> Option<String> {
    let own = &manifest.origin.database;
    if *own == inspection.database {
        return None;
    }
    let names_it = |item: &&SchemaItem| {
        let is_text = ["ROUTINE ", "TRIGGER ", "EVENT "].iter().any(|kind| item.label.starts_with(kind));
        is_text && names(&without_names_of_database(split(&item.sql).1), own)
    };
    let labels: Vec<&str> = manifest.content.schema.iter().filter(names_it).map(|item| item.label.as_str()).collect();
    let more = if labels.len() > SHOWN_MAX { format!(" and {} more", labels.len() - SHOWN_MAX) } else { String::new() };
    let shown = labels.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    (!labels.is_empty()).then(|| {
        format!(
            "{shown}{more} seem to name the database {own} in their text, and use that one, not {}: make them anew without its name",
            inspection.database
        )
    })
}

/// Whether a statement has the name of a database before that of something else.
fn names(statement: &str, database: &str) -> bool {
    let bare = format!("{database}.");
    let is_bare = |text: &str| text.split(|c| !is_word(c) && c != '.').any(|word| word.starts_with(&bare));
    let quoted = [ident(database), format!("\"{database}\"")];
    let mut rest = statement;
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let end = end_of_quoted(rest.as_bytes(), at);
        let is_quoted = quoted.iter().any(|name| *name == rest[at..end]);
        // A part of a longer name is none: `x`.`shop`.`y`.
        let is_first = !rest[..at].ends_with('.');
        if is_bare(&rest[..at]) || is_quoted && is_first && rest[end..].trim_start().starts_with('.') {
            return true;
        }
        rest = &rest[end..];
    }
    is_bare(rest)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_of_the_database_are_found_where_they_qualify() {
        for sql in [
            "CREATE TRIGGER `g` BEFORE INSERT ON `t` FOR EACH ROW INSERT INTO shop.audit VALUES (1)",
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DO DELETE FROM `shop` . `audit`",
            "CREATE PROCEDURE \"p\"() DELETE FROM \"shop\".audit",
            "CREATE PROCEDURE `p`() SELECT 'x',shop.f()",
        ] {
            assert!(names(sql, "shop"), "{sql}");
        }
        for sql in [
            "CREATE PROCEDURE `shop`() SELECT 'shop.x', `shop`, o.shop.x, workshop.a FROM `a`.`shop`.`b`",
            "CREATE PROCEDURE `p`() SELECT shop FROM t",
        ] {
            assert!(!names(sql, "shop"), "{sql}");
        }
    }
}
