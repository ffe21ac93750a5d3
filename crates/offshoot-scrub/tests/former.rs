//! Tables whose former rows are among their rows: unique keys have the end of the period beside their columns, and the period stays.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_scrub::classify::{Classifier, Found, propose};
use offshoot_scrub::constraints::{Constraints, Moment};
use offshoot_scrub::facts::{Equality, ForeignKey, TableFacts};
use offshoot_scrub::survivors::MemoryRuns;
use offshoot_scrub::{Policy, Scrubber};
use tables::{key, policy, scrubber, table};

use offshoot_format::column::{Cell, Column};
use offshoot_format::table::Layout;

/// People with a key, a unique address, and when that was so.
fn people() -> TableFacts {
    let columns = [("id", "int4"), ("email", "text"), ("row_start", "timestamp_text"), ("row_end", "timestamp_text")];
    let mut people = table("people", &columns);
    [0, 2, 3].iter().for_each(|column: &usize| people.columns[*column].is_nullable = false);
    people.key = vec![0, 3];
    people.unique = vec![(vec![0, 3], Equality::Bytes), (vec![1, 3], Equality::Folded)];
    people.period = Some((2, 3));
    people
}

#[test]
fn keys_are_known_without_the_end_of_the_period() {
    let people = people();
    assert!(people.is_key(&[0, 3], &[0]) && people.is_key(&[1, 3], &[1]) && people.is_key(&[0, 3], &[0, 3]));
    assert!(!people.is_key(&[0, 3], &[1]) && !people.is_key(&[0, 1, 3], &[0]) && !people.is_key(&[0, 3], &[3]));
    let plain = TableFacts { period: None, ..people };
    assert!(plain.is_key(&[3, 0], &[0, 3]) && !plain.is_key(&[0, 3], &[0]));
}

#[test]
fn the_period_needs_no_rule_and_takes_none_but_keep() {
    let rules = "id = 'keep'\nemail = 'email'";
    for period in ["", "row_start = 'keep'", "row_start = 'keep'\nrow_end = 'keep'"] {
        let scrubber = scrubber(&format!("{rules}\n{period}"), &[people()]).unwrap();
        let planned = scrubber.columns("public", "people").unwrap();
        assert!(planned[2].is_kept && planned[3].is_kept && !planned[1].is_kept);
    }
    for (text, place) in [
        ("[scrub.columns]\nid = 'keep'\nemail = 'email'\nrow_end = 'null'", "people.row_end"),
        (
            "[scrub.columns]\nid = 'keep'\nemail = 'email'\nrow_start = { rule = 'date-shift', by = 'id', days = 3 }",
            "people.row_start",
        ),
        ("[scrub.tables.people]\nid = 'keep'\nemail = 'email'\n'*' = 'date-shift'", "people.row_start"),
    ] {
        let error = Scrubber::new(&Policy::parse(text).unwrap(), &[people()], &key(1)).unwrap_err().to_string();
        assert!(error.contains(place) && error.contains("when a row held") && error.contains("\"keep\""), "{error}");
    }
    let none = "[scrub.columns]\n'*' = 'null'\n[scrub.rows]\npeople = 'none'";
    assert!(Scrubber::new(&Policy::parse(none).unwrap(), &[people()], &key(1)).is_ok());
    let blind = "[scrub]\nunclassified = 'scrub'\n[scrub.columns]\nid = 'keep'\nemail = 'email'";
    let blind = Scrubber::new(&Policy::parse(blind).unwrap(), &[people()], &key(1)).unwrap();
    assert!(blind.columns("public", "people").unwrap()[2].is_kept);
}

#[test]
fn what_is_unique_among_the_rows_of_a_moment_stays_so() {
    let refused = |rule: &str| scrubber(&format!("id = 'keep'\nemail = {rule}"), &[people()]).unwrap_err().to_string();
    for rule in ["'first-name'", "'shuffle'"] {
        assert!(refused(rule).contains("the column is unique"), "{}", refused(rule));
    }
    // By a number that is unique itself, at each moment.
    let entity = "email = { rule = 'entity', part = 'email', by = 'id' }";
    assert!(scrubber(&format!("id = 'keep'\n{entity}"), &[people()]).is_ok());
    let keyless = TableFacts { unique: vec![(vec![1, 3], Equality::Folded)], ..people() };
    assert!(scrubber(&format!("id = 'keep'\n{entity}"), &[keyless]).is_err());
}

#[test]
fn what_refers_to_such_a_table_is_compared_as_its_key_is() {
    let mut posts = table("posts", &[("author", "text")]);
    let people_of = ("public".to_owned(), "people".to_owned());
    posts.foreign_keys.push(ForeignKey { columns: vec![0], table: people_of, refers_to: vec!["email".to_owned()] });
    let tables = [people(), posts];
    let scrubber = Scrubber::new(&policy("id = 'keep'\nemail = 'email'\nauthor = 'email'"), &tables, &key(1)).unwrap();
    let random = std::array::from_fn(|at| at as u8 * 7 + 1);
    let constraints =
        Constraints::new(random, &tables, &scrubber, Box::new(MemoryRuns::default()), usize::MAX).unwrap();
    let column = |texts: &[&str]| {
        let mut column = Column::new(Layout::Var);
        texts.iter().for_each(|text| column.push_cell(Cell::Bytes(text.as_bytes())).unwrap());
        column
    };
    let name = |table: &str| ("public".to_owned(), table.to_owned());
    let mut counter = constraints.counter().unwrap();
    // One address at two times, which the server compares without case.
    for (moment, author) in [(Moment::Before, "Ann@x.de"), (Moment::After, "ann@X.de")] {
        let rows = [column(&["1", "1"]), column(&["Ann@x.de", "Ann@x.de"]), column(&["a", "b"]), column(&["b", "c"])];
        counter.observe(&name("people"), moment, &rows).unwrap();
        counter.observe(&name("posts"), moment, &[column(&[author])]).unwrap();
    }
    counter.finish().unwrap();
    let counts = constraints.finish().unwrap();
    assert_eq!(counts.unique[&(0, 1)].breaches, 0);
    assert_eq!(counts.joins[&(1, 0)].breaches, 0);
}

#[test]
fn the_period_is_nothing_personal() {
    let mut people = people();
    // However its columns are called.
    "born".clone_into(&mut people.columns[2].name);
    let findings = Classifier::new().classify(&people, None);
    assert!(findings[1].meaning.is_some() && findings[2].meaning.is_none() && findings[3].meaning.is_none());
    let proposal = propose(&[Found { table: people, findings, rows: 0 }]).unwrap();
    assert!(
        proposal.text.contains("born = \"keep\"") && proposal.text.contains("row_end = \"keep\""),
        "{}",
        proposal.text
    );
}
