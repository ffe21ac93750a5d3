//! Columns of many shapes through payload and back, and payloads that were tampered with.

use super::*;
use crate::blob::BlobRef;
use crate::column::Cell;
use proptest::prelude::*;

fn round_trip(column: &Column) -> Vec<u8> {
    let key = IdKey::from_bytes([3; 32]);
    let mut canonical = Canonical::default();
    canonical.set(column);
    let mut payload = Vec::new();
    Encoder::default().column(column, &canonical, &mut payload).unwrap();
    let mut decoder = Decoder::default();
    let back = decoder.column(column.layout(), &payload).unwrap();
    assert!(back == *column);
    decoder.verify(&back, &key, &canonical.id(&key, column)).unwrap();
    payload
}

fn fixed<const W: usize>(values: impl IntoIterator<Item = Option<[u8; W]>>) -> Column {
    let mut column = Column::new(Layout::Fixed(W as u8));
    values.into_iter().for_each(|value| match value {
        Some(value) => column.push(&value).unwrap(),
        None => column.push_null(),
    });
    column
}

#[test]
fn keys_in_order_nearly_vanish() {
    let payload = round_trip(&fixed((1000..5096i32).map(|i| Some(i.to_be_bytes()))));
    assert!(payload.len() < 150, "{}", payload.len());
}

#[test]
fn extremes_come_back() {
    let extremes = [0, 1, -1, i64::MIN, i64::MAX, 42].into_iter().cycle().take(300);
    round_trip(&fixed(extremes.clone().map(|i| Some(i.to_be_bytes()))));
    round_trip(&fixed(extremes.clone().map(|i| Some((i as i16).to_be_bytes()))));
    round_trip(&fixed(extremes.enumerate().map(|(row, i)| (row % 3 > 0).then(|| (i as i32).to_be_bytes()))));
}

#[test]
fn few_values_take_a_byte_a_row_or_less() {
    let mut column = Column::new(Layout::Var);
    for row in 0..4096u32 {
        match row.wrapping_mul(2_654_435_761) >> 28 {
            0 => column.push_null(),
            1 => column.push(b"").unwrap(),
            kind => column.push(format!("status {kind}").as_bytes()).unwrap(),
        }
    }
    assert!(round_trip(&column).len() < 4096);
    let mut many = Column::new(Layout::Var);
    (0..600u32).for_each(|row| many.push(&row.to_le_bytes()).unwrap());
    round_trip(&many);
    (0..600u32).for_each(|row| many.push(&(row % 256).to_le_bytes()).unwrap());
    round_trip(&many);
}

/// A column of texts with these words in an order that only looks random.
fn texts(words: &[&str], rows: usize) -> Column {
    let mut column = Column::new(Layout::Var);
    let mut state = 1u64;
    for row in 0..rows {
        let mut text = String::new();
        for _ in 0..row % 120 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(state >> 40) as usize % words.len()]);
            text.push_str([" ", " ", " ", ", ", ". ", "  ", "-"][(state >> 33) as usize % 7]);
        }
        column.push(text.as_bytes()).unwrap();
    }
    column
}

#[test]
fn texts_of_few_words_take_a_byte_a_word() {
    let words =
        ["the", "delivery", "Zürich", "東京", "Привет", "👍", "a", "warehouse", "internationalization", "O'Brien"];
    let column = texts(&words, 1000);
    let payload = round_trip(&column);
    assert!(payload.len() * 7 < column.bytes_len(), "{} of {}", payload.len(), column.bytes_len());
}

#[test]
fn texts_of_more_words_than_single_codes() {
    let words: Vec<String> =
        (0..900).map(|word| "abcdefghij"[word % 7..].repeat(1 + word / 300) + &"xyz"[..1 + word % 3]).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    round_trip(&texts(&words, 3000));
}

#[test]
fn texts_that_leave_no_byte_for_a_code() {
    let mut column = texts(&["always", "the", "same", "words"], 1000);
    column.push(&(0..=255).collect::<Vec<u8>>()).unwrap();
    round_trip(&column);
    // One byte left, which then has to lead to every word.
    let mut column = texts(&["always", "the", "same", "words"], 1000);
    column.push(&(1..=255).collect::<Vec<u8>>()).unwrap();
    round_trip(&column);
}

#[test]
fn bytes_that_the_sample_misses_stay_themselves() {
    // What is sampled are pieces, so most places of a long text are not; every byte stands at one of them.
    let even = texts(&["some", "words", "that", "repeat", "often"], 20_000);
    let mut column = Column::new(Layout::Var);
    for row in 0..even.rows() {
        let Cell::Bytes(text) = even.cell(row) else { panic!() };
        column.push(text).unwrap();
        if row % 50 == 0 {
            column.push(&[(row / 50) as u8]).unwrap();
        }
    }
    assert!(round_trip(&column).len() < column.bytes_len() / 3);
}

#[test]
fn words_inside_words_are_refused() {
    // A section of words whose lengths are a section of words again, and so on.
    let mut payload = vec![0];
    put_varint(&mut payload, 1);
    payload.extend_from_slice(&[section::RAW, 4, 1, 0, 0, 0]);
    for _ in 0..10_000 {
        payload.push(section::WORDS);
        payload.extend_from_slice(&[0; 34]);
    }
    assert!(Decoder::default().column(Layout::Var, &payload).is_err());
}

#[test]
fn changed_words_are_another_column_or_an_error() {
    let column = texts(&["some", "words", "that", "repeat", "often"], 400);
    let payload = round_trip(&column);
    let key = IdKey::from_bytes([3; 32]);
    let mut canonical = Canonical::default();
    canonical.set(&column);
    let mut decoder = Decoder::default();
    for bit in (0..8 * payload.len()).step_by(61) {
        let mut changed = payload.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(back) = decoder.column(Layout::Var, &changed) {
            assert!(back == column || decoder.verify(&back, &key, &canonical.id(&key, &column)).is_err());
        }
    }
}

#[test]
fn empty_and_null_columns() {
    for layout in [Layout::Fixed(1), Layout::Fixed(16), Layout::Fixed(32), Layout::Fixed(255), Layout::Var] {
        let mut column = Column::new(layout);
        round_trip(&column);
        (0..100).for_each(|_| column.push_null());
        round_trip(&column);
    }
}

#[test]
fn blobs_come_back() {
    let mut column = Column::new(Layout::Var);
    for i in 0..50u8 {
        column.push(b"short").unwrap();
        column.push_blob(&BlobRef { id: ChunkId::from_bytes([i; 32]), bytes: 1 << 30 }).unwrap();
    }
    round_trip(&column);
}

#[test]
fn declared_sizes_are_capped() {
    let mut payload = vec![0];
    put_varint(&mut payload, 2);
    payload.extend_from_slice(&[section::RAW, 8]);
    payload.extend_from_slice(&u32::MAX.to_le_bytes());
    payload.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Decoder::default().column(Layout::Var, &payload), Err(FormatError::TooLarge { .. })));
}

fn any_column() -> impl Strategy<Value = Column> {
    let var = proptest::collection::vec(proptest::option::weighted(0.8, ".{0,40}"), 0..400).prop_map(|values| {
        let mut column = Column::new(Layout::Var);
        values.iter().for_each(|value| match value {
            Some(text) => column.push(text.as_bytes()).unwrap(),
            None => column.push_null(),
        });
        column
    });
    let int = proptest::collection::vec(proptest::option::weighted(0.9, any::<i64>()), 0..400)
        .prop_map(|values| fixed(values.into_iter().map(|value| value.map(i64::to_be_bytes))));
    let small = proptest::collection::vec(proptest::option::weighted(0.9, -100..100i16), 0..400)
        .prop_map(|values| fixed(values.into_iter().map(|value| value.map(i16::to_be_bytes))));
    let uuid = proptest::collection::vec(proptest::option::weighted(0.9, any::<[u8; 16]>()), 0..100).prop_map(fixed);
    let printed = "20[0-9]{2}-0[0-9]-[0-3][0-9] 1[0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{6}";
    let moment = proptest::collection::vec(proptest::option::weighted(0.9, printed), 0..100).prop_map(|values| {
        fixed(values.iter().map(|value| Some(<[u8; 26]>::try_from(value.as_ref()?.as_bytes()).unwrap())))
    });
    let few = proptest::collection::vec(proptest::option::weighted(0.9, "[a-c]{0,2}"), 0..400).prop_map(|values| {
        let mut column = Column::new(Layout::Var);
        values.iter().for_each(|value| match value {
            Some(text) => column.push(text.as_bytes()).unwrap(),
            None => column.push_null(),
        });
        column
    });
    prop_oneof![var, int, small, uuid, moment, few]
}

proptest! {
    #[test]
    fn any_text_comes_back(pieces in proptest::collection::vec(".{0,20}", 1..30), order in proptest::collection::vec(any::<usize>(), 2000)) {
        let mut column = Column::new(Layout::Var);
        for part in order.chunks(7) {
            let text: String = part.iter().map(|at| pieces[at % pieces.len()].as_str()).collect();
            column.push(text.as_bytes()).unwrap();
        }
        round_trip(&column);
    }

    #[test]
    fn any_column_comes_back(column in any_column()) {
        round_trip(&column);
    }

    #[test]
    fn a_changed_payload_is_another_column_or_an_error(column in any_column(), at: usize, bit in 0..8u8) {
        let mut payload = round_trip(&column);
        let at = at % payload.len();
        payload[at] ^= 1 << bit;
        let mut decoder = Decoder::default();
        if let Ok(back) = decoder.column(column.layout(), &payload) {
            let key = IdKey::from_bytes([3; 32]);
            let mut canonical = Canonical::default();
            canonical.set(&column);
            // Another coding of the same column is fine; another column must be found out.
            prop_assert!(back == column || decoder.verify(&back, &key, &canonical.id(&key, &column)).is_err());
        }
    }

    #[test]
    fn noise_is_no_column(payload in proptest::collection::vec(any::<u8>(), 0..200), width in 0..20u8) {
        let layout = if width == 0 { Layout::Var } else { Layout::Fixed(width) };
        let _ = Decoder::default().column(layout, &payload);
        let _ = Decoder::default().bytes(&payload, 1000);
    }
}
