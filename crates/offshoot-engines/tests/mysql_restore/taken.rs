//! A snapshot taken by the plainest means, so that these tests depend on no capture: the catalog, and a SELECT of each table.

use offshoot_core::Result;
use offshoot_core::read::LeafHandle;
use offshoot_core::target::Rows;
use offshoot_engines::mysql::catalog::{environment, origin, sequences, tables};
use offshoot_engines::mysql::conninfo::{ConnInfo, Environment};
use offshoot_engines::mysql::schema;
use offshoot_engines::mysql::session::{Session, reading_pins};
use offshoot_format::blob::{BlobRef, PIECE_BYTES};
use offshoot_format::column::{Batch, Cell, Column, INLINE_VALUE_BYTES_MAX};
use offshoot_format::ids::{ChunkId, ChunkKind, ContentRoot, IdKey};
use offshoot_format::manifest::{Content, Load, Manifest, Stats, TableEntry, Trust};
use offshoot_format::table::TableSpec;
use offshoot_format::tree::TreeRoot;
use offshoot_testkit::mysql::Server;
use std::collections::HashMap;

/// Rows of a leaf; small, so that tests have many leaves.
const LEAF_ROWS: usize = 300;

/// Rows in memory.
#[derive(Default)]
pub struct Memory {
    leaves: HashMap<String, Vec<Batch>>,
    blobs: HashMap<ChunkId, Vec<u8>>,
}

impl Rows for Memory {
    fn leaves(&self, table: &TableEntry) -> Result<Vec<LeafHandle>> {
        let leaves = self.leaves.get(&table.spec.name).map(Vec::as_slice).unwrap_or_default();
        let handle = |(index, batch): (usize, &Batch)| LeafHandle {
            id: ChunkId::from_bytes([index as u8; 32]),
            rows: index as u64,
            bytes: batch.bytes_len() as u64,
        };
        Ok(leaves.iter().enumerate().map(handle).collect())
    }

    fn batch(&self, table: &TableEntry, leaf: &LeafHandle) -> Result<Batch> {
        Ok(self.leaves[&table.spec.name][leaf.rows as usize].clone())
    }

    fn blob<'a>(&'a self, blob: &BlobRef) -> Result<Box<dyn Iterator<Item = Result<Vec<u8>>> + 'a>> {
        Ok(Box::new(self.blobs[&blob.id].chunks(PIECE_BYTES[2]).map(|piece| Ok(piece.to_vec()))))
    }
}

impl Memory {
    /// Adds rows to a table.
    pub fn push(&mut self, spec: &TableSpec, batch: Batch) {
        self.leaves.entry(spec.name.clone()).or_default().push(batch);
    }

    /// Keeps a large value.
    pub fn keep(&mut self, value: &[u8]) -> BlobRef {
        let id = IdKey::from_bytes([7; 32]).chunk_id(ChunkKind::Blob, &[value]);
        self.blobs.insert(id, value.to_vec());
        BlobRef { id, bytes: value.len() as u64 }
    }
}

/// A snapshot: what a manifest says, and the rows.
pub struct Taken {
    pub manifest: Manifest,
    pub rows: Memory,
}

/// The connection to a database of a test's server.
pub fn conninfo(url: &str) -> ConnInfo {
    ConnInfo::parse(&format!("{url}?ssl-mode=DISABLED"), &Environment::empty()).unwrap()
}

/// Takes a database as it is.
pub fn take(server: &Server, db: &str) -> Taken {
    let mut session = Session::open(&conninfo(&server.url(db))).unwrap();
    session.pin(&reading_pins(session.flavor())).unwrap();
    let tables = tables::list(&mut session).unwrap();
    let schema = schema::read(&mut session, &tables, u64::MAX).unwrap();
    assert!(schema.not_carried.is_empty(), "{:?}", schema.not_carried);
    let (sequences, not_carried) = sequences::read(&mut session, &tables).unwrap();
    assert!(not_carried.is_empty(), "{not_carried:?}");
    let mut taken = Taken {
        manifest: Manifest {
            taken_unix_ms: 0,
            parent: None,
            content_root: ContentRoot::from_bytes([0; 32]),
            trust: Trust::Raw,
            origin: origin::read(&mut session, String::new()).unwrap(),
            environment: environment::read(&mut session, &tables, &schema.definers).unwrap(),
            content: Content { schema: schema.items, sequences, ..Content::default() },
            omitted: Vec::new(),
            not_carried: Vec::new(),
            stats: Stats::default(),
            facts: Vec::new(),
            receipt: None,
            written_by: "a test".into(),
        },
        rows: Memory::default(),
    };
    session.want_raw_texts().unwrap();
    for table in tables.all.iter().filter(|table| table.has_rows()) {
        let mut root = TreeRoot { id: None, height: 0, rows: 0, logical_bytes: 0, leaf: None };
        let rows = session.query("read rows", &table.select()).unwrap();
        for rows in rows.chunks(LEAF_ROWS) {
            let mut columns: Vec<Column> = table.types.iter().map(|of| Column::new(of.layout())).collect();
            for row in rows {
                for (place, (of, column)) in table.types.iter().zip(&mut columns).enumerate() {
                    match row.get(place) {
                        None => column.push_null(),
                        Some(value) if value.len() > INLINE_VALUE_BYTES_MAX => {
                            column.push_cell(Cell::Blob(taken.rows.keep(value))).unwrap();
                        }
                        Some(value) => of.push(value, column).unwrap(),
                    }
                }
            }
            let batch = Batch { columns, rows: rows.len() };
            root.rows += batch.rows as u64;
            root.logical_bytes += batch.bytes_len() as u64;
            taken.rows.push(&table.spec, batch);
        }
        taken.manifest.content.tables.push(TableEntry { spec: table.spec.clone(), root, load: Load::default() });
    }
    taken
}
