//! The policy's language and the plan that is made from it: what is found, what is refused, and where errors point.

#![allow(clippy::unwrap_used)]

mod tables;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::table::Layout;
use offshoot_scrub::facts::{Check, ColumnFacts, Equality, ForeignKey, TableFacts};
use offshoot_scrub::shape::Work;
use offshoot_scrub::transform::{Row, Transform, names};
use offshoot_scrub::value::{Answer, Value};
use offshoot_scrub::{ColumnCount, Policy, Scrubber};
use proptest::prelude::*;
use tables::{cases, key, one_column, policy, scrub, table, with_options};

fn error(text: &str) -> String {
    let tables = [table("users", &[("name", "text"), ("age", "int4")])];
    match Policy::parse(text) {
        Err(error) => error.to_string(),
        Ok(policy) => Scrubber::new(&policy, &tables, &key(1)).unwrap_err().to_string(),
    }
}

#[test]
fn errors_point_at_line_and_column() {
    let cases = [
        ("x = 1", "line 1, column 1: there is no [scrub]"),
        ("[scrub]\nunclassified = 3", "line 2, column 16: "),
        ("[scrub]\n\ncolumn = {}", "line 3, column 1: [scrub] has no `column`"),
        ("[scrub.tables.users]\nname = \"emial\"", "line 2, column 8: there is no rule `emial`"),
        (
            "[scrub.tables.users]\nname = { rule = \"email\", two = 1 }\nage = \"keep\"",
            "line 2, column 26: `email` has no option `two`",
        ),
        ("[scrub.tables.users]\nname = { rule = \"partial\" }\nage = \"keep\"", "line 2, column 8: `partial` needs"),
        ("[scrub.tables.users]\n  nam = \"keep\"", "line 2, column 9: table `users` has no column `nam`"),
        ("[scrub.tables.user]\nname = \"keep\"", "line 2, column 8: there is no table `user`"),
        ("[scrub.tables.users]\nname = \"keep\nage = 1", "line 2, column "),
    ];
    for (text, expected) in cases {
        let error = error(text);
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn refusals_point_at_the_rule() {
    let (mut users, mut posts) = (table("users", &[("name", "text")]), table("posts", &[("author", "text")]));
    users.unique.push((vec![0], Equality::Bytes));
    posts.foreign_keys.push(ForeignKey {
        columns: vec![0],
        table: ("public".to_owned(), "users".to_owned()),
        refers_to: vec!["name".to_owned()],
    });
    let mut short = table("short", &[("name", "varchar"), ("age", "int4"), ("plain", "text")]);
    short.columns[0].max_chars = Some(4);
    short.columns[2].checks.push(Check::Other("odd".to_owned()));
    let error = |text: &str, tables: &[TableFacts]| {
        Scrubber::new(&Policy::parse(text).unwrap(), tables, &key(1)).unwrap_err().to_string()
    };
    let expect = |text: &str, tables: &[TableFacts], place: &str| {
        let error = error(text, tables);
        assert!(
            error.starts_with(&format!("policy: {place}: `")) && error.contains("cannot be the rule of"),
            "{error}"
        );
    };
    expect("[scrub.tables.users]\nname = 'first-name'", &[users.clone()], "line 2, column 8");
    let both = "[scrub.columns]\n'posts.*' = 'shape'\n\n 'users.*' = 'email'";
    expect(both, &[users, posts], "line 2, column 13");
    expect("[scrub.tables.short]\nname = 'email'\n'*' = 'keep'", &[short.clone()], "line 2, column 8");
    expect("[scrub.tables.short]\nage = 'email'\n'*' = 'keep'", &[short.clone()], "line 2, column 7");
    expect("[scrub.tables.short]\nplain = 'shape'\n'*' = 'keep'", &[short.clone()], "line 2, column 9");
    // A comment has no place in the policy.
    short.columns[1].comment = Some("offshoot: email".to_owned());
    let error = error("[scrub.tables.short]\nname = 'keep'\nplain = 'keep'", &[short]);
    assert!(error.starts_with("`email` cannot be the rule of public.short.age"), "{error}");
}

#[test]
fn a_comment_opens_no_column_that_the_policy_closes() {
    let mut users = table("users", &[("email", "text"), ("pin", "text"), ("note", "text"), ("post", "text")]);
    for column in &mut users.columns {
        column.comment = Some("offshoot: keep".to_owned());
    }
    users.columns[1].domain_type = Some("secret".to_owned());
    let mut part = users.clone();
    part.name = "part".to_owned();
    part.parent = Some(("public".to_owned(), "users".to_owned()));
    let text = "[scrub.columns]\n'*.*' = 'shape'\n'*email*' = 'email'\n'users.post' = 'redact'\n'*' = 'words'\n[scrub.types]\nsecret = 'token'";
    let scrubber = Scrubber::new(&Policy::parse(text).unwrap(), &[users, part], &key(1)).unwrap();
    for name in ["users", "part"] {
        let rules: Vec<&str> =
            scrubber.columns("public", name).unwrap().into_iter().map(|column| column.rule).collect();
        assert_eq!(rules, ["email", "token", "keep", "redact"], "{name}");
    }
}

#[test]
fn rules_with_two_forms_agree_with_unique_columns_where_they_are_asked_to() {
    let rules = [
        ("phone", "+1 (415) 867-5309"),
        ("ip", "10.1.2.3"),
        ("host", "10.1.2.3"),
        ("url", "https://10.1.2.3/x"),
        ("words", "see Ann"),
        ("shape", "Zoe 7"),
    ];
    let national = [("national-id", "123-45-6789")].map(|(name, text)| (name, ", country = \"us\"", text));
    for (name, options, text) in rules.map(|(name, text)| (name, "", text)).into_iter().chain(national) {
        let rule = |unique: &str| format!("{{ rule = \"{name}\"{options}{unique} }}");
        let value = |scrubber: Scrubber| scrubber.value("public", "t", "c", text.as_bytes()).unwrap().unwrap();
        let free = |unique: &str| value(one_column(&rule(unique), ColumnFacts::new("c", "text")).unwrap());
        let unique = value(tables::unique_column(&rule(""), "text").unwrap());
        assert_ne!(free(""), unique, "{name}");
        assert_eq!(free(", unique = true"), unique, "{name}");
        let planned = one_column(&rule(", unique = true"), ColumnFacts::new("c", "text")).unwrap();
        assert!(planned.columns("public", "t").unwrap()[0].is_unique, "{name}");
    }
    let error = one_column("{ rule = \"email\", unique = true }", ColumnFacts::new("c", "text")).unwrap_err();
    assert!(error.to_string().contains("`email` has no option `unique`"), "{error}");
}

#[test]
fn rules_are_found_by_table_then_comment_then_type_then_pattern() {
    let mut users = table("users", &[("a", "text"), ("b", "text"), ("c_email", "text"), ("d", "text")]);
    users.columns[1].comment = Some("where we write to. offshoot: email".to_owned());
    users.columns[3].domain_type = Some("secret".to_owned());
    let text = "[scrub.tables.users]\na = \"redact\"\n[scrub.columns]\n\"*.c_*\" = \"email\"\n\"*\" = \"keep\"\n[scrub.types]\nsecret = \"token\"";
    let scrubber = Scrubber::new(&Policy::parse(text).unwrap(), &[users], &key(1)).unwrap();
    let rules: Vec<&str> = scrubber.columns("public", "users").unwrap().into_iter().map(|column| column.rule).collect();
    assert_eq!(rules, ["redact", "email", "email", "token"]);
}

#[test]
fn unclassified_columns_are_shaped_only_when_asked() {
    let tables = [table("users", &[("name", "text")])];
    assert!(Scrubber::new(&Policy::parse("[scrub]").unwrap(), &tables, &key(1)).is_err());
    let scrubber =
        Scrubber::new(&Policy::parse("[scrub]\nunclassified = \"scrub\"").unwrap(), &tables, &key(1)).unwrap();
    let planned = &scrubber.columns("public", "users").unwrap()[0];
    assert_eq!((planned.name, planned.rule), ("name", "shape"));
}

#[test]
fn embedders_add_their_own_transforms() {
    struct Shout;
    impl Transform for Shout {
        fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
            let Value::Text(bytes) = value else { return Answer::Null };
            out.extend(bytes.iter().map(u8::to_ascii_uppercase));
            Answer::Written
        }
    }
    let mut own: BTreeMap<String, offshoot_scrub::transform::Maker> = BTreeMap::new();
    own.insert("shout".to_owned(), Arc::new(|_, _| Ok(Box::new(Shout))));
    let policy = Policy::parse_with("[scrub.columns]\nc = \"shout\"", own).unwrap();
    let scrubber = Scrubber::new(&policy, &[table("t", &[("c", "text")])], &key(1)).unwrap();
    assert_eq!(scrubber.value("public", "t", "c", b"quiet").unwrap().unwrap(), b"QUIET");
}

#[test]
fn batches_are_rewritten_with_nulls_templates_and_counts() {
    let users = table("users", &[("id", "int4"), ("first", "text"), ("mail", "text"), ("born", "date")]);
    let policy = policy(
        "id = \"keep\"\nfirst = \"shape\"\nmail = { rule = \"template\", text = \"{first}.{id}@x.test\" }\nborn = { rule = \"date-shift\", by = \"id\" }",
    );
    let mut facts = users.clone();
    facts.columns[0].type_name = "text".to_owned();
    let scrubber = Scrubber::new(&policy, &[facts], &key(1)).unwrap();
    let mut columns: Vec<Column> = (0..4).map(|_| Column::new(Layout::Var)).collect();
    for (id, first, born) in [(b"1", Some("Ann"), 100_i32), (b"1", None, 130), (b"2", Some("Ann"), i32::MAX)] {
        columns[0].push(id).unwrap();
        columns[1].push_cell(first.map_or(Cell::Null, |first| Cell::Bytes(first.as_bytes()))).unwrap();
        columns[2].push(b"old").unwrap();
        columns[3].push(&born.to_be_bytes()).unwrap();
    }
    let mut batch = Batch { columns, rows: 3 };
    let mut counts = [ColumnCount::default(); 4];
    scrubber.apply("public", "users", &mut batch, &mut Work::default(), &mut counts).unwrap();
    let text = |column: usize, row: usize| match batch.columns[column].cell(row) {
        Cell::Bytes(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let day = |row| i32::from_be_bytes(text(3, row).try_into().unwrap());
    assert_eq!(text(0, 0), b"1");
    assert_ne!(text(1, 0), b"Ann");
    assert_eq!(text(1, 0), text(1, 2));
    assert_eq!(batch.columns[1].cell(1), Cell::Null);
    assert_eq!(text(2, 0), [&text(1, 0)[..], b".1@x.test"].concat());
    assert_eq!(text(2, 1), b".1@x.test");
    // Dates of one person move alike, and the end of time stays.
    assert_eq!((day(1) - day(0), day(2)), (30, i32::MAX));
    assert_eq!(counts[1], ColumnCount { values: 2, changed: 2 });
    assert_eq!(counts[0], ColumnCount::default());
}

#[test]
fn arrays_are_rewritten_element_by_element() {
    let scrubber = one_column("shape", ColumnFacts::new("c", "_text")).unwrap();
    let mut array: Vec<u8> = [1_i32, 0, 25, 3, 1].iter().flat_map(|number| number.to_be_bytes()).collect();
    for element in [Some("Alice"), None, Some("")] {
        array.extend(element.map_or(-1, |text| text.len() as i32).to_be_bytes());
        array.extend(element.unwrap_or_default().as_bytes());
    }
    let scrubbed = scrubber.value("public", "t", "c", &array).unwrap().unwrap();
    assert_eq!(scrubbed.len(), array.len());
    assert_ne!(scrubbed[24..29], array[24..29]);
    assert_eq!(scrubbed[29..], array[29..]);
    // What is no array is not let through.
    assert_eq!(scrubber.value("public", "t", "c", b"junk").unwrap(), None);
}

/// A transform that does not say that it makes values longer.
struct Doubled;

impl Transform for Doubled {
    fn apply(&self, value: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(text) = value else { return Answer::Null };
        out.extend_from_slice(&text.repeat(2));
        Answer::Written
    }
}

#[test]
fn a_value_that_grows_beyond_its_column_without_a_word_is_an_error() {
    let mut users = table("t", &[("c", "varchar")]);
    users.columns[0].max_chars = Some(12);
    let mut own: BTreeMap<String, offshoot_scrub::transform::Maker> = BTreeMap::new();
    own.insert("doubled".to_owned(), Arc::new(|_, _| Ok(Box::new(Doubled))));
    let policy = Policy::parse_with("[scrub.columns]\nc = \"doubled\"", own).unwrap();
    let scrubber = Scrubber::new(&policy, &[users], &key(1)).unwrap();
    let mut values = Column::new(Layout::Var);
    values.push(b"alice@x.com").unwrap();
    let mut batch = Batch { columns: vec![values], rows: 1 };
    let error =
        scrubber.apply("public", "t", &mut batch, &mut Work::default(), &mut [ColumnCount::default()]).unwrap_err();
    assert!(error.to_string().starts_with("public.t.c: ") && !error.to_string().contains("alice"), "{error}");
}

#[test]
fn the_limit_of_an_array_is_one_of_its_elements() {
    let mut column = ColumnFacts::new("c", "_varchar");
    column.max_chars = Some(12);
    let mut array: Vec<u8> = [1_i32, 0, 1043, 2, 1].iter().flat_map(|number| number.to_be_bytes()).collect();
    for element in ["alice@x.com", "bob@x.com"] {
        array.extend((element.len() as i32).to_be_bytes());
        array.extend(element.as_bytes());
    }
    let apply = |rule: &str| {
        let mut values = Column::new(Layout::Var);
        values.push(&array).unwrap();
        let mut batch = Batch { columns: vec![values], rows: 1 };
        let scrubber = one_column(rule, column.clone()).unwrap();
        scrubber.apply("public", "t", &mut batch, &mut Work::default(), &mut [ColumnCount::default()]).map(|_| batch)
    };
    // Two elements of eleven and nine characters fit, although the array is longer than twelve bytes.
    assert!(matches!(apply("shape").unwrap().columns[0].cell(0), Cell::Bytes(bytes) if bytes.len() == array.len()));
    assert!(one_column("email", column.clone()).is_err());
}

#[test]
fn every_rule_of_the_catalogue_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
    let text = std::fs::read_to_string(path).unwrap();
    for name in names() {
        assert!(text.contains(&format!("| `{name}` |")), "docs/policy.md does not describe `{name}`");
    }
}

/// Rules for text that say they are injective.
const INJECTIVE: [&str; 21] = [
    "shape",
    "words",
    "username",
    "postal-code",
    "national-id",
    "email",
    "phone",
    "card",
    "iban",
    "token",
    "password",
    "domain",
    "host",
    "url",
    "vat",
    "isbn",
    "isin",
    "bic",
    "uuid",
    "mac",
    "ip",
];

/// Plans of a unique column each.
static UNIQUE: LazyLock<Vec<Scrubber>> =
    LazyLock::new(|| INJECTIVE.iter().map(|rule| tables::unique_column(rule, "text").unwrap()).collect());

const KINDS: [&str; 22] = [
    "text",
    "int4",
    "int8",
    "float8",
    "numeric",
    "date",
    "timestamptz",
    "timetz",
    "interval",
    "uuid",
    "inet",
    "macaddr",
    "point",
    "bytea",
    "jsonb",
    "json",
    "xml",
    "hstore",
    "tsvector",
    "tstzrange",
    "_text",
    "_int4",
];

/// Rules that rewrite several values at once.
const TOGETHER: [&str; 5] = ["email", "card", "{ rule = \"card\", issuer = 6 }", "iban", "shape"];

static TOGETHER_PLANS: LazyLock<Vec<Scrubber>> =
    LazyLock::new(|| TOGETHER.iter().map(|rule| one_column(rule, ColumnFacts::new("c", "text")).unwrap()).collect());

/// Plans of each rule for columns of many types.
static ALL: LazyLock<Vec<Scrubber>> = LazyLock::new(|| {
    let pairs = names().into_iter().flat_map(|name| KINDS.map(|kind| (name, kind)));
    pairs.filter_map(|(name, kind)| one_column(&with_options(name), ColumnFacts::new("c", kind)).ok()).collect()
});

#[test]
fn what_is_documented_as_injective_is_what_unique_columns_take() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut seen = 0;
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        let is_taken = KINDS.iter().any(|kind| tables::unique_column(&with_options(name), kind).is_ok());
        match cells[3] {
            // It is the id that must be unique then.
            "by id" => {}
            claim => assert_eq!(is_taken, claim != "no", "{name}"),
        }
        seen += 1;
    }
    assert_eq!(seen, names().len());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn injective_rules_never_make_two_values_meet(texts in prop::collection::hash_set("[a-c]{0,2}[@+. /%:-]{0,1}[0-2]{0,3}(@[ab]{1,2})?", 2..8)) {
        let rows: Vec<Vec<Option<&[u8]>>> = texts.iter().map(|text| vec![Some(text.as_bytes())]).collect();
        for (rule, scrubber) in INJECTIVE.iter().zip(UNIQUE.iter()) {
            let scrubbed: std::collections::HashSet<_> = tables::rewrite(scrubber, "t", &rows).into_iter().collect();
            prop_assert_eq!(scrubbed.len(), texts.len(), "{}", rule);
        }
    }

    /// Many values at once become what they become one by one, and so do addresses with one domain, and what is none of its kind.
    #[test]
    fn values_of_a_batch_become_what_they_become_alone(texts in prop::collection::vec(prop_oneof![
        "[a-z]{1,6}@[ab]{1,2}[.]de", " ?[a-z0-9+]{1,30}@([a-zé]{1,9}[.]){1,2}[a-z]{2} ?", "[0-9]{4} ?[0-9]{4}-?[0-9]{1,9}", "[A-Z]{2}[0-9]{2}[ A-Z0-9]{0,20}", "\\PC{0,12}",
    ], 1..20)) {
        let rows: Vec<Vec<Option<&[u8]>>> = texts.iter().map(|text| vec![Some(text.as_bytes())]).collect();
        for (rule, scrubber) in TOGETHER.iter().zip(TOGETHER_PLANS.iter()) {
            for (row, new) in rows.iter().zip(tables::rewrite(scrubber, "t", &rows)) {
                let alone = scrubber.value("public", "t", "c", row[0].unwrap()).unwrap();
                prop_assert_eq!(&new[0], &alone, "{}", rule);
            }
        }
    }

    /// What tiny values become follows from their own domain, whichever columns a thread rewrote before.
    #[test]
    fn columns_of_one_batch_do_not_disturb_each_other(texts in prop::collection::vec("[a-z0-9]{0,2}", 1..20)) {
        let two = table("t", &[("a", "text"), ("b", "text")]);
        let rule = |domain: &str| format!("{{ rule = \"shape\", unique = true, domain = \"{domain}\" }}");
        let scrubber = tables::scrubber(&format!("a = {}\nb = {}", rule("one"), rule("other")), &[two]).unwrap();
        let rows: Vec<Vec<Option<&[u8]>>> = texts.iter().map(|text| vec![Some(text.as_bytes()); 2]).collect();
        for (row, new) in rows.iter().zip(tables::rewrite(&scrubber, "t", &rows)) {
            for (column, new) in ["a", "b"].iter().zip(new) {
                let alone = scrubber.value("public", "t", column, row[0].unwrap()).unwrap();
                prop_assert_eq!(new, alone, "{}", column);
            }
        }
    }

    #[test]
    fn no_rule_panics_whatever_the_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,12}", first in any::<prop::sample::Index>()) {
        // Another part of all plans in each case.
        let first = first.index(ALL.len());
        for scrubber in ALL.iter().cycle().skip(first).take(32) {
            scrubber.value("public", "t", "c", &bytes).unwrap();
            scrubber.value("public", "t", "c", text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn numbers_keep_sign_and_digits_and_stay_distinct(a in any::<i32>(), b in any::<i32>()) {
        let mut unique = table("t", &[("c", "int4")]);
        unique.unique.push((vec![0], Equality::Bytes));
        let scrubber = tables::scrubber("c = \"shape\"", &[unique]).unwrap();
        let value = |n: i32| i32::from_be_bytes(scrubber.value("public", "t", "c", &n.to_be_bytes()).unwrap().unwrap().try_into().unwrap());
        prop_assert_eq!(value(a).to_string().len(), a.to_string().len());
        prop_assert_eq!(value(a) < 0, a < 0);
        prop_assert!(value(a) != a || a == i32::MIN);
        prop_assert_eq!(value(a) == value(b), a == b);
    }

    #[test]
    fn uuids_keep_version_and_variant(bytes in any::<[u8; 16]>()) {
        let scrubber = one_column("uuid", ColumnFacts::new("c", "uuid")).unwrap();
        let new = scrubber.value("public", "t", "c", &bytes).unwrap().unwrap();
        prop_assert_ne!(&new[..], &bytes[..]);
        prop_assert_eq!((new[6] >> 4, new[8] >> 6), (bytes[6] >> 4, bytes[8] >> 6));
    }

    #[test]
    fn names_come_from_lists_in_the_script_of_the_value(name in "[A-Z][a-z]{2,8}") {
        let new = scrub("first-name", "text", &name);
        prop_assert!(new != name && new.chars().next().is_some_and(char::is_uppercase));
        prop_assert_eq!(scrub("first-name", "text", &name.to_uppercase()), new.to_uppercase());
    }
}
