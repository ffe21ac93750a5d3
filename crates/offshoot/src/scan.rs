//! Looking for personal data in a live database, and proposing a policy for it.

use crate::{Connection, Result};
use offshoot_core::Control;
use offshoot_engines::sample::{SampleOptions, Sampled, Samples};
use offshoot_format::facts::shown_name;
use offshoot_scrub::classify::{Classifier, Found, propose};
use std::time::Duration;

/// How a database is looked into. The defaults fit.
///
/// Fill in what you need and take the rest from `..ScanOptions::default()`; later versions add fields.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// The most rows that are looked at of a table; `None` is 1000.
    pub rows_max: Option<u32>,
    /// How long one table may take; `None` is 5 seconds.
    pub table_wait: Option<Duration>,
}

/// What was found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanReport {
    /// The policy, an `offshoot.toml`: a line a column, with confidence and counts. No value is in it.
    pub policy: String,
    /// All columns, in the order of tables and columns.
    pub columns: Vec<ScannedColumn>,
    /// Tables that were looked into.
    pub tables: usize,
    /// Rows that were looked at.
    pub rows: u64,
    /// Tables that could not be read, why, and what that means for the policy.
    pub unread: Vec<(String, String)>,
}

/// What was found of a column.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScannedColumn {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// The proposed rule; none if it looks personal and its constraints refuse every rule that changes it: somebody has to decide.
    pub rule: Option<String>,
    /// What it holds, in a few words; none if nothing personal was found.
    pub personal: Option<&'static str>,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
    /// Why, in counts.
    pub evidence: String,
    /// A better rule that constraints of the column refuse.
    pub refused: Option<String>,
}

impl ScanReport {
    /// How many columns hold personal data.
    #[must_use]
    pub fn personal(&self) -> usize {
        self.columns.iter().filter(|column| column.personal.is_some()).count()
    }

    /// Columns that somebody has to decide about before a capture.
    pub fn undecided(&self) -> impl Iterator<Item = &ScannedColumn> {
        self.columns.iter().filter(|column| column.rule.is_none())
    }
}

/// Looks at names, comments, types and some rows of all tables that a capture would read, and proposes a policy. Only
/// reads, in short transactions; nothing is stored, and no value is in the report.
///
/// ```no_run
/// use offshoot::{Connection, Control, Environment, ScanOptions, scan};
///
/// let shop = Connection::parse("postgresql://reader@db.example/shop", &Environment::empty())?;
/// let report = scan(&shop, &ScanOptions::default(), &Control::default())?;
/// println!("{}", report.policy);
/// # Ok::<(), offshoot::Error>(())
/// ```
///
/// # Errors
/// `Unreachable`, `Interrupted`, or `Failed` with what the server said. A table that cannot be read is no error.
pub fn scan(connection: &Connection, options: &ScanOptions, control: &Control) -> Result<ScanReport> {
    let mut bounds = SampleOptions::default();
    bounds.rows_max = options.rows_max.unwrap_or(bounds.rows_max);
    bounds.statement_wait = options.table_wait.unwrap_or(bounds.statement_wait);
    let samples = connection.sample(&bounds, control)?;
    control.step("classify");
    let unread = unread(&samples);
    let sampled = samples.tables;
    let tables = sampled.iter().filter(|table| table.rows.is_some()).count();
    let mut found = Vec::new();
    for Sampled { facts, rows, .. } in sampled {
        control.check()?;
        let findings = Classifier::new().classify(&facts, rows.as_ref());
        found.push(Found { findings, rows: rows.map_or(0, |rows| rows.rows), table: facts });
    }
    let rows = found.iter().map(|found| found.rows as u64).sum();
    let proposal = propose(&found)?;
    let columns = proposal.columns.into_iter().map(|column| ScannedColumn {
        schema: column.schema,
        table: column.table,
        column: column.column,
        rule: column.rule,
        personal: column.finding.meaning.map(|meaning| meaning.words()),
        confidence: column.finding.confidence,
        evidence: column.finding.evidence,
        refused: column.refused,
    });
    Ok(ScanReport { policy: proposal.text, columns: columns.collect(), tables, rows, unread })
}

fn unread(samples: &Samples) -> Vec<(String, String)> {
    let judged = samples.tables.iter().filter_map(|table| {
        let why = format!("{}; its columns were judged by their names and types alone", table.unread.as_ref()?);
        Some((table.facts.shown_name(), why))
    });
    let locked = samples.locked.iter().map(|(schema, name)| {
        (shown_name(schema, name), "it is locked by another session; it is not in the policy".to_owned())
    });
    judged.chain(locked).collect()
}
