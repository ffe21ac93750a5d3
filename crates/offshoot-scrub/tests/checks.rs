//! CHECK constraints: rules whose values satisfy them are allowed, all others refused, at once or at the first value.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::facts::predicate::{Comparison, Predicate};
use offshoot_scrub::facts::{Check, ColumnFacts};
use offshoot_scrub::{ScrubError, Scrubber};
use tables::{one_column, rewrite, scrubber, table};

fn column(type_name: &str, predicate: Predicate) -> ColumnFacts {
    let mut column = ColumnFacts::new("c", type_name);
    column.checks.push(Check::Holds { name: "demand".to_owned(), predicate });
    column
}

fn matches(pattern: &str) -> Predicate {
    Predicate::Matches { pattern: pattern.to_owned(), folds_case: false }
}

fn compare(with: Comparison, literal: &str) -> Predicate {
    Predicate::Compare(with, literal.to_owned())
}

fn refused(rule: &str, column: ColumnFacts) -> String {
    match one_column(rule, column) {
        Err(ScrubError::Refused { why, .. }) => why,
        other => panic!("{rule}: {other:?}"),
    }
}

/// Rewrites one text, or says why not.
fn apply(scrubber: &Scrubber, text: &str) -> Result<Option<Vec<u8>>, ScrubError> {
    use offshoot_format::column::{Batch, Cell, Column};
    let mut column = Column::new(offshoot_format::table::Layout::Var);
    column.push(text.as_bytes()).unwrap();
    let mut batch = Batch { columns: vec![column], rows: 1 };
    let (mut work, mut counts) = (offshoot_scrub::shape::Work::default(), [offshoot_scrub::ColumnCount::default()]);
    scrubber.apply("public", "t", &mut batch, &mut work, &mut counts)?;
    Ok(match batch.columns[0].cell(0) {
        Cell::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    })
}

#[test]
fn an_expression_that_addresses_of_mail_satisfy() {
    let address = || column("text", matches("^[^@[:space:]]+@[^@[:space:]]+$"));
    let scrubber = one_column("email", address()).unwrap();
    for text in ["ann@example.com", "zoë.müller+tag@münchen.de", "a@b"] {
        let scrubbed = apply(&scrubber, text).unwrap().unwrap();
        assert!(String::from_utf8(scrubbed).unwrap().contains('@'));
    }
    one_column("shape", address()).unwrap();
    assert!(refused("full-name", address()).contains("demand"));
    assert!(refused("{ rule = \"constant\", value = \"gone\" }", address()).contains("demand"));
    one_column("{ rule = \"constant\", value = \"a@b.test\" }", address()).unwrap();
    // NULL satisfies what does not ask for it.
    one_column("null", address()).unwrap();
}

#[test]
fn what_no_address_can_satisfy_is_refused_at_once() {
    let ours = || column("text", matches(r"^(?s:.*)@shop\.example$"));
    assert!(refused("email", ours()).contains("demand"));
    one_column("{ rule = \"email\", ignore-checks = true }", ours()).unwrap();
}

#[test]
fn dates_are_cut_below_a_bound_and_not_moved_across_it() {
    let born = |with, day| {
        let parts = vec![Predicate::IsNull, compare(with, day), compare(Comparison::Equal, "infinity")];
        column("date", Predicate::Any(parts))
    };
    let scrubber = one_column("date-truncate", born(Comparison::Less, "2026-01-01")).unwrap();
    let new = scrubber.value("public", "t", "c", &9130_i32.to_be_bytes()).unwrap().unwrap();
    assert_eq!(new, 8766_i32.to_be_bytes());
    one_column("age-bucket", born(Comparison::Less, "2026-01-01")).unwrap();
    assert!(refused("date-shift", born(Comparison::Less, "2026-01-01")).contains("demand"));
    assert!(refused("date-truncate", born(Comparison::GreaterOrEqual, "1990-06-05")).contains("demand"));
    one_column("date-truncate", born(Comparison::GreaterOrEqual, "1990-01-01")).unwrap();
}

#[test]
fn numbers_stay_in_their_range() {
    let percent = || {
        let bounds = vec![compare(Comparison::GreaterOrEqual, "1"), compare(Comparison::LessOrEqual, "100")];
        column("int4", Predicate::All(bounds))
    };
    one_column("{ rule = \"range\", from = 1, to = 100 }", percent()).unwrap();
    assert!(refused("{ rule = \"range\", from = 0, to = 100 }", percent()).contains("demand"));
    assert!(refused("shape", percent()).contains("demand"));
}

#[test]
fn a_list_takes_what_is_in_it() {
    let state =
        || column("text", Predicate::Any(["new", "paid"].map(|text| compare(Comparison::Equal, text)).to_vec()));
    one_column("{ rule = \"one-of\", values = [\"new\", \"paid\"] }", state()).unwrap();
    assert!(refused("{ rule = \"one-of\", values = [\"new\", \"sold\"] }", state()).contains("demand"));
    assert!(refused("shape", state()).contains("demand"));
}

#[test]
fn a_value_that_breaks_a_constraint_is_an_error_and_names_no_value() {
    // No rule can be tried on a whole row beforehand.
    let mut person = table("t", &[("first", "text")]);
    person.columns.push(column("text", Predicate::Length(Comparison::LessOrEqual, 9)));
    let rules = "first = \"keep\"\nc = { rule = \"template\", text = \"{first}@x.test\" }";
    let scrubber = scrubber(rules, &[person]).unwrap();
    let row = |first: &str, old: &str| {
        use offshoot_format::column::{Batch, Column};
        let columns = [first, old].map(|text| {
            let mut column = Column::new(offshoot_format::table::Layout::Var);
            column.push(text.as_bytes()).unwrap();
            column
        });
        let mut batch = Batch { columns: columns.to_vec(), rows: 1 };
        let mut counts = [offshoot_scrub::ColumnCount::default(); 2];
        scrubber.apply("public", "t", &mut batch, &mut offshoot_scrub::shape::Work::default(), &mut counts)
    };
    row("al", "al@y.org").unwrap();
    let error = row("alexandra", "al@y.org").unwrap_err();
    assert!(matches!(&error, ScrubError::Breaks { constraint, .. } if constraint == "demand"));
    let text = error.to_string();
    assert!(text.contains("public.t.c") && !text.contains("alexandra") && !text.contains("y.org"), "{text}");
    // What broke it before is under no constraint that holds.
    row("alexandra", "alexandra@example.org").unwrap();
}

#[test]
fn a_length_that_a_rule_may_exceed_is_looked_at_value_by_value() {
    let short = column("text", Predicate::Length(Comparison::Less, 30));
    let scrubber = one_column("email", short.clone()).unwrap();
    assert!(apply(&scrubber, "ann@x.org").is_ok());
    let error = apply(&scrubber, "annabella.long@mail.example").unwrap_err();
    assert!(matches!(error, ScrubError::Breaks { .. }), "{error}");
    one_column("shape", short).unwrap();
}

#[test]
fn every_form_of_rows_is_told_alike() {
    let scrubber = one_column("shape", column("text", matches("^[A-Z]{2}[0-9]+$"))).unwrap();
    let rows: Vec<Vec<Option<&[u8]>>> = vec![vec![Some(b"AB123")], vec![Some(b"XY9")], vec![None]];
    let new = rewrite(&scrubber, "t", &rows);
    assert!(new.iter().zip(&rows).all(|(new, old)| new[0].is_some() == old[0].is_some()));
}

#[test]
fn what_cannot_be_told_of_a_type_is_refused() {
    assert!(refused("shape", column("_text", matches("a"))).contains("ignore-checks"));
    assert!(refused("shape", column("text", matches("(unclosed"))).contains("ignore-checks"));
    one_column("keep", column("_text", matches("a"))).unwrap();
}

#[test]
fn large_values_are_looked_at_whole() {
    let scrubber = one_column("shape", column("text", matches("^[a-z ]*$"))).unwrap();
    let offshoot_scrub::Large::Rewrite(mut rewriter) = scrubber.large("public", "t", "c").unwrap() else {
        panic!("it is rewritten")
    };
    let text = "some words ".repeat(20_000);
    let mut out = Vec::new();
    rewriter.feed(text.as_bytes(), &mut |bytes| out.extend_from_slice(bytes)).unwrap();
    assert!(out.is_empty());
    assert!(rewriter.finish(&mut |bytes| out.extend_from_slice(bytes)).unwrap());
    assert_eq!(out.len(), text.len());
}
