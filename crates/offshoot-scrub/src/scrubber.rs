//! A policy, a key and the tables, made into a plan: for each column the transform that its values go through.
//!
//! All that can be refused is refused here, before a row is read: columns without a rule, rules for things that are not
//! there, rules that the constraints of a column do not allow, two rules for columns that a foreign key joins. Rules follow
//! foreign keys, partitions and inheritance; columns joined by foreign keys share a domain, and are unique if one is.

use std::collections::BTreeMap;

use offshoot_format::FormatError;
use offshoot_format::column::{Batch, Cell, Column};

use crate::Key;
use crate::facts::{Check, Equality, TableFacts};
use crate::policy::{Options, Policy, PolicyError, Rule};
use crate::shape::Work;
use crate::transform::{Length, Making, Row, Transform};
use crate::value::Kind;
use crate::wire::Codec;

/// Why no plan can be made, or a batch not be rewritten. No value is in any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrubError {
    /// The policy is wrong in itself, or for these tables.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// Columns that no rule covers, each with a rule to begin with.
    #[error("no rule covers {}; give each a rule in [scrub.tables], such as `{}`", list(.0), example(.0))]
    Unclassified(Vec<(String, &'static str)>),
    /// A rule that the column does not allow.
    #[error("`{rule}` cannot be the rule of {column}: {why}")]
    Refused {
        /// Schema, table and column.
        column: String,
        /// The rule.
        rule: String,
        /// Why not, and what to do.
        why: String,
    },
    /// A rewritten value is longer than the column allows.
    #[error(
        "{column}: a rewritten value is longer than the column's limit; choose a rule that keeps the length, such as `shape`"
    )]
    TooLong {
        /// Schema, table and column.
        column: String,
    },
    /// A value is stored apart, where this rule cannot reach it.
    #[error(
        "{column}: a large value is stored apart from its row; hand it to the scrubber whole, or use `null` or `keep`"
    )]
    Apart {
        /// Schema, table and column.
        column: String,
    },
    /// The batch is not of the planned table, or grew too large.
    #[error(transparent)]
    Format(#[from] FormatError),
}

fn list(columns: &[(String, &'static str)]) -> String {
    columns.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>().join(", ")
}

fn example(columns: &[(String, &'static str)]) -> String {
    columns.first().map_or(String::new(), |(column, rule)| {
        format!("{} = \"{rule}\"", column.rsplit('.').next().unwrap_or_default())
    })
}

/// What is done with every table.
pub struct Scrubber {
    tables: BTreeMap<(String, String), TablePlan>,
}

struct TablePlan {
    columns: Vec<ColumnPlan>,
    /// Columns that are rewritten, in an order in which each comes after those that it reads.
    order: Vec<usize>,
}

struct ColumnPlan {
    name: String,
    rule: String,
    domain: String,
    is_unique: bool,
    codec: Codec,
    transform: Box<dyn Transform>,
    by: Option<usize>,
    chars_max: Option<u32>,
}

impl ColumnPlan {
    fn told(&self) -> PlannedColumn<'_> {
        let Self { name, rule, domain, is_unique, .. } = self;
        PlannedColumn { name, rule, domain, is_unique: *is_unique }
    }
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
        let mut rules: BTreeMap<usize, (Rule, String)> = BTreeMap::new();
        let each = || tables.iter().enumerate().flat_map(|(t, table)| (0..table.columns.len()).map(move |c| (t, c)));
        for (t, c) in each() {
            let Some(rule) = own_rule(policy, tables, t, c, 0) else { continue };
            let column = full_name(&tables[t], c);
            match rules.get(&joins.root(t, c)) {
                Some((other, named)) if *other != rule => {
                    let why = format!(
                        "a foreign key joins it to {named}, whose rule is `{}`: give both the same",
                        other.name
                    );
                    return Err(ScrubError::Refused { column, rule: rule.name, why });
                }
                _ => {
                    rules.insert(joins.root(t, c), (rule, column));
                }
            }
        }
        let mut unclassified = Vec::new();
        for (t, c) in each().filter(|(t, c)| !rules.contains_key(&joins.root(*t, *c))).collect::<Vec<_>>() {
            let suggested = suggested_rule(&tables[t], c);
            match policy.plain_rule("shape").filter(|_| policy.shapes_unclassified && suggested == "shape") {
                Some(rule) => drop(rules.insert(joins.root(t, c), (rule, full_name(&tables[t], c)))),
                None => unclassified.push((full_name(&tables[t], c), suggested)),
            }
        }
        if !unclassified.is_empty() {
            return Err(ScrubError::Unclassified(unclassified));
        }
        let mut plans = BTreeMap::new();
        for (t, table) in tables.iter().enumerate() {
            let columns = (0..table.columns.len())
                .map(|c| plan_column(policy, tables, &joins, (t, c), &rules[&joins.root(t, c)].0, key))
                .collect::<Result<Vec<_>, _>>()?;
            let order = order(table, &columns)?;
            plans.insert((table.schema.clone(), table.name.clone()), TablePlan { columns, order });
        }
        Ok(Self { tables: plans })
    }

    /// What was planned for the columns of a table; none if it was not planned.
    #[must_use]
    pub fn columns(&self, schema: &str, table: &str) -> Option<Vec<PlannedColumn<'_>>> {
        let plan = self.tables.get(&(schema.to_owned(), table.to_owned()))?;
        Some(plan.columns.iter().map(ColumnPlan::told).collect())
    }

    /// What one value of a column becomes, in the form of its rows; none for NULL. Rules that look at the row see an empty one.
    ///
    /// # Errors
    /// [`ScrubError::Refused`] if there is no such column.
    pub fn value(&self, schema: &str, table: &str, column: &str, value: &[u8]) -> Result<Option<Vec<u8>>, ScrubError> {
        let plan = self.tables.get(&(schema.to_owned(), table.to_owned()));
        let Some(plan) = plan.and_then(|plan| plan.columns.iter().find(|plan| plan.name == column)) else {
            let why = "there is no such column in the plan".to_owned();
            return Err(ScrubError::Refused {
                column: format!("{schema}.{table}.{column}"),
                rule: "value".to_owned(),
                why,
            });
        };
        let (mut work, mut out) = (Work::default(), Vec::new());
        let row = Row::default();
        let is_there =
            plan.codec.rewrite(value, &mut out, |value, out| plan.transform.apply(value, &row, &mut work, out));
        Ok(is_there.then_some(out))
    }

    /// Rewrites the rows of a batch; `counts` has one entry a column and is added to.
    ///
    /// # Errors
    /// [`ScrubError`] if a value cannot be rewritten; the batch is then of no use.
    pub fn apply(
        &self,
        schema: &str,
        table: &str,
        batch: &mut Batch,
        work: &mut Work,
        counts: &mut [ColumnCount],
    ) -> Result<(), ScrubError> {
        let plan = self.tables.get(&(schema.to_owned(), table.to_owned()));
        let Some(plan) =
            plan.filter(|plan| plan.columns.len() == batch.columns.len() && counts.len() == batch.columns.len())
        else {
            let why = "the table was not planned, or has other columns now".to_owned();
            return Err(ScrubError::Refused { column: format!("{schema}.{table}"), rule: "apply".to_owned(), why });
        };
        let mut rewritten: Vec<Option<Column>> = (0..plan.columns.len()).map(|_| None).collect();
        for &c in &plan.order {
            let column = &plan.columns[c];
            let name = || format!("{schema}.{table}.{}", column.name);
            let raw = &batch.columns[c];
            let mut new = Column::new(raw.layout());
            let mut out = Vec::new();
            for number in 0..raw.rows() {
                let bytes = match raw.cell(number) {
                    Cell::Bytes(bytes) => bytes,
                    Cell::Null => {
                        new.push_null();
                        continue;
                    }
                    Cell::Blob(_) if column.rule == "null" => {
                        new.push_null();
                        continue;
                    }
                    Cell::Blob(_) => return Err(ScrubError::Apart { column: name() }),
                };
                let row = Row { raw: &batch.columns, rewritten: &rewritten, number, by: column.by };
                out.clear();
                if column.codec.rewrite(bytes, &mut out, |value, out| column.transform.apply(value, &row, work, out)) {
                    if column.chars_max.is_some_and(|max| chars(&out) > max as usize && out != bytes) {
                        return Err(ScrubError::TooLong { column: name() });
                    }
                    new.push(&out)?;
                } else {
                    new.push_null();
                }
                counts[c].values += 1;
                counts[c].changed += u64::from(out != bytes);
            }
            rewritten[c] = Some(new);
        }
        for (column, new) in batch.columns.iter_mut().zip(rewritten) {
            if let Some(new) = new {
                *column = new;
            }
        }
        Ok(())
    }
}

fn chars(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

fn full_name(table: &TableFacts, column: usize) -> String {
    format!("{}.{}.{}", table.schema, table.name, table.columns[column].name)
}

/// The rule that the policy has for a column, or for the same column of the table that this is a part of.
fn own_rule(policy: &Policy, tables: &[TableFacts], t: usize, c: usize, depth: u32) -> Option<Rule> {
    let (table, column) = (&tables[t], &tables[t].columns[c]);
    policy.rule_for(table, column).or_else(|| {
        let (schema, name) = table.parent.as_ref().filter(|_| depth < 64)?;
        let parent = tables.iter().position(|table| table.schema == *schema && table.name == *name)?;
        let place = tables[parent].columns.iter().position(|other| other.name == column.name)?;
        own_rule(policy, tables, parent, place, depth + 1)
    })
}

/// A rule to begin with, from the type alone; the detection knows better ones.
fn suggested_rule(table: &TableFacts, c: usize) -> &'static str {
    let column = &table.columns[c];
    match Codec::new(&column.type_name, table.form).kind() {
        _ if !column.labels.is_empty() => "one-of",
        Kind::Text => "shape",
        Kind::Json => "json",
        Kind::Uuid => "uuid",
        Kind::Address => "ip",
        Kind::Date | Kind::Timestamp => "date-shift",
        Kind::Integer | Kind::Float | Kind::Decimal | Kind::Bool => "keep",
        Kind::Bytes | Kind::Opaque => "null",
    }
}

fn plan_column(
    policy: &Policy,
    tables: &[TableFacts],
    joins: &Joins,
    place: (usize, usize),
    rule: &Rule,
    key: &Key,
) -> Result<ColumnPlan, ScrubError> {
    let (table, column) = (&tables[place.0], &tables[place.0].columns[place.1]);
    let codec = Codec::new(&column.type_name, table.form);
    let equality = joins.equality(place.0, place.1);
    let refused = |why: String| ScrubError::Refused { column: full_name(table, place.1), rule: rule.name.clone(), why };
    let mut options = Options::new(rule.at, &rule.options);
    let domain = options.text("domain").map_err(|fault| policy.place(fault))?.unwrap_or_else(|| rule.name.clone());
    let by = options.text("by").map_err(|fault| policy.place(fault))?;
    let ignores_checks = options.flag("ignore-checks").map_err(|fault| policy.place(fault))?;
    let making = Making {
        key,
        domain: &domain,
        column,
        columns: &table.columns,
        kind: codec.kind(),
        is_unique: equality.is_some(),
        folds_case: equality == Some(Equality::LowerCase),
        lists: &policy.lists,
    };
    let by = by.map(|by| making.place(&by, &options)).transpose().map_err(|fault| policy.place(fault))?;
    let transform = (rule.make)(&mut options, &making).map_err(|fault| policy.place(fault))?;
    options.finish(&rule.name).map_err(|fault| policy.place(fault))?;

    let is_kept = matches!(rule.name.as_str(), "keep" | "null");
    if !transform.takes(codec.kind()) {
        return Err(refused(format!(
            "it does not rewrite values of type {}: use one of another kind, `null` or `constant`",
            column.type_name
        )));
    }
    if !column.labels.is_empty() && !is_kept && rule.name != "one-of" {
        return Err(refused("the column is an enum: use `one-of`, `keep` or `null`".to_owned()));
    }
    match equality {
        Some(Equality::Other) if !is_kept => {
            return Err(refused("its unique constraint compares in a way (a collation or an expression) that no rule can be proved for: use `keep`".to_owned()));
        }
        Some(_) if !transform.is_injective() => {
            return Err(refused("the column is unique, and this rule could make two values equal: use `shape` or another injective rule".to_owned()));
        }
        _ => {}
    }
    if let (Length::AtMost(chars), Some(max)) = (transform.length(), column.max_chars)
        && chars > max as usize
    {
        return Err(refused(format!("its values have up to {chars} characters, and the column takes {max}")));
    }
    for check in &column.checks {
        match check {
            Check::Length if transform.length() == Length::Same || is_kept => {}
            Check::Other(_) if is_kept || ignores_checks => {}
            Check::Length => {
                return Err(refused("a CHECK bounds the length, which this rule does not keep".to_owned()));
            }
            Check::Other(name) => {
                return Err(refused(format!(
                    "the constraint {name} may not hold for its values: use `keep`, or add `ignore-checks = true` if it will"
                )));
            }
        }
    }
    Ok(ColumnPlan {
        name: column.name.clone(),
        rule: rule.name.clone(),
        is_unique: equality.is_some(),
        domain,
        codec,
        transform,
        by,
        chars_max: column.max_chars,
    })
}

/// Columns in an order in which each comes after those it reads; kept ones are left out.
fn order(table: &TableFacts, columns: &[ColumnPlan]) -> Result<Vec<usize>, ScrubError> {
    let mut order: Vec<usize> = Vec::new();
    let mut waiting: Vec<usize> = (0..columns.len()).filter(|c| columns[*c].rule != "keep").collect();
    while !waiting.is_empty() {
        let is_ready = |c: &usize| columns[*c].transform.reads().iter().all(|read| !waiting.contains(read));
        let (ready, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|c| is_ready(c));
        if ready.is_empty() {
            let why = "it needs a column that in turn needs it".to_owned();
            return Err(ScrubError::Refused {
                column: full_name(table, rest[0]),
                rule: columns[rest[0]].rule.clone(),
                why,
            });
        }
        order.extend(ready);
        waiting = rest;
    }
    Ok(order)
}

/// Columns that foreign keys join, as sets, and how each set must stay unique.
struct Joins {
    starts: Vec<usize>,
    roots: Vec<usize>,
    equality: BTreeMap<usize, Equality>,
}

impl Joins {
    fn new(tables: &[TableFacts]) -> Self {
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
            for (columns, equality) in &table.unique {
                for column in columns {
                    let root = joins.root(t, *column);
                    let strictest = joins.equality.entry(root).or_insert(*equality);
                    *strictest = (*strictest).max(*equality);
                }
            }
        }
        joins
    }

    fn root(&self, table: usize, column: usize) -> usize {
        self.roots[self.starts[table] + column]
    }

    fn equality(&self, table: usize, column: usize) -> Option<Equality> {
        self.equality.get(&self.root(table, column)).copied()
    }
}
