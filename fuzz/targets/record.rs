//! Small objects: manifests, config, refs, tags, leases, condemned lists, keys.
//!
//! Input is decoded as it is; with the checksum that its header wants, so that codecs and lengths are reached; and as
//! the body of an object, so that the parsers are. What decodes comes back when it is encoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_format::envelope::{HEADER_BYTES, seal};
use offshoot_format::ids::{IdKey, SnapshotId};
use offshoot_format::record::{self, Condemned, Config, Lease, Ref, Tag};
use offshoot_format::version::{CONDEMNED, CONFIG, KEY, LEASE, MANIFEST, REF, TAG, Versioned};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const RECORDS: [Versioned; 7] = [CONFIG, KEY, MANIFEST, REF, TAG, LEASE, CONDEMNED];

fuzz_target!(|bytes: &[u8]| {
    decode(bytes);
    decode(&resealed(bytes));
    for kind in RECORDS {
        if let Ok(object) = seal(&kind, bytes) {
            decode(&object);
        }
    }
});

fn decode(bytes: &[u8]) {
    macro_rules! comes_back {
        ($($name:ident),*) => {$(
            if let Ok(value) = $name::decode(bytes) {
                assert_eq!($name::decode(&value.encode().unwrap()), Ok(value));
            }
        )*};
    }
    comes_back!(Config, Ref, Tag, Lease, Condemned);
    if let Ok(key) = record::decode_key(bytes) {
        let again = record::encode_key(&key).unwrap();
        assert_eq!(record::decode_key(&again).unwrap().expose(), key.expose());
    }
    let key = IdKey::from_bytes([1; 32]);
    assert!(record::decode_manifest(&key, &SnapshotId::from_bytes([2; 32]), bytes).is_err());
    if let Ok(body) = offshoot_format::envelope::open(&MANIFEST, bytes)
        && let Ok(manifest) = record::decode_manifest(&key, &key.snapshot_id(&body), bytes)
    {
        let (id, again) = record::encode_manifest(&key, &manifest).unwrap();
        assert_eq!(record::decode_manifest(&key, &id, &again), Ok(manifest));
    }
}

/// The bytes as an object whose stored length and checksum are right.
fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut object = bytes.to_vec();
    if let Some((header, stored)) = object.split_at_mut_checked(HEADER_BYTES) {
        header[16..20].copy_from_slice(&(stored.len() as u32).to_le_bytes());
        let checksum = xxh3_64_with_seed(stored, xxh3_64(&header[..24]));
        header[24..].copy_from_slice(&checksum.to_le_bytes());
    }
    object
}
