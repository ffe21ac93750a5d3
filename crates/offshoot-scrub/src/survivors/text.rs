//! Text as the search sees it: the letters and digits alone, folded, and where words begin and end among them.
//!
//! Separators are dropped, so that `+1 (415) 867-5309` and `1.415.867.5309` are equal, and so are an address in any case and
//! a card number with blanks or without. What is looked for begins where a word begins and ends where one ends; words are
//! runs of letters and digits, and single letters in scripts that put no blanks between words. A number may also begin
//! after its leading zeros. Bytes that are no UTF-8 count as separators.

use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

use super::letters::{Letter, Letters};

/// A text without its separators.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Each longer than what is in use of it, so that everything can be written first and counted then.
    bytes: Vec<u8>,
    starts: Vec<u32>,
    ends: Vec<u32>,
    /// Where numbers begin after their zeros.
    after_zeros: Vec<u32>,
    used: Used,
    /// Whether a word does.
    begins_with_zero: bool,
    has_escapes: bool,
}

/// How much of each is in use.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    bytes: usize,
    starts: usize,
    ends: usize,
}

/// Which word is being read.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    No,
    Word,
    /// A letter that is a word by itself, which marks may follow.
    Alone,
}

impl Tokens {
    /// Folded letters and digits, as UTF-8.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used.bytes]
    }

    /// Where words begin, in rising order.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts[..self.used.starts]
    }

    /// Where words end; every word's end once, in rising order.
    #[must_use]
    pub fn ends(&self) -> &[u32] {
        &self.ends[..self.used.ends]
    }

    /// Whether the text has escapes, as of URLs, JSON or HTML.
    #[must_use]
    pub fn has_escapes(&self) -> bool {
        self.has_escapes
    }

    /// The same with room behind it, so that eight bytes can be taken wherever a word begins.
    pub(super) fn padded(&self) -> &[u8] {
        &self.bytes
    }

    /// Overwrites what is left of all texts.
    pub(super) fn forget(&mut self) {
        self.bytes.zeroize();
        self.used = Used::default();
    }

    /// Reads another text in the place of the present one.
    pub fn read(&mut self, text: &[u8]) {
        self.used = Used::default();
        self.begins_with_zero = false;
        self.has_escapes = text.iter().fold(false, |any, byte| any | matches!(byte, b'%' | b'\\' | b'&'));
        self.make_room(text.len());
        let mut open = Open::No;
        let read = self.read_ascii(text, &mut open);
        if read < text.len() {
            self.read_any(text, read, &mut open);
        }
        self.end_word(&mut open);
        if self.begins_with_zero {
            self.add_starts_after_zeros();
        }
    }

    /// Makes room for what so many bytes of text are read to. A folded letter has at most half as many bytes again, and a
    /// word at least two with what is before or after it.
    fn make_room(&mut self, text_bytes: usize) {
        let words = text_bytes / 2 + 2;
        let Used { bytes, starts, ends } = self.used;
        grow(&mut self.bytes, bytes + text_bytes + text_bytes / 2 + BLOCK);
        grow(&mut self.starts, starts + words);
        grow(&mut self.ends, ends + words);
    }

    /// Reads a text of which so many bytes, all of ASCII, were read.
    fn read_any(&mut self, text: &[u8], read: usize, open: &mut Open) {
        let letters = Letters::get();
        if let Ok(rest) = simdutf8::basic::from_utf8(&text[read..]) {
            if !self.read_sure(letters, rest, open) {
                (self.used, *open) = (Used::default(), Open::No);
                self.read_composed(letters, std::str::from_utf8(text).unwrap_or_default(), open);
            }
            return;
        }
        (self.used, *open) = (Used::default(), Open::No);
        for chunk in text.utf8_chunks() {
            let before = (self.used, *open);
            if !self.read_sure(letters, chunk.valid(), open) {
                (self.used, *open) = before;
                self.read_composed(letters, chunk.valid(), open);
            }
            if !chunk.invalid().is_empty() {
                self.end_word(open);
            }
        }
    }

    /// Reads on, up to a character that says that the text must be normalized first: then the answer is false, and the text is
    /// to be read again as a whole, since a later step of folding may not compose across a boundary.
    fn read_sure(&mut self, letters: &Letters, text: &str, open: &mut Open) -> bool {
        let mut rest = text;
        loop {
            rest = &rest[self.read_ascii(rest.as_bytes(), open)..];
            if rest.is_empty() {
                return true;
            }
            while rest.as_bytes().first().is_some_and(|byte| !byte.is_ascii()) {
                let mut chars = rest.chars();
                let Some(c) = chars.next() else { return true };
                let letter = letters.letter(c);
                if letter.is_unsure() {
                    return false;
                }
                self.push(letter, open);
                rest = chars.as_str();
            }
        }
    }

    fn read_composed(&mut self, letters: &Letters, text: &str, open: &mut Open) {
        let composed = Zeroizing::new(text.nfc().collect::<String>());
        self.make_room(composed.len());
        composed.chars().for_each(|c| self.push(letters.letter(c), open));
    }

    /// Reads ASCII up to something else; how many bytes those were.
    #[inline]
    fn read_ascii(&mut self, text: &[u8], open: &mut Open) -> usize {
        if *open == Open::Alone && text.first().is_some_and(u8::is_ascii_alphanumeric) {
            self.end_word(open);
        }
        let mut read = 0;
        while read < text.len() {
            let block = Block::of(&text[read..]);
            if block.length > 0 {
                self.add_block(&block, *open != Open::No);
                *open = if block.words >> (block.length - 1) & 1 == 1 { Open::Word } else { Open::No };
            }
            read += block.length;
            if block.length < BLOCK {
                break;
            }
        }
        read
    }

    /// Adds the words of a block, run by run. What is copied of each has a fixed length, and what is too much of it is
    /// overwritten by the next.
    #[inline]
    fn add_block(&mut self, block: &Block, in_word: bool) {
        let (bytes, starts, ends) = (&mut self.bytes[..], &mut self.starts[..], &mut self.ends[..]);
        let Used { bytes: mut length, starts: mut begun, ends: mut ended } = self.used;
        let mut zero = false;
        ends[ended] = length as u32;
        ended += usize::from(in_word & (block.words & 1 == 0));
        let mut rest = block.words;
        while rest != 0 {
            let from = rest.trailing_zeros() as usize;
            let run = (rest >> from).trailing_ones() as usize;
            // A word may have begun before the block, and go on behind it.
            let begins = !in_word | (from > 0);
            starts[begun] = length as u32;
            begun += usize::from(begins);
            zero |= begins & (block.folded[from] == b'0');
            bytes[length..length + HALF].copy_from_slice(&block.folded[from..from + HALF]);
            if run > HALF {
                bytes[length + HALF..length + BLOCK].copy_from_slice(&block.folded[from + HALF..from + BLOCK]);
            }
            length += run;
            ends[ended] = length as u32;
            ended += usize::from(from + run < block.length);
            rest &= rest + (rest & rest.wrapping_neg());
        }
        self.used = Used { bytes: length, starts: begun, ends: ended };
        self.begins_with_zero |= zero;
    }

    #[inline]
    fn push(&mut self, letter: Letter, open: &mut Open) {
        if letter.is_silent() {
            return;
        }
        if !letter.is_word() || (letter.is_mark() && *open == Open::No) {
            return self.end_word(open);
        }
        // A mark goes on with what is before it; a letter that is a word by itself begins one and lets none go on.
        if !letter.is_mark() {
            if letter.is_alone() || *open != Open::Word {
                self.end_word(open);
                self.starts[self.used.starts] = self.used.bytes as u32;
                self.used.starts += 1;
                self.begins_with_zero |= letter.folded() == '0';
            }
            *open = if letter.is_alone() { Open::Alone } else { Open::Word };
        }
        let mut letter_bytes = [0; LETTER_BYTES_MAX];
        let length = letter.folded().encode_utf8(&mut letter_bytes).len();
        let at = self.used.bytes;
        self.bytes[at..at + LETTER_BYTES_MAX].copy_from_slice(&letter_bytes);
        self.used.bytes += length;
    }

    fn end_word(&mut self, open: &mut Open) {
        if *open != Open::No {
            self.ends[self.used.ends] = self.used.bytes as u32;
            self.used.ends += 1;
        }
        *open = Open::No;
    }

    /// A number also begins after its leading zeros: `0049` and `49`.
    fn add_starts_after_zeros(&mut self) {
        let bytes = &self.bytes[..self.used.bytes];
        self.starts.truncate(self.used.starts);
        self.after_zeros.clear();
        for (at, &start) in
            self.starts.iter().enumerate().filter(|(_, start)| bytes.get(**start as usize) == Some(&b'0'))
        {
            let zeros = bytes[start as usize..].iter().take_while(|byte| **byte == b'0').count();
            let after = start + zeros as u32;
            if bytes.get(after as usize).is_some_and(u8::is_ascii_digit)
                && self.starts[at..].binary_search(&after).is_err()
                && self.after_zeros.last() != Some(&after)
            {
                self.after_zeros.push(after);
            }
        }
        // Both rise, so that they are put together from their ends.
        let (mut before, mut added) = (self.starts.len(), self.after_zeros.len());
        self.starts.resize(before + added, 0);
        while added > 0 {
            let place = before + added - 1;
            if before > 0 && self.starts[before - 1] > self.after_zeros[added - 1] {
                before -= 1;
                self.starts[place] = self.starts[before];
            } else {
                added -= 1;
                self.starts[place] = self.after_zeros[added];
            }
        }
        self.used.starts = self.starts.len();
    }
}

/// Bytes of text that are looked at together, each byte in the same way, as processors do at once; and the half of them, which
/// most words are shorter than.
const BLOCK: usize = 32;
const HALF: usize = BLOCK / 2;

/// A block of text: which of its bytes are letters and digits of ASCII, as bits, and what they are folded to.
struct Block {
    folded: [u8; BLOCK + BLOCK],
    words: u64,
    /// How many bytes there are before the text ends, or something else than ASCII comes.
    length: usize,
}

impl Block {
    #[inline]
    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; BLOCK];
        let there = match text.first_chunk() {
            Some(whole) => {
                bytes = *whole;
                BLOCK
            }
            None => {
                bytes[..text.len()].copy_from_slice(text);
                text.len()
            }
        };
        let (mut folded, mut words, mut others) = ([0; BLOCK + BLOCK], [0; BLOCK], [0; BLOCK]);
        for at in 0..BLOCK {
            let small = bytes[at] | 0x20;
            folded[at] = small;
            words[at] = u8::from(small.wrapping_sub(b'a') < 26) | u8::from(bytes[at].wrapping_sub(b'0') < 10);
            others[at] = bytes[at] >> 7;
        }
        let length = there.min(bits(&others).trailing_zeros() as usize);
        Self { folded, words: bits(&words) & ((1 << length) - 1), length }
    }
}

/// Ones and zeros as the bits of a number.
#[inline]
fn bits(ones: &[u8; BLOCK]) -> u64 {
    // The product brings the eight ones of a word together in its highest byte.
    let byte = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    ones.as_chunks().0.iter().rev().fold(0, |bits, eight| bits << 8 | byte(eight))
}

/// Bytes of the longest letter.
const LETTER_BYTES_MAX: usize = 4;

fn grow<T: Default + Clone>(all: &mut Vec<T>, length: usize) {
    if all.len() < length {
        all.resize(length, T::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Character by character, normalized always.
    fn plainly(text: &[u8]) -> Tokens {
        let (mut tokens, mut open, letters) = (Tokens::default(), Open::No, Letters::get());
        tokens.make_room(4 * text.len());
        for chunk in text.utf8_chunks() {
            chunk.valid().nfc().for_each(|c| tokens.push(letters.letter(c), &mut open));
            if !chunk.invalid().is_empty() {
                tokens.end_word(&mut open);
            }
        }
        tokens.end_word(&mut open);
        tokens.add_starts_after_zeros();
        tokens.has_escapes = text.iter().any(|byte| b"%\\&".contains(byte));
        tokens
    }

    proptest! {
        #[test]
        fn every_way_of_reading_comes_to_the_same(
            texts in proptest::collection::vec(prop_oneof!["[ -~]{0,9}", "[a-zA-Z0-9]{0,70}", ".{0,5}", "[a-zé\u{301}\u{327}я漢กี0٣%&]{0,8}"], 0..6),
            cut in 0..20_usize,
        ) {
            let mut text = texts.concat().into_bytes();
            text.drain(..cut.min(text.len()));
            let (expected, mut tokens) = (plainly(&text), Tokens::default());
            // What was read before leaves nothing behind.
            tokens.read("0049 山田 what was before".as_bytes());
            tokens.read(&text);
            prop_assert_eq!(tokens.bytes(), expected.bytes());
            prop_assert_eq!((tokens.starts(), tokens.ends()), (expected.starts(), expected.ends()));
            prop_assert_eq!(tokens.has_escapes(), expected.has_escapes());
        }
    }

    fn words(text: &str) -> (String, Vec<u32>, Vec<u32>) {
        let mut tokens = Tokens::default();
        tokens.read(text.as_bytes());
        (String::from_utf8(tokens.bytes().to_vec()).unwrap(), tokens.starts().to_vec(), tokens.ends().to_vec())
    }

    #[test]
    fn separators_and_case_are_dropped() {
        assert_eq!(words("+1 (415) 867-5309").0, "14158675309");
        assert_eq!(
            words("Anna.Schmidt@X.example"),
            ("annaschmidtxexample".into(), vec![0, 4, 11, 12], vec![4, 11, 12, 19])
        );
        assert_eq!(words("ÉCOLE").0, words("e\u{301}cole").0);
        assert_eq!(words("Anna\u{ad}lena").2, [8]);
        assert_eq!(words("").1, [0; 0]);
    }

    #[test]
    fn letters_of_unspaced_scripts_are_words() {
        assert_eq!(words("山田a7太"), ("山田a7太".into(), vec![0, 3, 6, 8], vec![3, 6, 8, 11]));
        // A vowel sign belongs to its letter.
        assert_eq!(words("กี่ข").1.len(), 2);
    }

    #[test]
    fn numbers_also_begin_after_zeros() {
        assert_eq!(words("0049 171").1, [0, 2, 4]);
        assert_eq!(words("0").1, [0]);
        // Zeros go on over what separates words, and what follows them may begin in two ways or be a word's own beginning.
        assert_eq!(words("0 049 00a1 07").1, [0, 1, 2, 4, 8, 9]);
        assert_eq!(words("0 49").1, [0, 1]);
    }

    #[test]
    fn bytes_that_are_no_text_separate() {
        let mut tokens = Tokens::default();
        tokens.read(b"ab\xffcd");
        assert_eq!((tokens.bytes(), tokens.starts()), (&b"abcd"[..], &[0, 2][..]));
    }
}
