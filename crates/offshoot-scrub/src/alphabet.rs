//! What may stand in for what: Unicode's code points in classes whose members look, count and behave alike.
//!
//! Two code points are of one class, an *alphabet*, when they agree in script, general category, block, length in UTF-8
//! (and so in UTF-16), normalization in all four forms, and behaviour at grapheme boundaries. A letter and its capital are
//! one member with two faces, so that whatever rewrites letters commutes with lower(). What carries structure and no
//! information is in no alphabet and stays: white space, punctuation, marks, controls, joiners, unassigned code points.
//!
//! The classes are computed once a process, from the Unicode data of the crates this one depends on; a test pins their
//! digest, because another table means other pseudonyms. Sequences of emoji are in [`emoji`], bytes that are no UTF-8 in
//! [`stray`].

mod blocks;
pub(crate) mod emoji;
pub(crate) mod stray;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{EmojiStatus, GeneralCategory as Gc, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

/// One class. Members are numbered; `upper` is empty where letters have one face.
#[derive(Debug)]
pub(crate) struct Alphabet {
    pub(crate) lower: Vec<char>,
    pub(crate) upper: Vec<char>,
    /// False for pictures, ideographs and syllables, which no mark joins.
    pub(crate) may_compose: bool,
}

impl Alphabet {
    pub(crate) fn radix(&self) -> u32 {
        self.lower.len() as u32
    }

    #[inline]
    pub(crate) fn member(&self, digit: u32, is_upper: bool) -> char {
        if is_upper { self.upper[digit as usize] } else { self.lower[digit as usize] }
    }
}

/// What a code point is to the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role(u32);

impl Role {
    const UPPER: u32 = 1 << 31;
    const MARK: u32 = 1 << 30;
    const PICTURE: u32 = 1 << 29;
    /// Members of an alphabet are fewer than 65536, alphabets fewer than 8191.
    const DIGIT_BITS: u32 = 16;

    /// The alphabet, the member's number and its face; none for what stays.
    #[inline]
    pub(crate) fn member(self) -> Option<(u16, u32, bool)> {
        let class = (self.0 & (Self::PICTURE - 1)) >> Self::DIGIT_BITS;
        (class > 0).then(|| ((class - 1) as u16, self.0 & 0xffff, self.0 & Self::UPPER != 0))
    }

    /// True for what may combine with the character before it.
    #[inline]
    pub(crate) fn is_mark(self) -> bool {
        self.0 & Self::MARK != 0
    }

    /// True for what may begin an emoji of several code points.
    #[inline]
    pub(crate) fn is_picture(self) -> bool {
        self.0 & Self::PICTURE != 0
    }
}

/// All alphabets, and the role of every code point.
#[derive(Debug)]
pub(crate) struct Alphabets {
    pages: Vec<[u32; 256]>,
    page_of: Vec<u16>,
    pub(crate) alphabets: Vec<Alphabet>,
}

impl Alphabets {
    /// The table of this process.
    pub(crate) fn get() -> &'static Self {
        static TABLE: OnceLock<Alphabets> = OnceLock::new();
        TABLE.get_or_init(Self::build)
    }

    #[inline]
    pub(crate) fn role(&self, c: char) -> Role {
        let point = c as usize;
        Role(self.pages[usize::from(self.page_of[point >> 8])][point & 255])
    }

    fn build() -> Self {
        let mut table = Self { pages: vec![[0; 256]], page_of: vec![0; 0x1100], alphabets: Vec::new() };
        let mut classes: BTreeMap<Class, Vec<(char, Option<char>)>> = BTreeMap::new();
        for c in ('\0'..=char::MAX).filter(|c| is_of_interest(*c)) {
            let category = c.general_category();
            if is_mark(c, category) {
                table.add(c, Role::MARK);
            }
            if is_picture(c) {
                table.add(c, Role::PICTURE);
            }
            if !carries_information(c, category) || is_mark(c, category) {
                continue;
            }
            match case_partner(c) {
                Case::Lower(upper) => {
                    let class = Class { upper: Some(blocks::block_of(upper as u32)), ..Class::of(c, category) };
                    classes.entry(class).or_default().push((c, Some(upper)));
                }
                Case::None => classes.entry(Class::of(c, category)).or_default().push((c, None)),
                // Comes with its lower case.
                Case::Upper => {}
            }
        }
        for members in classes.into_values() {
            let class = (table.alphabets.len() as u32 + 1) << Role::DIGIT_BITS;
            let may_compose = members.iter().any(|(c, _)| !is_uniform(*c) && !is_syllable(*c) && !is_picture(*c));
            let mut alphabet = Alphabet { lower: Vec::with_capacity(members.len()), upper: Vec::new(), may_compose };
            for (digit, (lower, upper)) in members.into_iter().enumerate() {
                table.add(lower, class | digit as u32);
                alphabet.lower.push(lower);
                if let Some(upper) = upper {
                    table.add(upper, class | digit as u32 | Role::UPPER);
                    alphabet.upper.push(upper);
                }
            }
            table.alphabets.push(alphabet);
        }
        table
    }

    fn add(&mut self, c: char, role: u32) {
        let page = &mut self.page_of[c as usize >> 8];
        if *page == 0 {
            *page = self.pages.len() as u16;
            self.pages.push([0; 256]);
        }
        self.pages[usize::from(*page)][c as usize & 255] |= role;
    }
}

/// What the members of an alphabet have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    block: u16,
    /// The block of the capitals, where there are capitals.
    upper: Option<u16>,
    script: &'static str,
    category: u8,
    bytes: u8,
    behaviour: u16,
    style: u32,
}

impl Class {
    fn of(c: char, category: Gc) -> Self {
        Self {
            block: blocks::block_of(c as u32),
            upper: None,
            script: c.script().full_name(),
            category: category as u8,
            bytes: c.len_utf8() as u8,
            behaviour: behaviour(c, category),
            style: style(c, category),
        }
    }
}

/// Normalization and grapheme boundaries, as bits.
fn behaviour(c: char, category: Gc) -> u16 {
    if is_uniform(c) {
        return 0;
    }
    if is_syllable(c) {
        // A final may still join a syllable that has none.
        return 1 + u16::from((c as u32 - 0xac00).is_multiple_of(28));
    }
    let text = c.encode_utf8(&mut [0; 4]).to_owned();
    let is_one = |text: String| text.graphemes(true).count() == 1;
    let emoji = match c.emoji_status() {
        EmojiStatus::EmojiPresentation
        | EmojiStatus::EmojiPresentationAndModifierBase
        | EmojiStatus::EmojiPresentationAndEmojiComponent
        | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent => 2,
        _ if c.is_emoji_char() && category != Gc::DecimalNumber => 1,
        _ => 0,
    };
    let bits = [
        text.nfc().eq([c]),
        text.nfd().eq([c]),
        text.nfkc().eq([c]),
        text.nfkd().eq([c]),
        // What it does at the boundaries of graphemes: prepends, extends, links to a consonant, is a picture, is Hangul.
        is_one(format!("{c}a")),
        is_one(format!("a{c}")),
        is_one(format!("{c}\u{94d}\u{915}")),
        is_one(format!("{c}\u{200d}\u{1f600}")),
        is_one(format!("\u{1100}{c}")),
        is_one(format!("{c}\u{1161}")),
        is_one(format!("{c}\u{11a8}")),
        // Conjoining letters of Hangul that are composed, beside old ones that are not.
        composes_backwards(c),
        unicode_normalization::char::compose(c, '\u{1161}').is_some(),
    ];
    bits.iter().rev().fold(emoji, |bits, bit| bits << 1 | u16::from(*bit))
}

/// Ideographs and private use: large blocks whose members all behave alike, so that the table is built quickly.
fn is_uniform(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xe000..=0xf8ff | 0x17000..=0x18cff | 0x20000..=0x2f7ff
        | 0x2fa20..=0x3ffff | 0xf0000..)
}

/// A syllable of Hangul.
fn is_syllable(c: char) -> bool {
    matches!(c as u32, 0xac00..=0xd7a3)
}

/// Letters of one design stay together where a block holds several: mathematical letters, digits of any kind.
fn style(c: char, category: Gc) -> u32 {
    match (c as u32, category) {
        (point @ 0x1d400..=0x1d6a3, _) => 1 + (point - 0x1d400) / 26,
        (point @ 0x1d6a8..=0x1d7cb, _) => 1 + (point - 0x1d6a8) / 58,
        (point, Gc::DecimalNumber) => {
            // Digits stand in rows of ten, each after the other; a row is known by its zero.
            1 + point - c.nfkd().next().and_then(|plain| plain.to_digit(10)).unwrap_or_else(|| digit_value(c))
        }
        _ => 0,
    }
}

/// How many digits stand right before this one, up to the last multiple of ten.
fn digit_value(c: char) -> u32 {
    let is_digit = |point: u32| char::from_u32(point).is_some_and(|c| c.general_category() == Gc::DecimalNumber);
    (1..).take_while(|back| is_digit(c as u32 - back)).count() as u32 % 10
}

enum Case {
    /// A letter with this capital, one to one.
    Lower(char),
    /// A capital of such a letter.
    Upper,
    /// Anything else.
    None,
}

fn case_partner(c: char) -> Case {
    let only = |mut mapped: std::char::ToLowercase| mapped.next().filter(|_| mapped.next().is_none());
    let only_upper = |mut mapped: std::char::ToUppercase| mapped.next().filter(|_| mapped.next().is_none());
    let (lower, upper) = (only(c.to_lowercase()), only_upper(c.to_uppercase()));
    let agree = |lower: char, upper: char| {
        lower != upper
            && only(upper.to_lowercase()) == Some(lower)
            && only_upper(lower.to_uppercase()) == Some(upper)
            && lower.len_utf8() == upper.len_utf8()
            && behaviour(lower, lower.general_category()) == behaviour(upper, upper.general_category())
    };
    match (lower, upper) {
        (Some(lower), Some(upper)) if lower == c && agree(lower, upper) => Case::Lower(upper),
        (Some(lower), Some(upper)) if upper == c && agree(lower, upper) => Case::Upper,
        _ => Case::None,
    }
}

fn is_of_interest(c: char) -> bool {
    !matches!(c as u32, 0x40000..=0xeffff) && !matches!(c.general_category(), Gc::Unassigned | Gc::Control)
}

/// What may combine with what stands before it under some normalization: marks, vowels and finals of Hangul.
fn is_mark(c: char, category: Gc) -> bool {
    matches!(category, Gc::NonspacingMark | Gc::SpacingMark | Gc::EnclosingMark)
        || canonical_combining_class(c) != 0
        || (!is_uniform(c) && !matches!(c as u32, 0x1161..=0x1175 | 0x11a8..=0x11c2) && composes_backwards(c))
}

/// True for letters that normalization may join to what stands before them, such as the vowel signs of Kirat Rai.
fn composes_backwards(c: char) -> bool {
    matches!(unicode_normalization::is_nfc_quick(std::iter::once(c)), unicode_normalization::IsNormalized::Maybe)
}

fn carries_information(c: char, category: Gc) -> bool {
    match category {
        Gc::UppercaseLetter
        | Gc::LowercaseLetter
        | Gc::OtherLetter
        | Gc::ModifierLetter
        | Gc::DecimalNumber
        | Gc::LetterNumber
        | Gc::OtherNumber
        | Gc::PrivateUse => !is_fixed(c),
        // Pictures, and the symbols of a script such as Braille but for its blank; other symbols are like punctuation.
        Gc::OtherSymbol | Gc::MathSymbol | Gc::ModifierSymbol => {
            c as u32 > 0xff && c != '\u{2800}' && (c.is_emoji_char() || c.script() != Script::Common)
        }
        _ => false,
    }
}

/// Letters that are forms, fillers or blanks rather than information.
fn is_fixed(c: char) -> bool {
    matches!(c, '\u{3c2}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

fn is_picture(c: char) -> bool {
    c.is_emoji_char() && !c.is_ascii() || matches!(c as u32, 0x1f1e6..=0x1f1ff)
}
