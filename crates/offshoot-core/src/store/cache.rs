//! Bytes that were read and checked, kept within a limit.
//!
//! Two generations: what is used moves to the young one; when that has half of the limit, the old one is dropped and
//! the young one takes its place. Every operation takes the same short time, and nothing is kept per use.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A bounded map from keys to bytes.
pub(super) struct Cache<K> {
    half_bytes: usize,
    state: Mutex<Generations<K>>,
}

struct Generations<K> {
    young: HashMap<K, Arc<Vec<u8>>>,
    old: HashMap<K, Arc<Vec<u8>>>,
    young_bytes: usize,
}

impl<K: Hash + Eq> Cache<K> {
    /// A cache of at most `limit_bytes`.
    pub(super) fn new(limit_bytes: usize) -> Self {
        let state = Generations { young: HashMap::new(), old: HashMap::new(), young_bytes: 0 };
        Self { half_bytes: limit_bytes / 2, state: Mutex::new(state) }
    }

    pub(super) fn get(&self, key: K) -> Option<Arc<Vec<u8>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = state.young.get(&key) {
            return Some(bytes.clone());
        }
        let bytes = state.old.remove(&key)?;
        self.add(&mut state, key, bytes.clone());
        Some(bytes)
    }

    pub(super) fn put(&self, key: K, bytes: Arc<Vec<u8>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.add(&mut state, key, bytes);
    }

    fn add(&self, state: &mut Generations<K>, key: K, bytes: Arc<Vec<u8>>) {
        if state.young_bytes + bytes.len() > self.half_bytes {
            state.old = std::mem::take(&mut state.young);
            state.young_bytes = 0;
        }
        state.young_bytes += bytes.len();
        state.young.insert(key, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let cache = Cache::new(100);
        for i in 0..100 {
            cache.put(i, Arc::new(vec![0; 10]));
            assert!(cache.get(0).is_some());
        }
        assert!(cache.get(50).is_none());
        let kept = (0..100).filter(|&i| cache.get(i).is_some()).count();
        assert!(kept <= 10, "{kept}");
    }
}
