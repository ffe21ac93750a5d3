//! The library as an embedder uses it: from plain code and from inside a runtime, watched, stopped and refused.

#![allow(clippy::unwrap_used)]

use offshoot::{
    CaptureOptions, Connection, Control, Depth, Environment, ErrorKind, Event, ForgetOptions, GcOptions, InitOptions,
    RestoreOptions, Store,
};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Server, ServerOptions, shared};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SCHEMA: &str = "
CREATE TABLE customer (id int PRIMARY KEY, name text);
INSERT INTO customer SELECT n, 'name ' || n FROM generate_series(1, 3000) n;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int REFERENCES customer, note text);
INSERT INTO orders SELECT n, 1 + n % 3000, md5(n::text) FROM generate_series(1, 10000) n;
";

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw: true }).unwrap();
    (folder, store)
}

fn filled(server: &Server, prefix: &str) -> String {
    let db = server.fresh_db(prefix);
    server.psql(&db, SCHEMA);
    db
}

fn connection(server: &Server, db: &str) -> Connection {
    Connection::parse(&server.socket_url(db), &Environment::empty()).unwrap()
}

fn options(server: &Server, name: &str) -> CaptureOptions {
    CaptureOptions {
        name: Some(name.to_owned()),
        pg_dump: vec![server.binaries().pg_dump().unwrap()],
        ..CaptureOptions::default()
    }
}

/// Every operation that talks to a server, one after the other.
fn whole_way(server: &Server, prefix: &str) {
    let db = filled(server, prefix);
    let copy = server.fresh_db(prefix);
    let (_folder, store) = store();
    let (source, target) = (connection(server, &db), connection(server, &copy));
    let options = options(server, "way");
    assert!(source.doctor(&options.pg_dump).unwrap().is_ready());
    let control = Control::default();
    let first = store.capture(&source, &options, &control).unwrap();
    assert_eq!(first.manifest.stats.rows, 13_000);
    let plan = store.plan_restore("way", &target, &RestoreOptions::default()).unwrap();
    assert!(plan.to_string().contains("public.orders"));
    assert_eq!(plan.apply(&control).unwrap().rows, 13_000);
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));
    let back = store.capture(&target, &options, &control).unwrap();
    assert_eq!(back.manifest.content_root, first.manifest.content_root, "equal data, equal hash");
    assert_eq!((back.manifest.stats.added_bytes, back.manifest.parent), (0, Some(first.snapshot)));
}

#[test]
fn from_plain_code() {
    whole_way(shared(), "plain");
}

#[test]
fn from_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { whole_way(shared(), "runtime") });
    runtime.block_on(async { tokio::task::spawn_blocking(|| whole_way(shared(), "blocking")).await.unwrap() });
}

#[test]
fn operations_are_watched() {
    let server = shared();
    let (_folder, store) = store();
    let source = connection(server, &filled(server, "watched"));
    let seen: Arc<Mutex<(Vec<String>, u64)>> = Arc::default();
    let watcher = Arc::clone(&seen);
    let control = Control::new(move |event| match event {
        Event::Step { name } => watcher.lock().unwrap().0.push(name.clone()),
        Event::Rows { rows, .. } => watcher.lock().unwrap().1 += rows,
        _ => {}
    });
    store.capture(&source, &options(server, "watched"), &control).unwrap();
    let (steps, rows) = &*seen.lock().unwrap();
    let at =
        |wanted: &str| steps.iter().position(|step| step == wanted).unwrap_or_else(|| panic!("no {wanted}: {steps:?}"));
    assert!(at("lock") < at("data") && at("data") < at("publish"));
    assert_eq!(*rows, 13_000, "rows that went by");
}

#[test]
fn a_rate_is_never_exceeded() {
    let server = shared();
    let (_folder, store) = store();
    let db = filled(server, "rated");
    let tables = "CREATE TABLE a AS SELECT i, repeat(md5(i::text), 8) AS text FROM generate_series(1, 2000) i;
                  CREATE TABLE b AS SELECT * FROM a; CREATE TABLE big AS SELECT string_agg(text, '') AS text FROM a";
    server.psql(&db, tables);
    let source = connection(server, &db);
    let rate = 400_000;
    let options = CaptureOptions { max_rate: NonZeroU64::new(rate), ..options(server, "rated") };
    let began = Instant::now();
    let report = store.capture(&source, &options, &Control::default()).unwrap();
    let (took, bytes) = (began.elapsed().as_secs_f64(), report.manifest.stats.logical_bytes);
    assert!(bytes > 1_500_000, "{bytes}");
    // What waits is a lower bound, however busy the machine is.
    assert!(bytes as f64 / took <= rate as f64, "{bytes} bytes in {took} s");
    let began = Instant::now();
    let compared = store.verify_against("rated", &source, &options, &Control::default()).unwrap();
    let took = began.elapsed().as_secs_f64();
    assert!(compared.is_equal() && bytes as f64 / took <= rate as f64, "{bytes} bytes compared in {took} s");
    // The same content, as fast as it comes.
    let plain = store.capture(&source, &CaptureOptions { max_rate: None, ..options }, &Control::default()).unwrap();
    assert_eq!(plain.manifest.content_root, report.manifest.content_root);
}

#[test]
fn a_server_that_starts_again_is_waited_for() {
    let server = Arc::new(Server::start(ServerOptions::new()));
    let (_folder, store) = store();
    let source = connection(&server, &filled(&server, "restarted"));
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let control = {
        let (server, warnings, stopped) = (Arc::clone(&server), Arc::clone(&warnings), AtomicBool::new(false));
        Control::new(move |event| match event {
            Event::Step { name } if name == "data" && !stopped.swap(true, Ordering::Relaxed) => server.stop(),
            Event::Warning { message } => {
                // Only now: an attempt has found nobody there.
                if message.contains("no server listens") {
                    server.restart();
                }
                warnings.lock().unwrap().push(message.clone());
            }
            _ => {}
        })
    };
    let report = store.capture(&source, &options(&server, "restarted"), &control);
    report.unwrap_or_else(|error| panic!("{error}: {:?}", warnings.lock().unwrap()));
    let warnings = warnings.lock().unwrap();
    assert!(warnings.iter().any(|message| message.contains("no server listens")), "{warnings:?}");
}

/// A control that cancels itself when a step begins whose name begins so.
fn stops_at(step: &'static str) -> Control {
    let slot: Arc<Mutex<Option<Control>>> = Arc::default();
    let own = Arc::clone(&slot);
    let control = Control::new(move |event| {
        if matches!(event, Event::Step { name } if name.starts_with(step)) {
            own.lock().unwrap().as_ref().unwrap().cancel();
        }
    });
    *slot.lock().unwrap() = Some(control.clone());
    control
}

#[test]
fn what_is_cancelled_leaves_nothing() {
    let server = shared();
    let (_folder, store) = store();
    let source = connection(server, &filled(server, "cancelled"));
    for step in ["list", "lock", "schema", "data", "sequences"] {
        let outcome = store.capture(&source, &options(server, "cancelled"), &stops_at(step));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Interrupted, "at {step}");
        assert!(store.log(None).unwrap().is_empty(), "at {step}");
    }
    assert!(store.verify(None, Depth::Full, &Control::default()).unwrap().is_sound());
}

#[test]
fn a_cancelled_restore_marks_its_target_and_starts_over() {
    let server = shared();
    let (_folder, store) = store();
    let db = filled(server, "again");
    let copy = server.fresh_db("again_copy");
    store.capture(&connection(server, &db), &options(server, "again"), &Control::default()).unwrap();
    let (target, options) = (connection(server, &copy), RestoreOptions::default());
    for step in ["TABLE public.customer", "load public.orders", "compare"] {
        let error = store.restore("again", &target, &options, &stops_at(step)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "at {step}: {error}");
        let marks = "SELECT count(*) FROM pg_namespace WHERE nspname = 'offshoot_incomplete'";
        assert_eq!(server.psql(&copy, marks), "1", "at {step}");
    }
    assert!(store.plan_restore("again", &target, &options).unwrap().to_string().contains("restart"));
    assert_eq!(store.restore("again", &target, &options, &Control::default()).unwrap().rows, 13_000);
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));
}

#[test]
fn what_is_refused_says_why() {
    let server = shared();
    let db = filled(server, "refused");
    let folder = tempfile::tempdir().unwrap();
    let scrubbed = Store::init(folder.path().join("scrubbed"), InitOptions::default()).unwrap();
    let source = connection(server, &db);
    let error = scrubbed.capture(&source, &options(server, "x"), &Control::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("there is no policy") && error.hint().is_some());

    let (_folder, store) = store();
    store.capture(&source, &options(server, "x"), &Control::default()).unwrap();
    for force in [false, true] {
        let options = RestoreOptions { force, ..RestoreOptions::default() };
        let error = store.plan_restore("x", &source, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "the snapshot's own source");
    }
    let full = connection(server, &filled(server, "full"));
    let error = store.plan_restore("x", &full, &RestoreOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("public.orders"), "{error}");
}

#[test]
fn space_is_given_back_by_plans() {
    let server = shared();
    let (_folder, store) = store();
    let db = filled(server, "space");
    store.capture(&connection(server, &db), &options(server, "old"), &Control::default()).unwrap();
    store.tag("old", "kept").unwrap();
    assert_eq!(store.plan_forget("kept", &ForgetOptions::default()).unwrap_err().kind(), ErrorKind::Refused);
    store.untag("kept").unwrap();
    let plan = store.plan_forget("old", &ForgetOptions::default()).unwrap();
    assert!(plan.to_string().contains("forget") && plan.refs_removed() == ["old"]);
    assert_eq!(plan.apply().unwrap(), 1);
    let options = GcOptions { grace: Duration::ZERO };
    let mut freed = 0;
    for _ in 0..3 {
        let plan = store.plan_gc(&options, &Control::default()).unwrap();
        println!("{plan}");
        freed += plan.apply(&Control::default()).unwrap().deleted_bytes;
    }
    assert!(freed > 100_000, "freed {freed} bytes");
}
