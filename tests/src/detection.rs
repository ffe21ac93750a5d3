//! How well personal data is found in real databases: columns by recall and precision, against labels that are committed
//! beside this file as names of columns alone.

use crate::connection;
use offshoot::{Control, ScanOptions, ScanReport, scan};
use offshoot_testkit::postgres::Server;
use offshoot_testkit::real_data::load_postgres;
use std::collections::BTreeMap;
use std::path::Path;

/// The data sets whose columns are labelled.
pub const SETS: [&str; 7] = ["pagila", "chinook", "northwind", "world", "danbooru", "roundcube", "openstreetmap"];

const LABELS: &str = include_str!("../data/personal_columns.txt");

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It identifies, reaches or opens.
    Personal,
    /// It says something about a person but singles nobody out: it counts neither way.
    Attribute,
    /// Anything else.
    Other,
}

/// Of one data set, or of several.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Columns that were looked at.
    pub columns: usize,
    /// Personal ones that were found.
    pub hits: usize,
    /// Personal ones that were not: table and column.
    pub missed: Vec<String>,
    /// Others that were called personal, and what they were called.
    pub alarms: Vec<String>,
}

impl Figures {
    /// The share of the personal columns that was found.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.missed.len())
    }

    /// The share of what was called personal that is.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.alarms.len())
    }

    /// Adds those of another data set.
    pub fn add(&mut self, other: &Self) {
        self.columns += other.columns;
        self.hits += other.hits;
        self.missed.extend(other.missed.iter().cloned());
        self.alarms.extend(other.alarms.iter().cloned());
    }
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 1.0 } else { part as f64 / of as f64 }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (recall, precision) = (self.recall(), self.precision());
        let (missed, alarms) = (self.missed.len(), self.alarms.len());
        write!(
            f,
            "recall {recall:.3}, precision {precision:.3}: {} found, {missed} missed, {alarms} false alarms of {} columns",
            self.hits, self.columns
        )
    }
}

/// Scans a data set of the folder, unless the server cannot hold it.
#[must_use]
pub fn scan_set(folder: &Path, server: &Server, set: &str) -> Option<ScanReport> {
    let db = server.fresh_db(set);
    let scanned = || scan(&connection(server, &db), &ScanOptions::default(), &Control::default()).unwrap();
    let report = load_postgres(folder, server, &db, set).then(scanned);
    server.dropdb(&db);
    report
}

/// Compares what was found with the labels of a set.
#[must_use]
pub fn compare(set: &str, report: &ScanReport) -> Figures {
    let labels = labels(set);
    let mut figures = Figures::default();
    for column in &report.columns {
        let name = format!("{}.{}", column.table, column.column);
        figures.columns += 1;
        match (labels.get(&name).copied().unwrap_or(Label::Other), column.personal) {
            (Label::Personal, Some(_)) => figures.hits += 1,
            (Label::Personal, None) => figures.missed.push(format!("{set} {name}: {}", column.evidence)),
            (Label::Other, Some(what)) => figures.alarms.push(format!("{set} {name} as {what}: {}", column.evidence)),
            _ => {}
        }
    }
    figures
}

fn labels(set: &str) -> BTreeMap<String, Label> {
    let of_set = LABELS.split("\n== ").find(|part| part.lines().next() == Some(set)).unwrap_or_default();
    let mut labels = BTreeMap::new();
    for line in of_set.lines().skip(1) {
        let mut words = line.split(' ');
        let (Some(label), Some(table)) = (words.next(), words.next()) else { continue };
        let label = if label == "personal" { Label::Personal } else { Label::Attribute };
        labels.extend(words.map(|column| (format!("{table}.{column}"), label)));
    }
    labels
}
