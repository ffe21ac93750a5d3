//! Values and the keys that they are found by: first the values are rewritten, then the keys renamed.

use std::collections::HashSet;

use super::{Row, Transform};
use crate::shape::{Shape, Work};
use crate::wire::Codec;

/// Rewrites a value in the form of its rows, its keys included; false stands for NULL.
pub(crate) fn rewrite(
    transform: &dyn Transform,
    codec: Codec,
    bytes: &[u8],
    row: &Row<'_>,
    work: &mut Work,
    out: &mut Vec<u8>,
) -> bool {
    if !transform.renames_keys() {
        return codec.rewrite(bytes, out, |value, out| transform.apply(value, row, work, out));
    }
    // First the values, as rules for them go by the keys that were there.
    let mut written = Vec::with_capacity(bytes.len());
    codec.rewrite(bytes, &mut written, |value, out| transform.apply(value, row, work, out))
        && codec.rename(&written, out, &mut |keys| new_keys(keys, &|key: &[u8]| transform.key_shape(key, row), work))
}

/// What the keys of one value become: distinct ones stay distinct, those that stay included.
fn new_keys<'s>(keys: &[Vec<u8>], shape_of: &dyn Fn(&[u8]) -> Option<&'s Shape>, work: &mut Work) -> Vec<Vec<u8>> {
    let shapes: Vec<Option<&Shape>> = keys.iter().map(|key| shape_of(key)).collect();
    let kept: HashSet<&Vec<u8>> =
        keys.iter().zip(&shapes).filter(|(_, shape)| shape.is_none()).map(|(key, _)| key).collect();
    let renamed = |(key, shape): (&Vec<u8>, &Option<&Shape>)| {
        let Some(shape) = shape else { return key.clone() };
        let mut new = Vec::with_capacity(key.len());
        shape.apply_beside(work, key, &mut new, |new| kept.contains(&new.to_vec()));
        new
    };
    keys.iter().zip(&shapes).map(renamed).collect()
}
