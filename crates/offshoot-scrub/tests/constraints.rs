//! What keys demand is counted in the rows that were written, against those that came.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_format::column::{Cell, Column};
use offshoot_format::table::Layout;
use offshoot_scrub::constraints::{Constraints, Count, Counts, Moment};
use offshoot_scrub::facts::{Equality, ForeignKey, TableFacts};
use offshoot_scrub::survivors::MemoryRuns;
use offshoot_scrub::{Policy, Scrubber};
use tables::{key, table};

/// Rows of one column.
type Rows<'r> = &'r [Option<&'r str>];

fn column(rows: Rows<'_>) -> Column {
    let mut column = Column::new(Layout::Var);
    rows.iter().for_each(|row| column.push_cell(row.map_or(Cell::Null, |text| Cell::Bytes(text.as_bytes()))).unwrap());
    column
}

fn count(tables: &[TableFacts], seen: &[(&str, Rows<'_>, Rows<'_>)]) -> Counts {
    let policy = Policy::parse("[scrub.columns]\n'*' = { rule = \"shape\", unique = true }").unwrap();
    let scrubber = Scrubber::new(&policy, tables, &key(1)).unwrap();
    let random = std::array::from_fn(|at| at as u8 * 7 + 1);
    let constraints = Constraints::new(random, tables, &scrubber, Box::new(MemoryRuns::default()), usize::MAX).unwrap();
    let mut counter = constraints.counter().unwrap();
    for (name, before, after) in seen {
        let name = ("public".to_owned(), (*name).to_owned());
        counter.observe(&name, Moment::Before, &[column(before)]).unwrap();
        counter.observe(&name, Moment::After, &[column(after)]).unwrap();
    }
    counter.finish().unwrap();
    constraints.finish().unwrap()
}

fn users(type_name: &str, equality: Equality) -> TableFacts {
    let mut users = table("users", &[("handle", type_name)]);
    users.unique.push((vec![0], equality));
    users
}

fn posts() -> TableFacts {
    let mut posts = table("posts", &[("author", "text")]);
    let foreign = ("public".to_owned(), "users".to_owned());
    posts.foreign_keys.push(ForeignKey { columns: vec![0], table: foreign, refers_to: vec!["handle".to_owned()] });
    posts
}

fn unique(type_name: &str, equality: Equality, before: Rows<'_>, after: Rows<'_>) -> Count {
    count(&[users(type_name, equality)], &[("users", before, after)]).unique[&(0, 0)]
}

#[test]
fn rows_that_became_equal_are_counted() {
    let (before, after) = (&[Some("a"), Some("b"), Some("c")], [Some("x"), Some("x"), Some("y")]);
    assert_eq!(unique("text", Equality::Bytes, before, &after), Count { rows: 3, breaches: 1 });
    assert_eq!(unique("text", Equality::Bytes, before, before), Count { rows: 3, breaches: 0 });
}

#[test]
fn rows_that_were_equal_before_break_nothing() {
    // As a unique index over some rows allows.
    let (before, after) = (&[Some("a"), Some("a"), Some("b")], [Some("x"), Some("x"), Some("y")]);
    assert_eq!(unique("text", Equality::Bytes, before, &after).breaches, 0);
}

#[test]
fn values_count_as_equal_where_the_server_takes_them_for_equal() {
    let before = &[Some("a"), Some("b")];
    assert_eq!(unique("citext", Equality::LowerCase, before, &[Some("Ä"), Some("ä")]).breaches, 1);
    assert_eq!(unique("text", Equality::Bytes, before, &[Some("Ä"), Some("ä")]).breaches, 0);
    assert_eq!(unique("bpchar", Equality::Bytes, before, &[Some("x "), Some("x   ")]).breaches, 1);
    assert_eq!(unique("varchar", Equality::Bytes, before, &[Some("x "), Some("x   ")]).breaches, 0);
}

#[test]
fn nulls_are_under_no_constraint_unless_it_says_so() {
    let (before, after) = (&[Some("a"), Some("b"), None], [None, None, None]);
    assert_eq!(unique("text", Equality::Bytes, before, &after), Count { rows: 0, breaches: 0 });
    let mut strict = users("text", Equality::Bytes);
    strict.columns[0].nulls_are_equal = true;
    assert_eq!(count(&[strict], &[("users", before, &after)]).unique[&(0, 0)], Count { rows: 3, breaches: 2 });
}

#[test]
fn rows_that_refer_to_nothing_are_counted_unless_they_did_before() {
    let tables = [users("text", Equality::Bytes), posts()];
    let users = ("users", &[Some("a"), Some("b")][..], &[Some("x"), Some("y")][..]);
    let joins = |before: Rows<'_>, after: Rows<'_>| count(&tables, &[users, ("posts", before, after)]).joins[&(1, 0)];
    let before = &[Some("a"), Some("b"), Some("b"), None];
    assert_eq!(joins(before, &[Some("x"), Some("y"), Some("y"), None]), Count { rows: 3, breaches: 0 });
    assert_eq!(joins(before, &[Some("x"), Some("z"), Some("z"), None]), Count { rows: 3, breaches: 2 });
    assert_eq!(joins(&[Some("a"), Some("gone")], &[Some("x"), Some("z")]), Count { rows: 2, breaches: 0 });
}

#[test]
fn rows_of_partitions_are_referred_to_as_those_of_their_table() {
    let mut part = table("users_1", &[("handle", "text")]);
    part.parent = Some(("public".to_owned(), "users".to_owned()));
    let tables = [users("text", Equality::Bytes), posts(), part];
    let counts = count(
        &tables,
        &[("users_1", &[Some("a")], &[Some("x")]), ("posts", &[Some("a"), Some("a")], &[Some("x"), Some("x")])],
    );
    assert_eq!(counts.joins[&(1, 0)], Count { rows: 2, breaches: 0 });
}

#[test]
fn what_is_kept_is_not_counted() {
    let tables = [users("text", Equality::Bytes), posts()];
    let policy = Policy::parse("[scrub.columns]\n'*' = 'keep'").unwrap();
    let scrubber = Scrubber::new(&policy, &tables, &key(1)).unwrap();
    let random = std::array::from_fn(|at| at as u8 * 7 + 1);
    let constraints = Constraints::new(random, &tables, &scrubber, Box::new(MemoryRuns::default()), 1 << 20).unwrap();
    assert!(!constraints.looks_at("public", "users"));
    assert_eq!(constraints.finish().unwrap(), Counts::default());
}

#[test]
fn what_memory_has_no_room_for_is_counted_alike() {
    let tables = [users("text", Equality::Bytes), posts()];
    let policy = Policy::parse("[scrub.columns]\n'*' = 'shape'").unwrap();
    let scrubber = Scrubber::new(&policy, &tables, &key(1)).unwrap();
    let counts = [usize::MAX, 0].map(|memory_bytes| {
        let random = std::array::from_fn(|at| at as u8 * 7 + 1);
        let runs = Box::new(MemoryRuns::default());
        let constraints = Constraints::new(random, &tables, &scrubber, runs, memory_bytes).unwrap();
        for part in 0..3 {
            let mut counter = constraints.counter().unwrap();
            for (name, modulus) in [("users", 50_000), ("posts", 50_010)] {
                let mut rows = Column::new(Layout::Var);
                (0..60_000).for_each(|n| rows.push(format!("{}", (n * 7 + part) % modulus).as_bytes()).unwrap());
                let name = ("public".to_owned(), name.to_owned());
                let moment = if part == 0 { Moment::Before } else { Moment::After };
                counter.observe(&name, moment, &[rows]).unwrap();
            }
            counter.finish().unwrap();
        }
        constraints.finish().unwrap()
    });
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0].unique[&(0, 0)], Count { rows: 120_000, breaches: 70_000 - 10_000 });
    assert!(counts[0].joins[&(1, 0)].breaches > 0);
}

#[test]
fn what_was_not_finished_counts_nothing() {
    let tables = [users("text", Equality::Bytes)];
    let policy = Policy::parse("[scrub.columns]\n'*' = 'shape'").unwrap();
    let scrubber = Scrubber::new(&policy, &tables, &key(1)).unwrap();
    let random = std::array::from_fn(|at| at as u8 * 7 + 1);
    let constraints = Constraints::new(random, &tables, &scrubber, Box::new(MemoryRuns::default()), 0).unwrap();
    drop(constraints.counter().unwrap());
    assert!(constraints.finish().is_err());
}
