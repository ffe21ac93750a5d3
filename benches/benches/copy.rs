//! COPY transposition both ways without a server: a binary stream to columns, and columns to a stream; and where leaves
//! end. One core.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use offshoot_benches::{fill, table};
use offshoot_core::source::BATCH_ROWS;
use offshoot_engines::postgres::copy_in::{Frame, HEADER, RowEncoder, TRAILER};
use offshoot_engines::postgres::copy_out::Step;
use offshoot_engines::postgres::copy_out::binary::BinaryRows;
use offshoot_engines::postgres::types::TypeTree;
use offshoot_format::column::Batch;
use offshoot_format::key::KeyEncoder;
use offshoot_format::leaf::{ends_leaf, row_hash};
use offshoot_format::table::RowForm;
use std::hint::black_box;

/// The oids of the columns' types: two bigints, a timestamp, a text, a uuid, a text.
const TYPES: [u32; 6] = [20, 20, 1114, 25, 2950, 25];
/// What a read from the server brings.
const READ_BYTES: usize = 64 << 10;

fn transposition(criterion: &mut Criterion) {
    let spec = table();
    let mut batch = Batch::new(&spec.columns);
    fill(&mut batch, 0..BATCH_ROWS as u64).unwrap();
    let encoder = RowEncoder::new(RowForm::Binary, TypeTree::default(), TYPES.to_vec());
    let mut stream = HEADER.to_vec();
    for frame in encoder.encode(&batch).unwrap().frames {
        let Frame::Bytes(bytes) = frame else { continue };
        stream.extend_from_slice(&bytes);
    }
    stream.extend_from_slice(&TRAILER);
    let mut group = criterion.benchmark_group("copy");
    group.throughput(Throughput::Elements(batch.rows as u64));
    group.bench_function("stream to columns", |bencher| {
        let tree = TypeTree::default();
        let mut out = Batch::new(&spec.columns);
        bencher.iter(|| {
            let mut rows = BinaryRows::new(&tree, &TYPES);
            let mut taken = 0;
            for chunk in stream.chunks(READ_BYTES) {
                let mut at = 0;
                loop {
                    let mut input = &chunk[at..];
                    let step = rows.step(&mut input, &mut out).unwrap();
                    let (full, over) = (step == Step::Full, matches!(step, Step::More | Step::End));
                    at = chunk.len() - input.len();
                    if over {
                        break;
                    }
                    if full {
                        taken += out.rows;
                        out.clear();
                    }
                }
            }
            taken += out.rows;
            out.clear();
            assert_eq!(taken, batch.rows);
        });
    });
    group.bench_function("columns to stream", |bencher| {
        bencher.iter(|| black_box(encoder.encode(&batch).unwrap().rows));
    });
    group.finish();
}

fn splitting(criterion: &mut Criterion) {
    let spec = table();
    let mut batch = Batch::new(&spec.columns);
    fill(&mut batch, 0..BATCH_ROWS as u64).unwrap();
    let keys = KeyEncoder::new(&spec);
    let mut group = criterion.benchmark_group("leaf");
    group.throughput(Throughput::Elements(batch.rows as u64));
    group.bench_function("splitting", |bencher| {
        let mut key = Vec::new();
        bencher.iter(|| {
            let mut ends = 0;
            for row in 0..batch.rows {
                key.clear();
                keys.encode(&batch, row, &mut key);
                let row_bytes = batch.columns.iter().map(|column| column.cell_bytes(row)).sum();
                ends += usize::from(ends_leaf(row_hash(&key, 0), row_bytes));
            }
            black_box(ends)
        });
    });
    group.finish();
}

criterion_group!(benches, transposition, splitting);
criterion_main!(benches);
