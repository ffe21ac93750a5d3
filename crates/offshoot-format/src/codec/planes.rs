//! Values of a fixed width, byte plane by byte plane, with or without differences first.
//!
//! The high planes of numbers and times are nearly constant and vanish; the low ones are kept as they are when they
//! are noise. Differences pay for what rises steadily (keys in order, times); they are taken when they need fewer
//! bits, counted over all values.

use super::section::{Compressor, DELTA_PLANES, Decompressor, Level, PLANES, RAW, Shape};
use crate::Result;
use crate::wire::Reader;

/// Memory of one thread.
#[derive(Default)]
pub(super) struct Scratch {
    deltas: Vec<u8>,
    planes: Vec<u8>,
}

/// Widest values that are split: a printed point in time with six digits of a second's fraction has 26 bytes.
const WIDTH_MAX: usize = 32;
/// Fewer values are not worth the planes' own bytes.
const VALUES_MIN: usize = 16;

/// Appends values of a fixed width under the codec that suits them.
pub(super) fn encode(
    values: &[u8],
    shape: Shape,
    compressor: &mut Compressor,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<()> {
    if shape.width < 2 || shape.width > WIDTH_MAX || values.len() < VALUES_MIN * shape.width {
        return compressor.section(values, Level::Fast, out);
    }
    let delta = delta_into(values, shape, &mut scratch.deltas);
    let (codec, source) = if delta { (DELTA_PLANES, &scratch.deltas[..]) } else { (PLANES, values) };
    // Differences are always written big-endian, so planes come highest first either way.
    let big_endian = shape.big_endian || delta;
    out.push(codec);
    let count = source.len() / shape.width;
    for plane in 0..shape.width {
        let at = if big_endian { plane } else { shape.width - 1 - plane };
        scratch.planes.clear();
        scratch.planes.reserve(count);
        scratch.planes.extend(source.chunks_exact(shape.width).map(|value| value[at]));
        compressor.section(&scratch.planes, Level::Fast, out)?;
    }
    Ok(())
}

/// Reads what [`encode`] wrote: exactly `length` bytes.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    shape: Shape,
    length: usize,
    decompressor: &mut Decompressor,
    scratch: &mut Vec<u8>,
) -> Result<Vec<u8>> {
    let mut ahead = reader.clone();
    let codec = ahead.u8()?;
    if codec != PLANES && codec != DELTA_PLANES || shape.width < 2 || shape.width > WIDTH_MAX {
        return decompressor.section(reader, length);
    }
    *reader = ahead;
    let delta = codec == DELTA_PLANES;
    let count = length / shape.width;
    let mut values = vec![0; length];
    for plane in 0..shape.width {
        let at = if shape.big_endian || delta { plane } else { shape.width - 1 - plane };
        scratch.clear();
        decompressor.section_into(reader, count, scratch)?;
        if plane == 0 && scratch.iter().all(|&byte| byte == 0) {
            continue;
        }
        for (value, &byte) in values.chunks_exact_mut(shape.width).zip(scratch.iter()) {
            value[at] = byte;
        }
    }
    if delta {
        if !matches!(shape.width, 2 | 4 | 8) {
            return Err(reader.invalid("differences of values that are not integers"));
        }
        undo_deltas(&mut values, shape);
    }
    Ok(values)
}

const _: () = assert!(RAW != PLANES);

/// Differences of neighbours into `out`, if they need fewer bits than the values.
fn delta_into(values: &[u8], shape: Shape, out: &mut Vec<u8>) -> bool {
    match shape.width {
        2 => deltas::<2>(values, shape, out),
        4 => deltas::<4>(values, shape, out),
        8 => deltas::<8>(values, shape, out),
        _ => false,
    }
}

fn deltas<const W: usize>(values: &[u8], shape: Shape, out: &mut Vec<u8>) -> bool {
    out.clear();
    out.reserve(values.len());
    let bits = 8 * W as u32;
    let (mut before, mut min, mut max, mut delta_bits) = (0i64, i64::MAX, i64::MIN, 0u64);
    for value in values.chunks_exact(W) {
        let value = load::<W>(value, shape.big_endian);
        min = min.min(value);
        max = max.max(value);
        let zigzag = zigzag(sign_extend(value.wrapping_sub(before), bits), bits);
        delta_bits += u64::from(64 - zigzag.leading_zeros());
        out.extend_from_slice(&zigzag.to_be_bytes()[8 - W..]);
        before = value;
    }
    let span_bits = 64 - (max.wrapping_sub(min) as u64).leading_zeros();
    delta_bits < u64::from(span_bits) * (values.len() / W) as u64 * 3 / 4
}

fn undo_deltas(values: &mut [u8], shape: Shape) {
    match shape.width {
        2 => undo::<2>(values, shape.big_endian),
        4 => undo::<4>(values, shape.big_endian),
        _ => undo::<8>(values, shape.big_endian),
    }
}

fn undo<const W: usize>(values: &mut [u8], big_endian: bool) {
    let mut before = 0i64;
    for value in values.chunks_exact_mut(W) {
        let zigzag = load::<W>(value, true) as u64 & (u64::MAX >> (64 - 8 * W));
        before = before.wrapping_add((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        if big_endian {
            value.copy_from_slice(&before.to_be_bytes()[8 - W..]);
        } else {
            value.copy_from_slice(&before.to_le_bytes()[..W]);
        }
    }
}

/// The integer of `W` bytes, sign-extended.
#[inline]
fn load<const W: usize>(bytes: &[u8], big_endian: bool) -> i64 {
    let mut wide = [0u8; 8];
    let value = if big_endian {
        wide[8 - W..].copy_from_slice(bytes);
        i64::from_be_bytes(wide)
    } else {
        wide[..W].copy_from_slice(bytes);
        i64::from_le_bytes(wide)
    };
    sign_extend(value, 8 * W as u32)
}

#[inline]
fn sign_extend(value: i64, bits: u32) -> i64 {
    value << (64 - bits) >> (64 - bits)
}

/// 0, -1, 1, -2 ... to 0, 1, 2, 3 ..., within `bits` bits.
#[inline]
fn zigzag(value: i64, bits: u32) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64 & (u64::MAX >> (64 - bits))
}
