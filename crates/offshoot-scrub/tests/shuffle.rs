//! `shuffle`: what moves values between rows keeps all of them, and is as stable as any other rule.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::facts::predicate::{Comparison, Predicate};
use offshoot_format::ids::ChunkId;
use offshoot_format::table::Layout;
use offshoot_scrub::facts::{Check, ColumnFacts, Equality, ForeignKey, TableFacts};
use offshoot_scrub::shape::Work;
use offshoot_scrub::{ColumnCount, ScrubError, Scrubber};
use std::collections::BTreeMap;
use tables::{scrubber, table};

type Row = Vec<Option<Vec<u8>>>;

/// People with an id as key, and a city.
fn people() -> TableFacts {
    let mut people = table("people", &[("id", "text"), ("city", "text")]);
    people.columns[0].is_nullable = false;
    people.unique.push((vec![0], Equality::Bytes));
    people.key = vec![0];
    people
}

fn rows(count: usize) -> Vec<Row> {
    let city = |n: usize| if n % 7 == 3 { None } else { Some(format!("city {}", n % 50).into_bytes()) };
    (0..count).map(|n| vec![Some(n.to_string().into_bytes()), city(n)]).collect()
}

fn batch(rows: &[Row]) -> Batch {
    let count = rows.first().map_or(0, Vec::len);
    let mut batch = Batch { columns: (0..count).map(|_| Column::new(Layout::Var)).collect(), rows: rows.len() };
    for row in rows {
        for (column, value) in batch.columns.iter_mut().zip(row) {
            column.push_cell(value.as_deref().map_or(Cell::Null, Cell::Bytes)).unwrap();
        }
    }
    batch
}

fn cells(batch: &Batch) -> Vec<Row> {
    let cell = |column: &Column, row| match column.cell(row) {
        Cell::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    };
    (0..batch.rows).map(|row| batch.columns.iter().map(|column| cell(column, row)).collect()).collect()
}

fn apply(scrubber: &Scrubber, table: &str, batch: &mut Batch) -> Result<u64, ScrubError> {
    let mut counts = vec![ColumnCount::default(); batch.columns.len()];
    scrubber.apply("public", table, batch, &mut Work::default(), &mut counts)
}

/// Shows all rows, then rewrites them, in batches of so many.
fn moved(scrubber: &Scrubber, table: &str, rows: &[Row], batch_rows: usize) -> Vec<Row> {
    assert!(scrubber.surveys("public", table));
    for rows in rows.chunks(batch_rows) {
        scrubber.survey("public", table, &mut batch(rows)).unwrap();
    }
    let rewrite = |rows: &[Row]| {
        let mut batch = batch(rows);
        apply(scrubber, table, &mut batch).unwrap();
        cells(&batch)
    };
    rows.chunks(batch_rows).flat_map(rewrite).collect()
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort();
    values
}

fn shuffled(rows: &[Row], batch_rows: usize) -> Vec<Row> {
    let scrubber = scrubber("id = \"keep\"\ncity = \"shuffle\"", &[people()]).unwrap();
    moved(&scrubber, "people", rows, batch_rows)
}

#[test]
fn all_values_stay_in_other_rows_and_nulls_where_they_are() {
    let old = rows(1000);
    let new = shuffled(&old, 64);
    let column = |rows: &[Row], c: usize| -> Vec<Option<Vec<u8>>> { rows.iter().map(|row| row[c].clone()).collect() };
    assert_eq!(column(&new, 0), column(&old, 0));
    assert_eq!(sorted(column(&new, 1)), sorted(column(&old, 1)));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old[1].is_none(), new[1].is_none());
    }
    let stayed = old.iter().zip(&new).filter(|(old, new)| old[1].is_some() && old[1] == new[1]).count();
    assert!(stayed < 60, "{stayed} of 857 rows have what they had, of 50 values about 17 would by chance");
}

#[test]
fn what_a_row_gets_depends_on_neither_order_nor_batches() {
    let old = rows(500);
    let by_id = |rows: Vec<Row>| -> BTreeMap<Option<Vec<u8>>, Row> {
        rows.into_iter().map(|row| (row[0].clone(), row)).collect()
    };
    let expected = by_id(shuffled(&old, 500));
    let mut backwards = old;
    backwards.reverse();
    assert_eq!(by_id(shuffled(&backwards, 7)), expected);
}

#[test]
fn a_row_that_comes_goes_or_changes_changes_one_other() {
    let old = rows(500);
    let before: BTreeMap<_, _> = shuffled(&old, 99).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let others_changed = |rows: &[Row], changed: &[u8]| {
        let after = shuffled(rows, 99);
        let is_other = |row: &&Row| row[0].as_deref() != Some(changed) && before.get(&row[0]) != Some(&row[1]);
        after.iter().filter(is_other).count()
    };
    let mut more = old.clone();
    more.push(vec![Some(b"new".to_vec()), Some(b"elsewhere".to_vec())]);
    assert_eq!(others_changed(&more, b"new"), 1);
    let mut fewer = old.clone();
    fewer.remove(100);
    assert!(others_changed(&fewer, b"100") <= 1);
    let mut changed = old;
    changed[100][1] = Some(b"elsewhere".to_vec());
    assert_eq!(others_changed(&changed, b"100"), 1);
}

#[test]
fn columns_move_each_in_its_own_way_and_keys_by_their_number() {
    let mut people = people();
    people.columns.push(ColumnFacts::new("mood", "text"));
    let rules = "id = \"keep\"\n\"*\" = { rule = \"shuffle\", domain = \"one\" }";
    let value = |n: usize| Some(n.to_string().into_bytes());
    let old: Vec<Row> = (0..200).map(|n| vec![value(n), value(n), value(n)]).collect();
    let new = moved(&scrubber(rules, &[people]).unwrap(), "people", &old, 50);
    assert!(new.iter().all(|row| row[1] != row[0]) && new.iter().filter(|row| row[2] == row[1]).count() < 10);
    // A key that becomes wider moves nothing.
    let of_kind = |kind: &str, bytes: &dyn Fn(usize) -> Vec<u8>| {
        let mut people = self::people();
        people.columns[0].type_name = kind.to_owned();
        let old: Vec<Row> = (0..50).map(|n| vec![Some(bytes(n)), value(n)]).collect();
        let scrubber = scrubber("id = \"keep\"\ncity = \"shuffle\"", &[people]).unwrap();
        moved(&scrubber, "people", &old, 50).into_iter().map(|row| row[1].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        of_kind("int4", &|n| (n as i32).to_be_bytes().to_vec()),
        of_kind("int8", &|n| (n as i64).to_be_bytes().to_vec())
    );
}

#[test]
fn a_value_that_is_alone_does_not_stay_with_its_row() {
    let mut one = rows(8);
    one.iter_mut().for_each(|row| row[1] = None);
    one[5][1] = Some(b"the only one".to_vec());
    let new = shuffled(&one, 3);
    assert!(new.iter().all(|row| row[1].is_none()));
    let mut people = people();
    people.columns[1].is_nullable = false;
    let scrubber = scrubber("id = \"keep\"\ncity = \"shuffle\"", &[people]).unwrap();
    scrubber.survey("public", "people", &mut batch(&one[5..6])).unwrap();
    let error = apply(&scrubber, "people", &mut batch(&one[5..6])).unwrap_err();
    assert!(matches!(error, ScrubError::Alone { .. }) && !error.to_string().contains("only one"), "{error}");
}

#[test]
fn rows_that_are_left_out_take_no_part() {
    let policy = "[scrub.rows]\npeople = \"city <> 'Oslo'\"\n[scrub.columns]\nid = \"keep\"\ncity = \"shuffle\"";
    let policy = offshoot_scrub::Policy::parse(policy).unwrap();
    let scrubber = Scrubber::new(&policy, &[people()], &tables::key(1)).unwrap();
    let city = |n: usize| if n.is_multiple_of(3) { "Oslo".to_owned() } else { format!("city {n}") };
    let old: Vec<Row> = (0..90).map(|n| vec![Some(n.to_string().into_bytes()), Some(city(n).into_bytes())]).collect();
    let new = moved(&scrubber, "people", &old, 16);
    assert_eq!(new.len(), 60);
    assert!(new.iter().all(|row| row[1].as_deref() != Some(b"Oslo")));
}

#[test]
fn it_suits_every_type_and_what_is_checked_by_itself() {
    for kind in ["text", "int4", "float8", "jsonb", "_text", "tstzrange", "money", "hstore", "point", "xml", "bool"] {
        let mut people = people();
        people.columns[1] = ColumnFacts::new("city", kind);
        people.columns[1].max_chars = (kind == "text").then_some(3);
        let at_least = Predicate::Compare(Comparison::NotEqual, "x".to_owned());
        people.columns[1].checks.push(Check::Holds { name: "known".to_owned(), predicate: at_least });
        let scrubber = scrubber("id = \"keep\"\ncity = \"shuffle\"", &[people]);
        assert!(scrubber.is_ok(), "{kind}: {:?}", scrubber.err());
    }
    // What a column holds is not too long for it, however its limit was counted.
    let mut short = people();
    short.columns[1].max_chars = Some(3);
    let plan = scrubber("id = \"keep\"\ncity = \"shuffle\"", &[short]).unwrap();
    assert_eq!(moved(&plan, "people", &rows(20), 5).len(), 20);
    let mut people = people();
    people.columns[1].labels = vec!["a".to_owned(), "b".to_owned()];
    people.columns[1].encoding = Some("EUC_JP".to_owned());
    assert!(scrubber("id = \"keep\"\ncity = \"shuffle\"", &[people]).is_ok());
}

#[test]
fn it_is_refused_where_rows_would_not_fit_any_more() {
    let refused = |people: TableFacts, rule: &str| {
        let error = scrubber(&format!("id = \"keep\"\ncity = {rule}"), &[people]).unwrap_err();
        error.to_string()
    };
    // A unique index may be for some rows alone, and a value may not move to one of those.
    for unique in [vec![1], vec![1, 2]] {
        let mut people = people();
        people.columns.push(ColumnFacts::new("at", "int4"));
        people.unique.push((unique, Equality::Bytes));
        let error = scrubber("city = \"shuffle\"\n\"*\" = \"keep\"", &[people]).unwrap_err().to_string();
        assert!(error.contains("the column is unique"), "{error}");
    }
    let mut keyless = people();
    keyless.key.clear();
    assert!(refused(keyless, "\"shuffle\"").contains("needs a primary key"));
    let mut joined = people();
    let table = ("public".to_owned(), "people".to_owned());
    joined.foreign_keys.push(ForeignKey { columns: vec![1], table, refers_to: vec!["id".to_owned()] });
    let error = scrubber("\"*\" = \"shuffle\"", &[joined]).unwrap_err().to_string();
    assert!(error.contains("the column is unique"), "{error}");
    let mut checked = people();
    checked.columns[1].checks.push(Check::Other("both".to_owned()));
    assert!(refused(checked, "\"shuffle\"").contains("the constraint both"));
    let mut lengths = people();
    lengths.columns[1].checks.push(Check::Length);
    assert!(refused(lengths, "\"shuffle\"").contains("bounds the length"));
    for option in ["by = \"id\"", "when = \"id = '1'\", otherwise = \"keep\"", "too-long = \"null\""] {
        let error = refused(people(), &format!("{{ rule = \"shuffle\", {option} }}"));
        assert!(error.contains("takes no `by`, `when` and `too-long`"), "{option}: {error}");
    }
    let within = "{ rule = \"regex\", pattern = \"a\", matches = \"shuffle\" }";
    assert!(refused(people(), within).contains("for whole columns alone"));
}

#[test]
fn what_was_not_seen_is_large_or_too_much_is_an_error_without_a_value() {
    let rules = "id = \"keep\"\ncity = \"shuffle\"";
    let plan = || scrubber(rules, &[people()]).unwrap();
    let scrubber = plan();
    let error = apply(&scrubber, "people", &mut batch(&rows(3))).unwrap_err();
    assert!(matches!(&error, ScrubError::NotSurveyed { column } if column == "public.people.city"), "{error}");
    let scrubber = plan();
    scrubber.survey("public", "people", &mut batch(&rows(100)[..50])).unwrap();
    let error = apply(&scrubber, "people", &mut batch(&rows(100)[50..])).unwrap_err();
    assert!(error.to_string().contains("begin anew") && !error.to_string().contains("city 1"), "{error}");
    let mut large = batch(&rows(1)[..]);
    large.columns[1] = Column::new(Layout::Var);
    large.columns[1].push_blob(&BlobRef { id: ChunkId::from_bytes([1; 32]), bytes: 1 << 20 }).unwrap();
    let error = plan().survey("public", "people", &mut large.clone()).unwrap_err();
    assert!(matches!(error, ScrubError::Unmovable { .. }), "{error}");
    assert!(matches!(plan().large("public", "people", "city"), Err(ScrubError::Unmovable { .. })));
    let mut counts = [ColumnCount::default(); 2];
    assert!(plan().rewrite("public", "people", &mut large, &mut Work::default(), &mut counts).is_err());
    let bounded = plan().with_survey_bytes_max(1 << 20);
    let error = bounded.survey("public", "people", &mut batch(&rows(40_000))).unwrap_err();
    assert!(error.to_string().contains("more than the 1 MiB") && error.to_string().contains("`one-of`"), "{error}");
    assert!(plan().pseudonym("public", "people", "city", "Oslo").is_err());
    // Nobody asks for one value, nor shows rows late, and is then told something that is not so.
    let scrubber = plan();
    assert!(scrubber.value("public", "people", "city", b"Oslo").is_err());
    assert_eq!(moved(&scrubber, "people", &rows(10), 5).len(), 10);
    let error = scrubber.survey("public", "people", &mut batch(&rows(10))).unwrap_err();
    assert!(matches!(error, ScrubError::SurveyedLate { .. }), "{error}");
    assert!(!tables::scrubber("id = \"keep\"\ncity = \"shape\"", &[people()]).unwrap().surveys("public", "people"));
}
