//! Scrubbed captures through the library that must not be published: broken keys, and two keys at one moment.

#![allow(clippy::unwrap_used)]

use offshoot::scrub::policy::Policy;
use offshoot::scrub::shape::Work;
use offshoot::scrub::transform::{Maker, Row, Transform};
use offshoot::scrub::value::{Answer, Value};
use offshoot::scrub::{Scrub, new_key};
use offshoot::{CaptureOptions, Connection, Control, Environment, ErrorKind, Event, InitOptions, Store};
use offshoot_testkit::postgres::{Server, shared};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw: false }).unwrap();
    (folder, store)
}

fn filled(server: &Server, prefix: &str) -> Connection {
    let db = server.fresh_db(prefix);
    server.psql(
        &db,
        "CREATE TABLE users (handle text PRIMARY KEY);
         INSERT INTO users SELECT 'handle-' || md5(n::text) FROM generate_series(1, 500) n;
         CREATE TABLE posts (author text REFERENCES users);
         INSERT INTO posts SELECT handle FROM users;",
    );
    Connection::parse(&server.socket_url(&db), &Environment::empty()).unwrap()
}

fn options(server: &Server, name: &str, policy: Policy) -> CaptureOptions {
    CaptureOptions {
        name: Some(name.to_owned()),
        scrub: Some(Scrub::new(policy, new_key().unwrap())),
        pg_dump: vec![server.binaries().pg_dump().unwrap()],
        ..CaptureOptions::default()
    }
}

/// Says that it keeps values apart, and does not.
struct Liar;

impl Transform for Liar {
    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, _: Value<'_>, _: &Row<'_>, _: &mut Work, out: &mut Vec<u8>) -> Answer {
        out.extend_from_slice(b"same for all");
        Answer::Written
    }
}

#[test]
fn rows_that_became_equal_under_a_unique_key_are_not_published() {
    let (server, (_folder, store)) = (shared(), store());
    let source = filled(server, "broken");
    let maker: Maker = Arc::new(|_, _| Ok(Box::new(Liar)));
    let lying =
        Policy::parse_with("[scrub.columns]\n'*' = 'liar'", BTreeMap::from([("liar".to_owned(), maker)])).unwrap();
    let error = store.capture(&source, &options(server, "broken", lying), &Control::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("would break constraints") && text.contains("499 of 500 rows"), "{text}");
    assert!(text.contains("users") && !text.contains("handle-"), "{text}");
    assert!(store.log(None).unwrap().is_empty());
    // Rules that keep their word are published.
    let policy = Policy::parse("[scrub.columns]\n'*' = 'shape'").unwrap();
    store.capture(&source, &options(server, "whole", policy), &Control::default()).unwrap();
}

#[test]
fn of_two_keys_that_publish_at_one_moment_one_is_taken_back() {
    let (server, (_folder, store)) = (shared(), store());
    let source = filled(server, "two_keys");
    let keep = || Policy::parse("[scrub.columns]\n'*' = 'keep'").unwrap();
    // When all is proved and the name not yet moved, somebody else publishes under another key.
    let other = Mutex::new(Some((store.clone(), filled(server, "two_keys_other"), options(server, "other", keep()))));
    let control = Control::new(move |event| {
        if matches!(event, Event::Step { name } if name == "publish")
            && let Some((store, source, options)) = other.lock().unwrap().take()
        {
            store.capture(&source, &options, &Control::default()).unwrap();
        }
    });
    let error = store.capture(&source, &options(server, "mine", keep()), &control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("other was scrubbed with the key"), "{error}");
    let names: Vec<String> = store.log(None).unwrap().iter().flat_map(|listed| listed.refs.clone()).collect();
    assert_eq!(names, ["other"]);
}
