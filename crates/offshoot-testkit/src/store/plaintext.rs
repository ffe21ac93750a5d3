//! Everything that a store in a folder holds, decoded: also chunks that no snapshot refers to, which a search of the files would
//! not see for their compression, nor a search of snapshots for their being nowhere in them.

use offshoot_core::store::{DirStore, OpenStore};
use offshoot_format::codec::Decoder;
use offshoot_format::column::{Cell, Column};
use offshoot_format::ids::ChunkKind;
use offshoot_format::pack::{self, CHUNK_BYTES_MAX, FOOTER_BYTES, Footer, PackEntry};
use offshoot_format::table::Layout;
use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// The widest fixed column that is tried, in bytes.
const FIXED_BYTES_MAX: u8 = 64;

/// What fails says why.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Name and plaintext of every chunk in every pack, and of every manifest.
///
/// # Errors
/// If a file cannot be read, or a chunk is not what it says it is.
pub fn plaintext(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let store = OpenStore::open(Arc::new(DirStore::new(folder)))?;
    let mut all = Vec::new();
    for id in store.snapshots()? {
        let manifest = store.manifest(&id)?;
        all.push((format!("manifest {id}"), format!("{manifest:#?}").into_bytes()));
        // These its Debug hides, or escapes.
        all.push((format!("receipt of {id}"), manifest.receipt.clone().unwrap_or_default().into_bytes()));
        all.push((
            format!("schema of {id}"),
            manifest.content.schema.iter().flat_map(|item| item.sql.bytes()).collect(),
        ));
        let defaults =
            manifest.facts.iter().flat_map(|table| &table.columns).filter_map(|column| column.default.clone());
        all.push((format!("defaults of {id}"), defaults.collect::<Vec<_>>().join(&b'\n')));
        let tables = manifest.content.tables.iter().chain(&manifest.content.large_objects);
        let held =
            tables.filter_map(|table| Some((table.spec.name.clone(), table.root.leaf.as_ref()?.plain().to_vec())));
        all.extend(held.map(|(name, plain)| (format!("table {name} of {id}"), plain)));
    }
    let mut decoder = Decoder::default();
    for file in fs::read_dir(folder.join("packs"))? {
        let bytes = fs::read(file?.path())?;
        let footer = Footer::decode(&bytes[bytes.len() - FOOTER_BYTES..], bytes.len() as u64)?;
        let index = &bytes[usize::try_from(footer.index_offset)?..][..footer.index_bytes()];
        for entry in footer.decode_index(index)? {
            let frame = &bytes[entry.offset as usize..][..entry.frame_bytes()];
            let (_, payload) = pack::read_frame(&entry.id, frame)?;
            let plain = match entry.kind {
                ChunkKind::Column => values(&column(&mut decoder, &store, &entry, payload)?),
                kind => decoder.verified(payload, CHUNK_BYTES_MAX as usize, store.id_key(), kind, &entry.id)?,
            };
            all.push((format!("{:?} {}", entry.kind, entry.id), plain));
        }
    }
    Ok(all)
}

/// All that is compressed in some bytes, wherever they were cut: every zstd frame in them, as far as it goes.
#[must_use]
pub fn decompressed(bytes: &[u8]) -> Vec<u8> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut all = Vec::new();
    let begins = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    for (at, _) in begins {
        if let Ok(frame) = zstd::stream::read::Decoder::with_buffer(&bytes[at..]) {
            // A frame that is damaged or not whole gives what comes before.
            let _ = frame.single_frame().read_to_end(&mut all);
        }
        all.push(b'\n');
    }
    all
}

/// A column whose layout is not known: the one under which it hashes to its id.
fn column(decoder: &mut Decoder, store: &OpenStore, entry: &PackEntry, payload: &[u8]) -> Result<Column> {
    for layout in std::iter::once(Layout::Var).chain((1..=FIXED_BYTES_MAX).map(Layout::Fixed)) {
        let Ok(column) = decoder.column(layout, payload) else { continue };
        if decoder.verify(&column, store.id_key(), &entry.id).is_ok() {
            return Ok(column);
        }
    }
    Err(format!("column {} has no layout under which it is what its id says", entry.id).into())
}

fn values(column: &Column) -> Vec<u8> {
    let mut plain = Vec::new();
    for row in 0..column.rows() {
        if let Cell::Bytes(bytes) = column.cell(row) {
            plain.extend_from_slice(bytes);
            plain.push(b'\n');
        }
    }
    plain
}
