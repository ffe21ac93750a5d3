//! A database of a thousand tables of 0 to 20 rows: what it costs in files, chunks and bytes, and that a second capture
//! of it is all reuse.
#![allow(clippy::unwrap_used)]

use offshoot_core::capture::{CaptureOptions, CaptureReport, capture};
use offshoot_core::ingest::IngestOptions;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::source::{Captured, Sink, Source};
use offshoot_core::store::{DirStore, OpenStore};
use offshoot_core::{Control, Result};
use offshoot_format::column::Batch;
use offshoot_format::table::{ColumnSpec, Key, KeyOrder, Layout, RowForm, TableSpec};
use offshoot_testkit::store::Dice;
use std::path::Path;
use std::sync::Arc;

mod made_up;
use made_up::captured;

const TABLES: u64 = 1000;

/// The tables; one in a hundred has another word in its last row if `changed`.
struct Small {
    changed: bool,
}

fn spec(table: u64) -> TableSpec {
    let column = |name: &str, layout| ColumnSpec {
        name: name.to_owned(),
        type_name: "bytes".to_owned(),
        layout,
        order: KeyOrder::Bytes,
        nullable: name == "note",
    };
    TableSpec {
        schema: "public".to_owned(),
        name: format!("t{table:04}"),
        columns: vec![
            column("id", Layout::Fixed(8)),
            column("made", Layout::Fixed(8)),
            column("active", Layout::Fixed(1)),
            column("status", Layout::Var),
            column("name", Layout::Var),
            column("note", Layout::Var),
        ],
        key: Key::Unique(vec![0]),
        form: RowForm::Binary,
    }
}

fn word(dice: &mut Dice, letters: usize) -> Vec<u8> {
    (0..letters).map(|_| b"etaoinshrdlucmfw"[dice.below(16)]).collect()
}

fn rows(table: u64, changed: bool, batch: &mut Batch) -> Result<()> {
    let mut dice = Dice::new(table);
    let rows = table % 21;
    for row in 0..rows {
        let name = word(&mut dice, 8 + row as usize % 13);
        let name = if changed && row + 1 == rows && table.is_multiple_of(100) { b"changed".to_vec() } else { name };
        batch.columns[0].push(&row.to_be_bytes())?;
        batch.columns[1].push(&(800_000_000_000_000 + dice.below(1 << 40)).to_be_bytes())?;
        batch.columns[2].push(&[u8::from(dice.below(4) > 0)])?;
        batch.columns[3].push([&b"new"[..], b"paid", b"shipped"][dice.below(3)])?;
        batch.columns[4].push(&name)?;
        match dice.below(3) {
            0 => batch.columns[5].push_null(),
            letters => batch.columns[5].push(&word(&mut dice, 30 * letters))?,
        }
        batch.rows += 1;
    }
    Ok(())
}

impl Source for Small {
    fn capture(&mut self, sink: &dyn Sink, _control: &Control) -> Result<Captured> {
        for table in 0..TABLES {
            let sink = sink.table(&spec(table))?;
            let mut range = sink.range(false)?;
            let mut batch = range.batch();
            rows(table, self.changed, &mut batch)?;
            range.push(batch)?;
            range.finish()?;
            sink.finish()?;
        }
        Ok(captured("small"))
    }
}

#[derive(Debug, Clone, Copy)]
struct Size {
    files: u64,
    bytes: u64,
    manifest_bytes: u64,
    chunks: u64,
}

fn size(store: &Path) -> Size {
    let mut size = Size { files: 0, bytes: 0, manifest_bytes: 0, chunks: 0 };
    for folder in ["packs", "index", "snapshots", "refs"] {
        for file in std::fs::read_dir(store.join(folder)).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            size.files += 1;
            size.bytes += bytes.len() as u64;
            match folder {
                "snapshots" => size.manifest_bytes += bytes.len() as u64,
                // The count of entries in the footer of a segment.
                "index" => size.chunks += u64::from_le_bytes(bytes[bytes.len() - 48..][..8].try_into().unwrap()),
                _ => {}
            }
        }
    }
    size
}

fn reused_share(report: &CaptureReport) -> f64 {
    let columns = || report.manifest.stats.tables.iter().flat_map(|table| &table.columns);
    let reused: u64 = columns().map(|column| column.reused_logical_bytes).sum();
    reused as f64 / columns().map(|column| column.logical_bytes).sum::<u64>() as f64
}

#[test]
fn a_thousand_small_tables_cost_little() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("store");
    let store = OpenStore::init(Arc::new(DirStore::new(place.clone())), true).unwrap();
    let ingest = IngestOptions { spill: Some(folder.path().to_owned()), ..IngestOptions::default() };
    let options = CaptureOptions { ingest, ..CaptureOptions::default() };
    let run = |changed| capture(&store, &mut Small { changed }, None, &options, &Control::default()).unwrap();
    let first = run(false);
    let after_first = size(&place);
    println!("first: {after_first:?}, {} bytes of values", first.manifest.stats.logical_bytes);
    let second = run(false);
    let after_second = size(&place);
    println!("unchanged: {after_second:?}, reused {}", reused_share(&second));
    assert_eq!(second.manifest.content_root, first.manifest.content_root);
    assert_eq!(second.added_bytes, 0);
    assert_eq!(reused_share(&second), 1.0);
    let third = run(true);
    let after_third = size(&place);
    println!("one in a hundred changed: {after_third:?}, reused {}", reused_share(&third));
    assert!(reused_share(&third) > 0.95 && reused_share(&third) < 1.0);

    let reader = SnapshotReader::new(Arc::new(store.clone()), store.manifest(&third.snapshot).unwrap());
    for (number, table) in reader.manifest().content.tables.iter().enumerate() {
        let mut expected = Batch::new(&table.spec.columns);
        rows(number as u64, true, &mut expected).unwrap();
        let leaves = reader.leaves(table).unwrap();
        assert_eq!(leaves.len(), usize::from(expected.rows > 0));
        assert!(leaves.iter().all(|leaf| reader.batch(table, leaf).unwrap() == expected));
    }
    let report = store.verify_full(&[], &Control::default()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}
