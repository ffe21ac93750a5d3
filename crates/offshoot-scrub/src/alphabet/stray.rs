//! Bytes that are no UTF-8: which may be replaced, and by what, so that they stay just as invalid.
//!
//! Databases without an encoding hold such bytes, Latin-1 letters for the most part. A byte is replaced within its kind:
//! leads of sequences of the same length, continuations, bytes that never occur. Where the validity of what follows
//! depends on the very value of a byte, it stays.

/// A kind of stray bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u8);

/// The kinds; a byte is the digit that is its place in the list.
const KINDS: [&[u8]; 5] = [
    // Never part of UTF-8.
    &[0xc0, 0xc1, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff],
    &CONTINUATIONS,
    // Leads of two, three and four bytes that any continuation may follow.
    &LEADS_OF_TWO,
    &[0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xee, 0xef],
    &[0xf1, 0xf2, 0xf3],
];

const CONTINUATIONS: [u8; 64] = run(0x80);
const LEADS_OF_TWO: [u8; 30] = run(0xc2);

const fn run<const N: usize>(first: u8) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = first + at as u8;
        at += 1;
    }
    bytes
}

impl Kind {
    pub(crate) fn radix(self) -> u32 {
        KINDS[usize::from(self.0)].len() as u32
    }

    pub(crate) fn member(self, digit: u32) -> u8 {
        KINDS[usize::from(self.0)][digit as usize]
    }
}

/// Calls `unit` with each byte of an invalid run that may be replaced: its offset, kind and digit.
///
/// `run` is a maximal run without any valid sequence in it.
pub(crate) fn units(run: &[u8], mut unit: impl FnMut(usize, Kind, u32)) {
    // Continuations that the last lead still waits for, and whether they are free to change.
    let (mut awaited, mut is_free) = (0, true);
    for (at, byte) in run.iter().enumerate() {
        let is_continuation = byte & 0xc0 == 0x80;
        if is_continuation && awaited > 0 {
            awaited -= 1;
            if !is_free {
                continue;
            }
        } else if !is_continuation {
            (awaited, is_free) = match byte {
                0xc2..=0xdf => (1, true),
                0xe0 | 0xed => (2, false),
                0xe1..=0xef => (2, true),
                0xf0 | 0xf4 => (3, false),
                0xf1..=0xf3 => (3, true),
                _ => (0, true),
            };
            if !is_free {
                continue;
            }
        }
        let found = (0..KINDS.len()).find_map(|kind| {
            let digit = KINDS[kind].iter().position(|member| member == byte)?;
            Some((Kind(kind as u8), digit as u32))
        });
        if let Some((kind, digit)) = found {
            unit(at, kind, digit);
        }
    }
}
