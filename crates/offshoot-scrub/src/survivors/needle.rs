//! Which parts of a value are looked for: its needles.
//!
//! A value of a few words is looked for as a whole. Inside any text, addresses of mail and numbers of seven digits and more
//! are looked for too, and in longer ones words that mix letters and digits, very long words, and phrases. Phrases are
//! chosen by winnowing (Schleimer, Wilkerson, Aiken: "Winnowing: local algorithms for document fingerprinting", 2003): of
//! the phrases that begin at [`WINDOW_WORDS`] neighbouring words the one with the least hash, so that a passage of some
//! twelve words has at least one of them wherever it is copied to.
//!
//! What says too little is left out: values of fewer than [`UNITS_MIN`] units, and dates and times, which many share.

use super::letters::Letters;
use super::text::Tokens;

/// The least information of a needle: seven digits, eight letters, three ideographs or syllables of Hangul.
///
/// In units: a digit counts 8, a letter 7, an ideograph or a syllable 19, a letter of kana 10, a mark 3.
pub const UNITS_MIN: u32 = 56;
/// What a digit counts.
pub const DIGIT_UNITS: u32 = 8;
/// What a letter counts.
pub const LETTER_UNITS: u32 = 7;
/// Values with more blanks than this are texts, of which parts are looked for.
pub const WHOLE_BLANKS_MAX: usize = 5;
/// Normalized bytes of a needle; of longer ones the first that many are looked for.
pub const NEEDLE_BYTES_MAX: usize = 64;
/// Letters alone are looked for from this many on, inside longer texts.
pub const LONG_WORD_LETTERS_MIN: usize = 14;
/// The least information of a phrase: 24 letters.
pub const PHRASE_UNITS_MIN: u32 = 168;
/// Of this many neighbouring phrases at least one is looked for.
pub const WINDOW_WORDS: usize = 8;
/// Digits of a number inside a text.
const NUMBER_DIGITS_MAX: usize = 19;

/// What a head begins with, as a little-endian number: eight bytes, or seven digits. What is behind the last word may be
/// anything.
#[inline]
pub(super) fn beginning(padded: &[u8], start: usize) -> u64 {
    let eight = padded.get(start..start + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok());
    let word = eight.map_or(0, u64::from_le_bytes);
    if are_digits(word) { word & 0x00ff_ffff_ffff_ffff } else { word }
}

/// Whether the first seven bytes of a word are digits: those of letters have a bit that digits lack (of letters beyond ASCII
/// the first byte).
#[inline]
fn are_digits(word: u64) -> bool {
    word & 0x0040_4040_4040_4040 == 0
}

/// Where the shortest run from `start` on ends that says enough to be looked for.
#[inline]
pub(super) fn head_end(bytes: &[u8], start: usize) -> Option<usize> {
    if let Some(eight) = bytes.get(start..start + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
        let word = u64::from_le_bytes(eight);
        if word & 0x8080_8080_8080_8080 == 0 {
            return Some(start + if are_digits(word) { 7 } else { 8 });
        }
    }
    match bytes.get(start..)? {
        // Seven digits say just enough, and no bytes say more.
        rest if rest.len() < DIGITS_MIN => None,
        rest if rest.len() == DIGITS_MIN => rest.iter().all(u8::is_ascii_digit).then_some(bytes.len()),
        _ => run_end(bytes, start, UNITS_MIN),
    }
}

/// The fewest digits that say enough.
const DIGITS_MIN: usize = UNITS_MIN.div_ceil(DIGIT_UNITS) as usize;
/// Bytes in which as many units as are asked for are found, if at all.
const RUN_BYTES_MAX: usize = 256;

/// Where the shortest run from `start` on ends that has as many units.
#[inline]
fn run_end(bytes: &[u8], start: usize, units_min: u32) -> Option<usize> {
    let run = bytes.get(start..bytes.len().min(start + RUN_BYTES_MAX))?;
    let letters = Letters::get();
    let (mut sum, mut at) = (0, 0);
    while let Some(&byte) = run.get(at) {
        let (length, counts) = match byte {
            b'0'..=b'9' => (1, DIGIT_UNITS),
            0..=0x7f => (1, LETTER_UNITS),
            _ => {
                let length = [2, 3, 4][usize::from(byte >= 0xe0) + usize::from(byte >= 0xf0)];
                let first = usize::from(byte) & (0x7f >> length);
                let tail = run.get(at + 1..at + length)?;
                let point = tail.iter().fold(first, |point, byte| point << 6 | usize::from(byte & 0x3f));
                (length, letters.at(point).units())
            }
        };
        (sum, at) = (sum + counts, at + length);
        if sum >= units_min {
            return Some(start + at);
        }
    }
    None
}

/// The end of a needle that would end at `end`, when it must not be too long.
pub(super) fn cut(bytes: &[u8], start: usize, end: usize) -> usize {
    if end - start <= NEEDLE_BYTES_MAX {
        return end;
    }
    let mut cut = start + NEEDLE_BYTES_MAX;
    while bytes[cut] & 0xc0 == 0x80 {
        cut -= 1;
    }
    cut
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needle<'a> {
    /// Normalized.
    pub(super) bytes: &'a [u8],
    /// The part of it that says just enough.
    pub(super) head: &'a [u8],
    /// Part of a text that only means something while it is very rare.
    pub(super) is_fragment: bool,
}

/// Finds needles; keeps memory from one value to the next.
#[derive(Default)]
pub(super) struct Finder {
    whole: Tokens,
    part: Tokens,
    phrases: Vec<(u128, usize, usize)>,
    /// Whether all phrases are found, not only those that are chosen among their neighbours.
    pub(super) with_all_phrases: bool,
}

impl Finder {
    /// Calls `found` for each needle of a text. `hash` ranks phrases; it must not be known to whoever writes texts.
    pub(super) fn text(&mut self, text: &[u8], hash: &dyn Fn(&[u8]) -> u128, found: &mut dyn FnMut(Needle<'_>)) {
        self.whole.read(text);
        if self.whole.bytes().len() < DIGITS_MIN {
            return;
        }
        let blanks = text.trim_ascii().iter().filter(|byte| byte.is_ascii_whitespace()).count();
        let is_one = blanks <= WHOLE_BLANKS_MAX && self.whole.bytes().len() <= NEEDLE_BYTES_MAX;
        if is_one || (blanks == 0 && text.is_ascii()) {
            if !is_moment(text) {
                emit_whole(&self.whole, false, found);
            }
        } else {
            self.words(found);
            self.phrases(hash, found);
        }
        // Most values are no text that a number could stand in.
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let numbers = (digits >= DIGITS_MIN).then(|| numbers(text));
        let parts = mail_addresses(text).chain(numbers.into_iter().flatten());
        for part in parts.filter(|part| part.len() < text.trim_ascii().len()) {
            self.part.read(part);
            emit_whole(&self.part, false, found);
        }
    }

    /// Overwrites what is left of the last value.
    pub(super) fn forget(&mut self) {
        self.whole.forget();
        self.part.forget();
    }

    fn words(&self, found: &mut dyn FnMut(Needle<'_>)) {
        let tokens = &self.whole;
        for (start, end) in words(tokens) {
            let word = &tokens.bytes()[start..end];
            let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
            let is_mixed = digits >= 2 && digits < word.len() && word.is_ascii();
            let is_long = digits == 0
                && word.len() >= LONG_WORD_LETTERS_MIN
                && word.utf8_chunks().map(|chunk| chunk.valid().chars().count()).sum::<usize>()
                    >= LONG_WORD_LETTERS_MIN;
            if is_mixed || is_long {
                emit(tokens.bytes(), start, end, is_long, found);
            }
        }
    }

    fn phrases(&mut self, hash: &dyn Fn(&[u8]) -> u128, found: &mut dyn FnMut(Needle<'_>)) {
        let tokens = &self.whole;
        self.phrases.clear();
        let mut ends = tokens.ends().iter().map(|end| *end as usize).peekable();
        for (start, _) in words(tokens) {
            let Some(least) = run_end(tokens.bytes(), start, PHRASE_UNITS_MIN) else { break };
            while ends.peek().is_some_and(|end| *end < least) {
                ends.next();
            }
            let Some(end) = ends.peek() else { break };
            let end = cut(tokens.bytes(), start, *end);
            self.phrases.push((hash(&tokens.bytes()[start..end]), start, end));
        }
        if self.with_all_phrases {
            return self.phrases.iter().for_each(|(_, start, end)| emit(tokens.bytes(), *start, *end, true, found));
        }
        let mut last = None;
        let short = self.phrases.len().clamp(1, WINDOW_WORDS);
        for window in self.phrases.windows(short) {
            let Some(least) = window.iter().min() else { continue };
            if last != Some(least.1) {
                last = Some(least.1);
                emit(tokens.bytes(), least.1, least.2, true, found);
            }
        }
    }
}

fn emit_whole(tokens: &Tokens, is_fragment: bool, found: &mut dyn FnMut(Needle<'_>)) {
    let bytes = tokens.bytes();
    // The zeros that a number begins with are dropped, as in 0049 and 49.
    let start =
        if bytes.iter().all(u8::is_ascii_digit) { bytes.iter().take_while(|byte| **byte == b'0').count() } else { 0 };
    emit(bytes, start, bytes.len(), is_fragment, found);
}

fn emit(bytes: &[u8], start: usize, end: usize, is_fragment: bool, found: &mut dyn FnMut(Needle<'_>)) {
    let Some(head) = head_end(bytes, start).filter(|head| *head <= end) else { return };
    found(Needle { bytes: &bytes[start..cut(bytes, start, end)], head: &bytes[start..head], is_fragment });
}

/// Where words begin and end.
fn words(tokens: &Tokens) -> impl Iterator<Item = (usize, usize)> {
    let mut starts = tokens.starts().iter().map(|start| *start as usize).peekable();
    let mut previous = 0;
    tokens.ends().iter().filter_map(move |end| {
        while starts.peek().is_some_and(|start| *start < previous) {
            starts.next();
        }
        previous = *end as usize;
        starts.next().map(|start| (start, previous))
    })
}

/// Addresses of mail in a text: what is around an at sign.
fn mail_addresses(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 128 || b"._%+-".contains(&byte);
    let signs = text.iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(at, _)| at);
    signs.filter_map(move |at| {
        let before = text[..at].iter().rev().take_while(|byte| is_part(**byte)).count();
        let after = text[at + 1..].iter().take_while(|byte| is_part(**byte)).count();
        let host = text[at + 1..at + 1 + after].trim_ascii_end();
        (before > 0 && host.contains(&b'.')).then(|| &text[at - before..at + 1 + after])
    })
}

/// Numbers of seven digits and more in a text, written with separators or without; no dates and times.
fn numbers(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            if !text[at].is_ascii_digit() || (at > 0 && text[at - 1].is_ascii_alphanumeric()) {
                at += 1;
                continue;
            }
            let start = at;
            let (mut end, mut digits) = (at, 0);
            while at < text.len() {
                if text[at].is_ascii_digit() {
                    digits += 1;
                    at += 1;
                    end = at;
                } else if at - end < 3 && b" -./()+".contains(&text[at]) {
                    at += 1;
                } else {
                    break;
                }
            }
            at = end;
            let number = &text[start..end];
            let ends_word = !text.get(end).is_some_and(u8::is_ascii_alphanumeric);
            if ends_word && (DIGITS_MIN..=NUMBER_DIGITS_MAX).contains(&digits) && !is_moment(number) {
                return Some(number);
            }
        }
        None
    })
}

/// Whether a text begins as a date does.
fn is_moment(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    [&b"dddd-dd-dd"[..], b"dddd/dd/dd", b"dd.dd.dddd", b"dd/dd/dddd", b"dd-dd-dddd"].iter().any(|form| {
        text.len() >= form.len()
            && !text.get(form.len()).is_some_and(u8::is_ascii_digit)
            && form
                .iter()
                .zip(text)
                .all(|(expected, byte)| if *expected == b'd' { byte.is_ascii_digit() } else { expected == byte })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        let hash = |bytes: &[u8]| bytes.iter().fold(7_u128, |hash, byte| hash.wrapping_mul(31) ^ u128::from(*byte));
        Finder::default().text(text.as_bytes(), &hash, &mut |needle| {
            assert!(needle.bytes.starts_with(needle.head) || needle.head.starts_with(needle.bytes));
            all.push(String::from_utf8(needle.bytes.to_vec()).unwrap());
        });
        all
    }

    #[test]
    fn short_values_are_looked_for_as_a_whole() {
        assert_eq!(needles("Anna.Schmidt@x.example"), ["annaschmidtxexample"]);
        assert_eq!(needles("0049 (171) 234-5678"), ["491712345678"]);
        assert_eq!(needles("김철수"), ["김철수"]);
        assert_eq!(needles("Anna Schmidt"), ["annaschmidt"]);
        assert!(needles("Anna").is_empty() && needles("123456").is_empty() && needles("").is_empty());
        assert!(needles("1987-03-14").is_empty() && needles("14.03.1987").is_empty());
        assert!(needles("2024-05-01T10:11:12.123Z").is_empty());
    }

    #[test]
    fn parts_of_texts() {
        assert_eq!(needles("Ann <ann.lee@x.example>"), ["annannleexexample", "annleexexample"]);
        let found =
            needles("on 2024-05-01 she called from 415 867-5309 and gave us the code ab12cd34 for ann@x.example again");
        for part in ["4158675309", "ab12cd34", "annxexample"] {
            assert!(found.iter().any(|needle| needle == part), "{part}: {found:?}");
        }
        assert!(!found.iter().any(|needle| needle.starts_with("2024")), "{found:?}");
    }

    #[test]
    fn a_passage_of_twelve_words_has_a_phrase_wherever_it_is() {
        let passage = "quick brown foxes jumped over lazy dogs while seven grey cats slept near old rivers";
        let one: Vec<String> = needles(&format!("first of all there were {passage} and so it ended well"));
        let other: Vec<String> = needles(&format!("nobody knew why the {passage} although many had asked about it"));
        assert!(one.iter().any(|phrase| other.contains(phrase)), "{one:?} {other:?}");
    }

    #[test]
    fn long_values_are_cut() {
        let long = "é".repeat(100);
        assert_eq!(needles(&long)[0].len(), 64);
    }

    #[test]
    fn heads() {
        assert_eq!(head_end(b"8675309", 0), Some(7));
        assert_eq!(head_end(b"86753091", 0), Some(7));
        assert_eq!(head_end(b"abcdefgh", 0), Some(8));
        assert_eq!(head_end(b"a123456", 0), None);
        assert_eq!(head_end(b"1234567a", 0), Some(7));
        assert_eq!(head_end("山田太郎".as_bytes(), 3), Some(12));
        assert_eq!(head_end("aé234567".as_bytes(), 0), Some(9));
    }
}
