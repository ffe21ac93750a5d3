//! Which tables differ between a snapshot and a live database.

use super::{Digests, TableDigest};
use std::fmt;

/// A table that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    /// Its schema; empty for large objects.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// How it differs.
    pub how: HowDiffers,
}

/// How a table differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HowDiffers {
    /// The snapshot has it, the database has not.
    Missing,
    /// The database has it, the snapshot has not.
    Extra,
    /// It has other columns, or columns of other types.
    Columns,
    /// It has another number of rows.
    Rows {
        /// Rows in the snapshot.
        snapshot: u64,
        /// Rows in the database.
        database: u64,
    },
    /// It has as many rows, but not the same.
    Content,
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.schema.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}: ", self.schema, self.name)?;
        match &self.how {
            HowDiffers::Missing => f.write_str("it is not in the database"),
            HowDiffers::Extra => f.write_str("it is not in the snapshot"),
            HowDiffers::Columns => f.write_str("its columns are others"),
            HowDiffers::Rows { snapshot, database } => {
                write!(f, "{snapshot} rows in the snapshot, {database} in the database")
            }
            HowDiffers::Content => f.write_str("its rows are others"),
        }
    }
}

impl Digests {
    /// The tables of the snapshot (`self`) that differ in a database, and those that it does not have.
    #[must_use]
    pub fn differences(&self, database: &Self) -> Vec<TableDifference> {
        let (ours, theirs) = (&self.tables, &database.tables);
        let mut differences: Vec<TableDifference> =
            ours.iter().filter_map(|(name, digest)| difference(name, digest, theirs.get(name))).collect();
        let extra = theirs.keys().filter(|name| !ours.contains_key(*name));
        differences.extend(extra.map(|(schema, name)| TableDifference {
            schema: schema.clone(),
            name: name.clone(),
            how: HowDiffers::Extra,
        }));
        differences
    }
}

fn difference(name: &(String, String), ours: &TableDigest, theirs: Option<&TableDigest>) -> Option<TableDifference> {
    let how = match theirs {
        None => HowDiffers::Missing,
        Some(theirs) if theirs.columns != ours.columns || theirs.form != ours.form => HowDiffers::Columns,
        Some(theirs) if theirs.rows != ours.rows => HowDiffers::Rows { snapshot: ours.rows, database: theirs.rows },
        Some(theirs) if theirs.sum != ours.sum => HowDiffers::Content,
        Some(_) => return None,
    };
    Some(TableDifference { schema: name.0.clone(), name: name.1.clone(), how })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestSink;
    use crate::source::Sink as _;
    use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
    use proptest::prelude::*;

    fn digest(columns: [&str; 2], rows: &[(Vec<u8>, Option<Vec<u8>>)], ranges: usize) -> TableDigest {
        let column = |name: &str| ColumnSpec {
            name: name.to_owned(),
            type_name: "bytea".to_owned(),
            layout: Layout::Var,
            order: KeyOrder::Bytes,
            nullable: true,
        };
        let spec = TableSpec {
            schema: "s".to_owned(),
            name: "t".to_owned(),
            columns: columns.iter().map(|name| column(name)).collect(),
            key: Key::WholeRow,
            form: RowForm::Binary,
        };
        let sink = DigestSink::default();
        let table = sink.table(&spec).unwrap();
        for rows in rows.chunks(rows.len().div_ceil(ranges).max(1)) {
            let mut range = table.range(false).unwrap();
            let mut batch = range.batch();
            for (a, b) in rows {
                let cells = if columns[0] == "a" { [Some(a), b.as_ref()] } else { [b.as_ref(), Some(a)] };
                for (column, cell) in batch.columns.iter_mut().zip(cells) {
                    match cell {
                        Some(cell) => column.push(cell).unwrap(),
                        None => column.push_null(),
                    }
                }
                batch.rows += 1;
            }
            range.push(batch).unwrap();
            range.finish().unwrap();
        }
        table.finish().unwrap();
        sink.finish().table("s", "t").unwrap().clone()
    }

    proptest! {
        #[test]
        fn order_and_ranges_do_not_count_and_values_do(
            mut rows in proptest::collection::vec((any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 1..40), at in any::<prop::sample::Index>(),
        ) {
            let whole = digest(["a", "b"], &rows, 1);
            let mut other = rows.clone();
            other.reverse();
            prop_assert_eq!(&whole, &digest(["a", "b"], &other, 3));
            prop_assert_eq!(&whole, &digest(["b", "a"], &other, 2));
            let row = at.index(rows.len());
            rows[row].0.push(0);
            prop_assert_ne!(&whole, &digest(["a", "b"], &rows, 1));
            rows[row].0.pop();
            rows.push(rows[0].clone());
            prop_assert_ne!(&whole, &digest(["a", "b"], &rows, 1));
        }
    }

    #[test]
    fn tables_are_named_with_how_they_differ() {
        let rows = |count: u8| (0..count).map(|row| (vec![row], None)).collect::<Vec<_>>();
        let digests = |tables: &[(&str, TableDigest)]| Digests {
            tables: tables
                .iter()
                .map(|(name, digest)| (("s".to_owned(), (*name).to_owned()), digest.clone()))
                .collect(),
        };
        let (two, three) = (digest(["a", "b"], &rows(2), 1), digest(["a", "b"], &rows(3), 1));
        let other = digest(["a", "c"], &rows(2), 1);
        let changed = digest(["a", "b"], &[(vec![0], None), (vec![9], None)], 1);
        let ours = digests(&[
            ("a", two.clone()),
            ("b", two.clone()),
            ("c", two.clone()),
            ("d", two.clone()),
            ("e", two.clone()),
        ]);
        let theirs = digests(&[("a", two), ("b", three), ("c", other), ("d", changed), ("f", rows_of_none())]);
        let differences = ours.differences(&theirs);
        assert_eq!(
            differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "s.b: 2 rows in the snapshot, 3 in the database",
                "s.c: its columns are others",
                "s.d: its rows are others",
                "s.e: it is not in the database",
                "s.f: it is not in the snapshot",
            ]
        );
    }

    fn rows_of_none() -> TableDigest {
        digest(["a", "b"], &[], 1)
    }
}
