//! Payloads of columns: decoding never panics or takes memory without bound, and what decodes can be encoded again to
//! the same column under the same id.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::codec::{Canonical, Decoder, Encoder};
use offshoot_format::ids::IdKey;
use offshoot_format::plain;
use offshoot_format::table::Layout;

fuzz_target!(|input: (u8, &[u8])| {
    let (width, payload) = input;
    let layout = if width == 0 { Layout::Var } else { Layout::Fixed(width) };
    let mut decoder = Decoder::default();
    let _ = decoder.bytes(payload, 1 << 16);
    if let Ok(column) = decoder.column(layout, payload) {
        let key = IdKey::from_bytes([7; 32]);
        let mut canonical = Canonical::default();
        canonical.set(&column);
        let id = canonical.id(&key, &column);
        let mut again = Vec::new();
        Encoder::default().column(&column, &canonical, &mut again).unwrap();
        let back = decoder.column(layout, &again).unwrap();
        assert!(back == column);
        decoder.verify(&back, &key, &id).unwrap();
    }
    // A short column as its leaf holds it.
    if let Ok(column) = plain::decode(layout, payload) {
        let mut canonical = Canonical::default();
        canonical.set(&column);
        if let Some(again) = plain::encode(&column, &canonical) {
            assert!(plain::decode(layout, &again).unwrap() == column);
        }
    }
});
