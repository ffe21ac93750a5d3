//! Text as the search sees it: the letters and digits alone, folded, and where words begin and end among them.
//!
//! Separators are dropped, so that `+1 (415) 867-5309` and `1.415.867.5309` are equal, and so are an address in any case and
//! a card number with blanks or without. What is looked for begins where a word begins and ends where one ends; words are
//! runs of letters and digits, and single letters in scripts that put no blanks between words. A number may also begin
//! after its leading zeros. Bytes that are no UTF-8 count as separators.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::letters::Letters;

/// A text without its separators.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Folded letters and digits, as UTF-8.
    pub bytes: Vec<u8>,
    /// Where words begin, in rising order.
    pub starts: Vec<u32>,
    /// Where words end; every word's end once, in rising order.
    pub ends: Vec<u32>,
    /// Whether the text has escapes that [`unescape`] would resolve.
    pub has_escapes: bool,
}

/// What an ASCII byte is folded to; 0 for a separator, 1 for one that may begin an escape.
const FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        table[byte] = if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else if matches!(c, b'%' | b'\\' | b'&') {
            1
        } else {
            0
        };
        byte += 1;
    }
    table
};

/// Which word is being read.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    No,
    Word,
    /// A letter that is a word by itself, which marks may follow.
    Alone,
}

impl Tokens {
    /// Reads another text in the place of the present one.
    pub fn read(&mut self, text: &[u8]) {
        if !text.is_ascii() {
            return self.read_any(text);
        }
        // Written at every byte and counted where they are meant: words are short, and a branch at each end of one would be
        // foretold wrongly.
        self.bytes.resize(text.len(), 0);
        self.starts.resize(text.len() / 2 + 1, 0);
        self.ends.resize(text.len() / 2 + 2, 0);
        let (mut length, mut starts, mut ends) = (0, 0, 0);
        let (mut in_word, mut has_escapes) = (false, false);
        for &byte in text {
            let folded = FOLDED[usize::from(byte)];
            let is_word = folded > 1;
            self.starts[starts] = length as u32;
            starts += usize::from(is_word & !in_word);
            self.ends[ends] = length as u32;
            ends += usize::from(!is_word & in_word);
            self.bytes[length] = folded;
            length += usize::from(is_word);
            has_escapes |= folded == 1;
            in_word = is_word;
        }
        self.ends[ends] = length as u32;
        ends += usize::from(in_word);
        self.bytes.truncate(length);
        self.starts.truncate(starts);
        self.ends.truncate(ends);
        self.has_escapes = has_escapes;
        self.add_starts_after_zeros();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.ends.clear();
        self.has_escapes = false;
    }

    fn read_any(&mut self, text: &[u8]) {
        self.clear();
        let letters = Letters::get();
        let mut open = Open::No;
        match std::str::from_utf8(text) {
            Ok(text) => self.read_valid(letters, text, &mut open),
            Err(_) => {
                for chunk in text.utf8_chunks() {
                    self.read_valid(letters, chunk.valid(), &mut open);
                    if !chunk.invalid().is_empty() {
                        self.end_word(&mut open);
                    }
                }
            }
        }
        self.end_word(&mut open);
        self.add_starts_after_zeros();
    }

    /// Reads on. A text that must be normalized first is so as a whole, which is seen at the first character that says it: a later
    /// step of folding may not compose across a boundary.
    fn read_valid(&mut self, letters: &Letters, text: &str, open: &mut Open) {
        let before = (self.bytes.len(), self.starts.len(), self.ends.len(), self.has_escapes, *open);
        let mut rest = text;
        while let Some(&byte) = rest.as_bytes().first() {
            let Some(&folded) = FOLDED.get(usize::from(byte)).filter(|_| byte.is_ascii()) else {
                let mut chars = rest.chars();
                let Some(c) = chars.next() else { break };
                rest = chars.as_str();
                if letters.letter(c).is_unsure() {
                    self.bytes.truncate(before.0);
                    self.starts.truncate(before.1);
                    self.ends.truncate(before.2);
                    (self.has_escapes, *open) = (before.3, before.4);
                    let composed = Zeroizing::new(text.nfc().collect::<String>());
                    return composed.chars().for_each(|c| self.push(letters, c, open));
                }
                self.push(letters, c, open);
                continue;
            };
            rest = &rest[1..];
            if folded > 1 {
                if *open != Open::Word {
                    self.end_word(open);
                    self.starts.push(self.bytes.len() as u32);
                    *open = Open::Word;
                }
                self.bytes.push(folded);
            } else {
                self.has_escapes |= folded == 1;
                self.end_word(open);
            }
        }
    }

    #[inline]
    fn push(&mut self, letters: &Letters, c: char, open: &mut Open) {
        let letter = letters.letter(c);
        if letter.is_silent() {
            return;
        }
        if !letter.is_word() || (letter.is_mark() && *open == Open::No) {
            self.has_escapes |= matches!(c, '%' | '\\' | '&');
            return self.end_word(open);
        }
        // A mark goes on with what is before it; a letter that is a word by itself begins one and lets none go on.
        if !letter.is_mark() {
            if letter.is_alone() || *open != Open::Word {
                self.end_word(open);
                self.starts.push(self.bytes.len() as u32);
            }
            *open = if letter.is_alone() { Open::Alone } else { Open::Word };
        }
        self.bytes.extend_from_slice(letter.folded().encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn end_word(&mut self, open: &mut Open) {
        if *open != Open::No {
            self.ends.push(self.bytes.len() as u32);
        }
        *open = Open::No;
    }

    /// A number also begins after its leading zeros: `0049` and `49`.
    fn add_starts_after_zeros(&mut self) {
        let mut added = false;
        for at in 0..self.starts.len() {
            let start = self.starts[at] as usize;
            if self.bytes[start] != b'0' {
                continue;
            }
            let zeros = self.bytes[start..].iter().take_while(|byte| **byte == b'0').count();
            let after = start + zeros;
            if self.bytes.get(after).is_some_and(u8::is_ascii_digit)
                && self.starts.binary_search(&(after as u32)).is_err()
            {
                self.starts.push(after as u32);
                added = true;
            }
        }
        if added {
            self.starts.sort_unstable();
            self.starts.dedup();
        }
    }
}

/// Resolves percent encoding, backslash escapes of JSON and C, and numeric character references: one round of all of them.
///
/// What is no such escape stays.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (length, c) = match byte {
            b'%' => (3, number(rest.get(1..3), 16).map(Unescaped::Byte)),
            b'\\' => match tail.first() {
                Some(b'u') => escaped_unit(rest),
                Some(b'x') => (4, number(rest.get(2..4), 16).map(Unescaped::Byte)),
                Some(b'n' | b'r' | b't' | b'b' | b'f' | b'v') => (2, Some(Unescaped::Byte(u32::from(b' ')))),
                Some(other) => (2, Some(Unescaped::Byte((*other).into()))),
                None => (1, None),
            },
            b'&' => reference(rest),
            _ => (1, None),
        };
        match c {
            Some(Unescaped::Byte(byte)) => out.push(byte as u8),
            Some(Unescaped::Char(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {
                out.push(byte);
                rest = tail;
                continue;
            }
        }
        rest = &rest[length.min(rest.len())..];
    }
}

enum Unescaped {
    Byte(u32),
    Char(char),
}

/// `\uXXXX`, or two of them that make one character.
fn escaped_unit(text: &[u8]) -> (usize, Option<Unescaped>) {
    let unit = |at: usize| {
        text.get(at..at + 2).filter(|start| start == b"\\u").and_then(|_| number(text.get(at + 2..at + 6), 16))
    };
    match (unit(0), unit(6)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            (12, char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).map(Unescaped::Char))
        }
        (Some(point), _) => (6, Some(Unescaped::Char(char::from_u32(point).unwrap_or(' ')))),
        _ => (1, None),
    }
}

/// `&#64;`, `&#x40;` and the five names that every markup knows.
fn reference(text: &[u8]) -> (usize, Option<Unescaped>) {
    let Some(length) = text.iter().take(12).position(|byte| *byte == b';') else { return (1, None) };
    let c = match &text[1..length] {
        [b'#', b'x' | b'X', digits @ ..] => number(Some(digits), 16).and_then(char::from_u32),
        [b'#', digits @ ..] => number(Some(digits), 10).and_then(char::from_u32),
        b"amp" | b"lt" | b"gt" | b"quot" | b"apos" | b"nbsp" => Some(' '),
        _ => None,
    };
    (length + 1, c.map(Unescaped::Char))
}

fn number(digits: Option<&[u8]>, radix: u32) -> Option<u32> {
    let digits = digits.filter(|digits| !digits.is_empty())?;
    digits
        .iter()
        .try_fold(0_u32, |number, digit| number.checked_mul(radix)?.checked_add((*digit as char).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Character by character, normalized always.
    fn plainly(text: &[u8]) -> Tokens {
        let (mut tokens, mut open, letters) = (Tokens::default(), Open::No, Letters::get());
        for chunk in text.utf8_chunks() {
            chunk.valid().nfc().for_each(|c| tokens.push(letters, c, &mut open));
            if !chunk.invalid().is_empty() {
                tokens.end_word(&mut open);
            }
        }
        tokens.end_word(&mut open);
        tokens.add_starts_after_zeros();
        tokens
    }

    proptest! {
        #[test]
        fn every_way_of_reading_comes_to_the_same(
            texts in proptest::collection::vec(prop_oneof!["[ -~]{0,9}", ".{0,5}", "[a-zé\u{301}\u{327}я漢กี0٣%&]{0,8}"], 0..6),
            cut in 0..20_usize,
        ) {
            let mut text = texts.concat().into_bytes();
            text.drain(..cut.min(text.len()));
            let (expected, mut tokens) = (plainly(&text), Tokens::default());
            tokens.read(&text);
            prop_assert_eq!((&tokens.bytes, &tokens.starts, &tokens.ends), (&expected.bytes, &expected.starts, &expected.ends));
            prop_assert_eq!(tokens.has_escapes, expected.has_escapes);
        }
    }

    fn words(text: &str) -> (String, Vec<u32>, Vec<u32>) {
        let mut tokens = Tokens::default();
        tokens.read(text.as_bytes());
        (String::from_utf8(tokens.bytes).unwrap(), tokens.starts, tokens.ends)
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
    }

    #[test]
    fn bytes_that_are_no_text_separate() {
        let mut tokens = Tokens::default();
        tokens.read(b"ab\xffcd");
        assert_eq!((tokens.bytes.as_slice(), tokens.starts.as_slice()), (&b"abcd"[..], &[0, 2][..]));
    }

    #[test]
    fn escapes_are_resolved() {
        let resolved = |text: &str| {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(resolved("anna%40x%2Eexample 100% %zz"), "anna@x.example 100% %zz");
        assert_eq!(resolved(r"Zo\u00eb \ud83d\ude00\nnext \\ \x41 \"), "Zoë 😀 next \\ A \\");
        assert_eq!(resolved("a&#64;b&#x40;c&amp;d &copy; & e"), "a@b@c d &copy; & e");
    }
}
