//! A policy of what was found: `offshoot.toml` with a line a column, and why.
//!
//! For each column the best rule that the scrubber takes: rules that a column's constraints refuse are passed over for the
//! next best. Where they refuse all, nothing is proposed for a column that looks personal: its line is a remark that says why, so
//! that a capture refuses until somebody has decided. Columns that a foreign key joins, and the same column of a table and its parts, get one rule;
//! what is said of a part stands at the table that it is a part of.

mod documents;

use std::fmt::Write as _;

use offshoot_format::table::RowForm;

use super::judge::Finding;
use crate::Key;
use crate::facts::{Check, ColumnFacts, TableFacts};
use crate::policy::Policy;
use crate::scrubber::{ScrubError, Scrubber};
use crate::value::Kind;
use crate::wire::Codec;

/// A policy for some tables.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Proposal {
    /// The document.
    pub text: String,
    /// All columns in the order of tables and columns.
    pub columns: Vec<ProposedColumn>,
}

/// What is proposed for a column.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProposedColumn {
    /// Its schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// The rule; none if its constraints refuse all that change it, and it looks personal.
    pub rule: Option<String>,
    /// What was found.
    pub finding: Finding,
    /// A better rule that the column's constraints refuse.
    pub refused: Option<String>,
}

/// A table with what was found of it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The table.
    pub table: TableFacts,
    /// Of each column.
    pub findings: Vec<Finding>,
    /// Rows that were looked at.
    pub rows: usize,
}

/// Columns that must follow one rule.
struct Group {
    finding: Finding,
    /// Rules as the document has them, best first.
    rules: Vec<String>,
    at: usize,
    /// Whether its name would be a pattern for others that somebody has to decide about.
    is_held: bool,
}

impl Group {
    fn rule(&self) -> &str {
        &self.rules[self.at]
    }

    /// Whether somebody has to decide: only `keep` is left, and it looks personal.
    fn is_undecided(&self) -> bool {
        self.is_held || self.finding.meaning.is_some() && self.at + 1 == self.rules.len()
    }
}

/// A document, and the line of each column in it.
struct Document {
    text: String,
    lines: Vec<(usize, (usize, usize))>,
}

/// Rules are tried out under a key of no worth: no value is ever rewritten under it.
const TRIAL_KEY: [u8; 32] = *b"tries rules out, writes nothing!";

/// Makes a policy of what was found.
///
/// # Errors
/// If even keeping a column is refused, which nothing is known to do.
pub fn propose(found: &[Found]) -> Result<Proposal, ScrubError> {
    let tables: Vec<TableFacts> = found.iter().map(|found| found.table.clone()).collect();
    let roots = roots(&tables);
    let mut groups: Vec<Option<Group>> = roots.iter().flatten().map(|_| None).collect();
    for (t, Found { table, findings, .. }) in found.iter().enumerate() {
        for (c, finding) in findings.iter().enumerate() {
            let group = &mut groups[roots[t][c]];
            let rank = |finding: &Finding| (finding.meaning.is_some(), finding.confidence);
            if group.as_ref().is_none_or(|group| rank(finding) > rank(&group.finding)) {
                *group = Some(Group {
                    finding: finding.clone(),
                    rules: candidates(&table.columns[c], finding),
                    at: 0,
                    is_held: false,
                });
            }
        }
    }
    let Ok(key) = Key::from_bytes(TRIAL_KEY) else { return Ok(Proposal { text: String::new(), columns: Vec::new() }) };
    // Tried out with `keep` where nothing is proposed, as that is what somebody may decide.
    let mut document = write(found, &roots, &groups, true);
    while let Err(error) = try_out(&document.text, &tables, &key) {
        let refused = match &error {
            ScrubError::Refused { column, .. } => place(&tables, column),
            ScrubError::Policy(at) => document.lines.iter().find(|(line, _)| *line == at.line).map(|(_, place)| *place),
            _ => None,
        };
        let group = refused.and_then(|(t, c)| groups[roots[t][c]].as_mut());
        let Some(group) = group.filter(|group| group.at + 1 < group.rules.len()) else { return Err(error) };
        group.at += 1;
        document = write(found, &roots, &groups, true);
    }
    hold_patterns(&tables, &roots, &mut groups);
    let text = write(found, &roots, &groups, false).text;
    let mut columns = Vec::new();
    for (t, table) in tables.iter().enumerate() {
        for (c, column) in table.columns.iter().enumerate() {
            let Some(group) = &groups[roots[t][c]] else { continue };
            columns.push(ProposedColumn {
                schema: table.schema.clone(),
                table: table.name.clone(),
                column: column.name.clone(),
                rule: (!group.is_undecided()).then(|| name_of(group.rule()).to_owned()),
                finding: group.finding.clone(),
                refused: (group.at > 0).then(|| name_of(&group.rules[0]).to_owned()),
            });
        }
    }
    Ok(Proposal { text, columns })
}

/// A column whose name has a star is written as a pattern: it waits with the other columns of its table.
fn hold_patterns(tables: &[TableFacts], roots: &[Vec<usize>], groups: &mut [Option<Group>]) {
    loop {
        let is_undecided = |root: usize| groups[root].as_ref().is_some_and(Group::is_undecided);
        let mut found = Vec::new();
        for (table, roots) in tables.iter().zip(roots) {
            if roots.iter().any(|root| is_undecided(*root)) {
                let patterns = table.columns.iter().zip(roots).filter(|(column, _)| column.name.contains('*'));
                found.extend(patterns.map(|(_, root)| *root).filter(|root| !is_undecided(*root)));
            }
        }
        if found.is_empty() {
            return;
        }
        for root in found {
            if let Some(group) = &mut groups[root] {
                group.is_held = true;
            }
        }
    }
}

fn try_out(text: &str, tables: &[TableFacts], key: &Key) -> Result<(), ScrubError> {
    Scrubber::new(&Policy::parse(text)?, tables, key).map(drop)
}

fn place(tables: &[TableFacts], name: &str) -> Option<(usize, usize)> {
    tables.iter().enumerate().find_map(|(t, table)| {
        let is_it = |column: &ColumnFacts| format!("{}.{}", table.shown_name(), column.name) == name;
        table.columns.iter().position(is_it).map(|c| (t, c))
    })
}

fn parent(tables: &[TableFacts], t: usize) -> Option<usize> {
    let (schema, name) = tables[t].parent.as_ref()?;
    tables.iter().position(|table| table.schema == *schema && table.name == *name)
}

/// For each column the number of the set that it is in.
fn roots(tables: &[TableFacts]) -> Vec<Vec<usize>> {
    let mut count = 0;
    let mut roots: Vec<Vec<usize>> = tables
        .iter()
        .map(|table| {
            count += table.columns.len();
            (count - table.columns.len()..count).collect()
        })
        .collect();
    let mut join = |one: (usize, usize), other: (usize, usize)| {
        let (from, to) = (roots[one.0][one.1], roots[other.0][other.1]);
        roots.iter_mut().flatten().filter(|root| **root == from).for_each(|root| *root = to);
    };
    let column = |t: usize, name: &str| tables[t].columns.iter().position(|column| column.name == name);
    for (t, table) in tables.iter().enumerate() {
        if let Some(above) = parent(tables, t) {
            for (c, of) in table.columns.iter().enumerate() {
                if let Some(same) = column(above, &of.name) {
                    join((t, c), (above, same));
                }
            }
        }
        for key in &table.foreign_keys {
            let other = tables.iter().position(|other| (&other.schema, &other.name) == (&key.table.0, &key.table.1));
            let Some(other) = other else { continue };
            for (c, name) in key.columns.iter().zip(&key.refers_to) {
                if let Some(same) = column(other, name) {
                    join((t, *c), (other, same));
                }
            }
        }
    }
    roots
}

/// The rules that suit a finding, as the document has them; `keep` is the last.
fn candidates(column: &ColumnFacts, finding: &Finding) -> Vec<String> {
    let Some(meaning) = finding.meaning else { return vec![quoted("keep")] };
    // Of a type the kind is the same in any form of rows.
    let kind = Codec::new(&column.type_name, RowForm::Binary).kind();
    let mut rules: Vec<String> = meaning
        .rules()
        .iter()
        .filter(|rule| has_room(column, rule, finding.longest_chars))
        .map(|rule| match *rule {
            "json" if kind == Kind::Entry => documents::hstore(finding),
            "json" => documents::json(finding, column.max_chars.is_some()),
            "coordinates" if kind != Kind::Point => {
                let axis = if finding.is_longitude { "longitude" } else { "latitude" };
                format!("{{ rule = \"coordinates\", axis = \"{axis}\" }}")
            }
            rule => quoted(rule),
        })
        .collect();
    rules.push(quoted("keep"));
    rules
}

/// Whether what a rule adds to values passes the constraints. What was seen is a sample, so some more is left free. The limit of
/// the type is not looked at: the rule itself sees to it, or is refused.
fn has_room(column: &ColumnFacts, rule: &str, longest_chars: usize) -> bool {
    let of_check = |check: &Check| match check {
        Check::Holds { predicate, .. } => usize::try_from(predicate.chars_max()?).ok(),
        _ => None,
    };
    let Some(max) = column.checks.iter().filter_map(of_check).min() else { return true };
    match rule {
        "email" => max >= (longest_chars + 20).max(40),
        "ip" => max >= 39 || max >= 15 && longest_chars <= 15,
        _ => true,
    }
}

/// The name of a rule in the form that the document has.
fn name_of(rule: &str) -> &str {
    rule.split('"').nth(1).unwrap_or(rule)
}

fn write(found: &[Found], roots: &[Vec<usize>], groups: &[Option<Group>], is_trial: bool) -> Document {
    let tables: Vec<TableFacts> = found.iter().map(|found| found.table.clone()).collect();
    let mut text = "# Proposed by `offshoot scan`: read it before it is used. Behind each rule stands how sure it is, from 0 to 1, and what was\n\
                    # counted. A column that is added later has no rule, and fails the capture until it has one.\n\n\
                    [scrub]\nunclassified = \"fail\"\n"
        .to_owned();
    let mut lines = Vec::new();
    let mut elsewhere: Vec<(usize, usize)> = Vec::new();
    for (t, Found { table, rows, .. }) in found.iter().enumerate() {
        // What the table above says need not be said again, unless a column's name were a pattern for all of them here.
        let has_star = table.columns.iter().any(|column| column.name.contains('*'));
        let above = parent(&tables, t).filter(|_| !has_star);
        let is_said = |name: &str| above.is_some_and(|above| tables[above].columns.iter().any(|of| of.name == name));
        let own: Vec<usize> = (0..table.columns.len()).filter(|c| !is_said(&table.columns[*c].name)).collect();
        // A name with a dot before the table's, or a star for all columns, cannot be written in a table's part.
        let (unnamed, named): (Vec<usize>, Vec<usize>) =
            own.into_iter().partition(|c| table.schema.contains('.') || table.columns[*c].name == "*");
        elsewhere.extend(unnamed.into_iter().map(|c| (t, c)));
        if named.is_empty() {
            continue;
        }
        let is_part = |of: &&Found| {
            of.table.parent.as_ref().is_some_and(|(schema, name)| (schema, name) == (&table.schema, &table.name))
        };
        let rows = rows + found.iter().filter(is_part).map(|part| part.rows).sum::<usize>();
        let _ = write!(text, "\n[scrub.tables.{}]", quoted(&table.shown_name()));
        let _ = writeln!(
            text,
            "{}",
            if rows == 0 { "  # no rows seen".to_owned() } else { format!("  # {rows} rows seen") }
        );
        for c in named {
            if let Some(group) = &groups[roots[t][c]] {
                lines.push((text.matches('\n').count() + 1, (t, c)));
                line(&mut text, &key(&table.columns[c].name), group, is_trial);
            }
        }
    }
    // The first pattern that matches counts, so that one with a star for a name comes last.
    elsewhere.sort_by_key(|(t, c)| tables[*t].columns[*c].name.contains('*'));
    if !elsewhere.is_empty() {
        text.push_str("\n[scrub.columns]\n");
    }
    for (t, c) in elsewhere {
        let table = &found[t].table;
        if let Some(group) = &groups[roots[t][c]] {
            lines.push((text.matches('\n').count() + 1, (t, c)));
            let name = format!("{}.{}", table.shown_name(), table.columns[c].name);
            line(&mut text, &quoted(&name), group, is_trial);
        }
    }
    Document { text, lines }
}

fn line(text: &mut String, key: &str, group: &Group, is_trial: bool) {
    let finding = &group.finding;
    if group.is_held && !is_trial {
        let _ = writeln!(
            text,
            "# {key} = {}  # {:.2} {}; it would be a pattern for another column that has no rule yet; a capture refuses until then",
            group.rule(),
            finding.confidence,
            finding.evidence
        );
        return;
    }
    if group.is_undecided() && !is_trial {
        let _ = writeln!(
            text,
            "# {key} = ?  # {:.2} {}; its constraints refuse `{}` and all other rules that change it: give it one (with \
             `ignore-checks = true` if its values will pass), or \"keep\", or leave its rows out; a capture refuses until then",
            finding.confidence,
            finding.evidence,
            name_of(&group.rules[0])
        );
        return;
    }
    let start = format!("{key} = {}", group.rule());
    let _ = write!(text, "{start:<40}  # {:.2} {}", finding.confidence, finding.evidence);
    if group.at > 0 {
        let _ = write!(text, "; its constraints refuse `{}`", name_of(&group.rules[0]));
    }
    if finding.has_national_numbers && name_of(group.rule()) == "phone" {
        text.push_str(
            "; numbers without their country's code may become somebody's: add the country, as in \
             { rule = \"phone\", country = \"44\" }",
        );
    }
    text.push('\n');
}

/// A key, bare where it may be.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
