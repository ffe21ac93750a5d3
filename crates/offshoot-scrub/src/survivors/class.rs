//! How many values have the form of a given one: what the chance of a hit depends on.
//!
//! A class is a code of 16 bits that is kept with every hash. Short values of ASCII have their pattern of letters and
//! digits, so that the count is exact; others share a class with values of about as many bits. Text fragments have the code
//! 0: a passage of many words is not met by chance.

use crate::alphabet::Alphabets;

/// The class of fragments: of no use for counting.
pub(super) const FRAGMENT: u16 = 0;
/// Patterns are codes from here on; below are numbers of bits.
const PATTERNS_FROM: u16 = 128;
const PATTERN_BYTES_MAX: usize = 15;
/// Values of as many bits are not met by chance, whatever the number of rows.
const BITS_NEVER_MET: f64 = 90.0;
/// Of more bits there are so many that no hit is chance.
const BITS_COUNTED: f64 = 62.0;

/// The class of a normalized value.
pub(super) fn class_of(value: &[u8]) -> u16 {
    if (7..=PATTERN_BYTES_MAX).contains(&value.len()) && value.is_ascii() {
        return value.iter().fold(1, |pattern, byte| pattern << 1 | u16::from(byte.is_ascii_alphabetic()));
    }
    if value.is_ascii() {
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        return of_bits(digits as f64 * 10_f64.log2() + (value.len() - digits) as f64 * 26_f64.log2());
    }
    let radix_bits = |c: char| match Alphabets::get().role(c).member() {
        _ if c.is_ascii_digit() => 10_f64.log2(),
        _ if c.is_ascii() => 26_f64.log2(),
        Some((class, _, _)) => f64::from(Alphabets::get().alphabets[usize::from(class)].radix()).log2(),
        None => 0.0,
    };
    of_bits(value.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).map(radix_bits).sum())
}

/// The class of values that have this many bits.
pub(super) fn of_bits(bits: f64) -> u16 {
    bits.clamp(1.0, f64::from(PATTERNS_FROM - 1)) as u16
}

/// Whether a value of a class may be met by chance; larger classes need not be counted.
pub(super) fn may_be_met(class: u16) -> bool {
    bits(class) <= BITS_COUNTED
}

/// How many values are of a class; infinite where none is met by chance.
pub(super) fn size(class: u16) -> f64 {
    let bits = bits(class);
    if bits > BITS_NEVER_MET { f64::INFINITY } else { bits.exp2() }
}

fn bits(class: u16) -> f64 {
    match class {
        FRAGMENT => f64::INFINITY,
        1..PATTERNS_FROM => f64::from(class),
        pattern => {
            let length = pattern.ilog2();
            let letters = (pattern - (1 << length)).count_ones();
            // A needle of digits alone does not begin with a zero.
            let zeros = if letters == 0 { 0.9_f64.log2() } else { 0.0 };
            f64::from(letters) * 26_f64.log2() + f64::from(length - letters) * 10_f64.log2() + zeros
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_classes() {
        let near = |value: &str, expected: f64| {
            let size = size(class_of(value.as_bytes()));
            assert!((size / expected - 1.0).abs() < 1e-6, "{value}: {size}");
        };
        near("8675309", 9e6);
        near("14158675309", 9e10);
        near("a1234567", 26e7);
        // By bits: within a factor of two, downwards.
        let card = size(class_of(b"4111111111111111"));
        assert!((0.5e16..=1e16).contains(&card));
        let name = size(class_of("김철수".as_bytes()));
        assert!((1e9..1.4e12).contains(&name), "{name}");
        assert_eq!(size(FRAGMENT), f64::INFINITY);
        assert_eq!(size(class_of(&[b'a'; 40])), f64::INFINITY);
    }
}
