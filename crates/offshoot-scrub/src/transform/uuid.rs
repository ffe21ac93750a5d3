//! `uuid`: another uuid of the same version and variant; a permutation of the 122 bits beside them. Texts that are no uuid in its
//! usual spelling keep their shape, and become none.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;
use crate::wire::{uuid_from_text, uuid_text};

struct Uuid {
    prf: Prf,
    other: Shape,
    folds_case: bool,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let (prf, other) = (making.prf("uuid"), making.injective_shape("no-uuid"));
    Ok(Box::new(Uuid { prf, other, folds_case: making.folds_case }))
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

    /// What a text is, if that is a uuid as one writes it; where case does not count, in any case.
    fn read(&self, text: &[u8]) -> Option<(Spelling, [u8; 16])> {
        let old = uuid_from_text(text)?;
        let lower = uuid_text(old);
        let spelling = match lower.as_bytes() {
            lower if lower == text => Spelling::Lower,
            lower if lower.to_ascii_uppercase() == text => Spelling::Upper,
            lower if self.folds_case && lower.eq_ignore_ascii_case(text) => Spelling::Lower,
            _ => return None,
        };
        Some((spelling, old))
    }

    fn text(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let Some((spelling, old)) = self.read(text) else {
            return self.other.apply_beside(work, text, out, |text| self.read(text).is_some());
        };
        let mut new = uuid_text(self.moved(old, work));
        if spelling == Spelling::Upper {
            // One without letters is that of another one in small letters.
            while !self.folds_case && !new.bytes().any(|byte| byte.is_ascii_lowercase()) {
                new = uuid_text(self.moved(uuid_from_text(new.as_bytes()).unwrap_or(old), work));
            }
            new.make_ascii_uppercase();
        }
        out.extend_from_slice(new.as_bytes());
    }
}

/// How a uuid is spelled; one of digits alone as if in small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Lower,
    Upper,
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
