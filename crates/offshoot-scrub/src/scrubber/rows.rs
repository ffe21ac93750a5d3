//! Which rows of a table the copy has: all, none, or those that a condition holds for.

use offshoot_format::column::{Batch, Column};

use super::{ScrubError, plan};
use crate::condition::Condition;
use crate::facts::TableFacts;
use crate::policy::{Policy, PolicyError};
use crate::transform::Row;

/// The rows of a table.
pub(super) enum Rows {
    All,
    None,
    Where(Condition),
}

impl Rows {
    /// What the policy says of a table, or of a table that this is a part of.
    pub(super) fn of(policy: &Policy, tables: &[TableFacts], t: usize) -> Result<Self, PolicyError> {
        let node =
            std::iter::once(t).chain(plan::ancestors(tables, t)).find_map(|table| policy.rows_of(&tables[table]));
        let Some(node) = node else { return Ok(Self::All) };
        match node.text("the rows of a table") {
            Ok("none") => Ok(Self::None),
            Ok("all") => Ok(Self::All),
            _ => Condition::parse(node, &tables[t].columns, tables[t].form)
                .map(Self::Where)
                .map_err(|fault| policy.place(fault)),
        }
    }

    /// Takes the other rows out of a batch; how many.
    pub(super) fn filter(&self, batch: &mut Batch) -> Result<u64, ScrubError> {
        let before = batch.rows;
        let condition = match self {
            Self::All => return Ok(0),
            Self::None => {
                batch.clear();
                return Ok(before as u64);
            }
            Self::Where(condition) => condition,
        };
        // A condition that cannot be told holds for no row, as in SQL.
        let holds =
            |number: usize, raw: &[Column]| condition.holds(&Row { raw, number, ..Row::default() }) == Some(true);
        let rows: Vec<u32> = (0..before).filter(|row| holds(*row, &batch.columns)).map(|row| row as u32).collect();
        if rows.len() < before {
            let mut kept = Batch { columns: batch.columns.iter().map(Column::fresh).collect(), rows: 0 };
            kept.gather(batch, &rows)?;
            *batch = kept;
        }
        Ok((before - rows.len()) as u64)
    }
}

/// Refuses what would leave rows that refer to rows which are left out.
pub(super) fn check_references(
    tables: &[TableFacts],
    rows: &[Rows],
    is_nulled: impl Fn(usize, usize) -> bool,
) -> Result<(), ScrubError> {
    let is_target = |t: usize, name: &(String, String)| (&tables[t].schema, &tables[t].name) == (&name.0, &name.1);
    for (t, table) in tables.iter().enumerate().filter(|(t, _)| !matches!(rows[*t], Rows::None)) {
        for foreign in &table.foreign_keys {
            let has_gaps = (0..tables.len()).any(|other| {
                !matches!(rows[other], Rows::All)
                    && std::iter::once(other)
                        .chain(plan::ancestors(tables, other))
                        .any(|other| is_target(other, &foreign.table))
            });
            let refers = !foreign.columns.iter().all(|column| is_nulled(t, *column));
            if let (true, true, Some(column)) = (has_gaps, refers, foreign.columns.first()) {
                return Err(ScrubError::Refused {
                    place: None,
                    column: plan::full_name(table, *column),
                    rule: "rows".to_owned(),
                    why: format!(
                        "it refers to {}.{}, of which rows are left out: give the column the rule `null`, or this table \
                         `rows = \"none\"` in [scrub.rows] as well",
                        foreign.table.0, foreign.table.1
                    ),
                });
            }
        }
    }
    Ok(())
}
