//! Strategy: random rows of random columns are encoded by the plainest code, cut at random points, parsed, and must come
//! back equal; random and damaged bytes must never panic. Invariants: a batch is whole at each Full and at the end, no
//! batch is over its limits by more than a row, and a stream without its end is refused.

use super::binary::BinaryRows;
use super::text::TextRows;
use super::{Rows, Step};
use crate::error::Result;
use crate::postgres::types::TypeTree;
use offshoot_core::source::BATCH_ROWS;
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Batch, Cell, Column, INLINE_VALUE_BYTES_MAX};
use offshoot_format::ids::ChunkId;
use offshoot_format::table::Layout;
use proptest::prelude::*;

type Row = Vec<Option<Vec<u8>>>;

/// Parses a stream that comes in chunks; large values are put back in their place.
fn parse(mut rows: Rows<'_>, layouts: &[Layout], chunks: &[&[u8]]) -> Result<Vec<Row>> {
    let empty = || Batch { columns: layouts.iter().map(|&layout| Column::new(layout)).collect(), rows: 0 };
    let mut batch = empty();
    let mut out = Vec::new();
    let mut larges: Vec<Vec<u8>> = Vec::new();
    for chunk in chunks {
        let mut at = 0;
        loop {
            let mut input = &chunk[at..];
            let step = rows.step(&mut input, &mut batch)?;
            let (mut is_over, mut ended, mut is_full) = (false, None, false);
            match step {
                Step::More | Step::End => is_over = true,
                Step::Full => is_full = true,
                Step::LargeBegin { .. } => larges.push(Vec::new()),
                Step::LargePiece(piece) => larges.last_mut().unwrap().extend_from_slice(piece),
                Step::LargeEnd { column } => ended = Some(column),
            }
            at = chunk.len() - input.len();
            if let Some(column) = ended {
                let mut id = [0; 32];
                id[..8].copy_from_slice(&(larges.len() as u64 - 1).to_be_bytes());
                let bytes = larges.last().unwrap().len() as u64;
                batch.columns[column].push_blob(&BlobRef { id: ChunkId::from_bytes(id), bytes }).unwrap();
            }
            if is_full {
                take(&mut out, &batch, &larges);
                batch = empty();
            }
            if is_over {
                break;
            }
        }
        assert_eq!(at, chunk.len());
    }
    rows.finish()?;
    take(&mut out, &batch, &larges);
    Ok(out)
}

fn take(out: &mut Vec<Row>, batch: &Batch, larges: &[Vec<u8>]) {
    assert!(batch.rows <= BATCH_ROWS);
    assert!(batch.columns.iter().all(|column| column.rows() == batch.rows));
    for row in 0..batch.rows {
        let cell = |column: &Column| match column.cell(row) {
            Cell::Null => None,
            Cell::Bytes(bytes) => {
                assert!(bytes.len() <= INLINE_VALUE_BYTES_MAX, "a large value is part of a batch");
                Some(bytes.to_vec())
            }
            Cell::Blob(blob) => {
                let number = u64::from_be_bytes(blob.id.as_bytes()[..8].try_into().unwrap());
                assert!(larges[number as usize].len() > INLINE_VALUE_BYTES_MAX, "a short value is stored apart");
                Some(larges[number as usize].clone())
            }
        };
        out.push(batch.columns.iter().map(cell).collect());
    }
}

fn encode_binary(rows: &[Row]) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in rows {
        out.extend((row.len() as i16).to_be_bytes());
        for value in row {
            match value {
                None => out.extend((-1i32).to_be_bytes()),
                Some(bytes) => {
                    out.extend((bytes.len() as i32).to_be_bytes());
                    out.extend(bytes);
                }
            }
        }
    }
    out.extend((-1i16).to_be_bytes());
    out
}

/// As `CopyAttributeOutText` does it.
fn encode_text(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                out.push(b'\t');
            }
            let Some(bytes) = value else {
                out.extend(b"\\N");
                continue;
            };
            for &byte in bytes {
                let escaped = match byte {
                    8 => b'b',
                    12 => b'f',
                    b'\n' => b'n',
                    b'\r' => b'r',
                    b'\t' => b't',
                    11 => b'v',
                    b'\\' => b'\\',
                    byte => {
                        out.push(byte);
                        continue;
                    }
                };
                out.extend([b'\\', escaped]);
            }
        }
        out.push(b'\n');
    }
    out
}

fn cut<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut start = 0;
    places
        .into_iter()
        .map(|end| {
            let chunk = &bytes[start..end];
            start = end;
            chunk
        })
        .collect()
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        8 => proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\\'), Just(b'\n'), Just(b'N'), Just(b'\t')], 0..12).prop_map(Some),
        1 => (INLINE_VALUE_BYTES_MAX - 3..INLINE_VALUE_BYTES_MAX + 100_000, any::<u8>())
            .prop_map(|(bytes, seed)| Some((0..bytes).map(|at| (at as u8).wrapping_mul(seed)).collect())),
    ]
}

fn table() -> impl Strategy<Value = (usize, Vec<Row>)> {
    (0usize..5).prop_flat_map(|columns| {
        (Just(columns), proptest::collection::vec(proptest::collection::vec(value(), columns), 0..20))
    })
}

fn binary_rows(tree: &TypeTree, columns: usize) -> Rows<'_> {
    Rows::Binary(BinaryRows::new(tree, &vec![17; columns]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("OFFSHOOT_LONG").is_some() { 100_000 } else { 200 }))]

    #[test]
    fn binary_rows_come_back((columns, rows) in table(), cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let (tree, bytes) = (TypeTree::default(), encode_binary(&rows));
        let parsed = parse(binary_rows(&tree, columns), &vec![Layout::Var; columns], &cut(&bytes, &cuts)).unwrap();
        prop_assert!(parsed == rows);
    }

    #[test]
    fn text_rows_come_back((columns, rows) in table(), cuts in proptest::collection::vec(any::<usize>(), 0..12)) {
        let bytes = encode_text(&rows);
        let parsed = parse(Rows::Text(TextRows::new(columns)), &vec![Layout::Var; columns], &cut(&bytes, &cuts)).unwrap();
        prop_assert!(parsed == rows);
    }

    #[test]
    fn a_stream_that_is_cut_short_is_refused((columns, rows) in table(), end in any::<usize>()) {
        let (tree, bytes) = (TypeTree::default(), encode_binary(&rows));
        let end = end % bytes.len();
        prop_assert!(parse(binary_rows(&tree, columns), &vec![Layout::Var; columns], &[&bytes[..end]]).is_err());
    }

    #[test]
    fn damaged_streams_do_not_panic((columns, rows) in table(), at in any::<usize>(), byte in any::<u8>()) {
        let tree = TypeTree::default();
        let layouts = vec![Layout::Var; columns];
        let mut bytes = encode_binary(&rows);
        let place = at % bytes.len();
        bytes[place] = byte;
        let _ = parse(binary_rows(&tree, columns), &layouts, &[&bytes]);
        let mut bytes = encode_text(&rows);
        if !bytes.is_empty() {
            let place = at % bytes.len();
            bytes[place] = byte;
        }
        let _ = parse(Rows::Text(TextRows::new(columns)), &layouts, &[&bytes]);
    }
}

#[test]
fn batches_are_cut_at_their_limit() {
    let tree = TypeTree::default();
    let rows: Vec<Row> = (0..BATCH_ROWS as u32 * 2 + 5).map(|i| vec![Some(i.to_be_bytes().to_vec()), None]).collect();
    let bytes = encode_binary(&rows);
    let parsed = parse(binary_rows(&tree, 2), &[Layout::Fixed(4), Layout::Var], &[&bytes]).unwrap();
    assert!(parsed == rows);
}

#[test]
fn every_cut_of_a_small_stream() {
    let tree = TypeTree::default();
    let rows: Vec<Row> = vec![vec![Some(b"ab".to_vec()), None], vec![Some(Vec::new()), Some(b"\\.\n\t".to_vec())]];
    for (bytes, is_binary) in [(encode_binary(&rows), true), (encode_text(&rows), false)] {
        for at in 0..=bytes.len() {
            let parser = if is_binary { binary_rows(&tree, 2) } else { Rows::Text(TextRows::new(2)) };
            let (head, tail) = bytes.split_at(at);
            assert!(parse(parser, &[Layout::Var; 2], &[head, tail]).unwrap() == rows);
        }
        let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
        let parser = if is_binary { binary_rows(&tree, 2) } else { Rows::Text(TextRows::new(2)) };
        assert!(parse(parser, &[Layout::Var; 2], &bytewise).unwrap() == rows);
    }
}

#[test]
fn a_value_is_large_by_its_length_however_it_comes() {
    for length in [INLINE_VALUE_BYTES_MAX - 1, INLINE_VALUE_BYTES_MAX, INLINE_VALUE_BYTES_MAX + 1, 300_000] {
        let value = vec![b'x'; length];
        let text = [value.clone(), b"\n".to_vec()].concat();
        for cut in [0, 1, length / 2, INLINE_VALUE_BYTES_MAX - 2, length] {
            let (one, two) = text.split_at(cut);
            let rows = parse(Rows::Text(TextRows::new(1)), &[Layout::Var], &[one, two]).unwrap();
            assert_eq!(rows, [[Some(value.clone())]]);
        }
    }
}

#[test]
fn wrong_streams_are_refused() {
    let tree = TypeTree::default();
    let good = encode_binary(&[vec![Some(b"a".to_vec())]]);
    let refused = |bytes: &[u8], layout| parse(binary_rows(&tree, 1), &[layout], &[bytes]).is_err();
    assert!(!refused(&good, Layout::Var));
    assert!(refused(&good, Layout::Fixed(4)), "a value of another length than its type");
    assert!(refused(&[good.clone(), vec![0]].concat(), Layout::Var), "bytes behind the trailer");
    assert!(refused(&encode_binary(&[vec![None, None]]), Layout::Var), "too many fields");
    let mut oids = good.clone();
    oids[12] = 1;
    assert!(refused(&oids, Layout::Var), "unknown flags");
    for text in ["a\tb\n", "a", "\\Nx\n", "a\\"] {
        assert!(parse(Rows::Text(TextRows::new(1)), &[Layout::Var], &[text.as_bytes()]).is_err(), "{text:?}");
    }
    let large = [vec![b'x'; INLINE_VALUE_BYTES_MAX + 1], b"\n".to_vec()].concat();
    assert!(parse(Rows::Text(TextRows::new(0)), &[], &[&large]).is_err(), "a large value where no column is");
}
