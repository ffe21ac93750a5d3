//! Values a second through transforms of the scrubber, on one core.

#![allow(clippy::expect_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use offshoot_scrub::Key;
use offshoot_scrub::prf::Prf;
use offshoot_scrub::shape::{Shape, Work};

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
            group.throughput(Throughput::Elements(VALUES));
            group.bench_function(format!("{mode}/{name}"), |b| {
                let (mut work, mut out) = (Work::default(), Vec::new());
                b.iter(|| {
                    out.clear();
                    for value in values {
                        shape.apply(&mut work, value, &mut out);
                    }
                    out.len()
                });
            });
        }
    }
}

criterion_group!(benches, shape);
criterion_main!(benches);
