//! The survivor proof on one core: collecting inputs, and searching what was written.

#![allow(clippy::expect_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use offshoot_format::table::RowForm;
use offshoot_scrub::survivors::{Inputs, MemoryRuns, Needles, Output, Place, Source};

const NEEDLES: u64 = 1_000_000;
const CELLS: u64 = 4096;

fn mix(n: u64) -> u64 {
    (n ^ (n >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0x2545_f491_4f6c_dd1d)
}

fn word(n: u64) -> String {
    let mut n = mix(n);
    (0..3 + n % 7)
        .map(|_| {
            n = mix(n);
            (b'a' + (n >> 40) as u8 % 26) as char
        })
        .collect()
}

/// Words as texts have them: a few thousand, some of them often.
fn prose(n: u64) -> String {
    let words = 5 + mix(n) % 21;
    (0..words).map(|at| word((1 << 40) + mix(n * 31 + at) % 8000)).collect::<Vec<_>>().join(" ")
}

fn mail(n: u64) -> String {
    format!("{}.{}@{}.example", word(n), word(!n), word(n % 1000))
}

fn inputs() -> Inputs {
    let place = Place::column("public", "users", "email");
    let sources = vec![
        Source::new(place, "email", "email", "text", RowForm::Binary),
        Source::new(Place::column("public", "users", "phone"), "phone", "phone", "text", RowForm::Binary),
    ];
    Inputs::new(std::array::from_fn(|at| at as u8), sources, Box::new(MemoryRuns::default()), 256 << 20)
        .expect("a proof begins")
}

fn needles() -> Needles {
    let inputs = inputs();
    let mut collector = inputs.collector().expect("a collector");
    for n in 0..NEEDLES / 2 {
        collector.observe(0, mail(n).as_bytes()).expect("an address");
        let phone = format!("+49 {} {:07}", 150 + n % 30, mix(n) % 10_000_000);
        collector.observe(1, phone.as_bytes()).expect("a number");
    }
    collector.finish().expect("all is handed over");
    inputs.finish().expect("needles")
}

fn proof(c: &mut Criterion) {
    let needles = needles();
    let (filters, runs) = needles.bytes();
    println!(
        "{} needles: {:.2} bytes each in filters, {:.1} in runs",
        needles.count(),
        filters as f64 / needles.count() as f64,
        runs as f64 / needles.count() as f64
    );
    let output = |name, type_name| {
        Output::new(Place::column("public", "t", name), "keep", "keep", false, type_name, RowForm::Binary)
    };
    let search = needles.search(vec![
        output("note", "text"),
        output("data", "jsonb"),
        output("amount", "int8"),
        output("mail", "text"),
    ]);
    let cells = |make: &dyn Fn(u64) -> Vec<u8>| (0..CELLS).map(make).collect::<Vec<_>>();
    let sets = [
        ("prose", 0, cells(&|n| prose(n).into_bytes())),
        (
            "prose in Greek",
            0,
            cells(&|n| {
                let greek =
                    |c: char| if c == ' ' { ' ' } else { char::from_u32(c as u32 - 97 + 0x3b1).unwrap_or('α') };
                prose(n).chars().map(greek).collect::<String>().into_bytes()
            }),
        ),
        (
            "json",
            1,
            cells(&|n| {
                format!("\x01{{\"id\": {n}, \"kind\": \"{}\", \"tags\": [\"{}\", \"{}\"], \"at\": 17{:08}, \"text\": \"{}\"}}",
                word(n), word(n + 1), word(n + 2), mix(n) % 100_000_000, prose(n)).into_bytes()
            }),
        ),
        ("numbers of other lengths", 2, cells(&|n| (n + 1_000_000).to_be_bytes().to_vec())),
        (
            "numbers as long as phones",
            2,
            cells(&|n| (mix(n) % 900_000_000_000 + 100_000_000_000).to_be_bytes().to_vec()),
        ),
        ("other addresses", 3, cells(&|n| mail(n + NEEDLES).into_bytes())),
        ("the same addresses", 3, cells(&|n| mail(n).into_bytes())),
    ];
    let mut group = c.benchmark_group("proof");
    for (name, output, cells) in &sets {
        group.throughput(Throughput::Bytes(cells.iter().map(|cell| cell.len() as u64).sum()));
        // One searcher throughout: of the first words of a column it counts more than of the later ones.
        let mut searcher = search.searcher().expect("a searcher");
        group.bench_function(format!("search/{name}"), |b| {
            b.iter(|| cells.iter().for_each(|cell| searcher.cell(*output, cell).expect("a cell is searched")));
        });
        searcher.finish().expect("all is handed over");
    }
    let mails = cells(&|n| mail(n).into_bytes());
    let notes = cells(&|n| prose(n).into_bytes());
    for (name, values) in [("addresses", &mails), ("prose", &notes)] {
        group.throughput(Throughput::Bytes(values.iter().map(|value| value.len() as u64).sum()));
        group.bench_function(format!("collect/{name}"), |b| {
            b.iter_batched(
                inputs,
                |inputs| {
                    let mut collector = inputs.collector().expect("a collector");
                    values.iter().for_each(|value| collector.observe(0, value).expect("a value"));
                    collector.finish().expect("all is handed over");
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, proof);
criterion_main!(benches);
