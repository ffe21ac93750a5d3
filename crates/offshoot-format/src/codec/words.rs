//! Text as a dictionary of its frequent words and one or two bytes for each of them.
//!
//! zstd finds words again as short matches, which costs it most of its time and two or three bytes a match. Here every
//! byte that does not occur in the text becomes the code of a word, chosen from a sample; what is left is a third to a
//! half as long, and zstd takes it at a level that is quick. The idea is that of word-replacing transforms
//! (Skibiński, Grabowski, Deorowicz: "Revisiting dictionary-based compression", 2005), with a dictionary of the text's own.
//!
//! A word is up to 16 bytes: letters and bytes above 127, with the space before them if there is one.

mod decode;

pub(super) use decode::decode;

use super::section::{Compressor, Level};
use crate::Result;
use crate::wire::put_varint;

/// Shorter sections do not pay for a dictionary.
pub(super) const PLAIN_BYTES_MIN: usize = 8 << 10;
/// Bytes of a load; a word has two at most.
const LOAD_BYTES: usize = 8;
/// Longest word in bytes.
const WORD_BYTES_MAX: usize = 2 * LOAD_BYTES;
/// Bytes whose letters are found in one go: a bit each in 64.
const BLOCK_BYTES: usize = 64;
/// Most words of a dictionary.
const WORDS_MAX: usize = 1024;
/// A word must be seen this often in the sample.
const SEEN_MIN: u32 = 3;
/// One part in this many of the sample must be saved: less would make the chunk smaller, but takes more time than zstd does.
const SAVED_PART_MIN: usize = 2;

/// The sample: this many pieces, evenly spread, of this many bytes.
const SAMPLE_PIECES: usize = 12;
const SAMPLE_PIECE_BYTES: usize = 8 << 10;
/// One in so many pieces is looked at first; where it saves less than this share, the others will not save what is needed.
const FIRST_PART: usize = 4;
const FIRST_SAVED: (u64, u64) = (2, 5);

const SLOTS: usize = 2 * WORDS_MAX;
/// Bytes that are copied in one go where fewer would do.
const SHORT_COPY: usize = 16;

/// A word, filled up with zero bytes, which no word has in it; all zero is no word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Word {
    first: u64,
    second: u64,
}

impl Word {
    const NONE: Self = Self { first: 0, second: 0 };

    #[inline]
    fn slot(self) -> usize {
        let mixed = (self.first ^ self.second.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> (64 - SLOTS.trailing_zeros())) as usize
    }

    /// Whether they are equal: one branch in place of two.
    #[inline]
    fn is(self, other: Self) -> bool {
        (self.first ^ other.first) | (self.second ^ other.second) == 0
    }

    fn letters(self) -> [u8; 2 * LOAD_BYTES] {
        let mut letters = [0; 2 * LOAD_BYTES];
        letters[..LOAD_BYTES].copy_from_slice(&self.first.to_le_bytes());
        letters[LOAD_BYTES..].copy_from_slice(&self.second.to_le_bytes());
        letters
    }

    fn bytes(self) -> usize {
        2 * LOAD_BYTES - (u128::from(self.second) << 64 | u128::from(self.first)).leading_zeros() as usize / 8
    }
}

/// `LOW[n]` has the lowest n bytes set.
const LOW: [u64; LOAD_BYTES + 1] = {
    let mut low = [u64::MAX; LOAD_BYTES + 1];
    let mut bytes = 0;
    while bytes < LOAD_BYTES {
        low[bytes] = (1 << (8 * bytes)) - 1;
        bytes += 1;
    }
    low
};
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The high bit of each byte that belongs to a word: a letter of ASCII, or above 127.
#[inline]
fn letters(bytes: u64) -> u64 {
    let low = (bytes & !HIGH) | (0x20 * ONES);
    let from_a = low + (0x80 - 0x61) * ONES;
    let past_z = low + (0x80 - 0x7b) * ONES;
    ((from_a & !past_z) | bytes) & HIGH
}

/// The high bits of eight bytes as eight bits, that of the lowest byte first.
#[inline]
fn gathered(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[inline]
fn load(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// Calls `word` with place, length and word for every word, in order, but for those in the last few bytes of the text.
///
/// First a bit for each of 64 bytes, then from edge to edge of the bits: so that where one word ends need not be known
/// before the next is looked at, which is what the processor would wait for.
#[inline]
fn words(text: &[u8], mut word: impl FnMut(usize, usize, Word)) {
    let (mut last_bit, mut start, mut inside) = (0, 0, false);
    for (number, block) in text.chunks_exact(BLOCK_BYTES).enumerate() {
        let mut is_letter = 0u64;
        for (eighth, bytes) in block.chunks_exact(LOAD_BYTES).enumerate() {
            is_letter |= gathered(letters(load(bytes))) << (LOAD_BYTES * eighth);
        }
        let mut edges = is_letter ^ (is_letter << 1 | last_bit);
        last_bit = is_letter >> (BLOCK_BYTES - 1);
        while edges != 0 {
            let edge = number * BLOCK_BYTES + edges.trailing_zeros() as usize;
            edges &= edges - 1;
            inside = !inside;
            if inside {
                start = edge;
                continue;
            }
            let at = start - usize::from(start > 0 && text[start - 1] == b' ');
            let length = edge - at;
            if !(2..=WORD_BYTES_MAX).contains(&length) {
                continue;
            }
            let Some(window) = text.get(at..at + 2 * LOAD_BYTES) else { return };
            let (first, second) = window.split_at(LOAD_BYTES);
            let first = load(first) & LOW[length.min(LOAD_BYTES)];
            let second = load(second) & LOW[length.max(LOAD_BYTES) - LOAD_BYTES];
            word(at, length, Word { first, second });
        }
    }
}

/// A word of the dictionary to be, with how often it was seen, or its code: the second byte above the first.
#[derive(Clone, Copy)]
struct Ranked {
    word: Word,
    seen: u32,
}

impl Ranked {
    /// Bytes that a code of one byte saves.
    fn saved(self) -> u64 {
        u64::from(self.seen) * (self.word.bytes() as u64 - 1)
    }
}

/// Memory of one thread.
pub(super) struct Scratch {
    /// A hash table with open addressing, and a number for each word in it: how often it was seen, then its code, with its
    /// length and the bytes in it that are codes in the third and fourth byte.
    table: Box<[Word; SLOTS]>,
    numbers: Box<[u32; SLOTS]>,
    ranking: Vec<Ranked>,
    /// Longer than what is coded, so that its memory is not cleared each time.
    coded: Vec<u8>,
    coded_bytes: usize,
    lengths: Vec<u8>,
    letters: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        let (ranking, coded, coded_bytes, lengths, letters) = Default::default();
        let (table, numbers) = (Box::new([Word::NONE; SLOTS]), Box::new([0; SLOTS]));
        Self { table, numbers, ranking, coded, coded_bytes, lengths, letters }
    }
}

/// The slot of a word, or else the empty one where it belongs; there is always one.
#[inline]
fn slot(table: &[Word; SLOTS], word: Word) -> std::result::Result<usize, usize> {
    let mut at = word.slot();
    loop {
        let there = table[at];
        if there.is(word) {
            return Ok(at);
        }
        if there.is(Word::NONE) {
            return Err(at);
        }
        at = (at + 1) % SLOTS;
    }
}

impl Scratch {
    /// Counts the words of a sample into `ranking`, the most useful first; returns the bytes looked at, or `None` if a part of
    /// the sample shows that words will not pay.
    fn count(&mut self, text: &[u8]) -> Option<usize> {
        self.table.fill(Word::NONE);
        let (mut sampled, mut distinct) = (0, 0);
        for first in [true, false] {
            for (_, piece) in samples(text).enumerate().filter(|(place, _)| (place % FIRST_PART == 0) == first) {
                sampled += piece.len();
                self.count_piece(piece, &mut distinct);
            }
            if first && self.counted().map(Ranked::saved).sum::<u64>() < sampled as u64 * FIRST_SAVED.0 / FIRST_SAVED.1
            {
                return None;
            }
        }
        let mut ranking = std::mem::take(&mut self.ranking);
        ranking.clear();
        ranking.extend(self.counted());
        ranking.sort_unstable_by_key(|ranked| std::cmp::Reverse((ranked.saved(), ranked.word)));
        ranking.truncate(WORDS_MAX);
        self.ranking = ranking;
        Some(sampled)
    }

    fn count_piece(&mut self, piece: &[u8], distinct: &mut usize) {
        words(piece, |_, _, word| match slot(&self.table, word) {
            Ok(slot) => self.numbers[slot] += 1,
            Err(slot) if *distinct < SLOTS / 4 * 3 => {
                self.table[slot] = word;
                self.numbers[slot] = 1;
                *distinct += 1;
            }
            Err(_) => {}
        });
    }

    /// The words that were seen often enough.
    fn counted(&self) -> impl Iterator<Item = Ranked> {
        let counted = self.table.iter().zip(self.numbers.iter()).map(|(&word, &seen)| Ranked { word, seen });
        counted.filter(|ranked| !ranked.word.is(Word::NONE) && ranked.seen >= SEEN_MIN)
    }

    /// Puts the words with their codes into the table, short codes for the most useful; returns how many are short, or
    /// `None` if too little would be gained.
    fn assign(&mut self, sampled: usize, codes: &[u8]) -> Option<usize> {
        // Each code that leads to a second byte makes room for 256 words.
        let leads = self.ranking.len().saturating_sub(codes.len()).div_ceil(255);
        let short = codes.len().checked_sub(leads)?.min(self.ranking.len());
        let mut place = 0;
        self.ranking.retain(|ranked| {
            place += 1;
            place <= short || ranked.word.bytes() > 2
        });
        self.table.fill(Word::NONE);
        let mut saved = 0;
        for (place, ranked) in self.ranking.iter().enumerate() {
            let (code, code_bytes) = match place.checked_sub(short) {
                None => (u32::from(codes[place]), 1),
                Some(long) => (u32::from(codes[short + long / 256]) | (long as u32 % 256) << 8, 2),
            };
            saved += ranked.seen as usize * (ranked.word.bytes() - code_bytes);
            let (Ok(slot) | Err(slot)) = slot(&self.table, ranked.word);
            self.table[slot] = ranked.word;
            let second = code_bytes == 2 && codes.contains(&((code >> 8) as u8));
            self.numbers[slot] = code | (code_bytes as u32) << 16 | (1 + u32::from(second)) << 24;
        }
        (saved >= sampled / SAVED_PART_MIN).then_some(short)
    }

    /// Replaces the words of the text; returns how many bytes of what comes out ought to be among the codes.
    fn replace(&mut self, text: &[u8]) -> usize {
        if self.coded.len() < text.len() + SHORT_COPY {
            self.coded.resize(text.len() + SHORT_COPY, 0);
        }
        let (table, numbers, coded) = (&*self.table, &*self.numbers, &mut self.coded[..]);
        let (mut done, mut end, mut marks) = (0, 0, 0);
        words(text, |at, length, word| {
            let Ok(slot) = slot(table, word) else { return };
            let between = at - done;
            if between <= SHORT_COPY {
                // A copy of a fixed length costs less than one of the right length; `words` stays clear of the end.
                coded[end..end + SHORT_COPY].copy_from_slice(&text[done..done + SHORT_COPY]);
            } else {
                coded[end..end + between].copy_from_slice(&text[done..at]);
            }
            end += between;
            let number = numbers[slot];
            coded[end..end + 2].copy_from_slice(&(number as u16).to_le_bytes());
            end += usize::from((number >> 16) as u8);
            marks += (number >> 24) as usize;
            done = at + length;
        });
        let rest = &text[done..];
        coded[end..end + rest.len()].copy_from_slice(rest);
        self.coded_bytes = end + rest.len();
        marks
    }

    /// Appends the body of a section if words pay: the codes as a bitmap of 32 bytes, how many of them stand for a word
    /// each, the words, and the text.
    pub fn encode(&mut self, text: &[u8], compressor: &mut Compressor, out: &mut Vec<u8>) -> Result<bool> {
        let Some(sampled) = self.count(text) else { return Ok(false) };
        let saved: u64 = self.ranking.iter().map(|ranked| ranked.saved()).sum();
        if saved < (sampled / SAVED_PART_MIN) as u64 {
            return Ok(false);
        }
        // What does not occur in the sample seldom does elsewhere; whether it does shows in what comes out, which is shorter.
        let mut codes = free_bytes(samples(text));
        let Some(mut short) = self.assign(sampled, &codes) else { return Ok(false) };
        let marks = self.replace(text);
        if marks != occurrences(&codes, &self.coded[..self.coded_bytes]) {
            codes = absent(std::iter::once(text));
            match self.assign(sampled, &codes) {
                Some(fewer) => short = fewer,
                None => return Ok(false),
            }
            self.replace(text);
        }
        let mut bitmap = [0u8; 32];
        codes.iter().for_each(|&code| bitmap[usize::from(code) / 8] |= 1 << (code % 8));
        out.extend_from_slice(&bitmap);
        put_varint(out, short as u64);
        put_varint(out, self.ranking.len() as u64);
        self.lengths.clear();
        self.letters.clear();
        for ranked in &self.ranking {
            self.lengths.push(ranked.word.bytes() as u8);
            self.letters.extend_from_slice(&ranked.word.letters()[..ranked.word.bytes()]);
        }
        compressor.section(&self.lengths, Level::Fast, out)?;
        compressor.section(&self.letters, Level::Fast, out)?;
        put_varint(out, text.len() as u64);
        compressor.section(&self.coded[..self.coded_bytes], Level::Coded, out)?;
        Ok(true)
    }
}

/// The pieces of a text that stand for all of it.
fn samples(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let stride = (text.len() / SAMPLE_PIECES).max(SAMPLE_PIECE_BYTES);
    text.chunks(stride).map(|piece| &piece[..piece.len().min(SAMPLE_PIECE_BYTES)])
}

/// The bytes that do not occur.
fn absent<'t>(pieces: impl Iterator<Item = &'t [u8]>) -> Vec<u8> {
    let mut seen = [[false; 256]; 4];
    for text in pieces {
        let mut quads = text.chunks_exact(4);
        for quad in &mut quads {
            for (seen, &byte) in seen.iter_mut().zip(quad) {
                seen[usize::from(byte)] = true;
            }
        }
        quads.remainder().iter().for_each(|&byte| seen[0][usize::from(byte)] = true);
    }
    (0..=255).filter(|&byte| seen.iter().all(|seen| !seen[usize::from(byte)])).collect()
}

/// The bytes that do not occur in samples, and are not likely to elsewhere: in a text with some characters beyond ASCII
/// any of the bytes that such characters have may come.
fn free_bytes<'t>(samples: impl Iterator<Item = &'t [u8]>) -> Vec<u8> {
    let mut free = absent(samples);
    if free.iter().filter(|&&byte| byte >= 0x80).count() < 0x80 {
        free.retain(|byte| !matches!(byte, 0x80..=0xbf | 0xc2..=0xf4));
    }
    free
}

/// How many of the bytes are among the codes.
fn occurrences(codes: &[u8], bytes: &[u8]) -> usize {
    let mut is_code = [0u8; 256];
    codes.iter().for_each(|&code| is_code[usize::from(code)] = 1);
    // Four sums, so that none waits for the one before.
    let sum = |block: &[u8]| {
        let mut sums = [0u32; 4];
        for quad in block.chunks(4) {
            for (sum, &byte) in sums.iter_mut().zip(quad) {
                *sum += u32::from(is_code[usize::from(byte)]);
            }
        }
        sums.iter().map(|&sum| sum as usize).sum::<usize>()
    };
    bytes.chunks(1 << 16).map(sum).sum()
}
