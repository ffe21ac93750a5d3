//! Ingest: rows in key order, nearly so, and in random order, through sorting, cutting, encoding and joining; chunks go
//! to memory. And the way back.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use offshoot_benches::{Memory, Numbers, fill, table};
use offshoot_core::Control;
use offshoot_core::chunks::WriteChunks;
use offshoot_core::ingest::{Ingest, IngestOptions, IngestedTable};
use offshoot_core::read::{LeafReader, leaves};
use offshoot_core::source::{BATCH_ROWS, Sink};
use offshoot_format::column::Batch;
use std::hint::black_box;
use std::sync::Arc;

const ROWS: u64 = 400_000;

fn batches(ids: &[u64]) -> Vec<Batch> {
    let spec = table();
    ids.chunks(BATCH_ROWS)
        .map(|ids| {
            let mut batch = Batch::new(&spec.columns);
            fill(&mut batch, ids.iter().copied()).unwrap();
            batch
        })
        .collect()
}

fn ingest(memory: &Arc<Memory>, batches: &[Batch], scattered: bool) -> IngestedTable {
    let chunks: Arc<dyn WriteChunks> = Arc::clone(memory) as _;
    let options = IngestOptions { spill: Some(std::env::temp_dir()), ..IngestOptions::default() };
    let ingest = Ingest::begin(chunks, &options, &Control::default()).unwrap();
    let table = ingest.table(&table()).unwrap();
    let mut range = table.range(scattered).unwrap();
    for batch in batches {
        range.push(batch.clone()).unwrap();
    }
    range.finish().unwrap();
    table.finish().unwrap();
    ingest.finish().unwrap().pop().unwrap()
}

fn ingests(criterion: &mut Criterion) {
    let sorted: Vec<u64> = (0..ROWS).collect();
    let mut nearly = sorted.clone();
    let mut numbers = Numbers::new(1);
    for _ in 0..ROWS / 1000 {
        let at = numbers.below(ROWS - 100) as usize;
        nearly.swap(at, at + 90);
    }
    nearly.swap(5, ROWS as usize - 1);
    let mut random = sorted.clone();
    (1..ROWS as usize).for_each(|at| random.swap(at, numbers.below(at as u64 + 1) as usize));
    let mut group = criterion.benchmark_group("ingest");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS));
    for (name, ids, scattered) in
        [("in order", &sorted, false), ("nearly in order", &nearly, false), ("scattered", &random, true)]
    {
        let batches = batches(ids);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(ingest(&Arc::new(Memory::default()), &batches, scattered).root));
        });
    }
    let memory = Arc::new(Memory::default());
    let sorted = batches(&sorted);
    let stored = ingest(&memory, &sorted, false);
    group.bench_function("unchanged", |bencher| bencher.iter(|| black_box(ingest(&memory, &sorted, false).root)));
    group.bench_function("read back", |bencher| {
        let mut reader = LeafReader::default();
        bencher.iter(|| {
            for leaf in leaves(&*memory, &stored.root).unwrap() {
                black_box(reader.batch(&*memory, &stored.spec.columns, &stored.root, &leaf.id).unwrap().rows);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, ingests);
criterion_main!(benches);
