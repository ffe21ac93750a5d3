//! Whether the target is what the snapshot says: every object as the server prints it, and where counters stand.
//!
//! The target is read as a capture reads it, so that both sides are the same text where they are the same object. Between
//! servers that print the same object differently (the two families, other versions), names alone are compared.

use super::adapt::without_own_database;
use super::{MARK_TABLE, MysqlTargetSession};
use crate::mysql::Result;
use crate::mysql::catalog::{sequences, tables};
use crate::mysql::quote::ident;
use crate::mysql::schema::{self, Context, Head};
use crate::mysql::session::reading_pins;
use offshoot_core::target::{Adapted, Difference, Stage};
use offshoot_format::manifest::{Manifest, SchemaItem};
use std::collections::{HashMap, HashSet};

/// The most that the target's schema may take in memory: many times that of any real one.
const SCHEMA_BYTES_MAX: u64 = 1 << 30;

impl MysqlTargetSession<'_> {
    /// What is not as the snapshot has it.
    pub(super) fn differences(&mut self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>> {
        // Counters are told from a cache otherwise.
        let pins = reading_pins(self.session.flavor());
        self.session.pin(&pins)?;
        let mut tables = tables::list(&mut self.session)?;
        tables.all.retain(|table| table.name != MARK_TABLE);
        let mut there = schema::read(&mut self.session, &tables, SCHEMA_BYTES_MAX)?;
        for view in there.items.iter_mut().filter(|item| item.label.starts_with("VIEW ")) {
            view.sql = without_own_database(&view.sql, &self.database);
        }
        let user = self.session.query_one("say who it is", "SELECT CURRENT_USER()")?.text(0)?.to_owned();
        let flavor = self.session.flavor();
        let prints_alike = flavor.family.word() == manifest.origin.engine
            && flavor.number / 100 == manifest.environment.server_version_num / 100;
        let mut differences = items(&manifest.content.schema, adapted, &there.items, &quoted(&user), prints_alike);
        let collation = self.session.database_collation()?;
        if prints_alike && collation != manifest.environment.collate {
            let how = format!("its collation is {collation}, the snapshot's {}", manifest.environment.collate);
            differences.push(Difference { object: "DATABASE".to_owned(), how });
        }
        let (counters, _) = sequences::read(&mut self.session, &tables)?;
        let lost = lost(adapted);
        for sequence in &manifest.content.sequences {
            let now = counters.iter().find(|counter| counter.name == sequence.name).map(|counter| counter.last_value);
            if now != Some(sequence.last_value) && !lost.contains(format!("TABLE {}", sequence.name).as_str()) {
                let now = now.map_or_else(|| "nowhere".to_owned(), |now| format!("at {now}"));
                let how = format!("it stands {now}, the snapshot's at {}", sequence.last_value);
                differences.push(Difference { object: format!("counter of {}", sequence.name), how });
            }
        }
        Ok(differences)
    }
}

/// `` `user`@`host` ``, as the server prints a definer.
fn quoted(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    format!("{}@{}", ident(name), ident(host))
}

/// What was left out with what it is made of.
fn lost(adapted: &Adapted) -> HashSet<&str> {
    adapted.losses.iter().map(|loss| loss.object.as_str()).collect()
}

fn items(
    schema: &[SchemaItem],
    adapted: &Adapted,
    there: &[SchemaItem],
    user: &str,
    prints_alike: bool,
) -> Vec<Difference> {
    let made: HashMap<Key<'_>, &str> = adapted
        .works
        .iter()
        .filter(|work| matches!(work.stage, Stage::PreData | Stage::PostData | Stage::Last))
        .map(|work| (key(&work.label, work.table.as_ref(), &work.sql[0]), work.sql[0].as_str()))
        .collect();
    let lost = lost(adapted);
    let is_lost = |item: &SchemaItem| {
        lost.contains(item.label.as_str())
            || item.table.as_ref().is_some_and(|(_, table)| lost.contains(format!("TABLE {table}").as_str()))
    };
    let found: HashMap<Key<'_>, &str> = there.iter().map(|item| (key_of(item), item.sql.as_str())).collect();
    let mut known = HashSet::new();
    let mut differences = Vec::new();
    let mut differ = |label: &str, how: &str| {
        differences.push(Difference { object: label.to_owned(), how: how.to_owned() });
    };
    for item in schema {
        known.insert(key_of(item));
        let expected = made.get(&key_of(item)).copied().unwrap_or(&item.sql);
        match found.get(&key_of(item)) {
            None if is_lost(item) => {}
            None => differ(&item.label, "it is not on the target"),
            Some(found)
                if !prints_alike
                    || *found == expected.replacen("DEFINER=CURRENT_USER", &format!("DEFINER={user}"), 1) => {}
            Some(_) => differ(&item.label, "it is defined differently on the target"),
        }
    }
    for item in there.iter().filter(|item| !known.contains(&key_of(item))) {
        differ(&item.label, "it is on the target alone");
    }
    differences
}

/// What tells an object from all others: its label, which is for people, its table, and of a routine whether it is a function.
type Key<'a> = (&'a str, Option<&'a str>, &'a str);

fn key_of(item: &SchemaItem) -> Key<'_> {
    key(&item.label, item.table.as_ref(), &item.sql)
}

fn key<'a>(label: &'a str, table: Option<&'a (String, String)>, sql: &'a str) -> Key<'a> {
    let head = label.starts_with("ROUTINE ").then(|| Head::parse(Context::split(sql).1)).flatten();
    let kind = head.and_then(|head| head.rest.split(['`', '"', '(']).next()).unwrap_or_default();
    (label, table.map(|(_, name)| name.as_str()), kind.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_core::target::Work;
    use offshoot_format::manifest::{Note, Phase};

    #[test]
    fn users_are_printed_in_backquotes() {
        assert_eq!(quoted("a@b@localhost"), "`a@b`@`localhost`");
    }

    #[test]
    fn what_is_called_alike_is_told_apart() {
        let item = |label: &str, table: &str, sql: &str| SchemaItem {
            phase: Phase::Index,
            label: label.into(),
            table: (!table.is_empty()).then(|| (String::new(), table.into())),
            sql: sql.into(),
        };
        let schema = [
            item("INDEX a.b.c", "a.b", "x"),
            item("INDEX a.b.c", "a", "y"),
            item("ROUTINE r", "", "SET sql_mode = '';\nCREATE DEFINER=`a`@`b` FUNCTION `r`() RETURNS int RETURN 1"),
            item("ROUTINE r", "", "SET sql_mode = '';\nCREATE DEFINER=`a`@`b` PROCEDURE `r`() SELECT 1"),
        ];
        let objects = |there: &[SchemaItem]| {
            let found = items(&schema, &Adapted::default(), there, "`u`@`h`", true);
            found.into_iter().map(|difference| difference.object).collect::<Vec<_>>()
        };
        assert_eq!(objects(&schema), [] as [&str; 0]);
        for (place, changed) in schema.iter().enumerate() {
            let mut there = schema.to_vec();
            there[place].sql.push('2');
            assert_eq!(objects(&there), [changed.label.as_str()], "{place}");
            there.remove(place);
            assert_eq!(objects(&there), [changed.label.as_str()], "{place}");
        }
    }

    #[test]
    fn what_was_left_out_is_not_missed() {
        let item = |label: &str, table: Option<&str>| SchemaItem {
            phase: Phase::PreData,
            label: label.into(),
            table: table.map(|name| (String::new(), name.into())),
            sql: "x".into(),
        };
        let there = [item("TABLE b", Some("b")), item("TABLE extra", Some("extra"))];
        let adapted = Adapted {
            losses: vec![Note { object: "TABLE a".into(), reason: String::new() }],
            works: vec![Work {
                stage: Stage::PostData,
                label: "VIEW v".into(),
                sql: vec![String::new()],
                table: None,
                exclusive: Vec::new(),
                makes_table: false,
                optional: false,
                may_fail: false,
            }],
            ..Adapted::default()
        };
        let schema = [
            item("TABLE a", Some("a")),
            item("INDEX a.i", Some("a")),
            item("TABLE b", Some("b")),
            item("VIEW v", None),
        ];
        let labels = |alike| {
            let found = items(&schema, &adapted, &there, "`u`@`h`", alike);
            found.into_iter().map(|difference| difference.object).collect::<Vec<_>>()
        };
        assert_eq!(labels(true), ["VIEW v", "TABLE extra"]);
    }
}
