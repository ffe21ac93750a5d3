//! A made-up source into a real store and back: what a capture publishes, and what a failed one does not.
#![allow(clippy::unwrap_used)]

use offshoot_core::attempts::ATTEMPTS;
use offshoot_core::capture::{CaptureOptions, capture};
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::source::{Captured, Sink, Source};
use offshoot_core::store::{DirStore, OpenStore};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::Cell;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::sync::Arc;

mod made_up;
use made_up::{TAKEN_UNIX_MS, captured};

struct MadeUp {
    rows: i32,
    failures: u32,
    retryable: bool,
}

fn spec() -> TableSpec {
    let column = ColumnSpec {
        name: "id".into(),
        type_name: "pg_catalog.int4".into(),
        layout: Layout::Fixed(4),
        order: KeyOrder::Signed,
        nullable: false,
    };
    let key = Key::Unique(vec![0]);
    TableSpec { schema: "public".into(), name: "t".into(), columns: vec![column], key, form: RowForm::Binary }
}

impl Source for MadeUp {
    fn capture(&mut self, sink: &dyn Sink, _control: &Control) -> Result<Captured> {
        let table = sink.table(&spec())?;
        let mut range = table.range(false)?;
        let mut batch = range.batch();
        for id in 0..self.rows {
            batch.columns[0].push(&id.to_be_bytes())?;
            batch.rows += 1;
        }
        range.push(batch)?;
        if self.failures > 0 {
            self.failures -= 1;
            return Err(CoreError::Source { retryable: self.retryable, source: "connection lost".into() });
        }
        range.finish()?;
        table.finish()?;
        Ok(captured("shop"))
    }
}

fn store() -> (tempfile::TempDir, OpenStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = OpenStore::init(Arc::new(DirStore::new(folder.path().join("store"))), true).unwrap();
    (folder, store)
}

fn run(store: &OpenStore, source: &mut MadeUp) -> Result<offshoot_core::capture::CaptureReport> {
    capture(store, source, None, &CaptureOptions::default(), &Control::default())
}

#[test]
fn rows_come_back_and_a_second_capture_adds_nothing() {
    let (_folder, store) = store();
    let first = run(&store, &mut MadeUp { rows: 100_000, failures: 0, retryable: false }).unwrap();
    assert_eq!((first.name.as_str(), first.manifest.stats.rows), ("shop", 100_000));
    // The time is that of the state, not of the end of the capture.
    assert_eq!(first.manifest.taken_unix_ms, TAKEN_UNIX_MS);
    assert_eq!(store.resolve("shop@{2023-11-14 22:14}").unwrap(), first.snapshot);
    assert!(store.resolve("shop@{2023-11-14 22:12}").is_err());
    let second = run(&store, &mut MadeUp { rows: 100_000, failures: 0, retryable: false }).unwrap();
    assert_eq!(second.manifest.content_root, first.manifest.content_root);
    assert_eq!(second.manifest.parent, Some(first.snapshot));
    assert_ne!(second.snapshot, first.snapshot);
    assert_eq!(second.added_bytes, 0);
    let reader = SnapshotReader::new(Arc::new(store.clone()), store.manifest(&second.snapshot).unwrap());
    let table = &reader.manifest().content.tables[0];
    let mut next = 0i32;
    for leaf in reader.leaves(table).unwrap() {
        let batch = reader.batch(table, &leaf).unwrap();
        for row in 0..batch.rows {
            assert!(batch.columns[0].cell(row) == Cell::Bytes(&next.to_be_bytes()));
            next += 1;
        }
    }
    assert_eq!(next, 100_000);
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_leaves_nothing() {
    let (_folder, store) = store();
    assert!(run(&store, &mut MadeUp { rows: 10, failures: 1, retryable: false }).is_err());
    assert!(run(&store, &mut MadeUp { rows: 10, failures: ATTEMPTS, retryable: true }).is_err());
    assert!(store.snapshots().unwrap().is_empty());
    assert_eq!(
        run(&store, &mut MadeUp { rows: 10, failures: ATTEMPTS - 1, retryable: true }).unwrap().manifest.stats.rows,
        10
    );
    assert_eq!(store.snapshots().unwrap().len(), 1);
}
