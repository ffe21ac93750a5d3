//! Rows in text form: every kind of value is read and written there as it is in binary form.

#![allow(clippy::unwrap_used)]

mod tables;

use offshoot_format::table::RowForm;
use offshoot_scrub::facts::ColumnFacts;
use offshoot_scrub::value::{Answer, Value};
use offshoot_scrub::wire::Codec;
use proptest::prelude::*;
use tables::{cases, one_column, scrubber, table};

fn codec(kind: &str) -> Codec {
    let mut facts = ColumnFacts::new("c", kind);
    if kind.trim_start_matches('_') == "pair" {
        facts.fields = vec![ColumnFacts::new("a", "text"), ColumnFacts::new("b", "text")];
    }
    Codec::of(&facts, RowForm::Text)
}

/// Whether the value is understood: nothing of it comes as opaque bytes.
fn is_understood(kind: &str, text: &str) -> bool {
    let mut all = true;
    let is_there = codec(kind).rewrite(text.as_bytes(), &mut Vec::new(), |value, _| {
        all &= !matches!(value, Value::Opaque(_));
        Answer::Keep
    });
    all && is_there
}

/// What it is when each value is written anew.
fn again(kind: &str, text: &str) -> String {
    let mut out = Vec::new();
    codec(kind).rewrite(text.as_bytes(), &mut out, |value, out| match value {
        Value::Text(text) | Value::Bytes(text) | Value::Entry(_, text) | Value::Field(_, text) => {
            out.extend_from_slice(text);
            Answer::Written
        }
        Value::Integer(number) => Answer::Integer(number),
        Value::Float(number) => Answer::Float(number),
        Value::Date(day) => Answer::Date(day),
        Value::Timestamp(time) => Answer::Timestamp(time),
        Value::Time(time) => Answer::Time(time),
        Value::Interval(span) => Answer::Interval(span),
        Value::Bool(value) => Answer::Bool(value),
        Value::Uuid(uuid) => Answer::Uuid(uuid),
        Value::Address(address, bits) => Answer::Address(address, bits),
        Value::Point(x, y) => Answer::Point(x, y),
        _ => Answer::Keep,
    });
    String::from_utf8(out).unwrap()
}

/// As a server of version 18 writes them.
const WRITTEN: [(&str, &[&str]); 24] = [
    ("int4", &["0", "-17", "2147483647"]),
    (
        "float8",
        &[
            "0",
            "-0",
            "1",
            "0.1",
            "-12.5",
            "1e+15",
            "123456789012345",
            "1e-05",
            "0.0001",
            "1.7976931348623157e+308",
            "NaN",
            "-Infinity",
        ],
    ),
    ("float4", &["1e+06", "123456", "0.1", "3.4028235e+38", "1.17549e-38"]),
    ("numeric", &["0.00", "-12.50", "NaN", "Infinity"]),
    (
        "date",
        &["2001-02-03", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31", "4714-11-24 BC", "10000-01-01"],
    ),
    (
        "timestamp",
        &[
            "2001-02-03 04:05:06",
            "2001-02-03 04:05:06.7",
            "1999-12-31 23:59:59.999999",
            "infinity",
            "0044-03-15 00:00:00 BC",
        ],
    ),
    ("timestamptz", &["2001-02-03 04:05:06+00", "0044-03-15 00:00:00.5+00 BC", "-infinity"]),
    ("time", &["00:00:00", "23:59:59.5", "24:00:00"]),
    ("timetz", &["04:05:06+02", "04:05:06.789-05:30", "04:05:06+00"]),
    (
        "interval",
        &[
            "00:00:00",
            "1 year 2 mons 3 days 04:05:06",
            "-1 years -2 mons +3 days -04:05:06.7",
            "1 day",
            "2 mons",
            "-00:00:01",
            "100:00:00",
            "-1 days +02:03:00",
        ],
    ),
    ("bool", &["t", "f"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("inet", &["10.1.2.3", "10.1.2.0/24", "2001:db8::1", "::/0", "2001:db8::/32"]),
    ("cidr", &["10.1.2.0/24", "10.1.2.3/32", "2001:db8::/32"]),
    ("point", &["(1,2)", "(-0.5,1e+20)"]),
    ("bytea", &["\\x", "\\x00ff17"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("_text", &["{}", "{a,NULL,\"b c\",\"\",\"nu\\\"ll\",\"NULL\",\"\\\\\"}", "{{a,b},{c,d}}", "[0:1]={a,\"x,y\"}"]),
    ("_date", &["{2001-02-03,infinity}", "{\"0044-03-15 BC\"}"]),
    ("tsvector", &["'a':1A,2 'b' 'c d':3B", "'\\\\':2 'it''s':1", ""]),
    ("hstore", &["", "\"a\"=>\"b\", \"c\"=>NULL", "\"q\\\"\"=>\"\\\\\", \"e\"=>\"\""]),
    ("pair", &["(a,b)", "(,)", "(\"a b\",\"\")", "(\"q\"\"\",\"\\\\\")"]),
    ("daterange", &["empty", "[2001-02-03,2001-02-05)", "(,2001-02-05)", "(,)", "[2001-02-03,infinity)"]),
];

#[test]
fn what_a_server_writes_is_understood_and_written_alike() {
    let more: [(&str, &[&str]); 2] = [
        ("tsrange", &["[\"2001-02-03 04:05:06\",\"2001-02-03 04:05:07\")"]),
        ("_pair", &["{\"(a,b)\",\"(\\\"a b\\\",)\"}"]),
    ];
    for (kind, texts) in WRITTEN.iter().chain(&more) {
        for text in *texts {
            assert!(is_understood(kind, text), "{kind}: {text}");
            assert_eq!(again(kind, text), *text, "{kind}");
        }
    }
}

#[test]
fn what_is_not_written_so_is_opaque_or_null() {
    for (kind, text) in [
        ("date", "2001-02-30"),
        ("date", "03.02.2001"),
        ("timestamptz", "2001-02-03 04:05:06+02"),
        ("timestamp", "2001-02-03T04:05:06"),
        ("interval", "P1Y"),
        ("bool", "true"),
        ("inet", "10.1.2.3/32"),
        ("float8", "1.0"),
        ("bytea", "abc"),
        ("_text", "{a"),
        ("_text", "{a}}"),
        ("_text", "a"),
        ("tsvector", "a:1"),
        ("hstore", "a=>b"),
        ("pair", "(a,b"),
        ("daterange", "[2001-02-05,2001-02-03]"),
    ] {
        assert!(!is_understood(kind, text), "{kind}: {text}");
    }
}

#[test]
fn rules_work_on_rows_of_text() {
    let mut people =
        table("t", &[("born", "date"), ("at", "timestamptz"), ("ip", "inet"), ("tags", "_text"), ("ok", "bool")]);
    people.form = RowForm::Text;
    let rules = "born = { rule = \"date-shift\", days = 10 }\nat = \"date-truncate\"\nip = \"ip\"\ntags = \"shape\"\nok = \"keep\"";
    let scrubber = scrubber(rules, &[people]).unwrap();
    let value = |column: &str, text: &str| {
        String::from_utf8(scrubber.value("public", "t", column, text.as_bytes()).unwrap().unwrap()).unwrap()
    };
    assert!(value("born", "2001-02-15").starts_with("2001-02-") && value("born", "2001-02-15") != "2001-02-15");
    assert_eq!(value("at", "2001-02-03 04:05:06+00"), "2001-01-01 00:00:00+00");
    assert!(value("ip", "10.1.2.3").parse::<std::net::Ipv4Addr>().is_ok());
    let tags = value("tags", "{Ann,\"Lee, B\",NULL}");
    assert!(
        tags.starts_with('{') && tags.ends_with(",NULL}") && tags.contains(", ") && !tags.contains("Ann"),
        "{tags}"
    );
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text_survives_in_arrays_composites_and_stores(texts in prop::collection::vec("[a-zN\"\\\\{}(),' =>\\t]{0,6}", 0..4)) {
        // Written once by the codec, a text reads back as the same.
        let mut array = Vec::from(&b"{"[..]);
        array.extend(vec!["x"; texts.len()].join(",").bytes());
        array.push(b'}');
        let mut out = Vec::new();
        let mut next = texts.iter();
        codec("_text").rewrite(&array, &mut out, |_, out| {
            out.extend_from_slice(next.next().unwrap().as_bytes());
            Answer::Written
        });
        let mut read = Vec::new();
        let is_there = codec("_text").rewrite(&out, &mut Vec::new(), |value, _| {
            if let Value::Text(text) = value { read.push(String::from_utf8(text.to_vec()).unwrap()) }
            Answer::Keep
        });
        prop_assert!(is_there);
        prop_assert_eq!(&read, &texts);
        let written = String::from_utf8(out).unwrap();
        prop_assert_eq!(again("_text", &written), written);
    }

    #[test]
    fn dates_and_times_read_back(day in -2_451_000_i32..100_000_000, time in any::<i64>(), span in any::<(i32, i32, i64)>(), number in any::<f64>()) {
        use offshoot_scrub::value::{Interval, Moment};
        let microseconds = span.2 / 2;
        let answers = [
            ("date", Answer::Date(Moment::At(day))),
            ("timestamptz", Answer::Timestamp(Moment::At(time / 1000))),
            ("interval", Answer::Interval(Interval { months: span.0, days: span.1, microseconds })),
            ("float8", Answer::Float(number)),
        ];
        for (kind, answer) in answers {
            let mut out = Vec::new();
            codec(kind).rewrite(b"x", &mut out, |_, _| answer);
            let text = String::from_utf8(out).unwrap();
            prop_assert!(is_understood(kind, &text), "{}: {}", kind, text);
            prop_assert_eq!(again(kind, &text), text);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for (kind, _) in WRITTEN {
            for form in [RowForm::Text, RowForm::Binary] {
                let mut facts = ColumnFacts::new("c", kind);
                if kind == "pair" {
                    facts.fields = vec![ColumnFacts::new("a", "text")];
                }
                Codec::of(&facts, form).rewrite(&bytes, &mut Vec::new(), |_, _| Answer::Keep);
            }
        }
    }
}

#[test]
fn texts_in_an_encoding_that_no_rule_can_read_are_kept_or_nulled() {
    let mut column = ColumnFacts::new("c", "text");
    column.encoding = Some("EUC_JP".to_owned());
    for rule in ["keep", "null"] {
        assert!(one_column(rule, column.clone()).is_ok(), "{rule}");
    }
    let rules =
        offshoot_scrub::transform::names().into_iter().filter(|rule| !matches!(*rule, "keep" | "null" | "shuffle"));
    for rule in rules.map(str::to_owned).chain([
        "{ rule = \"constant\", value = \"x\" }".to_owned(),
        "{ rule = \"keep\", when = \"c is null\", otherwise = \"shape\" }".to_owned(),
    ]) {
        let error = one_column(&rule, column.clone()).unwrap_err().to_string();
        assert!(error.contains("public.t.c: ") && error.contains("encoding is EUC_JP"), "{error}");
    }
    // Numbers beside it are rewritten, but not by what it says.
    let plan = |when: &str| {
        let mut table = table("t", &[("n", "int4")]);
        table.columns.push(column.clone());
        scrubber(
            &format!("c = \"keep\"\nn = {{ rule = \"shape\", when = \"{when}\", otherwise = \"keep\" }}"),
            &[table],
        )
    };
    assert!(plan("n > 5").is_ok() && plan("c is null").is_ok());
    assert!(plan("c = 'x'").unwrap_err().to_string().contains("`c` is in EUC_JP"));
}
