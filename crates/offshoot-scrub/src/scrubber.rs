//! A policy, a key and the tables, made into a plan: for each column the transform that its values go through.
//!
//! All that can be refused is refused here, before a row is read: columns without a rule, rules for things that are not
//! there, rules that the constraints of a column do not allow, two rules for columns that a foreign key joins. Rules follow
//! foreign keys, partitions and inheritance; columns joined by foreign keys share a domain, and are unique if one is.

mod column;
mod error;
mod joins;
mod large;
mod plan;
mod rows;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use offshoot_format::column::{Batch, Column};

use crate::Key;
use crate::facts::{TableFacts, shown_name};
use crate::policy::{Policy, Rule};
use crate::shape::Work;
use crate::transform::Row;
use column::ColumnPlan;
pub use error::ScrubError;
use joins::Joins;
pub use large::{Large, PIECE_BYTES_MAX, Rewriter, WHOLE_BYTES_MAX};
use plan::full_name;
pub(crate) use plan::{checks_allow, not_known};
use rows::Rows;

/// What is done with every table.
pub struct Scrubber {
    tables: BTreeMap<(String, String), TablePlan>,
    /// Bytes that surveys may hold, and do.
    survey_bytes_max: u64,
    survey_bytes: AtomicU64,
}

/// Bytes that surveys may hold unless said otherwise.
const SURVEY_BYTES_MAX: u64 = 1 << 30;

struct TablePlan {
    rows: Rows,
    /// None, if the copy has no rows.
    columns: Vec<ColumnPlan>,
    /// Columns that are rewritten, in an order in which each comes after those that it reads.
    order: Vec<usize>,
}

/// What was planned for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its rule.
    pub rule: &'a str,
    /// Columns of one domain agree on what a value becomes.
    pub domain: &'a str,
    /// Whether distinct values stay distinct, because it or a column that it refers to is unique.
    pub is_unique: bool,
    /// Whether all values stay as they are.
    pub is_kept: bool,
    /// Whether the rule is for some rows only.
    pub is_conditional: bool,
    /// Whether it may come to hold telephone numbers or addresses that somebody answers at.
    pub may_be_reachable: bool,
}

/// What happened to the values of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ColumnCount {
    /// Values, NULLs not counted.
    pub values: u64,
    /// Values that are others now.
    pub changed: u64,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrubber({} tables)", self.tables.len())
    }
}

impl Scrubber {
    /// Plans the rewriting of these tables.
    ///
    /// # Errors
    /// All of [`ScrubError`] but those of values.
    pub fn new(policy: &Policy, tables: &[TableFacts], key: &Key) -> Result<Self, ScrubError> {
        if let Some(error) = policy.missing(tables) {
            return Err(error.into());
        }
        let joins = Joins::new(tables);
        let rows = (0..tables.len()).map(|t| Rows::of(policy, tables, t)).collect::<Result<Vec<_>, _>>()?;
        let rules = rules(policy, tables, &joins, &rows)?;
        rows::check_references(tables, &rows, |t, c| {
            rules.get(&joins.root(t, c)).is_some_and(|(rule, _)| plan::is_plainly(rule, "null"))
        })?;
        let mut plans = BTreeMap::new();
        for (t, (table, rows)) in tables.iter().zip(rows).enumerate() {
            let count = if matches!(rows, Rows::None) { 0 } else { table.columns.len() };
            let columns = (0..count)
                .map(|c| plan::column(policy, tables, &joins, (t, c), &rules[&joins.root(t, c)].0, key))
                .collect::<Result<Vec<_>, _>>()?;
            let order = plan::order(table, &columns)?;
            plans.insert((table.schema.clone(), table.name.clone()), TablePlan { rows, columns, order });
        }
        Ok(Self { tables: plans, survey_bytes_max: SURVEY_BYTES_MAX, survey_bytes: AtomicU64::new(0) })
    }

    /// Bounds what surveys may hold: 64 bytes a row and column, and the value.
    #[must_use]
    pub fn with_survey_bytes_max(self, bytes: u64) -> Self {
        Self { survey_bytes_max: bytes, ..self }
    }

    /// Whether all rows of a table must go through [`Self::survey`] before any is rewritten, as a rule moves values between rows.
    #[must_use]
    pub fn surveys(&self, schema: &str, table: &str) -> bool {
        self.plan(schema, table).is_some_and(|plan| plan.columns.iter().any(|column| column.transform.surveys()))
    }

    /// Whether the rule of a column moves values between rows.
    #[must_use]
    pub fn moves(&self, schema: &str, table: &str, column: &str) -> bool {
        self.column(schema, table, column).is_ok_and(|plan| plan.transform.surveys())
    }

    /// Sees rows of a table that [`Self::surveys`] names. The batch is of no use afterwards.
    ///
    /// # Errors
    /// [`ScrubError::Unmovable`], [`ScrubError::TooMuch`], or [`ScrubError::SurveyedLate`].
    pub fn survey(&self, schema: &str, table: &str, batch: &mut Batch) -> Result<(), ScrubError> {
        let Some(plan) = self.plan(schema, table).filter(|plan| plan.columns.len() == batch.columns.len()) else {
            return Err(not_planned(schema, table));
        };
        plan.rows.filter(batch)?;
        for (c, column) in plan.columns.iter().enumerate().filter(|(_, column)| column.transform.surveys()) {
            let name = || format!("{}.{}", shown_name(schema, table), column.name);
            let bytes = column.survey(&batch.columns, c, name)? as u64;
            let held = self.survey_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            if held > self.survey_bytes_max {
                return Err(ScrubError::TooMuch { column: name(), bytes: self.survey_bytes_max });
            }
        }
        Ok(())
    }

    /// What was planned for the columns of a table; none if it was not planned, empty if the copy has no rows of it.
    #[must_use]
    pub fn columns(&self, schema: &str, table: &str) -> Option<Vec<PlannedColumn<'_>>> {
        Some(self.plan(schema, table)?.columns.iter().map(ColumnPlan::told).collect())
    }

    /// Whether the copy has rows of a table at all; true for one that was not planned.
    #[must_use]
    pub fn has_rows(&self, schema: &str, table: &str) -> bool {
        self.plan(schema, table).is_none_or(|plan| !matches!(plan.rows, Rows::None))
    }

    /// Whether the copy may lack rows of a table.
    #[must_use]
    pub fn leaves_rows_out(&self, schema: &str, table: &str) -> bool {
        self.plan(schema, table).is_some_and(|plan| !matches!(plan.rows, Rows::All))
    }

    /// What one value of a column becomes, in the form of its rows; none for NULL. Rules that look at the row see an empty one.
    ///
    /// # Errors
    /// [`ScrubError::Refused`] if there is no such column, or its rule moves values between rows.
    pub fn value(&self, schema: &str, table: &str, column: &str, value: &[u8]) -> Result<Option<Vec<u8>>, ScrubError> {
        let plan = self.column(schema, table, column)?;
        if plan.transform.surveys() {
            return Err(depends_on_row(schema, table, plan));
        }
        let (mut work, mut out) = (Work::default(), Vec::new());
        let is_there = plan.rewrite(value, &Row::default(), &mut work, &mut out);
        Ok(is_there.then_some(out))
    }

    /// What one value of a column becomes, both in text form and UTF-8 whatever the form of its rows and the encoding of its
    /// texts; none for NULL. Rules that look at the row see an empty one.
    ///
    /// # Errors
    /// [`ScrubError::Refused`] if there is no such column.
    pub fn pseudonym(
        &self,
        schema: &str,
        table: &str,
        column: &str,
        text: &str,
    ) -> Result<Option<Vec<u8>>, ScrubError> {
        let plan = self.column(schema, table, column)?;
        if !plan.follows_value {
            return Err(depends_on_row(schema, table, plan));
        }
        let (mut work, mut out) = (Work::default(), Vec::new());
        Ok(plan.rewrite_text(text, &mut work, &mut out).then_some(out))
    }

    /// What is done with values of a column that are too large to be part of a batch. Rules that look at the row see an empty
    /// one; a condition then counts as holding.
    ///
    /// # Errors
    /// [`ScrubError::Refused`] if there is no such column; [`ScrubError::Unmovable`] if its rule moves values.
    pub fn large(&self, schema: &str, table: &str, column: &str) -> Result<Large<'_>, ScrubError> {
        let (plan, column) = (self.column(schema, table, column)?, format!("{}.{column}", shown_name(schema, table)));
        if plan.transform.surveys() { Err(ScrubError::Unmovable { column }) } else { Ok(Large::of(plan, column)) }
    }

    /// Takes the rows out of a batch that the copy is not to have; how many those were.
    ///
    /// # Errors
    /// If the batch is not of the table.
    pub fn filter(&self, schema: &str, table: &str, batch: &mut Batch) -> Result<u64, ScrubError> {
        self.plan(schema, table).map_or(Ok(0), |plan| plan.rows.filter(batch))
    }

    /// Rewrites the rows of a batch, after [`Self::filter`], and after all rows went through [`Self::survey`] where that must be. Values that are stored apart are taken to have gone through
    /// [`Self::large`] before. `counts` has one entry a column and is added to.
    ///
    /// # Errors
    /// [`ScrubError`] if a value cannot be rewritten; the batch is then of no use.
    pub fn rewrite(
        &self,
        schema: &str,
        table: &str,
        batch: &mut Batch,
        work: &mut Work,
        counts: &mut [ColumnCount],
    ) -> Result<(), ScrubError> {
        let plan = self.plan(schema, table);
        if plan.is_some_and(|plan| matches!(plan.rows, Rows::None)) && batch.rows == 0 {
            return Ok(());
        }
        let Some(plan) =
            plan.filter(|plan| plan.columns.len() == batch.columns.len() && counts.len() == batch.columns.len())
        else {
            return Err(not_planned(schema, table));
        };
        let mut rewritten: Vec<Option<Column>> = (0..plan.columns.len()).map(|_| None).collect();
        for &c in &plan.order {
            let name = || format!("{}.{}", shown_name(schema, table), plan.columns[c].name);
            let new = plan.columns[c].apply(&batch.columns, c, &rewritten, work, &mut counts[c], name)?;
            rewritten[c] = Some(new);
        }
        for (column, new) in batch.columns.iter_mut().zip(rewritten) {
            if let Some(new) = new {
                *column = new;
            }
        }
        Ok(())
    }

    /// [`Self::filter`], then [`Self::rewrite`]; how many rows were taken out.
    ///
    /// # Errors
    /// Those of both.
    pub fn apply(
        &self,
        schema: &str,
        table: &str,
        batch: &mut Batch,
        work: &mut Work,
        counts: &mut [ColumnCount],
    ) -> Result<u64, ScrubError> {
        let left_out = self.filter(schema, table, batch)?;
        for (column, values) in
            self.plan(schema, table).into_iter().flat_map(|plan| plan.columns.iter().zip(&batch.columns))
        {
            if values.blob_count() > 0 && !column.is_kept && !column.is_null {
                return Err(ScrubError::Apart { column: format!("{}.{}", shown_name(schema, table), column.name) });
            }
        }
        self.rewrite(schema, table, batch, work, counts)?;
        Ok(left_out)
    }

    fn plan(&self, schema: &str, table: &str) -> Option<&TablePlan> {
        self.tables.get(&(schema.to_owned(), table.to_owned()))
    }

    fn column(&self, schema: &str, table: &str, column: &str) -> Result<&ColumnPlan, ScrubError> {
        let plan = self.plan(schema, table).and_then(|plan| plan.columns.iter().find(|plan| plan.name == column));
        plan.ok_or_else(|| ScrubError::Refused {
            place: None,
            column: format!("{}.{column}", shown_name(schema, table)),
            rule: "value".to_owned(),
            why: "there is no such column in the plan".to_owned(),
        })
    }
}

fn depends_on_row(schema: &str, table: &str, plan: &ColumnPlan) -> ScrubError {
    let why = "what a value becomes depends on its row, too: look the row up by a column that stays".to_owned();
    let column = format!("{}.{}", shown_name(schema, table), plan.name);
    ScrubError::Refused { place: None, column, rule: plan.rule.clone(), why }
}

fn not_planned(schema: &str, table: &str) -> ScrubError {
    let why = "the table was not planned, or has other columns now".to_owned();
    ScrubError::Refused { place: None, column: shown_name(schema, table), rule: "apply".to_owned(), why }
}

/// Rules by set of joined columns, each with the column that it was found for.
type Rules = BTreeMap<usize, (Rule, String)>;

fn rules(policy: &Policy, tables: &[TableFacts], joins: &Joins, rows: &[Rows]) -> Result<Rules, ScrubError> {
    let mut rules = Rules::new();
    let each = || tables.iter().enumerate().flat_map(|(t, table)| (0..table.columns.len()).map(move |c| (t, c)));
    for (t, c) in each() {
        let Some(rule) = plan::own_rule(policy, tables, t, c) else { continue };
        let column = full_name(&tables[t], c);
        match rules.get(&joins.root(t, c)) {
            Some((other, named)) if *other != rule => {
                let why =
                    format!("a foreign key joins it to {named}, whose rule is `{}`: give both the same", other.name);
                return Err(plan::refused(policy, &rule, column, why));
            }
            _ => {
                rules.insert(joins.root(t, c), (rule, column));
            }
        }
    }
    let mut unclassified = Vec::new();
    for (t, c) in each().filter(|(t, _)| !matches!(rows[*t], Rows::None)) {
        if rules.contains_key(&joins.root(t, c)) {
            continue;
        }
        let suggested = plan::suggested_rule(&tables[t], c);
        let blind = policy.shapes_unclassified.then(|| plan::blind_rule(&tables[t], c)).flatten();
        match blind.and_then(|rule| policy.blind_rule(rule)) {
            Some(rule) => drop(rules.insert(joins.root(t, c), (rule, full_name(&tables[t], c)))),
            None => unclassified.push((full_name(&tables[t], c), suggested)),
        }
    }
    if unclassified.is_empty() { Ok(rules) } else { Err(ScrubError::Unclassified(unclassified)) }
}
