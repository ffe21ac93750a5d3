//! Small objects: manifests, config, refs, tags, leases, keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::ids::{IdKey, SnapshotId};
use offshoot_format::record::{self, Config, Lease, Ref, Tag};

fuzz_target!(|bytes: &[u8]| {
    let _ = Config::decode(bytes);
    let _ = Ref::decode(bytes);
    let _ = Tag::decode(bytes);
    let _ = Lease::decode(bytes);
    let _ = record::decode_key(bytes);
    let _ = record::decode_manifest(&IdKey::from_bytes([1; 32]), &SnapshotId::from_bytes([2; 32]), bytes);
});
