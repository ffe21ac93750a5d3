//! Where a large table is cut whose key is no integer, or whose key's first column has few values.
//!
//! The table is halved again and again, each time where most rows are left: at a guess ([`middle`]) of which the server says, by
//! the keys next to it, that there are rows on both sides. How many those are is what the optimizer estimates. Each costs the
//! server a few dives into the index, whatever the table's size. An estimate that is wrong makes parts unequal, which readers
//! even out; a guess that is wrong is no place. What cannot be cut stays one part.

use super::bound::{Bound, KeyColumn, Keys, force};
use super::middle::{self, Alphabet};
use crate::mysql::catalog::tables::Table;
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::quote::ident;
use crate::mysql::session::{Row, Session};

/// Halvings for each part that is wanted: many cut off only a little.
const HALVINGS_EACH: usize = 4;

/// A key: a value of each column. Without Debug, as it is data.
type KeyValues = Vec<Vec<u8>>;

/// The keys from one place to the next.
struct Interval {
    from: Option<Bound>,
    first: KeyValues,
    last: KeyValues,
    rows: u64,
    /// Whether no place was found in it.
    is_whole: bool,
}

/// Rows of all of them, as far as estimates go.
fn rows_of(intervals: &[Interval]) -> u64 {
    intervals.iter().fold(0, |rows, interval| rows.saturating_add(interval.rows))
}

/// Finds the places.
struct Halving<'h, 't> {
    session: &'h mut Session,
    table: &'t Table,
    columns: &'h [KeyColumn<'t>],
    alphabets: Vec<Alphabet>,
}

/// Places that cut a table into about so many parts, in order.
///
/// # Errors
/// If the session is lost.
pub(super) fn bounds(
    session: &mut Session,
    table: &Table,
    columns: &[KeyColumn<'_>],
    parts: usize,
) -> Result<Vec<Bound>> {
    let alphabets = columns.iter().map(|column| Alphabet::of(session, column)).collect::<Result<_>>()?;
    let mut halving = Halving { session, table, columns, alphabets };
    let Some(intervals) = halving.intervals(parts)? else { return Ok(Vec::new()) };
    let total = rows_of(&intervals);
    let share = (total / parts.max(1) as u64).max(1);
    let (mut bounds, mut rows) = (Vec::new(), 0_u64);
    for interval in intervals {
        if rows >= share
            && let Some(from) = interval.from
        {
            bounds.push(from);
            rows = 0;
        }
        rows = rows.saturating_add(interval.rows);
    }
    tracing::debug!(table = table.name, parts = bounds.len() + 1, "cut");
    Ok(bounds)
}

impl Halving<'_, '_> {
    fn intervals(&mut self, parts: usize) -> Result<Option<Vec<Interval>>> {
        let everything = self.keys(None, None);
        let ends = self.ask(&[self.next_to(&everything, "ASC"), self.next_to(&everything, "DESC")])?;
        let Some([first, last]) = ends.as_deref().and_then(|ends| <&[KeyValues; 2]>::try_from(ends).ok()).cloned()
        else {
            return Ok(None);
        };
        let rows = self.table.rows_estimate.max(1);
        let mut intervals = vec![Interval { from: None, first, last, rows, is_whole: false }];
        for _ in 0..parts.saturating_mul(HALVINGS_EACH) {
            let total = rows_of(&intervals);
            let open = intervals.iter().enumerate().filter(|(_, interval)| !interval.is_whole);
            let Some(at) = open.max_by_key(|(_, interval)| interval.rows).map(|(at, _)| at) else { break };
            if intervals[at].rows <= total / parts.max(1) as u64 {
                break;
            }
            let to = intervals.get(at + 1).and_then(|next| next.from.clone());
            match self.halve(&intervals[at], to)? {
                Some((before, behind)) => drop(intervals.splice(at..=at, [before, behind])),
                None => intervals[at].is_whole = true,
            }
        }
        Ok(Some(intervals))
    }

    /// The two sides of a place in an interval.
    fn halve(&mut self, interval: &Interval, to: Option<Bound>) -> Result<Option<(Interval, Interval)>> {
        for place in self.places(&interval.first, &interval.last)? {
            let before = self.keys(interval.from.clone(), Some(place.clone()));
            let behind = self.keys(Some(place.clone()), to.clone());
            let next_to = [self.next_to(&before, "DESC"), self.next_to(&behind, "ASC")];
            let Some(next_to) = self.ask(&next_to)? else { continue };
            // Rows on both sides prove that it is between the interval's ends.
            let Ok([last, first]) = <[KeyValues; 2]>::try_from(next_to) else { continue };
            let Some([rows_before, rows_behind]) = self.estimate([&before, &behind])? else { return Ok(None) };
            let before = Interval {
                from: interval.from.clone(),
                first: interval.first.clone(),
                last,
                rows: rows_before,
                is_whole: false,
            };
            let last = interval.last.clone();
            return Ok(Some((before, Interval { from: Some(place), first, last, rows: rows_behind, is_whole: false })));
        }
        Ok(None)
    }

    /// Guesses at what is between two keys: in the first column in which they differ.
    fn places(&mut self, first: &KeyValues, last: &KeyValues) -> Result<Vec<Bound>> {
        for (place, (low, high)) in first.iter().zip(last).enumerate() {
            if low == high {
                continue;
            }
            let column = &self.columns[place];
            let found = middle::between(self.session, column, &self.alphabets[place], low, high)?;
            let bounds = found.iter().filter_map(|value| {
                let before = self.columns.iter().zip(last).take(place);
                let literals = before.map(|(column, value)| column.literal(value)).chain([column.literal(value)]);
                Some(Bound::new(literals.collect::<Option<Vec<String>>>()?))
            });
            let bounds: Vec<Bound> = bounds.collect();
            // Texts that differ may be equal to their collation.
            if !bounds.is_empty() {
                return Ok(bounds);
            }
        }
        Ok(Vec::new())
    }

    fn keys(&self, from: Option<Bound>, to: Option<Bound>) -> Keys {
        let columns = self.columns.iter().map(|column| ident(column.name)).collect();
        Keys { columns, from, to, is_by_primary: true }
    }

    /// A statement for the first or last key of some.
    fn next_to(&self, keys: &Keys, order: &str) -> String {
        let columns = self.columns.iter().enumerate();
        let list: Vec<String> = columns.map(|(place, column)| format!("{} AS c{place}", column.expression())).collect();
        let clause = keys.clause();
        let force = if clause.is_empty() { force() } else { String::new() };
        let order: Vec<String> = keys.columns.iter().map(|column| format!("{column} {order}")).collect();
        let (list, order, table) = (list.join(", "), order.join(", "), self.table.source());
        format!("SELECT {list} FROM {table}{force}{clause} ORDER BY {order} LIMIT 1")
    }

    /// What statements of one row each answer, in one; none if the server refuses.
    fn ask(&mut self, statements: &[String]) -> Result<Option<Vec<KeyValues>>> {
        let numbered = statements.iter().enumerate();
        let numbered: Vec<String> =
            numbered.map(|(number, sql)| format!("(SELECT {number}, k.* FROM ({sql}) k)")).collect();
        let Some(mut rows) = self.query(&numbered.join(" UNION ALL "))? else { return Ok(None) };
        rows.sort_by_key(|row| row.parse::<usize>(0).ok().flatten());
        let key = |row: &Row| -> Option<KeyValues> {
            let values = (1..row.len()).map(|column| row.get(column).map(<[u8]>::to_vec));
            let values = values.zip(self.columns).map(|(value, column)| value.and_then(|value| column.read(value)));
            values.collect()
        };
        Ok(rows.iter().map(key).collect())
    }

    /// How many rows the optimizer takes two sides for.
    fn estimate(&mut self, sides: [&Keys; 2]) -> Result<Option<[u64; 2]>> {
        let table = self.table.source();
        let sides = sides.map(|keys| format!("(SELECT 1 FROM {table}{})", keys.clause()));
        let sql = format!("EXPLAIN FORMAT=TRADITIONAL {}", sides.join(" UNION ALL "));
        // MySQL has the column of partitions always.
        let column = if self.session.flavor().is_mariadb() { 8 } else { 9 };
        let Some(rows) = self.query(&sql)? else { return Ok(None) };
        let rows = rows.iter().map(|row| Ok(row.parse(column)?.unwrap_or(0))).collect::<Result<Vec<u64>>>();
        Ok(rows.ok().and_then(|rows| Some([*rows.first()?, *rows.get(1)?])))
    }

    /// What the server answers; none if it refuses. Nothing is lost by it but a cut.
    fn query(&mut self, sql: &str) -> Result<Option<Vec<Row>>> {
        match self.session.query("ask where a table can be cut", sql) {
            Ok(rows) => Ok(Some(rows)),
            Err(MysqlError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
