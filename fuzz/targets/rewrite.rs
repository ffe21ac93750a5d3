//! Values in binary form, walked for the oids in them: a walk never panics, does not depend on where the value is cut, and
//! what a capture's walk takes, a second one leaves as it is and a restore's walk takes too, with the same end each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offshoot_engines::postgres::types::rewrite::{Malformed, Put, Rewriter};
use offshoot_engines::postgres::types::{TypeKind, TypeTree};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, cut, value) = input;
    let tree = TypeTree::of([
        (23, TypeKind::Scalar),
        (20_000, TypeKind::Scalar),
        (20_001, TypeKind::Array(20_000)),
        (20_002, TypeKind::Composite(vec![23, 20_001])),
        (20_003, TypeKind::Array(20_002)),
        (20_004, TypeKind::Range(20_002)),
        (20_005, TypeKind::Multirange(20_004)),
        (20_006, TypeKind::Domain(20_003)),
    ]);
    let oid = 20_001 + u32::from(kind % 6);
    let walk = |put, bytes: &mut Vec<u8>, piece_bytes: usize| -> Result<(), Malformed> {
        let mut walk = Rewriter::new(&tree, oid, put);
        walk.begin(bytes.len() as u64);
        bytes.chunks_mut(piece_bytes.max(1)).try_for_each(|piece| walk.piece(piece))?;
        walk.end()
    };
    let (mut whole, mut pieces) = (value.to_vec(), value.to_vec());
    let taken = walk(Put::Zero, &mut whole, value.len());
    assert_eq!(taken, walk(Put::Zero, &mut pieces, usize::from(cut)));
    if taken.is_ok() {
        assert!(whole == pieces);
        walk(Put::Zero, &mut pieces, value.len()).unwrap();
        assert!(whole == pieces);
        // A server that lies may name another type that is the same everywhere; a restore names the declared one.
        walk(Put::Declared, &mut pieces, usize::from(cut)).unwrap();
        let declared = pieces.clone();
        walk(Put::Zero, &mut pieces, value.len()).unwrap();
        walk(Put::Declared, &mut pieces, value.len()).unwrap();
        assert!(declared == pieces);
    }
});
