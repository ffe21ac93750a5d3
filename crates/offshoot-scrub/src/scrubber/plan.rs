//! The plan for one column: its transform, and all that its type and its constraints have against it.

use super::{ColumnPlan, Joins, ScrubError};
use offshoot_format::table::RowForm;

use crate::Key;
use crate::check::ValueCheck;
use crate::facts::{Check, ColumnFacts, Equality, TableFacts};
use crate::policy::{Policy, Rule};
use crate::transform::{Length, Making, Transform, fitted};
use crate::value::Kind;
use crate::wire::Codec;

/// Schema, table and column, as errors name them.
pub(super) fn full_name(table: &TableFacts, column: usize) -> String {
    format!("{}.{}", table.shown_name(), table.columns[column].name)
}

/// The table that a table is a part of, and so on up.
pub(super) fn ancestors(tables: &[TableFacts], t: usize) -> impl Iterator<Item = usize> + '_ {
    let parent = |t: &usize| {
        let (schema, name) = tables[*t].parent.as_ref()?;
        tables.iter().position(|table| table.schema == *schema && table.name == *name)
    };
    // Bounded, as the description of a table could go in circles.
    std::iter::successors(parent(&t), parent).take(64)
}

/// The rule that the policy has for a column, or for the same column of a table that this is a part of.
pub(super) fn own_rule(policy: &Policy, tables: &[TableFacts], t: usize, c: usize) -> Option<Rule> {
    let name = &tables[t].columns[c].name;
    let all = || {
        std::iter::once(t).chain(ancestors(tables, t)).filter_map(|table| {
            let column = tables[table].columns.iter().find(|column| column.name == *name)?;
            Some((&tables[table], column))
        })
    };
    // What is said of a table by its name, its parts included, goes before what patterns say of many.
    let named = all().find_map(|(table, column)| policy.named_rule_for(table, column));
    let general = |with_all: bool| {
        all().find_map(|(table, column)| {
            let commented = || policy.commented_rule_for(column).filter(|_| with_all);
            commented().or_else(|| policy.general_rule_for(table, column, with_all))
        })
    };
    let is_opened = all().any(|(_, column)| policy.commented_rule_for(column).is_some_and(|rule| rule.name == "keep"));
    // Whoever may comment on columns must not open one that the policy closes by its type or its name.
    let rule = named.or_else(|| is_opened.then(|| general(false)).flatten()).or_else(|| general(true));
    // Nobody has to name what the server itself writes of a row.
    rule.or_else(|| tables[t].is_of_period(c).then(|| policy.plain_rule("keep")).flatten())
}

/// Why a rule cannot be had for a column that says when a row holds.
pub(super) fn period_allows(table: &TableFacts, c: usize, rule: &Rule) -> Result<(), String> {
    if !table.is_of_period(c) || is_plainly(rule, "keep") {
        return Ok(());
    }
    let (table, name) = (table.shown_name(), &table.columns[c].name);
    Err(format!(
        "it says when a row held, and other times would put the table's former rows out of order: keep it ({name} = \"keep\" for the \
         table {table}), or leave the table's rows out"
    ))
}

/// The rule for a column that nobody looked at, where the policy wants such scrubbed; none if no rule does that blindly.
pub(super) fn blind_rule(table: &TableFacts, c: usize) -> Option<&'static str> {
    let column = &table.columns[c];
    let takes_nulls = column.is_nullable && !column.nulls_are_equal;
    match (suggested_rule(table, c), Codec::of(column, table.form).kind()) {
        ("keep", Kind::Integer) => Some("shape"),
        ("keep", Kind::Float | Kind::Decimal | Kind::Time | Kind::Interval) => Some("noise"),
        ("keep", _) => takes_nulls.then_some("null"),
        ("null", Kind::Bytes) => Some("shape"),
        ("null", _) => takes_nulls.then_some("null"),
        ("composite", _) => None,
        (rule, _) => Some(rule),
    }
}

/// A rule to begin with, from the type alone; the detection knows better ones.
pub(super) fn suggested_rule(table: &TableFacts, c: usize) -> &'static str {
    let column = &table.columns[c];
    match Codec::of(column, table.form).kind() {
        _ if !column.labels.is_empty() => "one-of",
        Kind::Text => "shape",
        Kind::Json => "json",
        Kind::Xml => "xml",
        Kind::Entry => "hstore",
        Kind::Field => "composite",
        Kind::Uuid => "uuid",
        Kind::Address => "ip",
        Kind::Point => "coordinates",
        Kind::Date | Kind::Timestamp => "date-shift",
        Kind::Integer | Kind::Float | Kind::Decimal | Kind::Bool | Kind::Time | Kind::Interval => "keep",
        Kind::Bytes | Kind::Opaque => "null",
    }
}

/// Says why a rule cannot be had, and where the policy has it.
pub(super) fn refused(policy: &Policy, rule: &Rule, column: String, why: String) -> ScrubError {
    ScrubError::Refused { place: policy.line_and_column(rule), column, rule: rule.name.clone(), why }
}

/// Plans a column; `Refused` if the rule cannot be had there.
pub(super) fn column(
    policy: &Policy,
    tables: &[TableFacts],
    joins: &Joins,
    place: (usize, usize),
    rule: &Rule,
    key: &Key,
) -> Result<ColumnPlan, ScrubError> {
    let (table, column) = (&tables[place.0], &tables[place.0].columns[place.1]);
    let refused = |why: String| refused(policy, rule, full_name(table, place.1), why);
    period_allows(table, place.1, rule).map_err(refused)?;
    encoding_allows(rule, column).map_err(refused)?;
    let codec = Codec::of(column, table.form);
    let equality = joins.equality(place.0, place.1);
    let mut options = rule.options();
    let ignores_checks = options.flag("ignore-checks").map_err(|fault| policy.place(fault))?;
    let making = Making {
        key,
        domain: &rule.name,
        column,
        columns: &table.columns,
        key_columns: &table.key,
        kind: codec.kind(),
        form: table.form,
        has_id: false,
        is_unique: equality.is_some(),
        folds_case: matches!(equality, Some(Equality::LowerCase | Equality::Folded)),
        lists: &policy.lists,
        makers: &policy.makers,
    };
    let transform = rule.make(options, &making).map_err(|fault| policy.place(fault))?;
    let is_unique_by = transform.is_unique_by().is_some_and(|by| {
        !table.columns[by].is_nullable && table.unique.iter().any(|(key, _)| table.is_key(key, &[by]))
    });
    type_allows(rule, &*transform, column, codec).map_err(refused)?;
    // How an expression or a collation compares is unknown, whatever the values are.
    let to_prove = equality.filter(|equality| !is_unique_by || *equality == Equality::Other);
    uniqueness_allows(rule, &*transform, column, to_prove, codec).map_err(refused)?;
    if joins.is_joined(place.0, place.1) && !is_plainly(rule, "keep") && joins.has_several_widths(tables, place) {
        let why = "columns that foreign keys join have integers of different widths, and would be permuted among different \
                   numbers: use `keep`";
        return Err(refused(why.to_owned()));
    }
    if joins.is_joined(place.0, place.1) && !transform.follows_value() {
        let why = "a foreign key joins it to a column of other rows, so what a value becomes must follow from the value alone: \
                   leave out `by`, `when` and other columns";
        return Err(refused(why.to_owned()));
    }
    let checks = checks_allow(rule, &*transform, column, codec, ignores_checks).map_err(refused)?;
    let surveys = transform.surveys();
    let transform =
        if surveys { transform } else { fitted::around(transform, joins.limit(tables, place), column.is_padded()) };
    let plan = ColumnPlan {
        name: column.name.clone(),
        rule: rule.name.clone(),
        is_unique: equality.is_some() || rule.asks_to_be_unique(),
        domain: rule.domain().to_owned(),
        is_conditional: rule.is_conditional(),
        codec,
        text_codec: Codec::of(column, RowForm::Text),
        follows_value: transform.follows_value(),
        transform,
        // Values that the column has are not too long for it, however it counts.
        chars_max: column.max_chars.filter(|_| !surveys),
        is_nullable: column.is_nullable,
        is_kept: is_plainly(rule, "keep"),
        is_null: is_plainly(rule, "null"),
        checks,
    };
    plan.try_checks().map_err(refused)?;
    Ok(plan)
}

/// Whether a rule is this one for all rows.
pub(super) fn is_plainly(rule: &Rule, name: &str) -> bool {
    rule.name == name && rule.options.is_empty()
}

fn is_kept(rule: &Rule) -> bool {
    is_plainly(rule, "keep") || is_plainly(rule, "null")
}

/// What a rule wrote would be no text of the encoding, and what it did not understand could stay; `shuffle` writes what was there.
fn encoding_allows(rule: &Rule, column: &ColumnFacts) -> Result<(), String> {
    match &column.encoding {
        Some(encoding)
            if !is_kept(rule) && rule.name != "shuffle" && Codec::of(column, RowForm::Text).charset().is_none() =>
        {
            Err(format!(
                "the database's encoding is {encoding}, and rules read and write UTF-8: use `null` or `keep`, or capture a copy of the \
             database that is in UTF-8"
            ))
        }
        _ => Ok(()),
    }
}

fn type_allows(rule: &Rule, transform: &dyn Transform, column: &ColumnFacts, codec: Codec) -> Result<(), String> {
    if transform.surveys() {
        return Ok(());
    }
    if !transform.takes(codec.kind()) {
        return Err(format!(
            "it does not rewrite values of type {}: use one of another kind, `null` or `constant`",
            column.type_name
        ));
    }
    if codec.is_range() && !is_kept(rule) && !transform.keeps_distance() {
        return Err("the bounds of a range must move alike: use `date-shift`, `keep` or `null`".to_owned());
    }
    if !column.labels.is_empty() && !is_kept(rule) && rule.name != "one-of" {
        return Err("the column is an enum: use `one-of`, `shuffle`, `keep` or `null`".to_owned());
    }
    Ok(())
}

fn uniqueness_allows(
    rule: &Rule,
    transform: &dyn Transform,
    column: &ColumnFacts,
    equality: Option<Equality>,
    codec: Codec,
) -> Result<(), String> {
    match equality {
        Some(_) if column.nulls_are_equal && rule.name == "null" => {
            Err("its unique constraint allows one NULL only: use another rule".to_owned())
        }
        Some(Equality::Other) if !is_kept(rule) => Err(
            "its unique constraint compares in a way (a collation or an expression) that no rule can be proved for: use `keep`"
                .to_owned(),
        ),
        // Lexemes may meet within a vector, and the bounds of ranges at the ends of the calendar.
        Some(_) if !is_kept(rule) && !codec.is_array() && !codec.is_whole() => {
            Err("values that consist of others cannot be rewritten where they are unique: use `keep`".to_owned())
        }
        Some(_) if !transform.is_injective() => Err(
            "the column is unique, and this rule could make two values equal: use `shape` or another injective rule".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// What constraints on the values themselves have against a rule; those that remain to be looked at value by value.
pub(crate) fn checks_allow(
    rule: &Rule,
    transform: &dyn Transform,
    column: &ColumnFacts,
    codec: Codec,
    ignores_checks: bool,
) -> Result<Vec<ValueCheck>, String> {
    if let Some(limit) = column.max_chars.filter(|_| !is_kept(rule) && !transform.surveys()) {
        fitted::allows(transform, limit as usize)?;
    }
    let mut open = Vec::new();
    for check in &column.checks {
        match check {
            Check::Holds { .. } if is_kept(rule) || ignores_checks || transform.surveys() => {}
            Check::Holds { predicate, .. } if transform.length() == Length::Same && predicate.bounds_length() => {}
            Check::Holds { name, predicate } => {
                open.push(ValueCheck::new(name, predicate, column, codec).ok_or_else(|| not_known(name))?);
            }
            // The lengths of several columns may be bounded together.
            Check::Length if is_kept(rule) || transform.length() == Length::Same && !transform.surveys() => {}
            Check::Length if transform.surveys() && ignores_checks => {}
            Check::Other(_) if is_kept(rule) || ignores_checks => {}
            Check::Length => return Err("a CHECK bounds the length, which this rule does not keep".to_owned()),
            Check::Other(name) => return Err(not_known(name)),
        }
    }
    Ok(open)
}

/// What is said of a constraint that nothing is known of.
pub(crate) fn not_known(name: &str) -> String {
    format!("the constraint {name} may not hold for its values: use `keep`, or add `ignore-checks = true` if it will")
}

/// Columns in an order in which each comes after those it reads; kept ones are left out.
pub(super) fn order(table: &TableFacts, columns: &[ColumnPlan]) -> Result<Vec<usize>, ScrubError> {
    let mut order: Vec<usize> = Vec::new();
    let mut waiting: Vec<usize> = (0..columns.len()).filter(|c| !columns[*c].is_kept).collect();
    while !waiting.is_empty() {
        let is_ready = |c: &usize| columns[*c].transform.reads().iter().all(|read| !waiting.contains(read));
        let (ready, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|c| is_ready(c));
        if ready.is_empty() {
            let why = "it needs a column that in turn needs it".to_owned();
            return Err(ScrubError::Refused {
                place: None,
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
