//! `mac`: another address of hardware; its bits for groups and local administration stay, with `vendor` the vendor too. Texts that
//! are no address keep their shape, and become none.

use super::{Answer, Fault, Kind, Making, Options, Prf, Row, Transform, Value, Work};
use crate::permute::Tweak;
use crate::shape::Shape;

struct Mac {
    prf: Prf,
    other: Shape,
    keeps_vendor: bool,
    folds_case: bool,
}

/// With `vendor = true`, the first three bytes stay.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let (prf, other) = (making.prf("mac"), making.injective_shape("no-mac"));
    Ok(Box::new(Mac { prf, other, keeps_vendor: options.flag("vendor")?, folds_case: making.folds_case }))
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

    /// The bytes of a text that is an address: 12 or 16 digits with separators anywhere, in one case unless that does not count.
    fn read(&self, text: &[u8]) -> Option<Vec<u8>> {
        let is_form = text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-' | b'.' | b' '));
        let is_mixed = text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase);
        let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
        let digits: Vec<u8> = text.iter().filter(|byte| byte.is_ascii_hexdigit()).map(|digit| value(*digit)).collect();
        let is_address = is_form && matches!(digits.len(), 12 | 16) && (self.folds_case || !is_mixed);
        is_address.then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
    }

    fn text(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let Some(old) = self.read(text) else {
            return self.other.apply_beside(work, text, out, |text| self.read(text).is_some());
        };
        let is_upper = text.iter().any(u8::is_ascii_uppercase);
        let mut new = self.moved(&old, work);
        // One without letters is that of another one in small letters.
        let has_letters = |new: &[u8]| new.iter().any(|byte| byte >> 4 > 9 || byte & 15 > 9);
        while is_upper && !self.folds_case && !has_letters(&new) {
            new = self.moved(&new, work);
        }
        let mut nibbles = new.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        out.extend(text.iter().map(|byte| match nibbles_next(byte, &mut nibbles) {
            None => *byte,
            Some(nibble) if is_upper => b"0123456789ABCDEF"[usize::from(nibble)],
            Some(nibble) => b"0123456789abcdef"[usize::from(nibble)],
        }));
    }
}

impl Transform for Mac {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Text | Kind::Bytes)
    }

    fn is_injective(&self) -> bool {
        true
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        match value {
            Value::Bytes(old) if matches!(old.len(), 6 | 8) => out.extend_from_slice(&self.moved(old, work)),
            Value::Bytes([]) => {}
            Value::Text(text) => self.text(text, work, out),
            _ => return Answer::Null,
        }
        Answer::Written
    }
}

/// The digit that goes in the place of a digit; none for a separator.
fn nibbles_next(byte: &u8, nibbles: &mut impl Iterator<Item = u8>) -> Option<u8> {
    byte.is_ascii_hexdigit().then(|| nibbles.next()).flatten()
}
