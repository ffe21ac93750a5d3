//! Finds the units of a value: what is rewritten, between what stays.
//!
//! A unit is a letter, digit or symbol of an alphabet, a whole emoji sequence, or a byte that is no UTF-8. A letter with
//! combining marks after it may only become a letter that does with those marks what it does: composes, or not. So the
//! alphabet is narrowed to such letters, and the value's normalization form stays.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::alphabet::emoji::{self, Sequences};
use crate::alphabet::{Alphabet, Alphabets, stray};

use super::ascii;

/// Where a unit's replacements come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    AsciiDigit,
    AsciiLetter,
    Alphabet(u16),
    /// A narrowed alphabet, and its place among those of the parser.
    Narrow(u16, u32),
    Sequence(u16),
    Stray(stray::Kind),
}

impl Source {
    /// A number for the tweak; one that does not depend on what was parsed before.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::AsciiDigit => 0,
            Self::AsciiLetter => 1,
            Self::Stray(kind) => 2 + u32::from(kind.0),
            Self::Alphabet(class) | Self::Narrow(class, _) => 0x1_0000 + u32::from(class),
            Self::Sequence(make) => 0x2_0000 + u32::from(make),
        }
    }
}

/// A stretch of a value that is replaced as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) source: Source,
    pub(super) radix: u32,
    pub(super) digit: u32,
    pub(super) is_upper: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Unit {
    /// What a unit of ASCII would be with this digit.
    #[inline]
    pub(super) fn ascii_member(&self, digit: u32) -> u8 {
        let zero = match (self.source, self.is_upper) {
            (Source::AsciiDigit, _) => b'0',
            (_, true) => b'A',
            (_, false) => b'a',
        };
        zero + digit as u8
    }

    /// Appends what the unit would be with this digit.
    #[inline]
    pub(super) fn push_member(&self, digit: u32, parser: &Parser, out: &mut Vec<u8>) {
        let push = |c: char, out: &mut Vec<u8>| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        match self.source {
            Source::AsciiDigit | Source::AsciiLetter => out.push(self.ascii_member(digit)),
            Source::Alphabet(class) => {
                push(Alphabets::get().alphabets[usize::from(class)].member(digit, self.is_upper), out);
            }
            Source::Narrow(class, narrow) => {
                let digit = parser.narrow[narrow as usize][digit as usize];
                push(Alphabets::get().alphabets[usize::from(class)].member(digit, self.is_upper), out);
            }
            Source::Sequence(make) => {
                out.extend_from_slice(Sequences::get().makes[usize::from(make)][digit as usize].as_bytes());
            }
            Source::Stray(kind) => out.push(kind.member(digit)),
        }
    }
}

/// Narrowed alphabets that are remembered; texts with ever new heaps of marks cannot make them grow beyond.
const NARROW_MAX: usize = 1024;

/// What an alphabet falls into under certain marks: for each member its group and its number there.
type Places = Vec<(u32, u32)>;

/// Finds units; remembers narrowed alphabets.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// Groups of members that do the same with certain marks.
    narrow: Vec<Vec<u32>>,
    places: HashMap<Box<str>, HashMap<u16, Places>>,
}

impl Parser {
    /// Forgets narrowed alphabets if there are too many; units that were found before are of no use then.
    pub(super) fn make_room(&mut self) {
        if self.narrow.len() > NARROW_MAX {
            self.narrow.clear();
            self.places.clear();
        }
    }

    /// Appends the units of a value in their order.
    pub(super) fn units(&mut self, value: &[u8], units: &mut Vec<Unit>) {
        let mut start = 0;
        let mut stray_start = 0;
        let mut chunks = value.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            if !chunk.valid().is_empty() {
                self.text_units(chunk.valid(), start, units);
                start += chunk.valid().len();
                stray_start = start;
            }
            start += chunk.invalid().len();
            // A run of stray bytes ends where a valid character follows.
            if chunks.peek().is_none_or(|next| !next.valid().is_empty()) {
                stray::units(&value[stray_start..start], |at, kind, digit| {
                    let at = stray_start + at;
                    let source = Source::Stray(kind);
                    units.push(Unit { source, radix: kind.radix(), digit, is_upper: false, start: at, end: at + 1 });
                });
            }
        }
    }

    fn text_units(&mut self, text: &str, offset: usize, units: &mut Vec<Unit>) {
        let table = Alphabets::get();
        let mut at = 0;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let start = at;
            at += c.len_utf8();
            if c.is_ascii() && text.as_bytes().get(at).is_none_or(|next| *next < 0xcc) {
                // No mark can follow: marks, selectors and keycaps begin with 0xCC or above.
                if c.is_ascii_alphanumeric() {
                    units.push(ascii::unit(c as u8, offset + start));
                }
                continue;
            }
            let role = table.role(c);
            if role.is_picture() || matches!(c, '0'..='9' | '#' | '*') {
                let length = emoji::extent(&text[start..]);
                if length > 0 {
                    at = start + length;
                    chars = text[at..].chars();
                    self.sequence_units(&text[start..at], offset + start, units);
                    continue;
                }
            }
            let Some((class, digit, is_upper)) = role.member() else { continue };
            let mut unit = if c.is_ascii() {
                ascii::unit(c as u8, offset + start)
            } else {
                let radix = table.alphabets[usize::from(class)].radix();
                let source = Source::Alphabet(class);
                Unit { source, radix, digit, is_upper, start: offset + start, end: offset + at }
            };
            let marks = text[at..].chars().take_while(|next| table.role(*next).is_mark());
            let marks_bytes: usize = marks.map(char::len_utf8).sum();
            if marks_bytes > 0 && table.alphabets[usize::from(class)].may_compose {
                self.narrow(&mut unit, class, digit, &text[at..at + marks_bytes]);
            }
            units.push(unit);
        }
    }

    /// Units of an emoji of several code points.
    fn sequence_units(&mut self, sequence: &str, start: usize, units: &mut Vec<Unit>) {
        let sequences = Sequences::get();
        if let Some((make, digit)) = sequences.find(sequence) {
            let radix = sequences.makes[usize::from(make)].len() as u32;
            let end = start + sequence.len();
            units.push(Unit { source: Source::Sequence(make), radix, digit, is_upper: false, start, end });
            return;
        }
        for (at, c) in sequence.char_indices().filter(|(_, c)| !c.is_ascii() && !sequences.is_member(*c)) {
            let Some((class, digit, is_upper)) = Alphabets::get().role(c).member() else { continue };
            let (start, end) = (start + at, start + at + c.len_utf8());
            let mut unit = Unit { source: Source::Alphabet(class), radix: 1, digit, is_upper, start, end };
            self.narrow(&mut unit, class, digit, OUTSIDE_SEQUENCES);
            units.push(unit);
        }
    }

    /// Lets a unit only become what does with these marks what the unit does.
    fn narrow(&mut self, unit: &mut Unit, class: u16, digit: u32, marks: &str) {
        let known = self.places.get(marks).and_then(|classes| classes.get(&class)).map(|places| places[digit as usize]);
        let (group, digit) = known.unwrap_or_else(|| {
            let places = group_members(&Alphabets::get().alphabets[usize::from(class)], marks, &mut self.narrow);
            let place = places[digit as usize];
            self.places.entry(marks.into()).or_default().insert(class, places);
            place
        });
        unit.source = Source::Narrow(class, group);
        unit.digit = digit;
        unit.radix = self.narrow[group as usize].len() as u32;
    }
}

/// In the place of marks: what matters is whether a code point is a member of a known emoji sequence.
const OUTSIDE_SEQUENCES: &str = "";

fn group_members(alphabet: &Alphabet, marks: &str, narrow: &mut Vec<Vec<u32>>) -> Places {
    let mut groups: HashMap<[bool; 8], u32> = HashMap::new();
    let mut places = Places::new();
    for member in 0..alphabet.radix() {
        let mut behaviour = [false; 8];
        let lower = alphabet.lower[member as usize];
        if marks == OUTSIDE_SEQUENCES {
            behaviour[0] = Sequences::get().is_member(lower);
        } else {
            behaviour[..4].copy_from_slice(&forms(lower, marks));
            if let Some(upper) = alphabet.upper.get(member as usize) {
                behaviour[4..].copy_from_slice(&forms(*upper, marks));
            }
        }
        let group = *groups.entry(behaviour).or_insert_with(|| {
            narrow.push(Vec::new());
            narrow.len() as u32 - 1
        });
        places.push((group, narrow[group as usize].len() as u32));
        narrow[group as usize].push(member);
    }
    places
}

/// Whether a letter with marks is in each of the four normalization forms.
fn forms(c: char, marks: &str) -> [bool; 4] {
    let text = || std::iter::once(c).chain(marks.chars());
    [text().nfc().eq(text()), text().nfd().eq(text()), text().nfkc().eq(text()), text().nfkd().eq(text())]
}

/// The value with letters replaced that are not one of a pair but have a lower case; none if there are none.
pub(super) fn fold_strange_capitals(value: &[u8]) -> Option<Vec<u8>> {
    if value.is_ascii() {
        return None;
    }
    let is_strange = |c: char| {
        !c.is_ascii()
            && !c.to_lowercase().eq([c])
            && Alphabets::get().role(c).member().is_none_or(|(_, _, is_upper)| !is_upper)
    };
    let mut folded = Vec::with_capacity(value.len());
    let mut found = false;
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_strange(c) {
                found = true;
                folded.extend(c.to_lowercase().collect::<String>().as_bytes());
            } else {
                folded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        folded.extend_from_slice(chunk.invalid());
    }
    found.then_some(folded)
}
