//! `uuid`: another uuid of the same version and variant; a permutation of the 122 bits beside them.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;
use crate::wire::{uuid_from_text, uuid_text};

struct Uuid {
    prf: Prf,
    other: Shape,
    is_text: bool,
}

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Uuid {
        prf: making.prf("uuid"),
        other: making.injective_shape("no-uuid"),
        is_text: making.kind == Kind::Text,
    }))
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
}

impl Transform for Uuid {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Uuid)
    }

    fn is_injective(&self) -> bool {
        !self.is_text
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Uuid(old) => Answer::Uuid(self.moved(old, work)),
            Value::Text(bytes) => {
                // Only the usual spelling, in small letters or in capitals; any other text keeps its shape.
                let old = uuid_from_text(bytes);
                let is_lower = old.is_some_and(|old| uuid_text(old).as_bytes() == bytes);
                let is_upper = old.is_some_and(|old| uuid_text(old).to_uppercase().as_bytes() == bytes);
                match old {
                    Some(old) if is_lower => out.extend_from_slice(uuid_text(self.moved(old, work)).as_bytes()),
                    Some(old) if is_upper => {
                        out.extend_from_slice(uuid_text(self.moved(old, work)).to_uppercase().as_bytes());
                    }
                    _ => {
                        self.other.apply(work, bytes, out);
                    }
                }
                Answer::Written
            }
            _ => Answer::Null,
        }
    }
}
