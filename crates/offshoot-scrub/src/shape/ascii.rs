//! Values of ASCII, the bulk of all text: units by table, and the free mode in one pass each way, several values at once.

use crate::prf::Prf;

use super::parse::{Source, Unit};

/// The most bytes and units of a value that the fast path takes.
const SHORT_BYTES_MAX: usize = 48;
const UNITS_MAX: usize = 31;
/// Words that so many letters are drawn from, six from each: two of the MAC, and two of each block more.
const WORDS_MAX: usize = 6;

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

/// Short values of ASCII in the free mode, up to `N` at once: what they are drawn from is made together.
pub(super) struct Free<'p, const N: usize> {
    prf: &'p Prf,
    lanes: [Lane; N],
}

/// One value.
#[derive(Clone, Copy)]
struct Lane {
    /// Its letters, small, and digits.
    symbols: [u8; UNITS_MAX + 1],
    /// How many; none if it goes another way.
    count: usize,
    seed: u128,
    words: [u64; WORDS_MAX],
}

impl<'p, const N: usize> Free<'p, N> {
    /// Makes what the values are drawn from.
    #[inline]
    pub(super) fn prepare(prf: &'p Prf, values: &[&[u8]]) -> Self {
        const EMPTY: Lane = Lane { symbols: [0; UNITS_MAX + 1], count: 0, seed: 0, words: [0; WORDS_MAX] };
        let mut lanes = [EMPTY; N];
        let mut words_most = 0;
        for (lane, value) in lanes.iter_mut().zip(values) {
            words_most = words_most.max(lane.read(value));
        }
        let count = values.len().min(N);
        let mut macs = [0; N];
        prf.mac_many(&lanes.each_ref().map(|lane| &lane.symbols[..lane.count])[..count], &mut macs[..count]);
        for (lane, mac) in lanes.iter_mut().zip(macs) {
            lane.seed = mac;
            lane.put_words(0, mac);
        }
        for block in 1..words_most.div_ceil(2) {
            let mut seeds = macs;
            prf.stretch_many(&mut seeds[..count], block as u64);
            lanes.iter_mut().zip(seeds).for_each(|(lane, seed)| lane.put_words(block, seed));
        }
        Self { prf, lanes }
    }

    /// Appends what the value of this number becomes; false, and nothing done, if it is not short, no ASCII, or has no unit.
    #[inline]
    pub(super) fn put(&self, number: usize, value: &[u8], out: &mut Vec<u8>) -> bool {
        let lane = &self.lanes[number];
        if lane.count == 0 {
            return false;
        }
        let (mut words, mut word, mut bits_taken) = (lane.words[1..].iter(), lane.words[0], 0);
        let start = out.len();
        let mut differs = false;
        // As `Stream::below`, from words that are there already.
        out.extend(value.iter().map(|&byte| {
            let kind = KIND[usize::from(byte)];
            if kind == 0 {
                return byte;
            }
            let bits = if kind == 10 { 4 } else { 5 };
            if bits_taken + bits > 32 {
                word = words.next().copied().unwrap_or_default();
                bits_taken = 0;
            }
            let product = u128::from(word) * u128::from(kind);
            word = product as u64;
            bits_taken += bits;
            let digit = (product >> 64) as u8;
            let new = if kind == 10 { b'0' + digit } else { byte & 0x20 | (b'A' + digit) };
            differs |= new != byte;
            new
        }));
        if !differs {
            self.move_on(lane, value, &mut out[start..]);
        }
        true
    }

    /// A value that became itself gets another first unit, from the next number.
    #[cold]
    fn move_on(&self, lane: &Lane, value: &[u8], out: &mut [u8]) {
        let mut stream = self.prf.stream(lane.seed);
        value.iter().map(|byte| KIND[usize::from(*byte)]).filter(|kind| *kind != 0).for_each(|kind| {
            stream.below(kind.into());
        });
        if let Some(byte) = out.iter_mut().find(|byte| KIND[usize::from(**byte)] != 0) {
            let kind = KIND[usize::from(*byte)];
            let zero = if kind == 10 { b'0' } else { *byte & 0x20 | b'A' };
            *byte = zero + (*byte - zero + 1 + stream.below(u32::from(kind) - 1) as u8) % kind;
        }
    }
}

impl Lane {
    /// Takes the units of a value; how many words it needs at most.
    #[inline]
    fn read(&mut self, value: &[u8]) -> usize {
        if value.len() > SHORT_BYTES_MAX {
            return 0;
        }
        let (mut count, mut seen) = (0, 0_u8);
        for &byte in value {
            seen |= byte;
            let kind = KIND[usize::from(byte)];
            // Always written, counted only if it is a unit: no branch that depends on the text.
            self.symbols[count & UNITS_MAX] = if kind == 26 { byte | 0x20 } else { byte };
            count += usize::from(kind != 0);
        }
        if count > UNITS_MAX || seen >= 128 {
            return 0;
        }
        self.count = count;
        count.div_ceil(6)
    }

    #[inline]
    fn put_words(&mut self, block: usize, bits: u128) {
        (self.words[2 * block], self.words[2 * block + 1]) = (bits as u64, (bits >> 64) as u64);
    }
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

#[cfg(test)]
mod tests {
    use super::{Free, UNITS_MAX};
    use crate::Key;
    use crate::prf::{LANES, Prf};
    use crate::shape::{Shape, Work};

    #[test]
    fn short_values_become_what_the_long_way_makes_of_them() {
        let prf = Prf::new(&Key::from_bytes(std::array::from_fn(|at| at as u8)).unwrap(), "short");
        let shape = Shape::free(prf.clone());
        let alphabet = b"aBz09Q7- m.@";
        let mut stream = prf.draw(b"values");
        let mut taken = 0;
        for round in 0..3000_usize {
            let length = |lane: usize| (round * 7 + lane * 5) % 60;
            let mut value = |length: usize| -> Vec<u8> {
                (0..length).map(|_| alphabet[stream.below(alphabet.len() as u32) as usize]).collect()
            };
            let mut values: Vec<Vec<u8>> = (0..LANES).map(|lane| value(length(lane))).collect();
            // Values that become themselves now and then, and others that are none of these.
            values[round % LANES] = if round % 2 == 0 { b"7".to_vec() } else { "é7".into() };
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            let free = Free::<LANES>::prepare(&prf, &values);
            for (number, value) in values.iter().enumerate() {
                let (mut expected, mut out, mut alone) = (Vec::new(), Vec::new(), Vec::new());
                shape.apply_any(&mut Work::default(), value, &mut expected);
                let units = value.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
                let is_short = value.is_ascii() && value.len() <= 48 && (1..=UNITS_MAX).contains(&units);
                assert_eq!(free.put(number, value, &mut out), is_short, "{value:?}");
                assert_eq!(out, if is_short { expected.clone() } else { Vec::new() }, "{value:?}");
                shape.apply(&mut Work::default(), value, &mut alone);
                assert_eq!(alone, expected, "{value:?}");
                taken += usize::from(is_short);
            }
        }
        assert!(taken > 10_000, "{taken}");
    }
}
