//! The transform at the heart: a value becomes another value of the same shape.
//!
//! Grapheme by grapheme: script for script, case for case, digit for digit, emoji for emoji of the same make; as many
//! code points and as many bytes. White space, punctuation, marks, joiners and everything else that is structure stays, and
//! so does the normalization form. What is rewritten are the *units* that `parse` finds; their alphabets say what they
//! may become (`alphabet`).
//!
//! Two modes. *Injective*: all units together are moved by a keyed permutation without fixed points ([`crate::permute`]),
//! so that distinct values of one shape stay distinct. *Free*: units are drawn from numbers that follow from the whole
//! value, which is faster; two values may meet.
//!
//! Both look at the value without case and without its structure: `f(lower(x)) = lower(f(x))`, and `12-34` and `1234` stay
//! equal but for the dash. So columns that compare without case, or pad with blanks, keep their distinct values distinct.

mod ascii;
mod parse;

use crate::alphabet::Alphabets;
use crate::alphabet::emoji::Sequences;
use crate::permute::{Permuter, Tweak, Vector};
use crate::prf::{LANES, Prf};
use ascii::Free;
use parse::{Parser, Source, Unit};

/// The shape transform for one domain.
#[derive(Debug, Clone)]
pub struct Shape {
    prf: Prf,
    is_injective: bool,
    folds_case: bool,
}

/// Memory that is kept from one value to the next; one for each thread that rewrites.
#[derive(Debug, Default)]
pub struct Work {
    pub(crate) permuter: Permuter,
    parser: Parser,
    units: Vec<Unit>,
    digits: Vec<u32>,
    radices: Vec<u32>,
    symbols: Vec<u8>,
    /// Where the units of each of several values are.
    vectors: Vec<Vector>,
}

impl Work {
    fn clear(&mut self) {
        self.units.clear();
        self.parser.make_room();
    }

    /// Adds the units of a value.
    #[inline]
    fn find_units(&mut self, value: &[u8]) {
        if value.is_ascii() {
            ascii::units(value, &mut self.units);
        } else {
            self.parser.units(value, &mut self.units);
        }
    }

    /// Takes the digits of all units.
    fn take_digits(&mut self) {
        self.digits.clear();
        self.radices.clear();
        self.digits.extend(self.units.iter().map(|unit| unit.digit));
        self.radices.extend(self.units.iter().map(|unit| unit.radix));
    }

    /// Appends a value with its units as the digits say.
    #[inline]
    fn write(&self, value: &[u8], units: std::ops::Range<usize>, out: &mut Vec<u8>) {
        if value.is_ascii() {
            let start = out.len();
            out.extend_from_slice(value);
            for (unit, digit) in self.units[units.clone()].iter().zip(&self.digits[units]) {
                out[start + unit.start] = unit.ascii_member(*digit);
            }
            return;
        }
        let mut written = 0;
        for (unit, digit) in self.units[units.clone()].iter().zip(&self.digits[units]) {
            out.extend_from_slice(&value[written..unit.start]);
            unit.push_member(*digit, &self.parser, out);
            written = unit.end;
        }
        out.extend_from_slice(&value[written..]);
    }
}

/// Several texts, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// The one of this number; empty if there is none.
    pub(crate) fn get(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(number).map_or(&[], |end| &self.bytes[start..*end])
    }
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is another value now.
    Changed,
    /// It is the only one of its shape, as an empty value or one of punctuation alone.
    OnlyOne,
}

impl Shape {
    /// Draws replacements freely; the fast mode for columns that need not stay unique.
    #[must_use]
    pub fn free(prf: Prf) -> Self {
        Self { prf, is_injective: false, folds_case: false }
    }

    /// Permutes the values of a shape.
    #[must_use]
    pub fn injective(prf: Prf) -> Self {
        Self { prf, is_injective: true, folds_case: false }
    }

    /// Also replaces letters that have the lower case of another letter (the Kelvin sign is the only common one) by that lower
    /// case, so that what lower() takes for equal stays equal and what it tells apart stays apart.
    #[must_use]
    pub fn folding_case(self) -> Self {
        Self { folds_case: true, ..self }
    }

    /// Whether distinct values stay distinct.
    #[must_use]
    pub fn is_injective(&self) -> bool {
        self.is_injective
    }

    /// Appends what the value becomes. Any bytes are a value.
    #[inline]
    pub fn apply(&self, work: &mut Work, value: &[u8], out: &mut Vec<u8>) -> Change {
        if !self.is_injective && Free::<1>::prepare(&self.prf, &[value]).put(0, value, out) {
            return Change::Changed;
        }
        self.apply_any(work, value, out)
    }

    /// As [`Self::apply`] for a value that is none of those that go another way, and that becomes none of them: it is moved on along
    /// its cycle (cycle walking; Black, Rogaway 2002), so that others stay apart from it.
    pub(crate) fn apply_beside(
        &self,
        work: &mut Work,
        value: &[u8],
        out: &mut Vec<u8>,
        is_other: impl Fn(&[u8]) -> bool,
    ) {
        let start = out.len();
        self.apply(work, value, out);
        while is_other(&out[start..]) {
            let before = out.split_off(start);
            self.apply(work, &before, out);
        }
    }

    /// What each of several values becomes.
    pub(crate) fn texts(&self, work: &mut Work, values: &[&[u8]]) -> Texts {
        let mut texts = Texts::default();
        self.apply_many(work, values, &mut texts.bytes, &mut texts.ends);
        texts
    }

    /// Appends what each of several values becomes, one after the other, and where each ends; faster than one by one.
    pub fn apply_many(&self, work: &mut Work, values: &[&[u8]], out: &mut Vec<u8>, ends: &mut Vec<usize>) {
        if !self.is_injective {
            for values in values.chunks(LANES) {
                let free = Free::<LANES>::prepare(&self.prf, values);
                for (number, value) in values.iter().enumerate() {
                    if !free.put(number, value, out) {
                        self.apply_any(work, value, out);
                    }
                    ends.push(out.len());
                }
            }
            return;
        }
        if self.folds_case {
            for value in values {
                self.apply_any(work, value, out);
                ends.push(out.len());
            }
            return;
        }
        work.clear();
        work.vectors.clear();
        for value in values {
            let start = work.units.len();
            work.find_units(value);
            work.vectors.push(Vector { tweak: tweak(&work.units[start..]), range: start..work.units.len() });
        }
        work.take_digits();
        work.permuter.apply_many(&self.prf, &work.vectors, &mut work.digits, &work.radices);
        for (value, vector) in values.iter().zip(&work.vectors) {
            work.write(value, vector.range.clone(), out);
            ends.push(out.len());
        }
    }

    fn apply_any(&self, work: &mut Work, value: &[u8], out: &mut Vec<u8>) -> Change {
        if self.folds_case
            && let Some(folded) = parse::fold_strange_capitals(value)
        {
            return self.apply_any(work, &folded, out);
        }
        work.clear();
        work.find_units(value);
        work.take_digits();
        if work.radices.iter().all(|radix| *radix < 2) {
            out.extend_from_slice(value);
            return Change::OnlyOne;
        }
        if self.is_injective {
            let tweak = tweak(&work.units);
            work.permuter.apply(&self.prf, tweak, &mut work.digits, &work.radices);
        } else {
            self.draw(work);
        }
        work.write(value, 0..work.units.len(), out);
        Change::Changed
    }

    /// Digits that follow from all units together, and differ from them in at least one place.
    fn draw(&self, work: &mut Work) {
        work.symbols.clear();
        for unit in &work.units {
            Unit { is_upper: false, ..*unit }.push_member(unit.digit, &work.parser, &mut work.symbols);
        }
        let mut stream = self.prf.draw(&work.symbols);
        for (digit, radix) in work.digits.iter_mut().zip(&work.radices) {
            *digit = stream.below(*radix);
        }
        if work.digits.iter().zip(&work.units).all(|(digit, unit)| *digit == unit.digit)
            && let Some(at) = work.radices.iter().position(|radix| *radix > 1)
        {
            work.digits[at] = (work.digits[at] + 1 + stream.below(work.radices[at] - 1)) % work.radices[at];
        }
    }
}

/// How many values have the shape of this one, itself included; the largest number stands for more.
pub(crate) fn class_size(work: &mut Work, value: &[u8]) -> u128 {
    work.clear();
    work.find_units(value);
    work.units.iter().fold(1, |size: u128, unit| size.saturating_mul(unit.radix.max(1).into()))
}

/// Whether a value is the only one of its shape, so that it stays.
pub(crate) fn is_only_one(work: &mut Work, value: &[u8]) -> bool {
    // A letter that another one follows bears no mark and is part of no emoji.
    let has_letters = |value: &[u8]| value.windows(2).any(|two| two.iter().all(u8::is_ascii_alphabetic));
    if value.is_ascii() {
        !value.iter().any(u8::is_ascii_alphanumeric)
    } else {
        !has_letters(value) && class_size(work, value) == 1
    }
}

/// Tells shapes apart by their alphabets alone: neither case nor structure is in it.
fn tweak(units: &[Unit]) -> Tweak {
    const HASHED: u64 = 1 << 55;
    // Letters and digits of ASCII as bits after a one; anything else by a hash (FNV-1a), where a collision does no harm.
    let mut bits = 1;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut is_plain = units.len() < 55;
    for unit in units {
        match unit.source {
            Source::AsciiDigit => bits <<= 1,
            Source::AsciiLetter => bits = bits << 1 | 1,
            _ => is_plain = false,
        }
        hash = (hash ^ u64::from(unit.source.number()) << 20 ^ u64::from(unit.radix)).wrapping_mul(0x0100_0000_01b3);
    }
    Tweak(if is_plain { bits } else { (hash ^ hash >> 32) & (HASHED - 1) | HASHED })
}

/// A digest of all tables that pseudonyms depend on: where it differs, equal keys give different pseudonyms.
#[must_use]
pub fn tables_digest() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut list = |kind: u8, members: &mut dyn Iterator<Item = String>| {
        hasher.update(&[0xff, kind]);
        members.for_each(|member| {
            hasher.update(member.as_bytes()).update(&[0xfe]);
        });
    };
    for alphabet in &Alphabets::get().alphabets {
        list(0, &mut alphabet.lower.iter().map(char::to_string));
        list(1, &mut alphabet.upper.iter().map(char::to_string));
    }
    for make in &Sequences::get().makes {
        list(2, &mut make.iter().map(|sequence| sequence.to_string()));
    }
    *hasher.finalize().as_bytes()
}
