//! Capture and restore beside a throwaway server on the same machine: the server takes part of the two cores.
//! `cargo xtask bench-peers` compares with other tools; this shows a change of ours.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use offshoot::{CaptureOptions, Connection, Control, Environment, InitOptions, RestoreOptions, Store};
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::cell::Cell;
use std::hint::black_box;

const ROWS: u64 = 300_000;

fn filled() -> Server {
    let server = Server::start(ServerOptions::new());
    server.createdb("bench", "");
    server.psql(
        "bench",
        &format!(
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, at timestamp, status text, token uuid, note text);
             INSERT INTO orders SELECT i, abs(hashint8(i)) % 20000, timestamp '2020-01-01' + i * interval '11 s',
               (ARRAY['new', 'paid', 'shipped'])[1 + i % 3], md5(i::text)::uuid,
               repeat('the parcel of ' || i % 97 || ' arrived. ', (i % 6)::int)
             FROM generate_series(1, {ROWS}) i;
             CREATE INDEX ON orders (user_id); VACUUM ANALYZE;"
        ),
    );
    server
}

fn rows_a_second(criterion: &mut Criterion) {
    let server = filled();
    let folder = tempfile::tempdir().unwrap();
    let connection = |database: &str| Connection::parse(&server.url(database), &Environment::empty()).unwrap();
    let source = connection("bench");
    let number = Cell::new(0);
    let fresh_store = || {
        number.set(number.get() + 1);
        Store::init(folder.path().join(number.get().to_string()), InitOptions { raw: true }).unwrap()
    };
    let control = Control::default();
    let mut group = criterion.benchmark_group("server");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS));
    let capture = |store: &Store| store.capture(&source, &CaptureOptions::default(), &control).unwrap();
    group.bench_function("capture", |bencher| {
        bencher.iter_batched(fresh_store, |store| black_box(capture(&store).snapshot), BatchSize::PerIteration);
    });
    let store = fresh_store();
    let snapshot = capture(&store).snapshot.to_string();
    group.bench_function("capture, unchanged", |bencher| bencher.iter(|| black_box(capture(&store).snapshot)));
    group.bench_function("restore", |bencher| {
        bencher.iter_batched(
            || {
                server.psql("postgres", "DROP DATABASE IF EXISTS target");
                server.createdb("target", "");
                connection("target")
            },
            |target| {
                let plan = store.plan_restore(&snapshot, &target, &RestoreOptions::default()).unwrap();
                black_box(plan.apply(&control).unwrap().rows)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, rows_a_second);
criterion_main!(benches);
