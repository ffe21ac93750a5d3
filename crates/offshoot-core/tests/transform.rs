//! Rows that are rewritten on their way in: nothing of the old ones is stored, equal values are stored alike whatever came
//! before, and a refused snapshot leaves nothing behind.
#![allow(clippy::unwrap_used)]

use offshoot_core::capture::{CaptureOptions, CaptureReport, capture};
use offshoot_core::digest::{DigestSink, Digests};
use offshoot_core::look_ahead::LookAhead;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::source::{Captured, Sink, Source};
use offshoot_core::store::{DirStore, OpenStore};
use offshoot_core::transform::{
    BatchTransform, LargeRewrite, PieceTransform, Proof, RangeTransform, Rewriting, TableTransform,
};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::facts::TableFacts;
use offshoot_format::manifest::{Manifest, Trust};
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

mod made_up;
use made_up::captured;

/// Texts, some of them too long for a batch.
struct Texts {
    texts: Vec<Vec<u8>>,
    failures: u32,
}

fn spec() -> TableSpec {
    let column = |name: &str, layout, order| ColumnSpec {
        name: name.into(),
        type_name: "pg_catalog.text".into(),
        layout,
        order,
        nullable: true,
    };
    let columns = vec![column("id", Layout::Fixed(4), KeyOrder::Signed), column("text", Layout::Var, KeyOrder::Bytes)];
    TableSpec { schema: "s".into(), name: "t".into(), columns, key: Key::Unique(vec![0]), form: RowForm::Binary }
}

impl Source for Texts {
    fn capture(&mut self, sink: &dyn Sink, _control: &Control) -> Result<Captured> {
        if sink.wants_facts() {
            sink.describe(&[])?;
        }
        let table = sink.table(&spec())?;
        let mut range = table.range(false)?;
        let mut batch = range.batch();
        for (id, text) in self.texts.iter().enumerate() {
            batch.columns[0].push(&(id as u32).to_be_bytes())?;
            if text.len() > 128 << 10 {
                let mut blob = range.blob(1)?;
                text.chunks(50_001).try_for_each(|part| blob.write(part))?;
                blob.finish()?.push_to(&mut batch.columns[1])?;
            } else {
                batch.columns[1].push(text)?;
            }
            batch.rows += 1;
        }
        range.push(batch)?;
        range.finish()?;
        table.finish()?;
        if self.failures > 0 {
            self.failures -= 1;
            return Err(CoreError::Source { retryable: true, source: "connection lost".into() });
        }
        Ok(captured("shop"))
    }
}

/// The row of this number is dropped whatever its text.
const DROPPED: u32 = 7;

/// Makes capitals, unless it keeps large values; drops rows whose text is "drop"; of a large value that begins with "cut" only "CUT" stays, one that begins with
/// "null" becomes NULL.
#[derive(Default)]
struct Capitals {
    plans: AtomicU32,
    refuses: bool,
    takes_back: bool,
    keeps_large: bool,
}

impl BatchTransform for Capitals {
    fn plan(&self, _tables: &[TableFacts]) -> Result<()> {
        self.plans.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn table(&self, _spec: &TableSpec) -> Result<Box<dyn TableTransform + '_>> {
        Ok(Box::new(Table { keeps_large: self.keeps_large }))
    }

    fn prove(&self, snapshot: &SnapshotReader, _control: &Control) -> Result<Proof> {
        let table = &snapshot.manifest().content.tables[0];
        for leaf in snapshot.leaves(table)? {
            assert!(snapshot.batch(table, &leaf)?.rows > 0);
        }
        if self.refuses {
            return Err(CoreError::Transform("survivors".into()));
        }
        let trust = Trust::Scrubbed { policy_digest: "p".into(), key_fingerprint: "k".into() };
        Ok(Proof { trust, receipt: "signed".into() })
    }

    fn confirm(&self, _snapshot: &Manifest) -> Result<()> {
        if self.takes_back { Err(CoreError::Transform("another key".into())) } else { Ok(()) }
    }
}

struct Table {
    keeps_large: bool,
}

impl TableTransform for Table {
    fn is_scattering(&self) -> bool {
        true
    }

    fn is_filtering(&self) -> bool {
        true
    }

    fn range(&self) -> Result<Box<dyn RangeTransform + '_>> {
        Ok(Box::new(Range { keeps_large: self.keeps_large }))
    }
}

struct Range {
    keeps_large: bool,
}

impl RangeTransform for Range {
    fn apply(&mut self, batch: &mut Batch) -> Result<()> {
        let mut rest = Batch { columns: batch.columns.iter().map(Column::fresh).collect(), rows: 0 };
        for row in 0..batch.rows {
            if batch.columns[0].cell(row) == Cell::Bytes(&DROPPED.to_be_bytes()) {
                continue;
            }
            match batch.columns[1].cell(row) {
                Cell::Bytes(b"drop") => continue,
                Cell::Bytes(text) => rest.columns[1].push(&text.to_ascii_uppercase())?,
                cell => rest.columns[1].push_cell(cell)?,
            }
            rest.columns[0].push_cell(batch.columns[0].cell(row))?;
            rest.rows += 1;
        }
        *batch = rest;
        Ok(())
    }

    fn large(&mut self, _column: usize) -> Result<LargeRewrite<'_>> {
        if self.keeps_large {
            return Ok(LargeRewrite::Keep);
        }
        Ok(LargeRewrite::Pieces(Box::new(Pieces { start: Vec::new() })))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct Pieces {
    start: Vec<u8>,
}

impl PieceTransform for Pieces {
    fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.start.is_empty() {
            self.start = bytes[..4].to_vec();
            if self.start.starts_with(b"cut") {
                out(b"CUT")?;
            }
        }
        if self.start.starts_with(b"cut") { Ok(()) } else { out(&bytes.to_ascii_uppercase()) }
    }

    fn finish(&mut self, _out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        Ok(self.start != b"null")
    }
}

fn store() -> (tempfile::TempDir, OpenStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = OpenStore::init(Arc::new(DirStore::new(folder.path().join("store"))), false).unwrap();
    (folder, store)
}

fn run(store: &OpenStore, texts: &[&[u8]], failures: u32, transform: &Capitals) -> Result<CaptureReport> {
    let mut source = Texts { texts: texts.iter().map(|text| text.to_vec()).collect(), failures };
    capture(store, &mut source, Some(transform), &CaptureOptions::default(), &Control::default())
}

fn long(start: &str) -> Vec<u8> {
    start.bytes().chain((0..400_000u32).map(|i| b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect()
}

#[test]
fn only_rewritten_rows_are_stored_and_equal_values_alike() {
    let (_folder, store) = store();
    let (kept, cut, null) = (long("kept"), long("cut "), long("null"));
    let report = run(&store, &[b"ann", b"drop", &kept, &cut, &null, b"bob"], 0, &Capitals::default()).unwrap();
    assert_eq!(report.manifest.stats.rows, 5);
    assert_eq!(report.manifest.receipt.as_deref(), Some("signed"));
    assert!(matches!(report.manifest.trust, Trust::Scrubbed { .. }));

    let reader = SnapshotReader::new(Arc::new(store.clone()), report.manifest.clone());
    let table = &reader.manifest().content.tables[0];
    let batch = reader.batch(table, &reader.leaves(table).unwrap()[0]).unwrap();
    let cells: Vec<Option<Vec<u8>>> = (0..batch.rows)
        .map(|row| match batch.columns[1].cell(row) {
            Cell::Null => None,
            Cell::Bytes(bytes) => Some(bytes.to_vec()),
            Cell::Blob(blob) => Some(reader.blob(&blob).unwrap().flat_map(|piece| piece.unwrap()).collect()),
        })
        .collect();
    let text = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(cells, [text("ANN"), Some(kept.to_ascii_uppercase()), text("CUT"), None, text("BOB")]);

    // The same rows in capitals from the start are the same snapshot, and a digest of rewritten rows is theirs.
    let upper = kept.to_ascii_uppercase();
    let again = run(&store, &[b"ANN", b"drop", &upper, b"CUT", &null, b"BOB"], 0, &Capitals::default()).unwrap();
    assert_eq!(again.manifest.content_root, report.manifest.content_root);
    assert_eq!(again.added_bytes, 0);
    let digest = DigestSink::default();
    let transform = Capitals::default();
    let texts = [&b"ann"[..], b"drop", &kept, &cut, &null, b"bob"].map(<[u8]>::to_vec).to_vec();
    Texts { texts, failures: 0 }.capture(&Rewriting::new(&transform, &digest), &Control::default()).unwrap();
    let ahead = LookAhead::new(1, 1 << 20).unwrap();
    let stored = Digests::of_snapshot(reader.manifest(), &reader, &ahead, &Control::default()).unwrap();
    assert!(stored.differences(&digest.finish()).is_empty());
}

#[test]
fn each_attempt_is_planned_anew() {
    let (_folder, store) = store();
    let transform = Capitals::default();
    assert_eq!(run(&store, &[b"ann"], 2, &transform).unwrap().manifest.stats.rows, 1);
    assert_eq!(transform.plans.load(Ordering::SeqCst), 3);
}

#[test]
fn a_refused_snapshot_leaves_nothing_at_all() {
    let (folder, store) = store();
    let refused = run(&store, &[b"ann", &long("kept")], 0, &Capitals { refuses: true, ..Capitals::default() });
    assert!(matches!(refused, Err(CoreError::Transform(_))));
    assert!(store.snapshots().unwrap().is_empty());
    for left in ["packs", "index", "snapshots", "refs", "tmp"] {
        let found = std::fs::read_dir(folder.path().join("store").join(left)).unwrap().count();
        assert_eq!(found, 0, "{left} holds {found} files");
    }
    assert!(run(&store, &[b"ann"], 0, &Capitals::default()).is_ok());
}

#[test]
fn a_snapshot_that_is_not_confirmed_loses_its_name() {
    let (_folder, store) = store();
    let first = run(&store, &[b"ann"], 0, &Capitals::default()).unwrap();
    let taken_back = run(&store, &[b"bob"], 0, &Capitals { takes_back: true, ..Capitals::default() });
    assert!(matches!(taken_back, Err(CoreError::Transform(_))));
    assert_eq!(store.get_ref(&first.name).unwrap(), Some(first.snapshot));
    assert_eq!(store.snapshots().unwrap(), [first.snapshot]);
    // Nothing stands in the way of the next one.
    assert_eq!(run(&store, &[b"bob"], 0, &Capitals::default()).unwrap().manifest.parent, Some(first.snapshot));
}

#[test]
fn nothing_of_a_large_value_is_written_whose_row_is_left_out() {
    let (kept, dropped): (_, Vec<u8>) = (long("kept"), long("out!").into_iter().rev().collect());
    let pieces = |text: &[u8]| text.chunks_exact(1000).map(<[u8]>::to_vec).collect::<Vec<_>>();
    for keeps_large in [true, false] {
        let (folder, store) = store();
        let mut texts = vec![&b"few"[..]; 10];
        (texts[3], texts[DROPPED as usize], texts[8]) = (&kept, &dropped, &kept);
        let report = run(&store, &texts, 1, &Capitals { keeps_large, ..Capitals::default() }).unwrap();
        assert_eq!(report.manifest.stats.rows, 9);
        let all = offshoot_testkit::store::plaintext(&folder.path().join("store")).unwrap();
        let has = |text: &[u8]| all.iter().any(|(_, plain)| plain.windows(text.len()).any(|window| window == text));
        let (there, gone) =
            if keeps_large { (&kept, &dropped) } else { (&kept.to_ascii_uppercase(), &dropped.to_ascii_uppercase()) };
        assert!(pieces(&there[..200_000]).iter().all(|part| has(part)), "of the large value that stays {keeps_large}");
        for text in [gone, &dropped] {
            let parts = [&text[..12], &text[100_000..100_040], &text[399_900..399_960]];
            assert!(!parts.iter().any(|part| has(part)), "a large value of a row that was left out is there");
        }
    }
}

#[test]
fn raw_rows_do_not_enter_a_store_for_scrubbed_ones() {
    let (_folder, store) = store();
    let mut source = Texts { texts: vec![b"ann".to_vec()], failures: 0 };
    let raw = capture(&store, &mut source, None, &CaptureOptions::default(), &Control::default());
    assert!(matches!(raw, Err(CoreError::Domain { .. })), "{raw:?}");
}

/// Rows of a batch are as many as fit; what their large values have become is in memory, too.
#[test]
fn large_values_that_became_short_are_counted_until_their_batch_is_pushed() {
    let (transform, digest) = (Capitals::default(), DigestSink::default());
    let rewriting = Rewriting::new(&transform, &digest);
    let table = rewriting.table(&spec()).unwrap();
    let mut range = table.range(false).unwrap();
    for _ in 0..2 {
        assert_eq!(range.held_bytes(), 0);
        let mut batch = range.batch();
        for (id, text) in [b"cut".as_slice(), b"null", b"long"].into_iter().enumerate() {
            batch.columns[0].push(&(id as u32).to_be_bytes()).unwrap();
            let mut blob = range.blob(1).unwrap();
            blob.write(&[text, &vec![b'x'; 140_000]].concat()).unwrap();
            blob.finish().unwrap().push_to(&mut batch.columns[1]).unwrap();
            batch.rows += 1;
        }
        // That which is still large went on, and NULL is nothing.
        assert_eq!(range.held_bytes(), "CUT".len());
        range.push(batch).unwrap();
    }
}
