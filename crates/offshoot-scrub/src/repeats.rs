//! Short values that a column has over and over, and in which nothing was found: they need no second search.
//!
//! Only of the column that is being searched, and only while that pays: where hardly a value comes again, it is left off.

use zeroize::Zeroize;

const SLOTS: usize = 64;
const VALUE_BYTES_MAX: usize = 32;
/// Values after which it is seen whether it pays: at least half must have come again.
const TRIAL: u32 = 128;

/// What was searched lately.
pub(super) struct Repeats {
    /// Each with its length and the heads that were looked up in it.
    slots: Vec<Slot>,
    asked: u32,
    again: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    bytes: [u8; VALUE_BYTES_MAX],
    length: u8,
    heads: u8,
}

const EMPTY: Slot = Slot { bytes: [0; VALUE_BYTES_MAX], length: u8::MAX, heads: 0 };

impl Default for Repeats {
    fn default() -> Self {
        Self { slots: vec![EMPTY; SLOTS], asked: 0, again: 0 }
    }
}

impl Repeats {
    /// Begins another column.
    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        (self.asked, self.again) = (0, 0);
    }

    /// The number of heads in a value in which nothing was found; none if it has to be searched.
    #[inline]
    pub(super) fn heads(&mut self, value: &[u8]) -> Option<u64> {
        if !self.pays() || value.len() > VALUE_BYTES_MAX {
            return None;
        }
        self.asked += 1;
        let slot = &self.slots[place(value)];
        let is_it = usize::from(slot.length) == value.len() && slot.bytes[..value.len()] == *value;
        is_it.then(|| {
            self.again += 1;
            u64::from(slot.heads)
        })
    }

    /// Remembers a value in which nothing was found.
    #[inline]
    pub(super) fn remember(&mut self, value: &[u8], heads: u64) {
        if !self.pays() || value.len() > VALUE_BYTES_MAX {
            return;
        }
        let Ok(heads) = u8::try_from(heads) else { return };
        let slot = &mut self.slots[place(value)];
        slot.bytes[..value.len()].copy_from_slice(value);
        (slot.length, slot.heads) = (value.len() as u8, heads);
    }

    #[inline]
    fn pays(&self) -> bool {
        self.asked < TRIAL || self.again >= self.asked / 2
    }
}

impl Drop for Repeats {
    fn drop(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.bytes.zeroize());
    }
}

/// Where a value is kept: values that share a place take it from each other.
#[inline]
fn place(value: &[u8]) -> usize {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let ends = value.iter().take(4).chain(value.iter().rev().take(8));
    (ends.fold(value.len() as u64 ^ 0xcbf2_9ce4_8422_2325, mix) >> 20) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_remembered_is_known_and_only_where_it_pays() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.heads(b"processing"), None);
        repeats.remember(b"processing", 1);
        assert_eq!(repeats.heads(b"processing"), Some(1));
        assert_eq!(repeats.heads(b"processinh"), None);
        assert_eq!(repeats.heads(b"processin"), None);
        repeats.remember(b"", 0);
        assert_eq!(repeats.heads(b""), Some(0));
        repeats.remember(&[b'x'; 33], 1);
        assert_eq!(repeats.heads(&[b'x'; 33]), None);
        (0..1000).for_each(|n: u32| assert_eq!(repeats.heads(&n.to_le_bytes()), None));
        assert_eq!(repeats.heads(b"processing"), None, "it was left off");
        repeats.clear();
        repeats.remember(b"processing", 1);
        assert_eq!(repeats.heads(b"processing"), Some(1));
    }
}
