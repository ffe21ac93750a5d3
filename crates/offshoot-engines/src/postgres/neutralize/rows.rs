//! Well-known tables that are found: emptied, or their schedules set inactive.

use super::empty::{Called, empty};
use super::quiet::{restore, silence};
use super::tables::{Table, Tables};
use super::work::Work;
use crate::error::Result;
use crate::neutralize::known::{Act, Known, known};
use crate::neutralize::names::fold;
use crate::postgres::quote::ident;
use std::collections::{BTreeMap, BTreeSet};

/// Empties or sets what is known, and what inherits from it.
pub async fn disarm(work: &mut Work<'_>, tables: &Tables) -> Result<()> {
    let mut targets: BTreeMap<u32, Called> = BTreeMap::new();
    let mut seen: BTreeSet<u32> = BTreeSet::new();
    for table in tables.iter() {
        let columns = table.columns.iter().map(|column| column.name.as_str());
        let Some(known) = known(&table.schema, &table.name, columns) else { continue };
        if seen.contains(&table.oid) {
            continue;
        }
        let family = tables.family(table.oid);
        seen.extend(family.iter().map(|part| part.oid));
        let object = format!("table {}", table.shown());
        let kept = format!("as you chose: {}", known.tool);
        if !work.choices.is_on(known.item) || tables.is_kept(table, work.choices) {
            work.kept(known.item, object, kept);
            continue;
        }
        for part in family {
            if tables.is_kept(part, work.choices) {
                work.kept(known.item, format!("table {}", part.shown()), &kept);
            } else if known.act == Act::Empty {
                let called = Called { item: known.item, object: object.clone(), what: known.tool.to_owned() };
                targets.entry(part.oid).or_insert(called);
            } else {
                set(work, part, known).await?;
            }
        }
    }
    targets.retain(|oid, _| tables.get(*oid).is_some_and(|table| table.has_rows));
    empty(work, tables, &targets).await
}

async fn set(work: &mut Work<'_>, table: &Table, known: &Known) -> Result<()> {
    let Act::Set { column, value, only } = known.act else { return Ok(()) };
    let Some(column) = table.columns.iter().find(|own| fold(&own.name) == fold(column)) else { return Ok(()) };
    if !table.has_rows {
        return Ok(());
    }
    let name = ident(&column.name);
    let sql = format!("UPDATE ONLY {} SET {name} = {value} WHERE {}", table.quoted(), only.replace("{}", &name));
    let back = silence(work, table).await?;
    let done = work.attempt("stop a schedule", &sql).await?;
    restore(work, back).await?;
    let object = format!("table {}", table.shown());
    match done {
        Ok(0) => {}
        Ok(count) => work.done(known.item, object, format!("{} = {value}: {}", column.name, known.tool), Some(count)),
        Err(refusal) => work.warn(known.item, object, format!("could not be stopped: {refusal}: {}", known.tool), None),
    }
    Ok(())
}
