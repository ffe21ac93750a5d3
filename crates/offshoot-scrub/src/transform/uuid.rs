//! `uuid`: another uuid of the same version and variant; a permutation of the 122 bits beside them. In a text dashes, braces and case
//! stay, so that a uuid becomes the same one however it is written. Texts that are no uuid keep their shape, and become none.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;
use crate::wire::{uuid_from_text, uuid_text};

struct Uuid {
    prf: Prf,
    other: Shape,
    is_unique: bool,
    folds_case: bool,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let (prf, other) = (making.prf("uuid"), making.injective_shape("no-uuid"));
    Ok(Box::new(Uuid { prf, other, is_unique: making.is_unique, folds_case: making.folds_case }))
}

/// Bits of the version and of the variant.
const FIXED: u128 = 0xf << 76 | 0b11 << 62;

impl Uuid {
    fn moved(&self, old: [u8; 16], work: &mut Work) -> [u8; 16] {
        let bits = u128::from_be_bytes(old);
        // Nil and all ones mean something of their own.
        if bits == 0 || bits == u128::MAX {
            return old;
        }
        let free = (bits >> 80) << 74 | (bits >> 64 & 0xfff) << 62 | bits & ((1 << 62) - 1);
        let fixed = bits & FIXED;
        let tweak = Tweak((fixed >> 62) as u64 & 0x3_ffff);
        // Nil and all ones are stepped over, which leaves a cycle through the others.
        let step = |free: u128, work: &mut Work| {
            let moved = work.permuter.apply_number(&self.prf, tweak, free, 1 << 122);
            (moved, (moved >> 74) << 80 | (moved >> 62 & 0xfff) << 64 | moved & ((1 << 62) - 1) | fixed)
        };
        let (mut moved, mut new) = step(free, work);
        while new == 0 || new == u128::MAX {
            (moved, new) = step(moved, work);
        }
        new.to_be_bytes()
    }

    /// What a text is, if that is a uuid as one writes it: 32 digits of any case with dashes between, in braces or behind its scheme.
    /// Where values must stay distinct and case counts, one of both cases is none: another uuid has letters elsewhere, and too
    /// few of them for all that the case could say.
    fn read(&self, text: &[u8]) -> Option<(Spelling, [u8; 16])> {
        let digits = &text[frame(text)];
        let digits = match digits {
            [b'{', digits @ .., b'}'] => digits,
            digits => digits,
        };
        let ends_well = digits.first()?.is_ascii_hexdigit() && digits.last()?.is_ascii_hexdigit();
        let old = uuid_from_text(digits).filter(|_| ends_well)?;
        let has = |is_so: fn(&u8) -> bool| digits.iter().any(is_so);
        let spelling = match (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)) {
            (_, false) => Spelling::Lower,
            (false, true) => Spelling::Upper,
            (true, true) if self.folds_case => Spelling::Lower,
            (true, true) if !self.is_unique => Spelling::Mixed,
            (true, true) => return None,
        };
        Some((spelling, old))
    }

    fn text(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let Some((spelling, old)) = self.read(text) else {
            return self.other.apply_beside(work, text, out, |text| self.read(text).is_some());
        };
        let mut new = self.moved(old, work);
        // One without letters is that of another one in small letters.
        while spelling == Spelling::Upper
            && !self.folds_case
            && !uuid_text(new).bytes().any(|byte| byte.is_ascii_lowercase())
        {
            new = self.moved(new, work);
        }
        let frame = frame(text);
        let new = uuid_text(new);
        let mut digits = new.bytes().filter(|byte| *byte != b'-');
        let mut is_capital = spelling == Spelling::Upper;
        out.extend_from_slice(&text[..frame.start]);
        out.extend(text[frame].iter().map(|byte| {
            if !byte.is_ascii_hexdigit() {
                return *byte;
            }
            if spelling == Spelling::Mixed && byte.is_ascii_alphabetic() {
                is_capital = byte.is_ascii_uppercase();
            }
            let digit = digits.next().unwrap_or(*byte);
            if is_capital { digit.to_ascii_uppercase() } else { digit }
        }));
    }
}

/// Where the digits of a uuid would be, its braces included, after the scheme of RFC 9562.
fn frame(text: &[u8]) -> std::ops::Range<usize> {
    const SCHEME: &[u8] = b"urn:uuid:";
    let has_scheme = text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
    if has_scheme { SCHEME.len()..text.len() } else { 0..text.len() }
}

/// How a uuid is spelled; one of digits alone as if in small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Lower,
    Upper,
    Mixed,
}

impl Transform for Uuid {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Uuid)
    }

    fn is_injective(&self) -> bool {
        true
    }

    fn pays_to_remember(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Uuid(old) => Answer::Uuid(self.moved(old, work)),
            Value::Text(bytes) => {
                self.text(bytes, work, out);
                Answer::Written
            }
            _ => Answer::Null,
        }
    }
}
