//! What is kept of a needle: 24 bytes.

/// A keyed hash of a needle, and where it was seen. Equal hashes have equal heads and classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// 96 bits of the needle's MAC.
    pub(crate) hash: Hash,
    /// 32 bits of the MAC of its head.
    pub(crate) head: u32,
    /// The column that it was seen in; 24 bits.
    pub(crate) source: u32,
    /// The needle's length.
    pub(crate) bytes: u8,
    pub(crate) class: u16,
    /// Times it was seen; the largest number stands for any larger one.
    pub(crate) count: u16,
}

/// 96 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Hash {
    pub(crate) high: u64,
    pub(crate) low: u32,
}

impl Hash {
    pub(crate) fn of_mac(mac: u128) -> Self {
        Self { high: (mac >> 64) as u64, low: (mac >> 32) as u32 }
    }
}

impl Entry {
    pub(crate) const BYTES: usize = 24;

    pub(crate) fn order(&self) -> (Hash, u32) {
        (self.hash, self.source)
    }

    /// Whether this and `other` are one needle of one column; then `other` is added to this.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let is_same = self.order() == other.order();
        if is_same {
            self.count = self.count.saturating_add(other.count);
            self.class = self.class.max(other.class);
        }
        is_same
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.high.to_le_bytes());
        for word in [self.hash.low, self.head, self.source | u32::from(self.bytes) << 24] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.class.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
    }

    pub(crate) fn decode(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            hash: Hash { high: u64::from(word(4)) << 32 | u64::from(word(0)), low: word(8) },
            head: word(12),
            source: word(16) & 0xff_ffff,
            bytes: (word(16) >> 24) as u8,
            class: word(20) as u16,
            count: (word(20) >> 16) as u16,
        }
    }
}

/// Sorts, and joins what is one.
pub(crate) fn sort(entries: &mut Vec<Entry>) {
    if entries.len() < SPREAD_FROM {
        entries.sort_unstable_by_key(Entry::order);
    } else {
        spread(entries);
    }
    entries.dedup_by(|later, first| first.absorb(later));
}

/// As many are put into places by the first bits of their hashes first.
const SPREAD_FROM: usize = 256;
/// Entries of one place, on an average.
const OF_PLACE: usize = 8;

/// Sorts many: hashes are spread evenly, so that few of one place are left to be compared with each other.
fn spread(entries: &mut Vec<Entry>) {
    let bits = (entries.len() / OF_PLACE).ilog2();
    let place = |entry: &Entry| (entry.hash.high >> (64 - bits)) as usize;
    let mut ends = vec![0; 1 << bits];
    entries.iter().for_each(|entry| ends[place(entry)] += 1);
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    let mut sorted = entries.clone();
    for entry in entries.iter() {
        let end: &mut usize = &mut ends[place(entry)];
        sorted[*end] = *entry;
        *end += 1;
    }
    let mut start = 0;
    for end in ends {
        sorted[start..end].sort_unstable_by_key(Entry::order);
        start = end;
    }
    *entries = sorted;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_sorted_as_few_are() {
        let mut entries: Vec<Entry> = (0..5000_u64)
            .map(|n| Entry {
                hash: Hash { high: (n % 1900).wrapping_mul(0x9e37_79b9_7f4a_7c15), low: (n % 3) as u32 },
                head: 1,
                source: (n % 5) as u32,
                bytes: 8,
                class: 3,
                count: 1,
            })
            .collect();
        let mut expected = entries.clone();
        expected.sort_by_key(Entry::order);
        expected.dedup_by(|later, first| first.absorb(later));
        sort(&mut entries);
        assert_eq!(entries, expected);
        assert_eq!(entries.iter().map(|entry| u32::from(entry.count)).sum::<u32>(), 5000);
    }

    #[test]
    fn bytes_and_back() {
        let entry = Entry {
            hash: Hash { high: 0x0123_4567_89ab_cdef, low: 7 },
            head: 0xffee_ddcc,
            source: 5,
            bytes: 64,
            class: 0x8001,
            count: 0x1234,
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(Entry::decode(&bytes.try_into().unwrap()), entry);
    }
}
