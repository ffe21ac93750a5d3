//! Empties tables so that no other table loses a row, and every foreign key still holds.
//!
//! Foreign keys are not checked in this session, so the order is made here. Tables that nothing outside refers to are
//! truncated together. Where something outside refers to a table, its links are set to NULL if they may be; rows that are
//! still referred to stay, and the report says so.

use super::quiet::{restore, silence};
use super::tables::{ForeignKey, Table, Tables};
use super::work::Work;
use crate::error::Result;
use crate::postgres::quote::ident;
use std::collections::{BTreeMap, BTreeSet};

/// What to call a table in the report: all parts of a family have one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Called {
    pub item: &'static str,
    pub object: String,
    pub what: String,
}

/// Empties them.
pub async fn empty(work: &mut Work<'_>, tables: &Tables, targets: &BTreeMap<u32, Called>) -> Result<()> {
    let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
    for table in targets.keys().filter_map(|oid| tables.get(*oid)) {
        rows.insert(table.oid, count(work, table).await?);
    }
    if rows.values().all(|&rows| rows == 0) {
        return Ok(());
    }
    let mut back = Vec::new();
    for table in targets.keys().filter_map(|oid| tables.get(*oid)) {
        back.extend(silence(work, table).await?);
    }
    let keys = tables.keys_to(|to| targets.contains_key(&to));
    let held = held(&keys, targets);
    let free: Vec<&Table> =
        targets.keys().filter(|oid| !held.contains(oid)).filter_map(|oid| tables.get(*oid)).collect();
    if !free.is_empty() {
        let names: Vec<String> = free.iter().map(|table| format!("ONLY {}", table.quoted())).collect();
        work.run("empty a queue", &format!("TRUNCATE {}", names.join(", "))).await?;
    }
    unlink(work, tables, targets, keys.iter().filter(|key| held.contains(&key.to))).await?;
    delete(work, tables, &keys, &held).await?;
    restore(work, back).await?;
    report(work, tables, targets, &keys, &rows, &held).await
}

/// Tables that cannot be truncated: something outside refers to them, or to what they refer to.
fn held(keys: &[ForeignKey], targets: &BTreeMap<u32, Called>) -> BTreeSet<u32> {
    let mut held = BTreeSet::new();
    loop {
        let is_free = |from: &u32| targets.contains_key(from) && !held.contains(from);
        let keys = keys.iter().filter(|key| !held.contains(&key.to));
        let more: Vec<u32> = keys.filter(|key| !is_free(&key.from)).map(|key| key.to).collect();
        if more.is_empty() {
            return held;
        }
        held.extend(more);
    }
}

/// Sets links to rows that are to go to NULL, where that is allowed.
async fn unlink(
    work: &mut Work<'_>,
    tables: &Tables,
    targets: &BTreeMap<u32, Called>,
    keys: impl Iterator<Item = &ForeignKey>,
) -> Result<()> {
    for key in keys {
        let (Some(from), Some(to)) = (tables.get(key.from), tables.get(key.to)) else { continue };
        let links = nullable(tables, key, from);
        if links.is_empty() || tables.is_kept(from, work.choices) {
            continue;
        }
        let sets: Vec<String> = links.iter().map(|link| format!("{} = NULL", ident(link))).collect();
        let sql = format!(
            "UPDATE ONLY {} r SET {} WHERE EXISTS (SELECT FROM ONLY {} t WHERE {})",
            from.quoted(),
            sets.join(", "),
            to.quoted(),
            equal(key)
        );
        let back = silence(work, from).await?;
        let done = work.attempt("unlink a queue", &sql).await?;
        restore(work, back).await?;
        // Refused by a constraint: the rows stay, which is reported where they are counted.
        if let (Ok(count @ 1..), false) = (done, targets.contains_key(&key.from)) {
            let item = targets.get(&key.to).map_or("", |called| called.item);
            let object = format!("column {}.{}", from.shown(), links.join(", "));
            work.done(item, object, format!("set to NULL where it referred to {}", to.shown()), Some(count));
        }
    }
    Ok(())
}

/// Deletes rows that nothing refers to, until there is none.
async fn delete(work: &Work<'_>, tables: &Tables, keys: &[ForeignKey], held: &BTreeSet<u32>) -> Result<()> {
    loop {
        let mut deleted = 0;
        for to in held.iter().filter_map(|oid| tables.get(*oid)) {
            let free: Vec<String> = keys
                .iter()
                .filter(|key| key.to == to.oid)
                .filter_map(|key| tables.get(key.from).map(|from| (key, from)))
                .map(|(key, from)| format!("NOT EXISTS (SELECT FROM ONLY {} r WHERE {})", from.quoted(), equal(key)))
                .collect();
            let condition = if free.is_empty() { "true".to_owned() } else { free.join(" AND ") };
            let sql = format!("DELETE FROM ONLY {} t WHERE {condition}", to.quoted());
            deleted += work.run("empty a queue", &sql).await?;
        }
        if deleted == 0 {
            return Ok(());
        }
    }
}

async fn report(
    work: &mut Work<'_>,
    tables: &Tables,
    targets: &BTreeMap<u32, Called>,
    keys: &[ForeignKey],
    rows: &BTreeMap<u32, u64>,
    held: &BTreeSet<u32>,
) -> Result<()> {
    let (mut gone, mut left): (BTreeMap<&Called, u64>, BTreeMap<&Called, u64>) = Default::default();
    let mut holders: BTreeMap<&Called, BTreeSet<String>> = BTreeMap::new();
    for (oid, called) in targets {
        let Some(table) = tables.get(*oid) else { continue };
        let stay = if held.contains(oid) { count(work, table).await? } else { 0 };
        *gone.entry(called).or_default() += rows.get(oid).copied().unwrap_or(0) - stay;
        *left.entry(called).or_default() += stay;
        for key in keys.iter().filter(|key| stay > 0 && key.to == *oid) {
            let Some(from) = tables.get(key.from) else { continue };
            if refers(work, key, from, table).await? {
                holders.entry(called).or_default().insert(from.shown());
            }
        }
    }
    for (called, count) in gone.into_iter().filter(|(_, count)| *count > 0) {
        work.done(called.item, called.object.clone(), format!("emptied: {}", called.what), Some(count));
    }
    for (called, count) in left.into_iter().filter(|(_, count)| *count > 0) {
        let who: Vec<String> = holders.remove(called).unwrap_or_default().into_iter().collect();
        let what = format!("rows stay, because {} cannot be without them: {}", who.join(", "), called.what);
        work.warn(called.item, called.object.clone(), what, Some(count));
    }
    Ok(())
}

/// Columns of a foreign key that can be set to NULL so that it refers to nothing: the last that may be null, because the
/// first are often those of a tenant; or all, if they must be null together.
fn nullable<'k>(tables: &Tables, key: &'k ForeignKey, from: &Table) -> Vec<&'k str> {
    let is_bound = |name: &String| {
        let others =
            tables.foreign_keys.iter().filter(|other| other.from == key.from && other.from_columns != key.from_columns);
        others
            .filter(|other| other.is_full && other.from_columns.len() > 1)
            .any(|other| other.from_columns.contains(name))
    };
    let may_be_null = |name: &&String| {
        from.column(name).is_some_and(|column| !column.is_required && !column.is_generated) && !is_bound(name)
    };
    let free: Vec<&str> = key.from_columns.iter().filter(may_be_null).map(String::as_str).collect();
    match key.is_full {
        true if free.len() == key.from_columns.len() => free,
        true => Vec::new(),
        false => free.last().copied().into_iter().collect(),
    }
}

/// Whether there is a row that refers to another.
async fn refers(work: &Work<'_>, key: &ForeignKey, from: &Table, to: &Table) -> Result<bool> {
    let (from, to) = (from.quoted(), to.quoted());
    let sql = format!("SELECT EXISTS (SELECT FROM ONLY {from} r, ONLY {to} t WHERE {})", equal(key));
    let rows = work.query("look for links to a queue", &sql, &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The condition under which a row `r` of one table refers to a row `t` of another.
fn equal(key: &ForeignKey) -> String {
    let pairs = key.to_columns.iter().zip(&key.from_columns).zip(&key.operators);
    let equal = pairs.map(|((to, from), operator)| format!("t.{} {operator} r.{}", ident(to), ident(from)));
    let mut equal: Vec<String> = equal.collect();
    if key.from == key.to {
        // A row that refers to itself holds nobody.
        equal.push("t.ctid <> r.ctid".to_owned());
    }
    equal.join(" AND ")
}

async fn count(work: &Work<'_>, table: &Table) -> Result<u64> {
    let sql = format!("SELECT pg_catalog.count(*) FROM ONLY {}", table.quoted());
    let rows = work.query("count the rows of a queue", &sql, &[]).await?;
    Ok(rows.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
}
