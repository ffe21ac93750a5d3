//! Small tables and policies for tests.

#![allow(dead_code)]

use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::facts::{ColumnFacts, TableFacts};
use offshoot_scrub::shape::Work;
use offshoot_scrub::{ColumnCount, Key, Policy, ScrubError, Scrubber};
use proptest::prelude::ProptestConfig;

/// Cases of every property: a sample, or the long form of a night.
pub fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("OFFSHOOT_LONG").is_some() { 1_000_000 } else { 10_000 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

pub fn key(seed: u8) -> Key {
    let mut bytes = [9; 32];
    bytes[0] = seed;
    Key::from_bytes(bytes).unwrap()
}

pub fn table(name: &str, columns: &[(&str, &str)]) -> TableFacts {
    TableFacts {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|(name, kind)| ColumnFacts::new(name, kind)).collect(),
        form: RowForm::Binary,
        key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    }
}

/// A policy whose rules are for every table, by the name of the column.
pub fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("[scrub.columns]\n{rules}\n")).unwrap()
}

pub fn scrubber(rules: &str, tables: &[TableFacts]) -> Result<Scrubber, ScrubError> {
    Scrubber::new(&policy(rules), tables, &key(1))
}

pub fn one_column(rule: &str, column: ColumnFacts) -> Result<Scrubber, ScrubError> {
    let rule = if rule.starts_with('{') { rule.to_owned() } else { format!("\"{rule}\"") };
    let rules = format!("{} = {rule}", column.name);
    let mut table = table("t", &[]);
    table.columns.push(column);
    scrubber(&rules, &[table])
}

/// What one text becomes.
pub fn scrub(rule: &str, kind: &str, text: &str) -> String {
    let scrubber = one_column(rule, ColumnFacts::new("c", kind)).unwrap();
    String::from_utf8(scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap()).unwrap()
}

/// The rules of a table of one unique column.
pub fn unique_column(rule: &str, kind: &str) -> Result<Scrubber, ScrubError> {
    let mut table = table("t", &[("c", kind)]);
    table.unique.push((vec![0], offshoot_scrub::facts::Equality::Bytes));
    let rule = if rule.starts_with('{') { rule.to_owned() } else { format!("\"{rule}\"") };
    scrubber(&format!("c = {rule}"), &[table])
}

/// Rewrites rows of text; none is NULL.
pub fn rewrite(scrubber: &Scrubber, table: &str, rows: &[Vec<Option<&[u8]>>]) -> Vec<Vec<Option<Vec<u8>>>> {
    let count = rows.first().map_or(0, Vec::len);
    let mut batch = Batch { columns: (0..count).map(|_| Column::new(Layout::Var)).collect(), rows: rows.len() };
    for row in rows {
        for (column, value) in batch.columns.iter_mut().zip(row) {
            column.push_cell(value.map_or(Cell::Null, Cell::Bytes)).unwrap();
        }
    }
    let mut counts = vec![ColumnCount::default(); count];
    scrubber.apply("public", table, &mut batch, &mut Work::default(), &mut counts).unwrap();
    let cell = |column: &Column, row| match column.cell(row) {
        Cell::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    };
    (0..batch.rows).map(|row| batch.columns.iter().map(|column| cell(column, row)).collect()).collect()
}

/// A rule with the options that it needs.
pub fn with_options(name: &str) -> String {
    match name {
        "constant" => "{ rule = \"constant\", value = \"x\" }".to_owned(),
        "template" => "{ rule = \"template\", text = \"{c}\" }".to_owned(),
        "one-of" => "{ rule = \"one-of\", values = [\"a\", \"b\"] }".to_owned(),
        "partial" => "{ rule = \"partial\", first = 1 }".to_owned(),
        "regex" => "{ rule = \"regex\", pattern = \"[a-m]+\" }".to_owned(),
        "entity" => "{ rule = \"entity\", by = \"c\", part = \"email\" }".to_owned(),
        "range" => "{ rule = \"range\", from = -5, to = 1000 }".to_owned(),
        "bucket" => "{ rule = \"bucket\", size = 5 }".to_owned(),
        "national-id" => "{ rule = \"national-id\", country = \"us\" }".to_owned(),
        name => name.to_owned(),
    }
}
