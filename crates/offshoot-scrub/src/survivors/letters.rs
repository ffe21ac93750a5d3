//! What each code point is to the search: part of a word, a word by itself, or nothing; and what case folding makes of it.
//!
//! A table, because this is asked for every character of the output. Scripts that put no blanks between words, and
//! Hangul, whose particles cling to names, have a boundary at every letter. Decimal digits of all scripts become ASCII
//! digits, and so do full-width letters become ASCII.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory as Gc, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

use super::needle::LETTER_UNITS;

/// What a code point is; packed with what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter(u32);

const WORD: u32 = 1 << 24;
const ALONE: u32 = 1 << 25;
const MARK: u32 = 1 << 26;
const SILENT: u32 = 1 << 27;
/// Not surely in NFC, or with a folding of several characters: the text takes the long way.
const UNSURE: u32 = 1 << 28;
/// Where the number of what a letter counts is.
const UNITS_SHIFT: u32 = 21;
/// What letters count: those of most scripts, of kana, ideographs and syllables, and marks.
const UNITS: [u32; 4] = [LETTER_UNITS, 10, 19, 3];

impl Letter {
    /// Part of a word.
    pub(super) fn is_word(self) -> bool {
        self.0 & WORD != 0
    }

    /// A word by itself, with the marks that follow.
    pub(super) fn is_alone(self) -> bool {
        self.0 & ALONE != 0
    }

    /// A combining mark: belongs to what is before it.
    pub(super) fn is_mark(self) -> bool {
        self.0 & MARK != 0
    }

    /// Left out without ending a word: soft hyphens, joiners, directions.
    pub(super) fn is_silent(self) -> bool {
        self.0 & SILENT != 0
    }

    /// Whether the text around it must be normalized first.
    pub(super) fn is_unsure(self) -> bool {
        self.0 & UNSURE != 0
    }

    /// How much it says, beside a letter or digit of ASCII.
    pub(super) fn units(self) -> u32 {
        UNITS[(self.0 >> UNITS_SHIFT & 3) as usize]
    }

    /// What it is folded to.
    pub(super) fn folded(self) -> char {
        char::from_u32(self.0 & 0x1f_ffff).unwrap_or('\u{fffd}')
    }
}

/// All letters.
pub(super) struct Letters {
    pages: Vec<[u32; 256]>,
    page_of: Vec<u16>,
}

impl Letters {
    /// The table of this process.
    pub(super) fn get() -> &'static Self {
        static TABLE: OnceLock<Letters> = OnceLock::new();
        TABLE.get_or_init(|| {
            let mut table = Self { pages: vec![[0; 256]], page_of: vec![0; 0x1100] };
            for c in ('\0'..=char::MAX).filter(|c| !matches!(*c as u32, 0x40000..=0xdffff | 0xe1000..)) {
                let packed = classify(c);
                if packed == 0 {
                    continue;
                }
                let page = &mut table.page_of[c as usize >> 8];
                if *page == 0 {
                    *page = table.pages.len() as u16;
                    table.pages.push([0; 256]);
                }
                table.pages[usize::from(*page)][c as usize & 255] = packed | units_number(c, packed) << UNITS_SHIFT;
            }
            table
        })
    }

    #[inline]
    pub(super) fn letter(&self, c: char) -> Letter {
        self.at(c as usize)
    }

    /// The letter of a code point.
    #[inline]
    pub(super) fn at(&self, point: usize) -> Letter {
        let page = self.page_of.get(point >> 8).copied().unwrap_or(0);
        Letter(self.pages[usize::from(page)][point & 255])
    }
}

/// The place in [`UNITS`] of a character that is packed like this.
fn units_number(c: char, packed: u32) -> u32 {
    match c {
        '\u{3040}'..='\u{30ff}' => 1,
        '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => 2,
        '\0'..='\u{2ff}' | '\u{370}'..='\u{482}' => 0,
        _ => {
            if packed & MARK == 0 {
                0
            } else {
                3
            }
        }
    }
}

fn classify(c: char) -> u32 {
    let category = c.general_category();
    // Ideographs and syllables, the bulk of all code points, need no look at their normalization.
    let is_plain =
        matches!(c as u32, 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7a3 | 0x20000..=0x2f7ff | 0x30000..=0x3ffff);
    let unsure = if is_plain
        || unicode_normalization::is_nfc_quick(std::iter::once(c)) == unicode_normalization::IsNormalized::Yes
    {
        0
    } else {
        UNSURE
    };
    let kind = match category {
        Gc::UppercaseLetter
        | Gc::LowercaseLetter
        | Gc::TitlecaseLetter
        | Gc::ModifierLetter
        | Gc::OtherLetter
        | Gc::LetterNumber
        | Gc::DecimalNumber => {
            if is_plain || is_unspaced(c.script()) {
                WORD | ALONE
            } else {
                WORD
            }
        }
        Gc::NonspacingMark | Gc::SpacingMark | Gc::EnclosingMark => MARK | WORD,
        Gc::Format => return SILENT,
        // An emoji's skin tone or a variation selector is no letter; other symbols and numbers end a word.
        _ => return unsure,
    };
    if is_plain {
        return kind | c as u32;
    }
    let mut wide = c.nfkc();
    let plain = match (wide.next(), wide.next()) {
        // Full-width and other digits and letters that stand for an ASCII one.
        (Some(plain), None) if plain.is_ascii_alphanumeric() => plain,
        _ => c,
    };
    let mut lower = plain.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) => {
            let digit = (category == Gc::DecimalNumber).then(|| decimal_digit(plain)).flatten();
            let folded = match folded {
                'ς' => 'σ',
                other => digit.unwrap_or(other),
            };
            kind | unsure | folded as u32
        }
        // Only the dotted capital I of Turkish: a plain i, as a search without regard to case has it.
        _ => kind | unsure | 'i' as u32,
    }
}

fn is_unspaced(script: Script) -> bool {
    matches!(
        script,
        Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Hangul
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar
            | Script::Tibetan
            | Script::Yi
    )
}

/// The ASCII digit of a decimal digit: digits stand in rows of ten in the order of their values.
fn decimal_digit(c: char) -> Option<char> {
    if c.is_ascii_digit() {
        return Some(c);
    }
    let is_digit = |point: u32| char::from_u32(point).is_some_and(|c| c.general_category() == Gc::DecimalNumber);
    let before = (1..).take_while(|back| is_digit((c as u32).wrapping_sub(*back))).count() as u32;
    char::from_digit(before % 10, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_many_scripts() {
        let letter = |c| Letters::get().letter(c);
        assert_eq!(letter('É').folded(), 'é');
        assert_eq!(letter('Ω').folded(), 'ω');
        assert_eq!(letter('٣').folded(), '3');
        assert_eq!(letter('７').folded(), '7');
        assert_eq!(letter('Ａ').folded(), 'a');
        assert_eq!(letter('İ').folded(), 'i');
        assert!(letter('山').is_alone() && letter('김').is_alone() && letter('ก').is_alone());
        assert!(letter('я').is_word() && !letter('я').is_alone());
        assert!(letter('\u{301}').is_mark());
        assert!(letter('\u{ad}').is_silent() && letter('\u{200d}').is_silent());
        assert_eq!(['é', 'я', 'き', '山', '김', '\u{301}', 'ก'].map(|c| letter(c).units()), [7, 7, 10, 19, 19, 3, 7]);
        assert!(!letter('@').is_word() && !letter('👍').is_word() && !letter('—').is_word());
    }
}
