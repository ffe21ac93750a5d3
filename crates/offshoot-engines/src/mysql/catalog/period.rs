//! Former rows of system-versioned tables (MariaDB): of which tables they are carried, and the columns that say when a row held.
//!
//! A table names the two columns of its period, or has them as `row_start` and `row_end`, which no list shows. In a snapshot they
//! are columns like others, and the end is a part of every unique key, as it is on the server: former rows are told apart by it.

use super::tables::{CatalogColumn, CatalogIndex, IndexPart};
use crate::mysql::error::Result;
use crate::mysql::session::Flavor;
use crate::mysql::types::ColumnType;

/// The first MariaDB that takes former rows back: `system_versioning_insert_history`.
pub const TAKES_FORMER_ROWS: u32 = 101_100;

/// What becomes of the former rows of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormerRows {
    /// It keeps none.
    #[default]
    None,
    /// They are read with the others.
    Carried,
    /// They hold from one transaction of this server to another: their numbers mean nothing elsewhere.
    ByTransaction,
    /// No server of this version takes them back.
    NotTakenBack,
}

impl FormerRows {
    /// Those of a system-versioned table, whose columns and unique indexes get what a snapshot has more of them.
    pub(super) fn of(flavor: &Flavor, columns: &mut Vec<CatalogColumn>, indexes: &mut [CatalogIndex]) -> Result<Self> {
        let place = |columns: &[CatalogColumn], word: &str| {
            let is_it = |column: &CatalogColumn| {
                column.generated.as_deref().is_some_and(|expression| expression.eq_ignore_ascii_case(word))
            };
            columns.iter().position(is_it)
        };
        let named = place(columns, "ROW START").zip(place(columns, "ROW END"));
        let by_transaction = named.is_some_and(|(start, _)| columns[start].column_type.base != "timestamp");
        if by_transaction || flavor.number < TAKES_FORMER_ROWS {
            // Of the rows that hold, the other columns alone are unique.
            if let Some((_, end)) = named {
                for index in indexes.iter_mut().filter(|index| index.is_unique) {
                    index.parts.retain(|part| part.column.as_ref() != Some(&columns[end].name));
                    index.is_unique = !index.parts.is_empty();
                }
            }
            return Ok(if by_transaction { Self::ByTransaction } else { Self::NotTakenBack });
        }
        let [start, end] = ["start", "end"].map(|word| ColumnType::parse(&format!("timestamp(6) row {word}")));
        match named {
            Some(named) => {
                for (place, of) in [(named.0, start?), (named.1, end?)] {
                    columns[place].column_type = of;
                    columns[place].generated = None;
                }
            }
            None => columns.extend([hidden("row_start", start?), hidden("row_end", end?)]),
        }
        let end = &columns[named.map_or(columns.len() - 1, |(_, end)| end)].name;
        for index in indexes.iter_mut().filter(|index| index.is_unique) {
            if !index.parts.iter().any(|part| part.column.as_ref() == Some(end)) {
                index.parts.push(IndexPart { column: Some(end.clone()), expression: None, prefix: None });
            }
        }
        Ok(Self::Carried)
    }
}

fn hidden(name: &str, column_type: ColumnType) -> CatalogColumn {
    CatalogColumn {
        name: name.to_owned(),
        column_type,
        is_nullable: false,
        is_counter: false,
        generated: None,
        default: None,
        is_default_expression: false,
        comment: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::types::Edge;

    /// What becomes of a table with a key, and a period of columns of this type, or one that is hidden.
    fn of(version: &str, period: Option<&str>) -> (FormerRows, Vec<CatalogColumn>, Vec<CatalogIndex>) {
        let flavor = Flavor::parse(version).unwrap();
        let plain = |name: &str, type_name: &str| hidden(name, ColumnType::parse(type_name).unwrap());
        let edge = |name: &str, type_name: &str, generated: &str| CatalogColumn {
            generated: Some(generated.to_owned()),
            ..plain(name, type_name)
        };
        let mut columns = vec![plain("id", "int(11)")];
        let part = |name: &str| IndexPart { column: Some(name.to_owned()), expression: None, prefix: None };
        let mut parts = vec![part("id")];
        if let Some(of) = period {
            columns.extend([edge("e", of, "ROW END"), edge("s", of, "ROW START")]);
            parts.push(part("e"));
        }
        let of = |name: &str, is_unique, parts| CatalogIndex { name: name.to_owned(), is_unique, parts };
        let mut indexes = vec![of("PRIMARY", true, parts), of("plain", false, vec![part("id")])];
        if period.is_some() {
            indexes.push(of("odd", true, vec![part("e")]));
        }
        let former = FormerRows::of(&flavor, &mut columns, &mut indexes).unwrap();
        (former, columns, indexes)
    }

    fn key(index: &CatalogIndex) -> Vec<&str> {
        index.parts.iter().filter_map(|part| part.column.as_deref()).collect()
    }

    #[test]
    fn the_end_of_the_period_is_a_part_of_every_unique_key() {
        for (period, end) in [(None, "row_end"), (Some("timestamp(6)"), "e")] {
            let (former, columns, indexes) = of("10.11.14-MariaDB", period);
            assert_eq!(former, FormerRows::Carried);
            assert_eq!((key(&indexes[0]), key(&indexes[1])), (vec!["id", end], vec!["id"]));
            assert!(columns.iter().all(|column| column.generated.is_none()) && columns.len() == 3);
            let ends = columns.iter().filter(|column| column.column_type.edge == Some(Edge::End));
            assert_eq!(ends.map(|column| column.name.as_str()).collect::<Vec<_>>(), [end]);
        }
    }

    #[test]
    fn rows_that_hold_are_unique_without_it() {
        let by_transaction = ("11.8.3-MariaDB", Some("bigint(20) unsigned"), FormerRows::ByTransaction);
        let too_old = ("10.6.22-MariaDB", Some("timestamp(6)"), FormerRows::NotTakenBack);
        for (version, period, expected) in [by_transaction, too_old, (too_old.0, None, too_old.2)] {
            let (former, columns, indexes) = of(version, period);
            assert_eq!((former, key(&indexes[0])), (expected, vec!["id"]));
            assert!(columns.iter().all(|column| column.column_type.edge.is_none()));
            assert!(indexes.iter().all(|index| !index.is_unique || !index.parts.is_empty()));
        }
    }
}
