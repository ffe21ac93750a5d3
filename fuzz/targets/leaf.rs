//! What decodes has one encoding: the one that it came from. A leaf that a root holds is checked to be the one that its
//! id names before it is read, so it is given the id that it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::{ChunkKind, IdKey};
use offshoot_format::leaf::Leaf;
use offshoot_format::tree::RootLeaf;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Leaf::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Ok(held) = RootLeaf::try_from(digits) {
        let key = IdKey::from_bytes([7; 32]);
        if let Ok(leaf) = held.verified(&key, &key.chunk_id(ChunkKind::Leaf, &[bytes])) {
            assert!(RootLeaf::new(&leaf, bytes) == Some(held));
        }
    }
});
