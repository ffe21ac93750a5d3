//! COPY streams of a server that may be anything, cut anywhere: parsing never panics, and gives the same however the
//! stream is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_engines::postgres::copy_out::binary::BinaryRows;
use offshoot_engines::postgres::copy_out::text::TextRows;
use offshoot_engines::postgres::copy_out::{Rows, Step};
use offshoot_engines::postgres::types::{TypeKind, TypeTree};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column, INLINE_VALUE_BYTES_MAX};
use offshoot_format::ids::ChunkId;
use offshoot_format::table::Layout;

/// int4, text, an enum's array, a composite with that in it.
const TYPES: [u32; 4] = [23, 25, 20_001, 20_002];

fuzz_target!(|input: (u8, u8, u16, &[u8])| {
    let (shape, cut, filler, bytes) = input;
    let is_text = shape & 1 == 1;
    let columns: Vec<u32> = (0..shape >> 1 & 3).map(|column| TYPES[usize::from(shape >> 3 ^ column) & 3]).collect();
    let layout = |&oid: &u32| if oid == 23 && !is_text { Layout::Fixed(4) } else { Layout::Var };
    let layouts: Vec<Layout> = columns.iter().map(layout).collect();
    let mut stream = bytes.to_vec();
    // A value that is too long for a column is too long for the fuzzer's inputs as well: put one in.
    if filler & 0x8000 != 0 {
        let at = usize::from(filler & 0x7fff).min(stream.len());
        stream.splice(at..at, std::iter::repeat_n(b'x', INLINE_VALUE_BYTES_MAX + 1));
    }
    let tree = TypeTree::of([
        (23, TypeKind::Scalar),
        (25, TypeKind::Scalar),
        (20_000, TypeKind::Scalar),
        (20_001, TypeKind::Array(20_000)),
        (20_002, TypeKind::Composite(vec![23, 20_001])),
    ]);
    let rows = || match is_text {
        true => Rows::Text(TextRows::new(columns.len())),
        false => Rows::Binary(BinaryRows::new(&tree, &columns)),
    };
    let whole = parse(rows(), &layouts, &stream, stream.len().max(1));
    // Cut finely at both ends of a filler, coarsely inside of it.
    let pieces = usize::from(cut).max(1) * if stream.len() > bytes.len() { 64 } else { 1 };
    assert!(whole == parse(rows(), &layouts, &stream, pieces));
});

/// Rows of cells, a large value in the place of its reference; `None` if it is no such stream.
fn parse(mut rows: Rows<'_>, layouts: &[Layout], stream: &[u8], piece_bytes: usize) -> Option<Vec<Option<Vec<u8>>>> {
    let empty = || Batch { columns: layouts.iter().map(|&layout| Column::new(layout)).collect(), rows: 0 };
    let (mut batch, mut out, mut larges) = (empty(), Vec::new(), Vec::<Vec<u8>>::new());
    for piece in stream.chunks(piece_bytes) {
        let mut at = 0;
        loop {
            let mut input = &piece[at..];
            let (mut is_over, mut is_full, mut ended) = (false, false, None);
            match rows.step(&mut input, &mut batch).ok()? {
                Step::More | Step::End => is_over = true,
                Step::Full => is_full = true,
                Step::LargeBegin { .. } => larges.push(Vec::new()),
                Step::LargePiece(bytes) => larges.last_mut().unwrap().extend_from_slice(bytes),
                Step::LargeEnd { column } => ended = Some(column),
            }
            at = piece.len() - input.len();
            if let Some(column) = ended {
                let mut id = [0; 32];
                id[..8].copy_from_slice(&(larges.len() as u64 - 1).to_be_bytes());
                let blob = BlobRef { id: ChunkId::from_bytes(id), bytes: larges.last().unwrap().len() as u64 };
                batch.columns[column].push_blob(&blob).ok()?;
            }
            if is_full {
                take(&mut out, &std::mem::replace(&mut batch, empty()), &larges);
            }
            if is_over {
                break;
            }
        }
        assert_eq!(at, piece.len());
    }
    rows.finish().ok()?;
    take(&mut out, &batch, &larges);
    Some(out)
}

fn take(out: &mut Vec<Option<Vec<u8>>>, batch: &Batch, larges: &[Vec<u8>]) {
    assert!(batch.columns.iter().all(|column| column.rows() == batch.rows));
    let cells = (0..batch.rows).flat_map(|row| batch.columns.iter().map(move |column| column.cell(row)));
    out.extend(cells.map(|cell| match cell {
        Cell::Null => None,
        Cell::Bytes(bytes) => Some(bytes.to_vec()),
        Cell::Blob(blob) => {
            let number = u64::from_be_bytes(blob.id.as_bytes()[..8].try_into().unwrap());
            Some(larges[number as usize].clone())
        }
    }));
}
