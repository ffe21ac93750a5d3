//! Finding personal data: what each column of a table holds, by its name, comment, type and a sample of values.
//!
//! Needs no database: a [`Classifier`] takes [`TableFacts`] and rows as [`Batch`]es, and [`propose`] makes a policy of what
//! was found. Findings hold counts, never a value. The same input gives the same findings; there is no learning, no network,
//! and no clock. `docs/detection.md` says how well it does.
//!
//! What it looks at: names of columns in several languages, validators of syntax and check digits, dictionaries of names,
//! personal data inside of sentences and documents, and what stands beside a column. Keys (numbers and uuids by which rows are
//! referred to) count as nothing personal.

mod checksum;
mod dictionary;
mod judge;
mod meaning;
mod names;
mod phrases;
mod propose;
mod sample;
pub mod spans;
mod syntax;
mod tally;

pub use judge::Finding;
pub use meaning::Meaning;
pub use propose::{Found, Proposal, ProposedColumn, propose};
pub(crate) use sample::is_structure;

use std::collections::BTreeSet;

use offshoot_format::column::Batch;

use self::judge::{About, judge};
use self::names::{Rows, Strength};
use self::sample::{Document, Sample};
use self::tally::Tally;
use crate::facts::{ColumnFacts, TableFacts};
use crate::value::Kind;
use crate::wire::Codec;

/// Looks at tables.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Classifier {
    /// Go by the values and types alone, as if no column or table had a name.
    pub ignores_names: bool,
}

impl Classifier {
    /// One that looks at everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What each column of a table holds. `rows` are some of its rows, in the form that the facts say; none if there are none.
    #[must_use]
    pub fn classify(&self, table: &TableFacts, rows: Option<&Batch>) -> Vec<Finding> {
        if is_large_objects(table) {
            // Whatever somebody stored, of any kind.
            let of = |column: &ColumnFacts| match column.type_name.as_str() {
                "bytea" => Finding::new(Some(Meaning::Sensitive), 0.6, "large objects, which are not looked into"),
                _ => Finding::new(None, 0.95, "a key"),
            };
            return table.columns.iter().map(of).collect();
        }
        let rows = rows.filter(|rows| rows.columns.len() == table.columns.len());
        let samples: Vec<Sample> = table
            .columns
            .iter()
            .enumerate()
            .map(|(c, facts)| {
                rows.map_or_else(Sample::default, |rows| Sample::new(&rows.columns[c], facts, table.form))
            })
            .collect();
        let tallies: Vec<Tally> = samples.iter().map(|sample| Tally::new(&sample.texts)).collect();
        let mut abouts: Vec<About> = (0..table.columns.len()).map(|c| self.about(table, c)).collect();
        let judge_all = |abouts: &[About]| -> Vec<Finding> {
            abouts.iter().zip(&tallies).map(|(about, tally)| judge(*about, tally)).collect()
        };
        // Twice: what is certain of some columns makes others likely.
        for _ in 0..2 {
            let findings = judge_all(&abouts);
            let in_context = is_about_persons(&findings);
            let is = |c: usize, meanings: &[Meaning]| {
                findings.get(c).and_then(|finding| finding.meaning).is_some_and(|meaning| meanings.contains(&meaning))
            };
            let has_card = (0..findings.len()).any(|c| is(c, &[Meaning::Card]));
            for (c, about) in abouts.iter_mut().enumerate() {
                let near = c.saturating_sub(2)..=c + 3;
                let address = [Meaning::Street, Meaning::City];
                about.in_context = in_context;
                about.beside_address = in_context && near.into_iter().any(|other| other != c && is(other, &address));
                let name = [Meaning::FirstName, Meaning::LastName];
                about.beside_name = (c.saturating_sub(1)..=c + 1).any(|other| other != c && is(other, &name));
                about.beside_card = has_card;
            }
        }
        let mut findings = judge_all(&abouts);
        coordinates(&abouts, &tallies, &mut findings);
        for (c, sample) in samples.iter().enumerate() {
            if let Some(document) = &sample.document {
                findings[c] = self.document(document, &abouts[c]);
            } else if abouts[c].kind == Kind::Json {
                findings[c] = unseen_document(&abouts[c]);
            }
        }
        derived(table, &mut findings);
        self.add_details(table, &tallies, &mut findings);
        for (finding, sample) in findings.iter_mut().zip(&samples) {
            finding.longest_chars = sample.texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        }
        findings
    }

    /// What rules for degrees and phone numbers must be told.
    fn add_details(&self, table: &TableFacts, tallies: &[Tally], findings: &mut [Finding]) {
        // Degrees come in pairs, the latitude first.
        let mut is_after_latitude = false;
        for ((column, tally), finding) in table.columns.iter().zip(tallies).zip(findings) {
            let is_degree = finding.meaning == Some(Meaning::Coordinates);
            let by_name = names::is_longitude(&column.name).filter(|_| !self.ignores_names);
            let by_values = || is_after_latitude || tally.degrees().is_some_and(|(_, are_latitudes)| !are_latitudes);
            finding.is_longitude = is_degree && by_name.unwrap_or_else(by_values);
            is_after_latitude = is_degree && !finding.is_longitude;
            finding.has_national_numbers = finding.meaning == Some(Meaning::Phone) && tally.national_phones > 0;
        }
    }

    fn about(&self, table: &TableFacts, c: usize) -> About {
        let column = &table.columns[c];
        let kind = Codec::new(&column.type_name, table.form).kind();
        // In text form, numbers and times are texts like others.
        let kind = match column.type_name.as_str() {
            "bool" => Kind::Bool,
            "date" | "timestamp" | "timestamptz" => Kind::Date,
            "inet" | "cidr" => Kind::Address,
            "float4" | "float8" => Kind::Float,
            "date_text" | "datetime_text" | "timestamp_text" => Kind::Date,
            "inet_text" => Kind::Address,
            _ => kind,
        };
        let by_name = (!self.ignores_names).then(|| names::meaning_in(&table.name, &column.name)).flatten();
        let by_name =
            by_name.filter(|(meaning, _)| *meaning != Meaning::Coordinates || !names::are_places(&table.name));
        let by_domain = column.domain_type.as_deref().filter(|_| !self.ignores_names).and_then(names::meaning);
        let by_comment = column.comment.as_deref().filter(|_| !self.ignores_names).and_then(comment_says);
        let is_sure = |says: &Option<(Meaning, Strength)>| says.is_some_and(|(_, strength)| strength == Strength::Sure);
        let own = if is_sure(&by_name) { by_name } else { by_domain.or(by_name) };
        let (says, by_comment) = if is_sure(&own) { (own, false) } else { (by_comment.or(own), by_comment.is_some()) };
        // A number that refers to a session opens none.
        let is_reference = kind == Kind::Integer && names::words(&column.name).last().is_some_and(|word| word == "id");
        let says = says.filter(|(meaning, _)| !(is_reference && *meaning == Meaning::Token));
        let refers = table.foreign_keys.iter().any(|key| key.columns.contains(&c));
        let is_unique = table.unique.iter().any(|(columns, _)| columns.contains(&c));
        let is_identifier = matches!(kind, Kind::Integer | Kind::Uuid);
        let rows = if self.ignores_names { Rows::Unknown } else { names::rows(&table.name) };
        About {
            says: says.filter(|_| column.labels.is_empty()).filter(|says| !names_the_row(table, column, *says, rows)),
            by_comment,
            kind,
            by_type: match column.type_name.trim_start_matches('_') {
                "inet" | "inet_text" => Some(Meaning::Ip),
                "macaddr" | "macaddr8" => Some(Meaning::Device),
                _ => None,
            },
            is_key: is_identifier && (refers || is_unique),
            rows,
            in_context: false,
            beside_address: false,
            beside_name: false,
            beside_card: false,
        }
    }

    fn document(&self, document: &Document, about: &About) -> Finding {
        let mut found = Vec::new();
        for (path, texts) in &document.paths {
            let name = path.rsplit('.').find(|part| *part != "[]").unwrap_or_default().trim_end_matches("[]");
            let says = (!self.ignores_names).then(|| names::meaning(name)).flatten();
            let about = About { says, kind: Kind::Text, is_key: false, by_comment: false, ..*about };
            let mut finding = judge(about, &Tally::new(texts));
            finding.is_unseen = document.is_unseen(path);
            found.push((path.clone(), finding));
        }
        let personal = found.iter().filter(|(_, finding)| finding.meaning.is_some());
        let surest = personal.clone().map(|(_, finding)| finding.confidence).fold(0.0, f64::max);
        let strange = document.strange_keys;
        let keys = if strange > 0 { format!("; {strange} keys look like values") } else { String::new() };
        let evidence =
            format!("{} of {} paths in {} documents are personal{keys}", personal.count(), found.len(), document.count);
        let has_personal_keys = document.personal_keys > 0;
        let meaning = (surest > 0.0 || has_personal_keys).then_some(Meaning::Document);
        let mut finding = Finding::new(meaning, if meaning.is_some() { surest.max(0.6) } else { 0.8 }, evidence);
        finding.paths = found;
        finding.has_personal_keys = has_personal_keys;
        finding
    }
}

/// A document of which nothing was seen is what its name says.
/// Whether it is the table of Postgres' large objects. Every table of an engine without schemas has an empty one.
fn is_large_objects(table: &TableFacts) -> bool {
    let types: Vec<&str> = table.columns.iter().map(|column| column.type_name.as_str()).collect();
    table.schema.is_empty() && table.name == "large_objects" && types == ["oid", "bytea"]
}

fn unseen_document(about: &About) -> Finding {
    match about.says {
        Some((meaning, Strength::Sure)) => {
            Finding::new(Some(Meaning::Document), 0.7, format!("name says {}; no documents seen", meaning.words()))
        }
        _ => Finding::new(None, 0.5, "no documents seen"),
    }
}

/// A column that is named like its table names the thing that a row is: the city of a table of cities.
fn names_the_row(table: &TableFacts, column: &ColumnFacts, says: (Meaning, Strength), rows: Rows) -> bool {
    let singular = |name: &str| names::words(name).last().map(|word| word.trim_end_matches('s').to_owned());
    rows != Rows::Persons && says.1 != Strength::Sure && singular(&table.name) == singular(&column.name)
}

/// What the comment of a column says; only what would be enough alone as a name.
fn comment_says(comment: &str) -> Option<(Meaning, Strength)> {
    let is_short = comment.split_whitespace().count() <= 12;
    names::meaning(comment).filter(|(_, strength)| is_short && *strength == Strength::Sure)
}

/// Whether two kinds of column, or one that only persons have, make a table one about persons.
fn is_about_persons(findings: &[Finding]) -> bool {
    use Meaning as M;
    let personal = [
        M::FirstName,
        M::LastName,
        M::FullName,
        M::Email,
        M::Phone,
        M::BirthDate,
        M::NationalId,
        M::Card,
        M::Password,
        M::Street,
    ];
    let sure: BTreeSet<Meaning> =
        findings.iter().filter(|finding| finding.confidence >= 0.75).filter_map(|finding| finding.meaning).collect();
    sure.iter().filter(|meaning| personal.contains(meaning)).count() >= 2
        || sure.contains(&M::Password)
        || sure.contains(&M::FirstName)
}

/// Degrees come in pairs side by side: alone they could be anything.
fn coordinates(abouts: &[About], tallies: &[Tally], findings: &mut [Finding]) {
    for c in 1..tallies.len() {
        let (Some((one, is_latitude)), Some((other, _))) = (tallies[c - 1].degrees(), tallies[c].degrees()) else {
            continue;
        };
        if !is_latitude {
            continue;
        }
        for (place, count) in [(c - 1, one), (c, other)] {
            let sure = if abouts[place].in_context { 0.85 } else { 0.55 };
            if findings[place].meaning.is_none()
                && matches!(abouts[place].kind, Kind::Text | Kind::Float | Kind::Decimal)
            {
                let evidence = format!("{count} of {} values are degrees, beside others", tallies[place].values);
                findings[place] = Finding::new(Some(Meaning::Coordinates), sure, evidence);
            }
        }
    }
}

/// A search vector holds the words of the texts that it was made of.
fn derived(table: &TableFacts, findings: &mut [Finding]) {
    let has_personal_text = table.columns.iter().zip(findings.iter()).any(|(column, finding)| {
        finding.meaning.is_some() && Codec::new(&column.type_name, table.form).kind() == Kind::Text
    });
    for (c, (column, finding)) in table.columns.iter().zip(findings).enumerate() {
        if column.type_name == "tsvector" && has_personal_text {
            *finding = Finding::new(Some(Meaning::Derived), 0.8, "a search vector beside personal texts");
        }
        if table.is_of_period(c) {
            *finding = Finding::new(None, 0.95, "when the row held");
        }
    }
}
