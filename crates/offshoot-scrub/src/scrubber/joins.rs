//! Columns that foreign keys join, as sets, and how each set must stay unique.

use std::collections::BTreeMap;

use crate::facts::{ColumnFacts, Equality, TableFacts};

/// Which columns share a rule, and which must stay unique.
pub(super) struct Joins {
    starts: Vec<usize>,
    roots: Vec<usize>,
    equality: BTreeMap<usize, Equality>,
}

impl Joins {
    pub(super) fn new(tables: &[TableFacts]) -> Self {
        let mut starts = Vec::new();
        let mut count = 0;
        for table in tables {
            starts.push(count);
            count += table.columns.len();
        }
        let mut joins = Self { starts, roots: (0..count).collect(), equality: BTreeMap::new() };
        for (t, table) in tables.iter().enumerate() {
            for foreign in &table.foreign_keys {
                let Some(other) = tables
                    .iter()
                    .position(|other| (&other.schema, &other.name) == (&foreign.table.0, &foreign.table.1))
                else {
                    continue;
                };
                for (column, name) in foreign.columns.iter().zip(&foreign.refers_to) {
                    if let Some(place) = tables[other].columns.iter().position(|column| column.name == *name) {
                        let (one, two) = (joins.root(t, *column), joins.root(other, place));
                        joins.roots.iter_mut().filter(|root| **root == one).for_each(|root| *root = two);
                    }
                }
            }
        }
        for (t, table) in tables.iter().enumerate() {
            for (columns, equality) in unique(table) {
                for column in columns {
                    let root = joins.root(t, column);
                    let strictest = joins.equality.entry(root).or_insert(equality);
                    *strictest = (*strictest).max(equality);
                }
            }
        }
        joins
    }

    /// What stands for the set of a column.
    pub(super) fn root(&self, table: usize, column: usize) -> usize {
        self.roots[self.starts[table] + column]
    }

    /// Whether a foreign key joins a column to another one.
    pub(super) fn is_joined(&self, table: usize, column: usize) -> bool {
        let root = self.root(table, column);
        self.roots.iter().filter(|other| **other == root).nth(1).is_some()
    }

    /// The columns of the set of a column.
    fn set<'t>(
        &'t self,
        tables: &'t [TableFacts],
        (table, column): (usize, usize),
    ) -> impl Iterator<Item = &'t ColumnFacts> {
        let root = self.root(table, column);
        let all = tables
            .iter()
            .enumerate()
            .flat_map(|(t, table)| table.columns.iter().enumerate().map(move |(c, of)| (t, c, of)));
        all.filter(move |(t, c, _)| self.root(*t, *c) == root).map(|(_, _, of)| of)
    }

    /// The characters that all columns of the set of a column take; none if no limit is set.
    pub(super) fn limit(&self, tables: &[TableFacts], place: (usize, usize)) -> Option<usize> {
        self.set(tables, place).filter_map(|of| of.max_chars).min().map(|chars| chars as usize)
    }

    /// Whether the set of a column has integers of more than one width.
    pub(super) fn has_several_widths(&self, tables: &[TableFacts], place: (usize, usize)) -> bool {
        let mut widths =
            self.set(tables, place).map(|of| of.type_name.as_str()).filter(|name| crate::wire::is_integer(name));
        let first = widths.next();
        widths.any(|width| Some(width) != first)
    }

    /// How the values of a column must stay distinct; none if they need not.
    pub(super) fn equality(&self, table: usize, column: usize) -> Option<Equality> {
        self.equality.get(&self.root(table, column)).copied()
    }
}

/// Columns whose values must stay distinct for the constraints of a table to hold.
///
/// A tuple stays distinct if each of its columns does: then distinct tuples differ in a column, and go on differing there. If
/// one column could make two values equal, two tuples that only differ there would meet; so none can be spared, but where a
/// part of the columns is unique already by a constraint of its own and is never NULL. That part keeps the tuples apart.
fn unique(table: &TableFacts) -> impl Iterator<Item = (Vec<usize>, Equality)> + '_ {
    table.unique.iter().map(|(columns, equality)| {
        let is_part = |part: &&(Vec<usize>, Equality)| {
            part.0.len() < columns.len()
                && part.1 >= *equality
                && part.0.iter().all(|column| columns.contains(column) && !table.columns[*column].is_nullable)
        };
        let part = table.unique.iter().filter(is_part).min_by_key(|part| part.0.len());
        part.map_or_else(|| (columns.clone(), *equality), Clone::clone)
    })
}
