//! What batches become on the wire: edge values of every kind, in rows of LOAD DATA and of INSERT.

use super::*;
use crate::mysql::types::ColumnType;
use offshoot_format::blob::BlobRef;
use offshoot_format::column::{Cell, Column};
use offshoot_format::ids::ChunkId;
use proptest::prelude::*;

fn column(name: &str, type_name: &str) -> LoadColumn {
    let form = Form::of(&ColumnType::parse(type_name).unwrap());
    LoadColumn { name: name.to_owned(), form, is_auto_increment: false }
}

fn batch(types: &[&str], rows: &[&[Cell<'_>]]) -> Batch {
    let layout = |name: &&str| ColumnType::parse(name).unwrap().layout();
    let mut columns: Vec<Column> = types.iter().map(|name| Column::new(layout(name))).collect();
    for row in rows {
        row.iter().zip(&mut columns).for_each(|(cell, column)| column.push_cell(*cell).unwrap());
    }
    Batch { columns, rows: rows.len() }
}

fn columns(types: &[&str]) -> Vec<LoadColumn> {
    types.iter().enumerate().map(|(index, name)| column(&format!("c{index}"), name)).collect()
}

const TYPES: &[&str] = &[
    "tinyint(4)",
    "int(10) unsigned",
    "year(4)",
    "float",
    "double",
    "bit(9)",
    "enum('a') character set utf8mb4 collate utf8mb4_bin",
    "set('a') character set utf8mb4 collate utf8mb4_bin",
    "decimal(5,2)",
    "text character set latin1 collate latin1_bin",
    "json",
];

fn sample() -> Batch {
    let (float, double) = (0.1_f32.to_be_bytes(), 1e300_f64.to_be_bytes());
    let first: &[Cell<'_>] = &[
        Cell::Bytes(&[0xFF]),
        Cell::Bytes(&[0xFF; 4]),
        Cell::Bytes(&[0, 0]),
        Cell::Bytes(&float),
        Cell::Bytes(&double),
        Cell::Bytes(&[1, 0]),
        Cell::Bytes(&[0, 0]),
        Cell::Bytes(&[0, 0, 0, 0, 0, 0, 0, 3]),
        Cell::Bytes(b"-1.50"),
        Cell::Bytes(b"a\tb\nc\\d'e\0\xE9"),
        Cell::Bytes(b"{\"a\": \"\\n\"}"),
    ];
    let second = [Cell::Null; 11];
    batch(TYPES, &[first, &second])
}

#[test]
fn fields_are_between_tabs() {
    let fields = FieldEncoder::new(&columns(TYPES)).encode(&sample()).unwrap();
    let [Frame::Bytes(bytes)] = fields.frames.as_slice() else { panic!("one frame") };
    let expected = b"-1\t4294967295\t0000\t1.0000000149011612e-1\t1e300\t\x01\0\t0\t3\t-1.50\ta\\tb\\nc\\\\d'e\0\xE9\t{\"a\": \"\\\\n\"}\n\
        \\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n";
    assert_eq!(bytes.as_slice(), expected);
    assert_eq!((fields.rows, fields.warnings), (2, 1));
}

#[test]
fn statements_hold_the_same() {
    let inserts = InsertEncoder::new("t`x", &columns(&TYPES[..10]), 1 << 20);
    let mut rows = sample();
    rows.columns.pop();
    let done = inserts.encode(&rows).unwrap();
    let expected = b"INSERT INTO `t``x` (`c0`, `c1`, `c2`, `c3`, `c4`, `c5`, `c6`, `c7`, `c8`, `c9`) VALUES \
        (-1,4294967295,'0000','1.0000000149011612e-1','1e300',256,0,3,'-1.50',_binary'a\tb\nc\\\\d\\'e\\0\xE9'),\
        (NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)";
    assert_eq!(done.statements[0].sql.as_slice(), expected);
    assert_eq!((done.statements[0].rows, done.statements[0].warnings, done.apart.len()), (2, 1, 0));
}

#[test]
fn large_values_are_frames_of_their_own() {
    let blob = BlobRef { id: ChunkId::from_bytes([1; 32]), bytes: 1 << 20 };
    let rows = batch(&["int", "longblob", "int"], &[&[Cell::Bytes(&[0; 4]), Cell::Blob(blob), Cell::Bytes(&[0; 4])]]);
    let columns = columns(&["int", "longblob", "int"]);
    let fields = FieldEncoder::new(&columns).encode(&rows).unwrap();
    let [Frame::Bytes(before), Frame::Blob(_), Frame::Bytes(after)] = fields.frames.as_slice() else {
        panic!("three frames")
    };
    assert_eq!((before.as_slice(), after.as_slice()), (b"0\t".as_slice(), b"\t0\n".as_slice()));

    let encoder = InsertEncoder::new("t", &columns, 1 << 20);
    let inserts = encoder.encode(&rows).unwrap();
    assert_eq!((inserts.statements.len(), inserts.apart.len()), (0, 1));
    let statement = encoder.with_variables(&inserts.apart[0], |index| (index == 1).then(|| "@v".to_owned())).unwrap();
    assert!(statement.sql.ends_with(b"VALUES (0,@v,0)"));
    assert!(encoder.with_variables(&inserts.apart[0], |_| None).is_err());
}

#[test]
fn statements_stay_below_what_the_server_takes() {
    let value = [b'x'; 300];
    let row: &[Cell<'_>] = &[Cell::Bytes(&value)];
    let large = [b'y'; 2000];
    let rows = batch(&["varbinary(3000)"], &[row, row, row, row, &[Cell::Bytes(&large)], row]);
    let inserts = InsertEncoder::new("t", &columns(&["varbinary(3000)"]), 1024).encode(&rows).unwrap();
    assert!(inserts.statements.iter().all(|statement| statement.sql.len() < 1024));
    assert_eq!(inserts.statements.iter().map(|statement| statement.rows).sum::<u64>(), 5);
    assert_eq!(inserts.apart.len(), 1);
}

#[test]
fn what_the_server_misreads_goes_through_variables() {
    let mut all = columns(&[
        "int",
        "json",
        "enum('1') character set utf8mb4 collate utf8mb4_bin",
        "text character set latin1 collate latin1_bin",
    ]);
    all[0].is_auto_increment = true;
    let sql = load_statement("t", &all);
    assert!(
        sql.ends_with(
            "(@offshoot_0, @offshoot_1, @offshoot_2, `c3`) SET `c0` = @offshoot_0, \
             `c1` = CONVERT(@offshoot_1 USING utf8mb4), `c2` = CAST(@offshoot_2 AS UNSIGNED)"
        ),
        "{sql}"
    );
    all.truncate(1);
    assert!(load_statement("t", &all).ends_with("(`c0`)"));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let rows = batch(&["bigint"], &[&[Cell::Bytes(&[0; 8])]]);
    let encoder = FieldEncoder::new(&columns(&["float"]));
    assert!(encoder.encode(&rows).is_err());
    assert!(FieldEncoder::new(&columns(&["int", "int"])).encode(&rows).is_err());
}

/// What the server makes of an escaped field.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(other) => *other,
                None => panic!("a backslash at the end"),
            },
            other => *other,
        });
    }
    out
}

proptest! {
    #[test]
    fn bytes_come_back_in_any_pieces(value in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        let cut = cut.min(value.len());
        let (mut field, mut literal) = (Vec::new(), Vec::new());
        for piece in [&value[..cut], &value[cut..]] {
            escape_field_into(&mut field, piece);
            escape_literal_into(&mut literal, piece);
        }
        prop_assert!(!field.contains(&b'\t') && !field.contains(&b'\n') && !literal.contains(&0));
        prop_assert_eq!(&unescape(&field), &value);
        prop_assert_eq!(&unescape(&literal), &value);
    }

    #[test]
    fn every_float_is_read_as_it_was(bits in any::<u32>()) {
        let number = f32::from_bits(bits);
        prop_assume!(number.is_finite());
        let mut text = Vec::new();
        Form::Float.write_number(&number.to_be_bytes(), &mut text).unwrap();
        let read: f64 = std::str::from_utf8(&text).unwrap().parse().unwrap();
        prop_assert_eq!((read as f32).to_bits(), bits);
    }

    #[test]
    fn every_integer_is_read_as_it_was(number in any::<i64>(), small in any::<i32>()) {
        for (value, expected) in [(number.to_be_bytes().to_vec(), number), (small.to_be_bytes().to_vec(), i64::from(small))] {
            let mut text = Vec::new();
            Form::Signed.write_number(&value, &mut text).unwrap();
            prop_assert_eq!(String::from_utf8(text).unwrap(), expected.to_string());
        }
    }
}
