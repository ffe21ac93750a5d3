//! Small tables and policies for tests.

use offshoot_format::table::RowForm;
use offshoot_scrub::facts::{ColumnFacts, TableFacts};
use offshoot_scrub::{Key, Policy, ScrubError, Scrubber};

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
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
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
