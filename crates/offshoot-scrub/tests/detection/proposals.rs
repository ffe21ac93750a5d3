//! Whatever the tables, what is proposed for them parses and is accepted for them, and says no value.

use offshoot_format::column::{Batch, Column};
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::classify::{Classifier, Found, Meaning, propose};
use offshoot_scrub::facts::{Check, ColumnFacts, Equality, ForeignKey, TableFacts};
use offshoot_scrub::{Key, Policy, ScrubError, Scrubber};
use proptest::prelude::*;

const NAMES: [&str; 24] = [
    "id",
    "email",
    "first_name",
    "name",
    "password",
    "reset_token",
    "phone",
    "birthday",
    "note",
    "profile",
    "avatar",
    "ip",
    "card number",
    "latitude",
    "iban",
    "salary",
    "a.b",
    "*",
    "q\"uote",
    "new\nline",
    "zip",
    "search",
    "ssn",
    "ünï",
];
const TYPES: [&str; 19] = [
    "text",
    "varchar",
    "bpchar",
    "int4",
    "int8",
    "numeric",
    "float8",
    "bool",
    "date",
    "timestamptz",
    "uuid",
    "inet",
    "bytea",
    "json",
    "jsonb",
    "_text",
    "tsvector",
    "mood",
    "macaddr",
];
/// Distinct, and in no other text of a proposal.
const VALUES: [&str; 8] = [
    "zora.xq@mail-of-value.org",
    "4111111111111111",
    "Zora Xquibble",
    "+1 415 555 0134",
    "{\"theme\": \"Zora\", \"email\": \"zora.xq@mail-of-value.org\"}",
    "See Zora Xquibble at 12 Elm Street about the order of today",
    "xq-status",
    "078-05-1120",
];

fn column() -> impl Strategy<Value = ColumnFacts> {
    let check = prop_oneof![
        6 => Just(Vec::new()),
        1 => Just(vec![Check::Length]),
        1 => Just(vec![Check::Other("c".to_owned())]),
    ];
    (prop::sample::select(&TYPES[..]), any::<bool>(), prop::option::of(1_u32..60), check).prop_map(
        |(kind, is_nullable, max, checks)| {
            let mut column = ColumnFacts::new("", kind);
            column.is_nullable = is_nullable;
            column.max_chars = max.filter(|_| ["varchar", "bpchar", "_text"].contains(&kind));
            column.checks = checks;
            if kind == "mood" {
                column.labels = vec!["sad".to_owned(), "happy".to_owned()];
            }
            column
        },
    )
}

/// A table with columns of these names, some of them unique, and some a reference into the table before.
fn table(number: usize) -> impl Strategy<Value = TableFacts> {
    let equality = prop::sample::select(vec![Equality::Bytes, Equality::LowerCase, Equality::Other]);
    let names = prop::sample::subsequence(&NAMES[..], 1..8);
    let tables = prop::sample::select(vec!["users", "products", "a.b", "odd \"name\"", "orders"]);
    let schemas = prop::sample::select(vec!["public", "s.t"]);
    (
        names,
        prop::collection::vec(column(), 8),
        prop::collection::vec((0..8_usize, equality), 0..4),
        tables,
        schemas,
        any::<[bool; 2]>(),
    )
        .prop_map(move |(names, columns, unique, table, schema, [is_part, refers])| {
            let columns: Vec<ColumnFacts> = names
                .into_iter()
                .zip(columns)
                .map(|(name, column)| ColumnFacts { name: name.to_owned(), ..column })
                .collect();
            let unique = unique
                .into_iter()
                .filter(|(c, _)| *c < columns.len())
                .map(|(c, equality)| (vec![c], equality))
                .collect();
            let before = (schema.to_owned(), format!("{table}{}", number.saturating_sub(1)));
            let key = ForeignKey { columns: vec![0], table: before.clone(), refers_to: vec![columns[0].name.clone()] };
            TableFacts {
                schema: schema.to_owned(),
                name: format!("{table}{number}"),
                columns,
                form: RowForm::Binary,
                key: Vec::new(),
                unique,
                foreign_keys: if refers && number > 0 { vec![key] } else { Vec::new() },
                parent: (is_part && number > 0).then_some(before),
                period: None,
            }
        })
}

fn rows(table: &TableFacts, values: &[usize]) -> Batch {
    let columns = table.columns.iter().enumerate().map(|(c, _)| {
        let mut column = Column::new(Layout::Var);
        values.iter().for_each(|value| column.push(VALUES[(value + c) % VALUES.len()].as_bytes()).unwrap());
        column
    });
    Batch { columns: columns.collect(), rows: values.len() }
}

fn key() -> Key {
    let mut bytes = [9; 32];
    bytes[0] = 1;
    Key::from_bytes(bytes).unwrap()
}

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("OFFSHOOT_LONG").is_some() { 50_000 } else { 500 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn proposals_are_accepted(tables in (table(0), table(1), table(2)), values in prop::collection::vec(0..2_usize, 0..12)) {
        let tables = [tables.0, tables.1, tables.2];
        let found: Vec<Found> = tables
            .iter()
            .map(|table| {
                let rows = rows(table, &values);
                Found { findings: Classifier::new().classify(table, Some(&rows)), rows: rows.rows, table: table.clone() }
            })
            .collect();
        let proposal = propose(&found).unwrap();
        let policy = Policy::parse(&proposal.text).unwrap();
        let undecided = proposal.columns.iter().filter(|column| column.rule.is_none());
        let undecided: Vec<String> =
            undecided.map(|column| format!("{}.{}.{}", column.schema, column.table, column.column)).collect();
        match Scrubber::new(&policy, &tables, &key()) {
            Ok(scrubber) => for column in &proposal.columns {
                let planned = scrubber.columns(&column.schema, &column.table).unwrap();
                let rule = planned.iter().find(|planned| planned.name == column.column).unwrap().rule;
                prop_assert_eq!(Some(rule), column.rule.as_deref(), "{:?}", column);
            },
            // A capture refuses exactly what nobody has decided about.
            Err(ScrubError::Unclassified(refused)) => {
                let mut refused: Vec<String> = refused.into_iter().map(|(column, _)| column).collect();
                let mut undecided = undecided.clone();
                refused.sort();
                undecided.sort();
                prop_assert_eq!(refused, undecided);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
        prop_assert!(proposal.columns.iter().all(|column| column.rule.as_deref() != Some("keep") || column.finding.meaning.is_none()));
        for value in ["zora", "4111111", "xquibble", "415", "elm", "xq-status", "05-1120"] {
            prop_assert!(!proposal.text.to_lowercase().contains(value), "{} in {}", value, proposal.text);
        }
    }

    #[test]
    fn no_value_makes_it_panic(texts in prop::collection::vec("\\PC{0,60}", 1..6), bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), kind in prop::sample::select(&TYPES[..])) {
        let mut table = TableFacts {
            schema: "s".to_owned(), name: "t".to_owned(), columns: vec![ColumnFacts::new("c", kind)], form: RowForm::Binary,
            key: Vec::new(), unique: Vec::new(), foreign_keys: Vec::new(), parent: None, period: None,
        };
        for form in [RowForm::Binary, RowForm::Text] {
            table.form = form;
            let mut column = Column::new(Layout::Var);
            texts.iter().for_each(|text| column.push(text.as_bytes()).unwrap());
            bytes.iter().for_each(|bytes| column.push(bytes).unwrap());
            let rows = column.rows();
            let batch = Batch { columns: vec![column], rows };
            let once = Classifier::new().classify(&table, Some(&batch));
            prop_assert_eq!(once, Classifier::new().classify(&table, Some(&batch)));
        }
    }
}

#[test]
fn a_comment_says_what_a_name_does_not() {
    let column = |name: &str, comment: &str| {
        let mut column = ColumnFacts::new(name, "text");
        column.comment = Some(comment.to_owned());
        column
    };
    let table = TableFacts {
        schema: "public".to_owned(),
        name: "t17".to_owned(),
        columns: vec![
            column("f1", "E-mail"),
            column("f2", "phone number"),
            column("f3", "date of birth"),
            column("f4", "what the machine counted last"),
            // Too long to be a name for what is in it.
            column("f5", "who wants to change this must tell the team that wrote it, by phone number or in person"),
            // A name that says it goes before a comment.
            column("iban", "phone number"),
        ],
        form: RowForm::Binary,
        key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    };
    let findings = Classifier::new().classify(&table, None);
    let meanings: Vec<Option<Meaning>> = findings.iter().map(|finding| finding.meaning).collect();
    assert_eq!(
        meanings,
        [Some(Meaning::Email), Some(Meaning::Phone), Some(Meaning::BirthDate), None, None, Some(Meaning::BankAccount)]
    );
    assert!(findings[..3].iter().all(|finding| finding.evidence.contains("comment")), "{findings:?}");
    let proposal = propose(&[Found { findings, rows: 0, table }]).unwrap();
    assert_eq!(proposal.columns[0].rule.as_deref(), Some("email"));
}

/// What is proposed for a table of one column with these values.
fn proposed(column: ColumnFacts, values: &[&str]) -> String {
    let table = TableFacts {
        schema: "public".to_owned(),
        name: "people".to_owned(),
        columns: vec![column],
        form: RowForm::Text,
        key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    };
    let mut column = Column::new(Layout::Var);
    values.iter().for_each(|value| column.push(value.as_bytes()).unwrap());
    let batch = Batch { rows: values.len(), columns: vec![column] };
    let findings = Classifier::new().classify(&table, Some(&batch));
    let found = [Found { findings, rows: values.len(), table }];
    let proposal = propose(&found).unwrap();
    assert!(proposal.columns[0].rule.is_some(), "{}", proposal.text);
    proposal.text.lines().last().unwrap().to_owned()
}

#[test]
fn a_path_of_which_nothing_was_seen_is_not_kept() {
    let line = proposed(
        ColumnFacts::new("doc", "jsonb"),
        &[r#"{"mail": "zora@mail.org", "theme": "dark", "is_new": true, "extra": null}"#; 4],
    );
    assert!(line.contains("\"$.theme\" = \"keep\"") && line.contains("\"$.is_new\" = \"keep\""), "{line}");
    assert!(!line.contains("$.extra") && !line.contains("$.mail"), "{line}");
}

#[test]
fn keys_that_are_personal_are_proposed_to_be_shaped() {
    let line = proposed(
        ColumnFacts::new("doc", "jsonb"),
        &[r#"{"theme": "dark", "mail": "zora@mail.org", "zora@mail.org": "x"}"#; 4],
    );
    assert!(line.contains("keys = \"shape\"") && !line.contains("zora"), "{line}");
    assert!(line.contains("\"$.theme\" = \"keep\"") && line.contains("\"$.mail\" = \"shape\""), "{line}");
    let line = proposed(
        ColumnFacts::new("pairs", "hstore"),
        &[r#""theme"=>"dark", "mail"=>"zora@mail.org", "zora@mail.org"=>"x""#; 4],
    );
    assert!(line.contains("rule = \"hstore\", keys = { "), "{line}");
    assert!(
        line.contains("\"theme\" = \"keep\"") && line.contains("other-keys = \"shape\"") && !line.contains("zora"),
        "{line}"
    );
}

#[test]
fn degrees_are_moved_along_their_axis() {
    let degrees: [&str; 3] = ["-0.127800", "-0.131200", "0.099100"];
    for (name, kind, axis) in [
        ("home_lat", "numeric", "latitude"),
        ("home_lon", "numeric", "longitude"),
        ("longitude", "float8", "longitude"),
        ("latitude", "float8", "latitude"),
    ] {
        let line = proposed(ColumnFacts::new(name, kind), &degrees);
        assert!(line.contains(&format!("{{ rule = \"coordinates\", axis = \"{axis}\" }}")), "{line}");
    }
}

#[test]
fn a_country_is_asked_for_where_numbers_have_none() {
    let line = |values: &[&str]| proposed(ColumnFacts::new("phone", "text"), values);
    let national = line(&["030 1234 5678", "+49 30 1234567", "(415) 555-0134"]);
    assert!(national.starts_with("phone = \"phone\"") && national.contains("country = "), "{national}");
    let international = line(&["+49 30 1234567", "0049 30 123456", "+1 415 555 0134"]);
    assert!(international.starts_with("phone = \"phone\"") && !international.contains("country = "), "{international}");
}
