//! What decodes has one encoding: the one that it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::tree::Node;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Node::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
});
