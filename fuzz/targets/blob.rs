//! What decodes has one encoding: the one that it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::blob::BlobList;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = BlobList::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
});
