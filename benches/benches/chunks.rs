//! Chunk encode and decode, column by column: one leaf of 4096 rows.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use offshoot_benches::{fill, table};
use offshoot_format::codec::{Canonical, Decoder, Encoder};
use offshoot_format::column::Batch;
use offshoot_format::ids::IdKey;
use std::hint::black_box;

fn chunks(criterion: &mut Criterion) {
    let spec = table();
    let mut batch = Batch::new(&spec.columns);
    fill(&mut batch, 0..4096).unwrap();
    let key = IdKey::from_bytes([1; 32]);
    for (column, spec) in batch.columns.iter().zip(&spec.columns) {
        let mut canonical = Canonical::default();
        let mut encoder = Encoder::default();
        let mut decoder = Decoder::default();
        canonical.set(column);
        let mut payload = Vec::new();
        encoder.column(column, &canonical, &mut payload).unwrap();
        let mut group = criterion.benchmark_group(format!("chunk/{}", spec.name));
        group.throughput(Throughput::Bytes(column.bytes_len() as u64));
        group.bench_function("id", |bencher| {
            bencher.iter(|| {
                canonical.set(column);
                black_box(canonical.id(&key, column))
            });
        });
        group.bench_function("encode", |bencher| {
            bencher.iter_batched_ref(
                || Vec::with_capacity(payload.len()),
                |out| encoder.column(column, &canonical, out).unwrap(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("decode", |bencher| {
            bencher.iter(|| black_box(decoder.column(column.layout(), &payload).unwrap().rows()));
        });
        group.finish();
    }
}

criterion_group!(benches, chunks);
criterion_main!(benches);
