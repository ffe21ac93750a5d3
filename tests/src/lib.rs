//! What the end-to-end tests share: a database goes into a store and comes out on a server, and both are compared.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod detection;
pub mod exact;

use offshoot::manifest::Manifest;
use offshoot::{CaptureOptions, CaptureReport, Connection, Control, Environment, InitOptions, RestoreOptions, Store};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Binaries, Server};
use std::path::PathBuf;
use tempfile::TempDir;

/// A store for raw rows in a folder that goes away with it.
pub struct Scratch {
    /// The store.
    pub store: Store,
    _folder: TempDir,
}

impl Default for Scratch {
    fn default() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::init(folder.path().join("store"), InitOptions { raw: true }).unwrap(), _folder: folder }
    }
}

/// The connection of a test to a database of a throwaway server.
#[must_use]
pub fn connection(server: &Server, db: &str) -> Connection {
    Connection::parse(&server.url(db), &Environment::empty()).unwrap()
}

/// A capture under the name `prod`, or the whole story of why not.
pub fn capture(store: &Store, server: &Server, db: &str) -> CaptureReport {
    try_capture(store, server, db).unwrap_or_else(|error| panic!("capture of {db}: {error:?}"))
}

/// A capture under the name `prod`.
///
/// # Errors
/// As the capture.
pub fn try_capture(store: &Store, server: &Server, db: &str) -> offshoot::Result<CaptureReport> {
    let pg_dump: Vec<PathBuf> = std::iter::once(server.binaries())
        .chain(Binaries::wanted().iter().rev())
        .filter_map(|binaries| binaries.pg_dump().ok())
        .collect();
    let options = CaptureOptions { name: Some("prod".into()), pg_dump, ..CaptureOptions::default() };
    store.capture(&connection(server, db), &options, &Control::default())
}

/// Restores `prod` into an empty database.
pub fn restore(store: &Store, server: &Server, db: &str) {
    store
        .restore("prod", &connection(server, db), &RestoreOptions::default(), &Control::default())
        .unwrap_or_else(|error| panic!("restore into {db}: {error:?}"));
}

/// Captures `db`, restores it into a fresh database of `target`, and compares content digests, the schema as pg_dump
/// tells it, and the content root of a capture of the copy.
pub fn round_trip(server: &Server, db: &str, target: &Server) {
    let scratch = Scratch::default();
    let first = capture(&scratch.store, server, db);
    assert!(first.manifest.not_carried.is_empty(), "{db}: {:?}", first.manifest.not_carried);
    let copy = target.fresh_db("copy");
    restore(&scratch.store, target, &copy);
    assert_eq!(fingerprint(target, &copy), fingerprint(server, db), "{db}: rows differ");
    if server.binaries().major_version() == target.binaries().major_version() {
        assert_eq!(schema(target, &copy), schema(server, db), "{db}: schemas differ");
        let again = capture(&scratch.store, target, &copy);
        let (was, is) = (&first.manifest, &again.manifest);
        let differences = differences(was, is);
        assert!(differences.is_empty(), "{db}: another content: {differences:#?}");
        assert!(is.content_root == was.content_root, "{db}: another content root");
        assert_eq!(is.stats.added_bytes, 0, "{db}: the copy added chunks");
    }
    target.dropdb(&copy);
}

/// What differs between the contents of two manifests, by name.
fn differences(was: &Manifest, is: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    let (a, b) = (&was.content, &is.content);
    let pairs = a.schema.iter().zip(&b.schema).filter(|(a, b)| a.sql != b.sql);
    found.extend(pairs.take(3).map(|(a, b)| format!("{} is now {}", a.sql, b.sql)));
    if a.schema.len() != b.schema.len() {
        found.push(format!("{} statements are now {}", a.schema.len(), b.schema.len()));
    }
    let pairs = a.tables.iter().zip(&b.tables).filter(|(a, b)| a.spec != b.spec || a.root != b.root);
    found.extend(pairs.map(|(a, b)| format!("{:?} {:?} is now {:?} {:?}", a.spec, a.root, b.spec, b.root)));
    if a.tables.len() != b.tables.len() || a.large_objects != b.large_objects {
        found.push("the number of tables, or the large objects".into());
    }
    let pairs = a.sequences.iter().zip(&b.sequences).filter(|(a, b)| a != b);
    found.extend(pairs.map(|(a, b)| format!("{a:?} is now {b:?}")));
    found
}

/// The schema as pg_dump tells it, without its own noise and without what is left out on purpose.
fn schema(server: &Server, db: &str) -> String {
    let options = ["--schema-only", "--no-publications", "--no-subscriptions"];
    let text = server.pg_dump(db, &options);
    let noise =
        |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict") && !line.starts_with("--");
    text.lines().filter(noise).collect::<Vec<_>>().join("\n")
}
