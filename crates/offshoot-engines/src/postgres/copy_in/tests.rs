//! What is encoded is parsed again, by parsers that share nothing with the encoder.

use super::*;
use crate::postgres::types::TypeKind;
use crate::postgres::types::tests::tree;
use offshoot_format::ids::ChunkId;
use offshoot_format::table::{ColumnSpec, KeyOrder, Layout};
use proptest::prelude::*;

type Value = Option<Vec<u8>>;

fn spec(layout: Layout) -> ColumnSpec {
    ColumnSpec { name: String::new(), type_name: String::new(), layout, order: KeyOrder::Bytes, nullable: true }
}

fn batch(layouts: &[Layout], rows: &[Vec<Value>]) -> Batch {
    let specs: Vec<ColumnSpec> = layouts.iter().map(|&layout| spec(layout)).collect();
    let mut batch = Batch::new(&specs);
    for row in rows {
        for (column, value) in batch.columns.iter_mut().zip(row) {
            match value {
                Some(value) => column.push(value).unwrap(),
                None => column.push_null(),
            }
        }
        batch.rows += 1;
    }
    batch
}

fn encoder(form: RowForm, columns: usize) -> RowEncoder {
    RowEncoder::new(form, tree(&[(17, TypeKind::Scalar)]), vec![17; columns])
}

fn bytes_of(encoded: &Encoded) -> Vec<u8> {
    let frame = |frame: &Frame| match frame {
        Frame::Bytes(bytes) => bytes.to_vec(),
        Frame::Blob { blob, .. } => vec![b'B'; blob.bytes as usize],
    };
    encoded.frames.iter().flat_map(frame).collect()
}

fn parse_binary(mut rest: &[u8]) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    while let Some((fields, tail)) = rest.split_first_chunk::<2>() {
        rest = tail;
        let mut row = Vec::new();
        for _ in 0..i16::from_be_bytes(*fields) {
            let (length, tail) = rest.split_first_chunk::<4>().unwrap();
            rest = tail;
            let length = i32::from_be_bytes(*length);
            row.push((length >= 0).then(|| {
                let (value, tail) = rest.split_at(length as usize);
                rest = tail;
                value.to_vec()
            }));
        }
        rows.push(row);
    }
    rows
}

fn parse_text(bytes: &[u8]) -> Vec<Vec<Value>> {
    let lines = bytes.strip_suffix(b"\n").map(|bytes| bytes.split(|&byte| byte == b'\n').collect::<Vec<_>>());
    let field = |field: &[u8]| {
        if field == b"\\N" {
            return None;
        }
        let mut value = Vec::new();
        let mut bytes = field.iter();
        while let Some(&byte) = bytes.next() {
            value.push(match (byte, byte == b'\\') {
                (_, false) => byte,
                _ => match bytes.next().unwrap() {
                    b'b' => 8,
                    b't' => 9,
                    b'n' => 10,
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => 13,
                    other => *other,
                },
            });
        }
        Some(value)
    };
    lines.unwrap_or_default().into_iter().map(|line| line.split(|&byte| byte == b'\t').map(field).collect()).collect()
}

fn any_rows() -> impl Strategy<Value = (Vec<Layout>, Vec<Vec<Value>>)> {
    let layout = prop_oneof![Just(Layout::Var), (1u8..20).prop_map(Layout::Fixed)];
    proptest::collection::vec(layout, 1..6).prop_flat_map(|layouts| {
        let row: Vec<_> = layouts
            .iter()
            .map(|layout| match layout {
                Layout::Fixed(width) => {
                    proptest::option::of(proptest::collection::vec(any::<u8>(), *width as usize)).boxed()
                }
                Layout::Var => proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)).boxed(),
            })
            .collect();
        (Just(layouts), proptest::collection::vec(row, 0..30))
    })
}

proptest! {
    #[test]
    fn binary_rows_come_back((layouts, rows) in any_rows()) {
        let encoded = encoder(RowForm::Binary, layouts.len()).encode(&batch(&layouts, &rows)).unwrap();
        prop_assert_eq!(encoded.rows, rows.len() as u64);
        prop_assert_eq!(parse_binary(&bytes_of(&encoded)), rows);
    }

    #[test]
    fn text_rows_come_back((layouts, rows) in any_rows()) {
        let encoded = encoder(RowForm::Text, layouts.len()).encode(&batch(&layouts, &rows)).unwrap();
        prop_assert_eq!(parse_text(&bytes_of(&encoded)), rows);
    }
}

#[test]
fn values_apart_are_frames_and_large_rows_are_kept_out() {
    let blob = |bytes| BlobRef { id: ChunkId::from_bytes([1; 32]), bytes };
    let mut batch = batch(&[Layout::Var, Layout::Fixed(4)], &[]);
    for bytes in [10, 2000, 20] {
        batch.columns[0].push_blob(&blob(bytes)).unwrap();
        batch.columns[1].push(&[0, 0, 0, 7]).unwrap();
        batch.rows += 1;
    }
    let encoded = encoder(RowForm::Binary, 2).with_row_bytes_max(1000).encode(&batch).unwrap();
    assert_eq!((encoded.rows, encoded.oversized.len()), (2, 1));
    assert_eq!(encoded.oversized[0].columns[0].cell(0), Cell::Blob(blob(2000)));
    let rows = parse_binary(&bytes_of(&encoded));
    let lengths: Vec<usize> = rows.iter().map(|row| row[0].as_ref().unwrap().len()).collect();
    assert_eq!(lengths, [10, 20]);
    assert!(rows.iter().all(|row| row[1].as_deref() == Some(&[0, 0, 0, 7][..])));
}

#[test]
fn rows_without_columns_are_rows() {
    let batch = Batch { columns: Vec::new(), rows: 3 };
    let encoded = encoder(RowForm::Binary, 0).encode(&batch).unwrap();
    assert_eq!(parse_binary(&bytes_of(&encoded)), vec![Vec::<Value>::new(); 3]);
}

#[test]
fn frames_stay_small_whatever_the_rows() {
    let value = vec![7; 100 << 10];
    let row: Vec<Value> = vec![Some(value); 50];
    let encoded = encoder(RowForm::Binary, 50).encode(&batch(&[Layout::Var; 50], &[row.clone(), row])).unwrap();
    for frame in &encoded.frames {
        let Frame::Bytes(bytes) = frame else { panic!("no value is apart") };
        assert!(bytes.len() < 3 * FRAME_BYTES);
    }
    assert_eq!(parse_binary(&bytes_of(&encoded)).len(), 2);
}

#[test]
fn a_batch_of_other_columns_is_refused() {
    assert!(encoder(RowForm::Binary, 2).encode(&batch(&[Layout::Var], &[])).is_err());
}
