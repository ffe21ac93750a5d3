//! How much of the personal data in real samples is found, and how much is called personal that is not. The figures are
//! printed; what is asserted are floors a little below those that are reached.

#![allow(clippy::unwrap_used)]

mod proposals;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use offshoot_format::column::{Batch, Column};
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::classify::spans::spans;
use offshoot_scrub::classify::{Classifier, Finding, Meaning};
use offshoot_scrub::facts::{ColumnFacts, TableFacts};

/// The folder of real data; says that the test skips where there is none.
fn real_data() -> Option<PathBuf> {
    let Some(dir) = std::env::var_os("OFFSHOOT_REAL_DATA").map(PathBuf::from) else {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Past what a test prints, which nobody sees of one that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: OFFSHOOT_REAL_DATA is not set");
        return None;
    };
    // Where it is set, what is missing is a failure.
    assert!(dir.is_dir(), "OFFSHOOT_REAL_DATA names {}, which is no folder", dir.display());
    Some(dir)
}

/// Records of a CSV text with quoted fields.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if is_quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    records
}

/// A table of texts and its rows.
fn texts(name: &str, columns: &[String], rows: &[Vec<String>]) -> (TableFacts, Batch) {
    let facts = TableFacts {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(|column| ColumnFacts::new(column, "text")).collect(),
        form: RowForm::Binary,
        key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    };
    let mut filled: Vec<Column> = columns.iter().map(|_| Column::new(Layout::Var)).collect();
    for row in rows {
        row.iter().zip(&mut filled).for_each(|(value, column)| column.push(value.as_bytes()).unwrap());
    }
    let rows = rows.len();
    (facts, Batch { columns: filled, rows })
}

/// What each column of the customers is.
fn labels() -> BTreeMap<&'static str, &'static str> {
    include_str!("customers.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect()
}

/// `GivenName` as `given_name`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (before, c) in name.chars().scan('_', |before, c| Some((std::mem::replace(before, c), c))) {
        if c.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

/// Recall and precision over the columns that count.
fn figures(what: &str, columns: &[String], findings: &[Finding]) -> (f64, f64) {
    let labels = labels();
    let (mut hits, mut missed, mut alarms) = (0, Vec::new(), Vec::new());
    for (column, finding) in columns.iter().zip(findings) {
        let label = labels[snake(column).as_str()];
        match (label, finding.meaning) {
            ("personal", Some(_)) => hits += 1,
            ("personal", None) => missed.push(column),
            ("other", Some(meaning)) => alarms.push((column, meaning)),
            _ => {}
        }
        println!(
            "  {what} {column:<22} {label:<9} {:?} {:.2} {}",
            finding.meaning, finding.confidence, finding.evidence
        );
    }
    let recall = f64::from(hits) / (f64::from(hits) + missed.len() as f64);
    let precision = f64::from(hits) / (f64::from(hits) + alarms.len() as f64);
    println!("{what}: recall {recall:.2}, precision {precision:.2}; missed {missed:?}; alarms {alarms:?}");
    (recall, precision)
}

#[test]
fn columns_of_a_customer_table() {
    let Some(dir) = real_data() else { return };
    let text = std::fs::read_to_string(dir.join("pii/fakenamegenerator_100.csv")).unwrap();
    let records = csv(&text);
    let (columns, rows) = (&records[0], &records[1..]);
    let (facts, batch) = texts("customers", columns, rows);
    let named = Classifier::new().classify(&facts, Some(&batch));
    let (recall, precision) = figures("with names", columns, &named);
    assert!(recall >= 0.95 && precision >= 0.95, "{recall} {precision}");
    let mut nameless = Classifier::new();
    nameless.ignores_names = true;
    let found = nameless.classify(&facts, Some(&batch));
    let (recall, precision) = figures("without names", columns, &found);
    assert!(recall >= 0.95 && precision >= 0.95, "{recall} {precision}");
    let only_names = Classifier::new().classify(&facts, None);
    let (recall, precision) = figures("names alone", columns, &only_names);
    assert!(recall >= 0.95 && precision >= 0.9, "{recall} {precision}");
}

/// Whether a label of the sample and a meaning are the same thing.
fn is_same(label: &str, meaning: Meaning) -> bool {
    match label {
        "PERSON" => matches!(meaning, Meaning::FullName | Meaning::FirstName | Meaning::LastName),
        "ADDRESS" | "LOCATION" => matches!(meaning, Meaning::Street | Meaning::City | Meaning::PostalCode),
        "PHONE_NUMBER" => meaning == Meaning::Phone,
        "CREDIT_CARD" => meaning == Meaning::Card,
        "ORGANIZATION" => meaning == Meaning::Company,
        "US_SSN" => meaning == Meaning::NationalId,
        "IP_ADDRESS" => meaning == Meaning::Ip,
        "EMAIL_ADDRESS" => meaning == Meaning::Email,
        _ => false,
    }
}

#[test]
fn spans_in_free_text() {
    let Some(dir) = real_data() else { return };
    let text = std::fs::read_to_string(dir.join("pii/presidio_small.jsonl")).unwrap();
    let mut by_kind: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut found_right, mut found_all) = (0_u32, 0_u32);
    for line in text.lines() {
        let sample: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = sample["text"].as_str().unwrap();
        // Places are counted in code points there, in bytes here.
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let place = |value: &serde_json::Value| starts[(value.as_u64().unwrap() as usize).min(starts.len() - 1)];
        let labelled: Vec<_> = sample["spans"].as_array().unwrap().iter().collect();
        let found = spans(text);
        for span in &labelled {
            let (bytes, label) = (place(&span["start"])..place(&span["end"]), span["type"].as_str().unwrap());
            let is_hit = found.iter().any(|found| {
                found.bytes.start < bytes.end && bytes.start < found.bytes.end && is_same(label, found.meaning)
            });
            if !is_hit && std::env::var_os("OFFSHOOT_SHOW_MISSES").is_some() {
                println!("  missed {label} {:?} in {text:?}", &text[bytes.clone()]);
            }
            let counts = by_kind.entry(label.to_owned()).or_default();
            counts.0 += u32::from(is_hit);
            counts.1 += 1;
        }
        for span in found.iter().filter(|span| span.meaning != Meaning::Link) {
            let is_right = labelled
                .iter()
                .any(|label| place(&label["start"]) < span.bytes.end && span.bytes.start < place(&label["end"]));
            found_right += u32::from(is_right);
            found_all += 1;
        }
    }
    let known: BTreeSet<&str> = [
        "PERSON",
        "ADDRESS",
        "LOCATION",
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "ORGANIZATION",
        "US_SSN",
        "IP_ADDRESS",
        "EMAIL_ADDRESS",
    ]
    .into();
    let (mut hits, mut all) = (0, 0);
    for (kind, (hit, of)) in &by_kind {
        println!("  {kind}: {hit} of {of}");
        if known.contains(kind.as_str()) {
            (hits, all) = (hits + hit, all + of);
        }
    }
    let (recall, precision) = (f64::from(hits) / f64::from(all), f64::from(found_right) / f64::from(found_all));
    println!(
        "free text: recall {recall:.2} ({hits} of {all}), precision {precision:.2} ({found_right} of {found_all})"
    );
    assert!(recall >= 0.6 && precision >= 0.9, "{recall} {precision}");
}
