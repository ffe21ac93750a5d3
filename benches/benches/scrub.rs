//! Values a second through transforms of the scrubber, on one core.

#![allow(clippy::expect_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use offshoot_format::column::{Batch, Column};
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::facts::{ColumnFacts, Equality, TableFacts};
use offshoot_scrub::prf::Prf;
use offshoot_scrub::shape::{Shape, Work};
use offshoot_scrub::{ColumnCount, Key, Policy, Scrubber};

const VALUES: u64 = 1024;

fn values(make: impl Fn(u64) -> String) -> Vec<Vec<u8>> {
    // A simple generator: the texts need to differ, not to be random.
    (0..VALUES).map(|n| make(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()).collect()
}

fn letters(mut n: u64, count: usize) -> String {
    (0..count)
        .map(|_| {
            n = n.rotate_left(9).wrapping_mul(0x2545_f491_4f6c_dd1d);
            (b'a' + (n >> 40) as u8 % 26) as char
        })
        .collect()
}

fn shape(c: &mut Criterion) {
    let prf = Prf::new(&Key::from_bytes(std::array::from_fn(|at| at as u8)).expect("a key"), "bench");
    let sets = [
        ("ascii-8", values(|n| letters(n, 8))),
        ("ascii-name-14", values(|n| format!("{} {}", letters(n, 6), letters(!n, 7)))),
        ("ascii-mail-26", values(|n| format!("{}.{}@{}.example", letters(n, 5), letters(!n, 6), letters(n ^ 9, 5)))),
        ("digits-11", values(|n| format!("+{:011}", n % 100_000_000_000))),
        (
            "mixed-scripts",
            values(|n| {
                let at = |base: u32, range: u32, n: u64| char::from_u32(base + (n >> 33) as u32 % range).unwrap_or('x');
                format!(
                    "{}{}{} {}{} {}",
                    at(0xe0, 16, n),
                    at(0x430, 32, n),
                    at(0x431, 30, !n),
                    at(0x4e00, 9000, n),
                    at(0x3b1, 16, n),
                    letters(n, 3)
                )
            }),
        ),
    ];
    let mut group = c.benchmark_group("shape");
    for (mode, shape) in [("free", Shape::free(prf.clone())), ("injective", Shape::injective(prf))] {
        for (name, values) in &sets {
            group.throughput(throughput(values));
            group.bench_function(format!("{mode}/{name}"), |b| {
                let (mut work, mut out, mut ends) = (Work::default(), Vec::new(), Vec::new());
                let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
                b.iter(|| {
                    out.clear();
                    ends.clear();
                    for group in values.chunks(64) {
                        shape.apply_many(&mut work, group, &mut out, &mut ends);
                    }
                    out.len()
                });
            });
        }
    }
}

fn throughput(values: &[Vec<u8>]) -> Throughput {
    Throughput::ElementsAndBytes { elements: VALUES, bytes: values.iter().map(|value| value.len() as u64).sum() }
}

/// Each rule on a column of its own, through the plan for a table, as a capture calls it.
fn rules(c: &mut Criterion) {
    let name = |n: u64| format!("{} {}", letters(n, 6), letters(!n, 7));
    let number = |n: u64| (n >> 40).to_string();
    let rules: Vec<(&str, &str, &str, Vec<Vec<u8>>)> = vec![
        ("shape", "text", "shape", values(name)),
        ("shape-unique", "text", "{ rule = \"shape\", unique = true }", values(name)),
        ("shape-int8", "int8", "shape", values(|n| n.to_string()).iter().map(|v| number_bytes(v)).collect()),
        ("words-12", "text", "words", values(|n| (0..12).map(|at| letters(n ^ at, 5)).collect::<Vec<_>>().join(" "))),
        ("redact", "text", "redact", values(name)),
        ("partial", "text", "{ rule = \"partial\", first = 1, last = 2 }", values(name)),
        ("regex", "text", "{ rule = \"regex\", pattern = \"[a-m]+\" }", values(name)),
        ("first-name", "text", "first-name", values(|n| letters(n, 6))),
        ("full-name", "text", "full-name", values(name)),
        ("street", "text", "street", values(|n| format!("{} {} street", n >> 57, letters(n, 7)))),
        (
            "email",
            "text",
            "email",
            values(|n| format!("{}.{}@{}.example", letters(n, 5), letters(!n, 6), letters(n ^ 9, 5))),
        ),
        (
            "url",
            "text",
            "url",
            values(|n| format!("https://{}.example/{}?q={}", letters(n, 6), letters(!n, 8), number(n))),
        ),
        ("host", "text", "host", values(|n| format!("{}.example", letters(n, 8)))),
        ("ip", "text", "ip", values(|n| format!("10.{}.{}.{}", n >> 56, n >> 48 & 255, n >> 40 & 255))),
        (
            "mac",
            "text",
            "mac",
            values(|n| {
                format!("00:1b:{:02x}:{:02x}:{:02x}:{:02x}", n >> 56, n >> 48 & 255, n >> 40 & 255, n >> 32 & 255)
            }),
        ),
        ("phone", "text", "phone", values(|n| format!("+1 415 {:07}", (n >> 40) % 10_000_000))),
        ("phone-unique", "text", "phone", values(|n| format!("+49 {:010}", (n >> 30) % 10_000_000_000))),
        ("card", "text", "card", values(|n| format!("4111 {:04} {:08}", n >> 51, (n >> 20) % 100_000_000))),
        ("iban", "text", "iban", values(|n| format!("DE89{:018}", n % 1_000_000_000_000_000_000))),
        (
            "national-id-nl",
            "text",
            "{ rule = \"national-id\", country = \"nl\" }",
            values(|n| format!("{:09}", (n >> 33) % 1_000_000_000)),
        ),
        ("vat", "text", "vat", values(|n| format!("DE{:09}", (n >> 33) % 1_000_000_000))),
        ("isbn", "text", "isbn", values(|n| format!("978{:010}", (n >> 30) % 10_000_000_000))),
        (
            "uuid",
            "text",
            "uuid",
            values(|n| {
                format!(
                    "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                    n >> 32,
                    n >> 16 & 0xffff,
                    n >> 4 & 0xfff,
                    n >> 8 & 0xfff,
                    n >> 16
                )
            }),
        ),
        ("token", "text", "token", values(|n| format!("sk_live_{}{}", letters(n, 12), letters(!n, 12)))),
        (
            "password",
            "text",
            "password",
            values(|n| format!("$2b$12${}{}{}", letters(n, 20), letters(!n, 20), letters(n ^ 7, 13))),
        ),
        (
            "json",
            "json",
            "{ rule = \"json\", paths = { \"$.mail\" = \"email\" } }",
            values(|n| {
                format!(
                    "{{\"name\": \"{}\", \"mail\": \"{}@x.example\", \"tags\": [1, true, \"{}\"]}}",
                    name(n),
                    letters(n, 6),
                    letters(n, 4)
                )
            }),
        ),
        ("xml", "xml", "xml", values(|n| format!("<p id=\"{}\"><n>{}</n></p>", number(n), name(n)))),
    ];
    let rules = rules.into_iter().chain(drawn()).chain(codes()).chain(numbers());
    let mut group = c.benchmark_group("rule");
    for (label, kind, rule, values) in rules {
        let rule = if rule.starts_with('{') { rule.to_owned() } else { format!("\"{rule}\"") };
        let layout = match kind {
            "int8" | "timestamptz" | "float8" => Layout::Fixed(8),
            "date" => Layout::Fixed(4),
            _ => Layout::Var,
        };
        let facts = ["id", "c"].map(|name| {
            let mut facts = ColumnFacts::new(name, if name == "id" { "int8" } else { kind });
            facts.is_nullable = label == "null";
            facts
        });
        let table = TableFacts {
            schema: "public".to_owned(),
            name: "t".to_owned(),
            columns: facts.to_vec(),
            form: RowForm::Binary,
            key: vec![0],
            unique: [0, 1][..if label.ends_with("-unique") { 2 } else { 1 }]
                .iter()
                .map(|column| (vec![*column], Equality::Bytes))
                .collect(),
            foreign_keys: Vec::new(),
            parent: None,
            period: None,
        };
        let policy = Policy::parse(&format!("{LISTS}[scrub.columns]\nid = \"keep\"\nc = {rule}")).expect("a policy");
        let key = Key::from_bytes(std::array::from_fn(|at| at as u8)).expect("a key");
        let scrubber = Scrubber::new(&policy, &[table], &key).expect("a plan");
        let mut column = Column::new(layout);
        values.iter().for_each(|value| column.push(value).expect("a value"));
        let mut ids = Column::new(Layout::Fixed(8));
        (0..VALUES).for_each(|id| ids.push(&id.to_be_bytes()).expect("an id"));
        let batch = Batch { columns: vec![ids, column], rows: values.len() };
        if scrubber.surveys("public", "t") {
            scrubber.survey("public", "t", &mut batch.clone()).expect("values");
        }
        group.throughput(throughput(&values));
        group.bench_function(label, |b| {
            let mut work = Work::default();
            b.iter_batched(
                || batch.clone(),
                |mut batch| {
                    let mut counts = [ColumnCount::default(), ColumnCount::default()];
                    scrubber.apply("public", "t", &mut batch, &mut work, &mut counts).expect("values");
                    batch
                },
                BatchSize::SmallInput,
            );
        });
    }
}

type Rule = (&'static str, &'static str, &'static str, Vec<Vec<u8>>);

const LISTS: &str = "[scrub.lists]\ncolors = [\"red\", \"green\", \"blue\"]\n";

/// What is drawn, for values or for the id beside them.
fn drawn() -> Vec<Rule> {
    let word = |n: u64| letters(n, 8);
    let plain =
        ["company", "job", "city", "state", "country", "last-name", "username", "domain", "empty", "null", "shuffle"];
    let mut rules: Vec<Rule> = plain.into_iter().map(|rule| (rule, "text", rule, values(word))).collect();
    let more = [
        ("constant", "{ rule = \"constant\", value = \"x\" }"),
        ("template", "{ rule = \"template\", text = \"user {id}\" }"),
        ("one-of", "{ rule = \"one-of\", values = [\"red\", \"green\", \"blue\"] }"),
        ("lookup", "{ rule = \"lookup\", list = \"colors\" }"),
        ("entity", "{ rule = \"entity\", by = \"id\", part = \"email\" }"),
    ];
    rules.extend(more.map(|(label, rule)| (label, "text", rule, values(word))));
    rules
}

/// What has a form of its own.
fn codes() -> Vec<Rule> {
    let agent =
        |n: u64| format!("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0 Safari/537.36", n >> 57);
    let hstore = |n: u64| {
        let (count, key, value) = (1_u32.to_be_bytes(), 1_u32.to_be_bytes(), 8_u32.to_be_bytes());
        [&count[..], &key, b"a", &value, letters(n, 8).as_bytes()].concat()
    };
    // The head of a picture of 16 by 16 dots, and what nobody looks at.
    let image = |n: u64| {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0", letters(n, 64).as_bytes()].concat()
    };
    let bytes =
        |make: &dyn Fn(u64) -> Vec<u8>| (0..VALUES).map(|n| make(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    vec![
        ("postal-code", "text", "postal-code", values(|n| format!("{:05}", (n >> 40) % 100_000))),
        ("bic", "text", "bic", values(|n| format!("{}DEFF{:03}", letters(n, 4).to_uppercase(), (n >> 40) % 1000))),
        ("isin", "text", "isin", values(|n| format!("US{:010}", (n >> 30) % 10_000_000_000))),
        ("user-agent", "text", "user-agent", values(agent)),
        ("hstore", "hstore", "hstore", bytes(&hstore)),
        ("image", "bytea", "image", bytes(&image)),
    ]
}

/// Numbers and times, as the server sends them.
fn numbers() -> Vec<Rule> {
    let number = |most: u64| -> Vec<Vec<u8>> {
        values(|n| (2 * (n >> 20) % (2 * most)).to_string()).iter().map(|text| number_bytes(text)).collect()
    };
    let days = || -> Vec<Vec<u8>> { number(9000).iter().map(|bytes| bytes[4..].to_vec()).collect() };
    vec![
        ("noise", "int8", "{ rule = \"noise\", ratio = 0.1 }", number(1 << 40)),
        ("bucket", "int8", "{ rule = \"bucket\", size = 10 }", number(1 << 40)),
        ("range", "int8", "{ rule = \"range\", from = 1, to = 1000000 }", number(1_000_000)),
        ("age-bucket", "int8", "{ rule = \"age-bucket\", years = 5 }", number(100)),
        ("date-shift", "timestamptz", "{ rule = \"date-shift\", days = 30 }", number(700_000_000_000_000)),
        ("date-truncate", "date", "{ rule = \"date-truncate\", to = \"month\" }", days()),
        (
            "coordinates",
            "float8",
            "{ rule = \"coordinates\", axis = \"latitude\", meters = 1000 }",
            number(10_000).iter().map(|bytes| (59.0 + f64::from(bytes[7]) / 1000.0).to_be_bytes().to_vec()).collect(),
        ),
    ]
}

fn number_bytes(text: &[u8]) -> Vec<u8> {
    let number: u64 = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("a number");
    ((number >> 1) as i64).to_be_bytes().to_vec()
}

criterion_group!(benches, shape, rules);
criterion_main!(benches);
