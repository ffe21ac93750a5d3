//! `mac`: another address of hardware; its bits for groups and local administration stay, with `vendor` the vendor too.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;

struct Mac {
    prf: Prf,
    other: Shape,
    keeps_vendor: bool,
    is_text: bool,
}

/// With `vendor = true`, the first three bytes stay.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let (prf, other) = (making.prf("mac"), making.injective_shape("no-mac"));
    Ok(Box::new(Mac { prf, other, keeps_vendor: options.flag("vendor")?, is_text: making.kind == Kind::Text }))
}

impl Mac {
    fn moved(&self, old: &[u8], work: &mut Work) -> Vec<u8> {
        // The two lowest bits of the first byte say what kind of address it is.
        let kept = if self.keeps_vendor { 3 } else { 1 };
        let number = old[kept..].iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let front = if self.keeps_vendor { 0 } else { u128::from(old[0] >> 2) };
        let low_bits = 8 * (old.len() - kept) as u32;
        let size = 1_u128 << (low_bits + if self.keeps_vendor { 0 } else { 6 });
        let fixed = old[..kept].iter().fold(0_u64, |fixed, byte| fixed << 8 | u64::from(*byte));
        let tweak = Tweak((if self.keeps_vendor { fixed } else { fixed & 3 }) << 8 | old.len() as u64);
        let moved = work.permuter.apply_number(&self.prf, tweak, front << low_bits | number, size);
        let mut new = old.to_vec();
        if !self.keeps_vendor {
            new[0] = (moved >> low_bits << 2) as u8 | old[0] & 3;
        }
        for (place, byte) in new[kept..].iter_mut().rev().enumerate() {
            *byte = (moved >> (8 * place)) as u8;
        }
        new
    }
}

impl Transform for Mac {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Bytes)
    }

    /// As text an address could meet one that is written in another way.
    fn is_injective(&self) -> bool {
        !self.is_text
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Bytes(old) if matches!(old.len(), 6 | 8) => out.extend_from_slice(&self.moved(old, work)),
            Value::Text(text) => {
                let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_hexdigit).collect();
                let is_form = matches!(digits.len(), 12 | 16)
                    && text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-' | b'.' | b' '));
                if !is_form {
                    self.other.apply(work, text, out);
                    return Answer::Written;
                }
                let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
                let old: Vec<u8> = digits.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect();
                let is_upper = digits.iter().any(u8::is_ascii_uppercase);
                let new = self.moved(&old, work);
                let mut nibbles = new.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                out.extend(text.iter().map(|byte| match nibbles_next(byte, &mut nibbles) {
                    None => *byte,
                    Some(nibble) if is_upper => b"0123456789ABCDEF"[usize::from(nibble)],
                    Some(nibble) => b"0123456789abcdef"[usize::from(nibble)],
                }));
            }
            _ => return Answer::Null,
        }
        Answer::Written
    }
}

/// The digit that goes in the place of a digit; none for a separator.
fn nibbles_next(byte: &u8, nibbles: &mut impl Iterator<Item = u8>) -> Option<u8> {
    byte.is_ascii_hexdigit().then(|| nibbles.next()).flatten()
}
