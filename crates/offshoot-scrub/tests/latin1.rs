//! Texts of a database in LATIN1: rules, conditions, the survivor proof and people all mean the same letters.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_format::table::RowForm;
use offshoot_scrub::facts::{ColumnFacts, Equality};
use offshoot_scrub::survivors::{Inputs, MemoryRuns, Output, Place, Source};
use offshoot_scrub::{Policy, Scrubber};
use tables::{key, one_column, rewrite, scrubber, table};

fn column(name: &str, type_name: &str) -> ColumnFacts {
    ColumnFacts { encoding: Some("LATIN1".to_owned()), ..ColumnFacts::new(name, type_name) }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn read(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What a value becomes, as a text.
fn value(scrubber: &Scrubber, bytes: &[u8]) -> String {
    read(&scrubber.value("public", "t", "c", bytes).unwrap().unwrap())
}

const KINDS: [&str; 2] = ["Gesch\u{e4}ft", "privat"];

fn orders(form: RowForm) -> offshoot_scrub::facts::TableFacts {
    let mut orders = table("t", &[]);
    orders.form = form;
    orders.columns = vec![column("kind", "varchar"), column("name", "text")];
    orders
}

#[test]
fn conditions_compare_letters_not_bytes() {
    let rules = "kind = \"keep\"\nname = { rule = \"redact\", sign = \"#\", when = \"kind = 'Gesch\u{e4}ft'\", otherwise = \"keep\" }";
    for form in [RowForm::Binary, RowForm::Text] {
        let scrubber = scrubber(rules, &[orders(form)]).unwrap();
        let rows = KINDS.map(latin1);
        let rows: Vec<Vec<Option<&[u8]>>> =
            rows.iter().map(|kind| vec![Some(&kind[..]), Some(&b"M\xfcller"[..])]).collect();
        let names: Vec<String> =
            rewrite(&scrubber, "t", &rows).iter().map(|row| read(row[1].as_deref().unwrap())).collect();
        assert_eq!(names, ["######", "M\u{fc}ller"]);
    }
}

#[test]
fn rows_are_chosen_by_letters() {
    let text = "[scrub.columns]\n'*' = 'keep'\n[scrub.rows]\nt = \"kind = 'Gesch\u{e4}ft'\"";
    let scrubber = Scrubber::new(&Policy::parse(text).unwrap(), &[orders(RowForm::Binary)], &key(1)).unwrap();
    let rows = KINDS.map(latin1);
    let rows: Vec<Vec<Option<&[u8]>>> = rows.iter().map(|kind| vec![Some(&kind[..]), None]).collect();
    assert_eq!(rewrite(&scrubber, "t", &rows), [vec![Some(latin1(KINDS[0])), None]]);
}

#[test]
fn labels_of_an_enum_are_compared_and_written_in_latin1() {
    let mut kind = column("c", "mood");
    kind.labels = vec!["m\u{fc}de".to_owned(), "m\u{fc}\u{df}ig".to_owned()];
    let drawn = value(&one_column("one-of", kind.clone()).unwrap(), b"m\xfcde");
    assert!(kind.labels.contains(&drawn), "{drawn}");
    let mut orders = table("t", &[]);
    orders.columns = vec![kind, column("name", "text")];
    let rule = "c = \"keep\"\nname = { rule = \"empty\", when = \"c = 'm\u{fc}de'\", otherwise = \"keep\" }";
    let scrubber = scrubber(rule, &[orders]).unwrap();
    let rows: [Vec<Option<&[u8]>>; 2] = [vec![Some(b"m\xfcde"), Some(b"x")], vec![Some(b"m\xfc\xdfig"), Some(b"x")]];
    let names: Vec<Option<Vec<u8>>> = rewrite(&scrubber, "t", &rows).into_iter().map(|mut row| row.remove(1)).collect();
    assert_eq!(names, [Some(Vec::new()), Some(b"x".to_vec())]);
}

#[test]
fn what_is_written_is_latin1() {
    let lists = "{ rule = \"one-of\", values = [\"J\u{f6}rg\"] }";
    assert_eq!(value(&one_column(lists, column("c", "text")).unwrap(), b"x"), "J\u{f6}rg");
    // What it cannot hold is a question mark, as a server would say that it cannot.
    let lists = "{ rule = \"one-of\", values = [\"\u{141}uk\"] }";
    assert_eq!(value(&one_column(lists, column("c", "text")).unwrap(), b"x"), "?uk");
    let redact = "{ rule = \"json\", others = \"redact\" }";
    if let Ok(documents) = one_column(redact, column("c", "json")) {
        assert!(
            value(&documents, &latin1("{\"gr\u{f6}\u{df}e\": \"gro\u{df}\"}")).starts_with("{\"gr\u{f6}\u{df}e\": \"")
        );
    }
    let documents = one_column("json", column("c", "jsonb")).unwrap();
    let written = documents.value("public", "t", "c", b"\x01{\"gr\xf6\xdfe\": \"Anna\"}").unwrap().unwrap();
    assert!(written.starts_with(b"\x01{\"gr\xf6\xdfe\": \"") && !read(&written).contains("Anna"));
    let array = one_column("{ rule = \"redact\", sign = \"\u{a7}\" }", column("c", "_text")).unwrap();
    let mut bytes = vec![0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend_from_slice(b"\xe4\xc3");
    let written = array.value("public", "t", "c", &bytes).unwrap().unwrap();
    assert!(written.ends_with(b"\xa7\xa7") && written.len() == bytes.len());
}

#[test]
fn characters_of_a_limit_are_those_of_latin1() {
    // Two characters that would be one in UTF-8.
    let mut short = column("c", "varchar");
    short.max_chars = Some(1);
    let long = one_column("{ rule = \"one-of\", values = [\"\u{c3}\u{a9}\"] }", short);
    assert!(long.unwrap_err().to_string().contains("c"), "refused before a row is read");
    let mut pair = column("c", "varchar");
    pair.max_chars = Some(2);
    assert_eq!(
        value(&one_column("{ rule = \"one-of\", values = [\"\u{c3}\u{a9}\"] }", pair).unwrap(), b"x"),
        "\u{c3}\u{a9}"
    );
}

#[test]
fn a_pseudonym_is_what_the_copy_has() {
    for rule in ["shape", "last-name", "username", "words"] {
        for (encoding, type_name) in [(Some("LATIN1"), "text"), (Some("LATIN1"), "varchar"), (None, "text_cp1252")] {
            let column = ColumnFacts { encoding: encoding.map(str::to_owned), ..ColumnFacts::new("c", type_name) };
            let scrubber = one_column(rule, column).unwrap();
            for text in ["M\u{fc}ller", "Jos\u{e9} Nu\u{f1}ez", "Anna"] {
                let copy = value(&scrubber, &latin1(text));
                let pseudonym = scrubber.pseudonym("public", "t", "c", text).unwrap().unwrap();
                assert_eq!(String::from_utf8(pseudonym).unwrap(), copy, "{rule} {type_name} {text}");
            }
        }
    }
}

#[test]
fn values_that_differ_in_case_beyond_ascii_are_equal_where_the_index_says_so() {
    use offshoot_scrub::constraints::{Constraints, Moment};
    let mut users = table("t", &[]);
    users.columns = vec![column("c", "citext")];
    users.unique.push((vec![0], Equality::LowerCase));
    let scrubber = scrubber("c = \"shape\"", &[users.clone()]).unwrap();
    let random = *b"another random key for this test";
    let runs = Box::new(MemoryRuns::default());
    let constraints = Constraints::new(random, &[users], &scrubber, runs, 1 << 20).unwrap();
    let mut counter = constraints.counter().unwrap();
    for (moment, values) in [(Moment::Before, [&b"a"[..], b"b"]), (Moment::After, [b"\xc9", b"\xe9"])] {
        let mut column = offshoot_format::column::Column::new(offshoot_format::table::Layout::Var);
        values.iter().for_each(|value| column.push(value).unwrap());
        counter.observe(&("public".to_owned(), "t".to_owned()), moment, &[column]).unwrap();
    }
    counter.finish().unwrap();
    assert_eq!(constraints.finish().unwrap().unique[&(0, 0)].breaches, 1);
}

/// How often a name is found in a cell of a kept column of a type, or in the schema where there is none.
fn found(source: &str, kept: Option<&str>, cell: &[u8]) -> usize {
    let place = |column: &str| Place::column("public", "t", column);
    let form = RowForm::Binary;
    let of = column("name", source);
    let source = Source::new(place("name"), "full-name", "full-name", source, form).reading(&of, form);
    let output = match kept {
        Some(type_name) => {
            Output::new(place("kept"), "keep", "keep", false, type_name, form).reading(&column("kept", type_name), form)
        }
        None => Output::object("a comment"),
    };
    let inputs =
        Inputs::new(*b"a random key for one proof alone", vec![source], Box::new(MemoryRuns::default()), 1 << 22);
    let inputs = inputs.unwrap();
    let mut collector = inputs.collector().unwrap();
    collector.observe(0, b"J\xfcrgen M\xfcllersch\xf6n").unwrap();
    collector.finish().unwrap();
    let search = inputs.finish().unwrap().search(vec![output]);
    let mut searcher = search.searcher().unwrap();
    searcher.cell(0, cell).unwrap();
    searcher.part(0, cell).unwrap();
    searcher.finish().unwrap();
    search.finish().unwrap().findings.iter().map(|finding| finding.cells as usize).sum()
}

#[test]
fn what_was_rewritten_is_found_in_the_schema_and_in_columns() {
    let name = "J\u{fc}rgen M\u{fc}llersch\u{f6}n";
    assert_eq!(found("text", None, format!("ask {name}").as_bytes()), 2);
    // Once as a cell, and once as a part of a large one.
    for type_name in ["text", "varchar", "json", "xml", "ltree", "citext"] {
        assert_eq!(found("text", Some(type_name), &latin1(&format!("\"ask {name}\""))), 2, "{type_name}");
    }
    let mut vector = b"\0\0\0\x02J\xfcrgen\0\0\x01\0\x01M\xfcllersch\xf6n\0\0\x01\0\x02".to_vec();
    assert!(found("varchar", Some("tsvector"), &vector) > 0);
    vector[5] = b'X';
    assert_eq!(found("varchar", Some("tsvector"), &vector), 0);
}

#[test]
fn keys_of_an_hstore_are_named_and_renamed_by_letters() {
    let mut entries = table("t", &[]);
    entries.form = RowForm::Text;
    entries.columns = vec![column("c", "hstore")];
    let rule = "c = { rule = \"hstore\", keys = { \"gr\u{f6}\u{df}e\" = \"keep\" }, other-keys = \"shape\" }";
    let scrubber = scrubber(rule, &[entries]).unwrap();
    let written = value(&scrubber, &latin1("\"gr\u{f6}\u{df}e\"=>\"42\", \"M\u{fc}ller\"=>\"x\""));
    assert!(written.contains("\"gr\u{f6}\u{df}e\"=>\"42\"") && !written.contains("M\u{fc}ller"), "{written}");
}
