//! Values that have one form, and no letters: instants, and bytes that are no text. When they are looked for, and by which
//! keyed hash.

use zeroize::Zeroizing;

use crate::prf::Prf;

/// Bytes that are no text are looked for from this many on.
pub(super) const BYTES_MIN: usize = 8;
/// Thirty years of microseconds.
pub(super) const INSTANT_BITS: f64 = 49.0;

/// Whole minutes are shared by many.
pub(super) fn says_enough(time: i64) -> bool {
    time % 60_000_000 != 0
}

/// Marks that no normalized text begins with.
pub(super) fn instant_mac(prf: &Prf, time: i64) -> u128 {
    let mut bytes = [0xff; 9];
    bytes[1..].copy_from_slice(&time.to_le_bytes());
    prf.mac(&bytes)
}

/// As [`instant_mac`], with a mark of its own.
pub(super) fn bytes_mac(prf: &Prf, bytes: &[u8]) -> u128 {
    let mut marked = Zeroizing::new(Vec::with_capacity(bytes.len() + 2));
    marked.extend_from_slice(&[0xff, 0xff]);
    marked.extend_from_slice(bytes);
    prf.mac(&marked)
}
