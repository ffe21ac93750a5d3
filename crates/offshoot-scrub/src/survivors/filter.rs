//! Sets that say "surely not" or "perhaps": split block Bloom filters.
//!
//! Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters" (2007), in the form that Apache Parquet
//! specifies: a key sets one bit in each of the eight words of one block of 32 bytes, so that a look costs one cache line.
//! It takes its keys one by one while runs are merged, which a binary fuse filter, smaller by a third, cannot.

/// Odd numbers of the Parquet specification, one a word.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];
const BLOCK_BITS: u64 = 256;

/// A filter.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<[u32; 8]>,
}

impl Filter {
    /// A filter for that many keys, of as many bits each as fit into `bytes_max`.
    pub(super) fn new(keys: u64, bits_a_key: u64, bytes_max: usize) -> Self {
        let wanted = keys.saturating_mul(bits_a_key).div_ceil(BLOCK_BITS);
        let most = (bytes_max as u64 / (BLOCK_BITS / 8)).min(u64::from(u32::MAX));
        Self { blocks: vec![[0; 8]; wanted.clamp(1, most.max(1)) as usize] }
    }

    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * 32
    }

    #[inline]
    fn block(&self, place: u32) -> usize {
        ((u64::from(place) * self.blocks.len() as u64) >> 32) as usize
    }

    pub(super) fn insert(&mut self, key: FilterKey) {
        let at = self.block(key.place);
        for (word, salt) in self.blocks[at].iter_mut().zip(SALTS) {
            *word |= 1 << (key.bits.wrapping_mul(salt) >> 27);
        }
    }

    #[inline]
    pub(super) fn may_contain(&self, key: FilterKey) -> bool {
        let block = &self.blocks[self.block(key.place)];
        let mut missing = 0;
        for (word, salt) in block.iter().zip(SALTS) {
            missing |= !word & (1 << (key.bits.wrapping_mul(salt) >> 27));
        }
        missing == 0
    }
}

/// What stands for something in a filter: where its block is, and which bits of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilterKey {
    place: u32,
    bits: u32,
}

impl FilterKey {
    /// Of a hash.
    #[inline]
    pub(super) fn of_hash(hash: u64) -> Self {
        Self { place: (hash >> 32) as u32, bits: hash as u32 }
    }

    /// Of a head together with the length of a needle, or with 0 for any; all in one block, which one look brings into the
    /// processor's cache.
    #[inline]
    pub(super) fn of_head(head: u32, bytes: usize) -> Self {
        let mixed = (u64::from(head) << 32 | bytes as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { place: head, bits: (mixed >> 32) as u32 ^ mixed as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_there_and_little_else() {
        for (bits, wrong_max) in [(12, 0.012), (16, 0.004)] {
            let mut filter = Filter::new(100_000, bits, usize::MAX);
            let key = |n: u64| *blake3::hash(&n.to_le_bytes()).as_bytes().first_chunk::<8>().unwrap();
            let key = |n| u64::from_le_bytes(key(n));
            let key = |n| FilterKey::of_hash(key(n));
            (0..100_000).for_each(|n| filter.insert(key(n)));
            assert!((0..100_000).all(|n| filter.may_contain(key(n))));
            let wrong = (100_000..200_000).filter(|n| filter.may_contain(key(*n))).count();
            println!("{bits} bits a key: {wrong} of 100000 wrong");
            assert!((wrong as f64) < wrong_max * 1e5, "{wrong}");
        }
    }

    #[test]
    fn a_filter_never_outgrows_its_memory() {
        assert_eq!(Filter::new(u64::MAX, 16, 1 << 20).bytes(), 1 << 20);
        assert_eq!(Filter::new(0, 16, 0).bytes(), 32);
    }
}
