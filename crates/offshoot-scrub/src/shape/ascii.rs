//! Values of ASCII, the bulk of all text: units by table, and the free mode in one pass each way.

use crate::prf::Prf;

use super::parse::{Source, Unit};

/// The longest value that the fast path takes: its letters and digits are one block of the MAC.
const SHORT_BYTES_MAX: usize = 32;
const UNITS_MAX: usize = 15;

/// What a byte is: 0 structure, 10 a digit, 26 a letter; the radix is the kind.
const KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        table[byte] = if c.is_ascii_digit() {
            10
        } else if c.is_ascii_alphabetic() {
            26
        } else {
            0
        };
        byte += 1;
    }
    table
};

/// The free mode for short values of ASCII; false, and nothing done, if this is none or has no letter or digit.
#[inline]
pub(super) fn apply_free(prf: &Prf, value: &[u8], out: &mut Vec<u8>) -> bool {
    if value.len() > SHORT_BYTES_MAX {
        return false;
    }
    let mut symbols = [0_u8; UNITS_MAX + 1];
    let mut count = 0;
    let mut seen = 0_u8;
    for &byte in value {
        seen |= byte;
        let kind = KIND[usize::from(byte)];
        // Always written, counted only if it is a unit: no branch that depends on the text.
        symbols[count & UNITS_MAX] = if kind == 26 { byte | 0x20 } else { byte };
        count += usize::from(kind != 0);
    }
    if count == 0 || count > UNITS_MAX || seen >= 128 {
        return false;
    }
    let mut stream = prf.draw(&symbols[..count]);
    let start = out.len();
    let mut differs = false;
    out.extend(value.iter().map(|&byte| {
        let kind = KIND[usize::from(byte)];
        if kind == 0 {
            return byte;
        }
        let digit = stream.below(u32::from(kind)) as u8;
        let new = if kind == 10 { b'0' + digit } else { byte & 0x20 | (b'A' + digit) };
        differs |= new != byte;
        new
    }));
    if !differs {
        let first = out[start..].iter_mut().find(|byte| KIND[usize::from(**byte)] != 0);
        if let Some(byte) = first {
            let kind = KIND[usize::from(*byte)];
            let zero = if kind == 10 { b'0' } else { *byte & 0x20 | b'A' };
            *byte = zero + (*byte - zero + 1 + stream.below(u32::from(kind) - 1) as u8) % kind;
        }
    }
    true
}

/// The units of a value that is ASCII.
pub(super) fn units(value: &[u8], units: &mut Vec<Unit>) {
    for (at, &byte) in value.iter().enumerate() {
        let kind = KIND[usize::from(byte)];
        if kind != 0 {
            units.push(unit(byte, at));
        }
    }
}

/// The unit of a letter or digit of ASCII.
#[inline]
pub(super) fn unit(byte: u8, at: usize) -> Unit {
    let (source, radix, digit, is_upper) = if byte.is_ascii_digit() {
        (Source::AsciiDigit, 10, byte - b'0', false)
    } else {
        (Source::AsciiLetter, 26, (byte | 0x20) - b'a', byte & 0x20 == 0)
    };
    Unit { source, radix, digit: digit.into(), is_upper, start: at, end: at + 1 }
}
