//! Well-known tables that are found: emptied, or their schedules set inactive.
//!
//! Emptied so that no other table loses a row, and every foreign key still holds. Foreign keys are not checked in this
//! session, so the order is made here: tables that nothing outside refers to are truncated. Where something outside refers to
//! a table, its links are set to NULL if they may be; rows that are still referred to stay, and the report says so.
//!
//! A system-versioned table cannot be truncated: its rows are deleted, and then its former rows.

use super::tables::{ForeignKey, Table, Tables};
use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::ident;
use crate::neutralize::known::{Act, Known, known};
use crate::neutralize::names::fold;
use std::collections::{BTreeMap, BTreeSet};

type Targets<'t> = BTreeMap<&'t str, &'static Known>;

/// Empties or sets what is known.
pub(super) fn disarm(work: &mut Work<'_>, tables: &Tables) -> Result<()> {
    let mut targets = Targets::new();
    for table in tables.tables.values() {
        let columns = table.columns.iter().map(|column| column.name.as_str());
        let Some(known) = known("", &table.name, columns) else { continue };
        if !work.choices.is_on(known.item) || tables.is_kept(table, work.choices) {
            work.kept(known.item, format!("table {}", table.name), format!("as you chose: {}", known.tool));
        } else if known.act == Act::Empty {
            targets.insert(&table.name, known);
        } else {
            set(work, table, known)?;
        }
    }
    empty(work, tables, &targets)
}

fn set(work: &mut Work<'_>, table: &Table, known: &Known) -> Result<()> {
    let Act::Set { column, value, only } = known.act else { return Ok(()) };
    let Some(column) = table.columns.iter().find(|own| fold(&own.name) == fold(column)) else { return Ok(()) };
    let name = ident(&column.name);
    let sql = format!(
        "UPDATE {} SET {name} = {value}{} WHERE {}",
        table.quoted(),
        table.untouched(&table.quoted(), &column.name),
        only.replace("{}", &name)
    );
    let object = format!("table {}", table.name);
    let former = table.former(work, "TRUE")?;
    match work.attempt("stop a schedule", &sql)? {
        Ok(0) => {}
        Ok(count) => {
            work.done(known.item, object, format!("{} = {value}: {}", column.name, known.tool), Some(count));
            table.forget(work, known.item, former)?;
        }
        Err(refusal) => work.warn(known.item, object, format!("could not be stopped: {refusal}: {}", known.tool), None),
    }
    Ok(())
}

fn empty(work: &mut Work<'_>, tables: &Tables, targets: &Targets<'_>) -> Result<()> {
    let (mut before, mut former) = (BTreeMap::new(), BTreeMap::new());
    for name in targets.keys() {
        before.insert(*name, count(work, name)?);
        former.insert(*name, tables.tables.get(*name).map_or(Ok(0), |table| table.former(work, "TRUE"))?);
    }
    let held = held(tables, targets);
    for (name, known) in
        targets.iter().filter(|(name, _)| !held.contains(**name) && before[**name] + former[**name] > 0)
    {
        match tables.tables.get(*name).filter(|table| table.is_versioned) {
            Some(table) => {
                work.run("empty a queue", &format!("DELETE FROM {}", table.quoted()))?;
                table.forget(work, known.item, former[*name])?;
            }
            None => drop(work.run("empty a queue", &format!("TRUNCATE TABLE {}", ident(name)))?),
        }
    }
    for key in tables.foreign_keys.iter().filter(|key| held.contains(key.to.as_str())) {
        unlink(work, tables, targets, key)?;
    }
    delete(work, tables, &held)?;
    for (name, known) in targets.iter().filter(|(name, _)| held.contains(**name)) {
        tables.tables.get(*name).map_or(Ok(()), |table| table.forget(work, known.item, former[*name]))?;
    }
    for (name, known) in targets {
        let left = if held.contains(name) { count(work, name)? } else { 0 };
        let object = format!("table {name}");
        let gone = before[name].saturating_sub(left);
        if gone > 0 {
            work.done(known.item, object.clone(), format!("emptied: {}", known.tool), Some(gone));
        }
        if left > 0 {
            let what = format!("rows stay because other tables refer to them: {}", known.tool);
            work.warn(known.item, object, what, Some(left));
        }
    }
    Ok(())
}

/// Tables that cannot be truncated: something outside refers to them, or to what they refer to.
fn held<'t>(tables: &'t Tables, targets: &Targets<'t>) -> BTreeSet<&'t str> {
    let mut held: BTreeSet<&str> = BTreeSet::new();
    loop {
        let is_free = |from: &str| targets.contains_key(from) && !held.contains(from);
        let keys = tables.foreign_keys.iter().filter(|key| targets.contains_key(key.to.as_str()));
        let more: Vec<&str> = keys
            .filter(|key| !held.contains(key.to.as_str()) && !is_free(&key.from))
            .map(|key| key.to.as_str())
            .collect();
        if more.is_empty() {
            return held;
        }
        held.extend(more);
    }
}

/// Sets links to rows that are to go to NULL, where that is allowed.
fn unlink(work: &mut Work<'_>, tables: &Tables, targets: &Targets<'_>, key: &ForeignKey) -> Result<()> {
    let Some(from) = tables.tables.get(&key.from) else { return Ok(()) };
    let may_be_null = |name: &str| from.column(name).is_some_and(|column| !column.is_required && !column.is_generated);
    let Some((link, _)) = key.columns.iter().rev().find(|(name, _)| may_be_null(name)) else { return Ok(()) };
    if tables.is_kept(from, work.choices) {
        return Ok(());
    }
    let sql = format!(
        "UPDATE {} r JOIN {} t ON {} SET r.{} = NULL{}",
        from.quoted(),
        ident(&key.to),
        equal(key, "r"),
        ident(link),
        from.untouched("r", link),
    );
    let former = from.former(work, "TRUE")?;
    // Refused by a constraint: the rows stay, which is reported where they are counted.
    let unlinked = work.attempt("unlink a queue", &sql)?;
    // Former rows of what is emptied itself go with it.
    if let (Ok(count @ 1..), false) = (unlinked, targets.contains_key(key.from.as_str())) {
        let item = targets.get(key.to.as_str()).map_or("", |known| known.item);
        let object = format!("column {}.{link}", key.from);
        work.done(item, object, format!("set to NULL where it referred to {}", key.to), Some(count));
        from.forget(work, item, former)?;
    }
    Ok(())
}

/// Deletes rows that nothing refers to, until there is none.
fn delete(work: &mut Work<'_>, tables: &Tables, held: &BTreeSet<&str>) -> Result<()> {
    loop {
        let mut deleted = 0;
        for to in held {
            let keys: Vec<&ForeignKey> = tables.foreign_keys.iter().filter(|key| key.to == **to).collect();
            let name = ident(to);
            let (mut joins, mut conditions) = (String::new(), Vec::new());
            for (number, key) in keys.iter().enumerate() {
                let on = equal(key, &format!("r{number}"));
                joins.push_str(&format!(" LEFT JOIN {} r{number} ON {on}", ident(&key.from)));
                conditions.extend(key.columns.first().map(|(from, _)| format!("r{number}.{} IS NULL", ident(from))));
            }
            let sql = format!("DELETE t FROM {name} t{joins} WHERE {}", conditions.join(" AND "));
            deleted += work.run("empty a queue", &sql)?;
        }
        if deleted == 0 {
            return Ok(());
        }
    }
}

/// The condition under which a row of one table, as `alias`, refers to a row `t` of another.
fn equal(key: &ForeignKey, alias: &str) -> String {
    let equal = key.columns.iter().map(|(from, to)| format!("{alias}.{} = t.{}", ident(from), ident(to)));
    let mut equal: Vec<String> = equal.collect();
    if key.from == key.to {
        // A row that refers to itself holds nobody.
        let differs = key.columns.iter().map(|(from, to)| format!("{alias}.{} <> {alias}.{}", ident(from), ident(to)));
        equal.push(format!("({})", differs.collect::<Vec<_>>().join(" OR ")));
    }
    equal.join(" AND ")
}

fn count(work: &mut Work<'_>, table: &str) -> Result<u64> {
    work.count("count the rows of a queue", &format!("SELECT count(*) FROM {}", ident(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_an_alias_stay_as_they_are() {
        let key = |to: &str| ForeignKey {
            from: "jobs".into(),
            to: to.into(),
            columns: vec![("owner.".into(), "id".into()), ("a`, `b = `".into(), "n".into())],
        };
        assert_eq!(equal(&key("users"), "r1"), "r1.`owner.` = t.`id` AND r1.`a``, ``b = ``` = t.`n`");
        assert!(equal(&key("jobs"), "r1").ends_with("(r1.`owner.` <> r1.`id` OR r1.`a``, ``b = ``` <> r1.`n`)"));
    }
}
