//! What a power failure may leave of a recorded file system.
//!
//! After any prefix of the operations, what was synced is there. Of the rest, each byte that was written and each name
//! that appeared or went may be there or not, in any combination: file systems reorder. Per prefix these are tried:
//! nothing of the rest; all of it; all names but none of the bytes; all names and half of the bytes, the other half
//! zeros; and some combinations by dice.

use super::{Dice, MemoryVfs, Operation};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A disk after a power failure.
#[derive(Debug)]
pub struct CrashState {
    /// The disk.
    pub vfs: MemoryVfs,
    /// Operations that were begun before.
    pub prefix: usize,
    /// Notes of the test that came before the failure.
    pub notes: Vec<String>,
    /// Which combination it is.
    pub variant: usize,
}

/// Combinations that are always tried.
const FIXED: usize = 4;

/// Calls `visit` with what a power failure may leave after every prefix of `operations`, with `rolls` combinations by
/// dice for each. Returns how many states there were.
pub fn crashes(operations: &[Operation], rolls: usize, seed: u64, mut visit: impl FnMut(CrashState)) -> usize {
    let mut recorded = Recorded::default();
    let mut notes = Vec::new();
    let mut states = 0;
    for prefix in 0..=operations.len() {
        for variant in 0..FIXED + rolls {
            let dice = Dice::new(seed ^ ((prefix as u64) << 8) ^ variant as u64);
            visit(CrashState { vfs: recorded.survivor(variant, dice), prefix, notes: notes.clone(), variant });
            states += 1;
        }
        match operations.get(prefix) {
            Some(Operation::Note(note)) => notes.push(note.clone()),
            Some(operation) => recorded.apply(operation),
            None => {}
        }
    }
    states
}

/// What is durable, and what is pending.
#[derive(Default)]
struct Recorded {
    files: HashMap<u64, File>,
    dirs: BTreeSet<PathBuf>,
    durable: BTreeMap<PathBuf, u64>,
    /// Changes of names in the order in which they were made: the name, and the file or its absence.
    pending: Vec<(PathBuf, Option<u64>)>,
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

impl Recorded {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            // A folder that is lost is the same as a store that was never made; nothing is promised before.
            Operation::MakeDir(dir) => {
                self.dirs.insert(dir.clone());
            }
            Operation::Create(path, number) => {
                self.files.insert(*number, File::default());
                self.pending.push((path.clone(), Some(*number)));
            }
            Operation::Append(number, bytes) => {
                self.files.entry(*number).or_default().bytes.extend_from_slice(bytes);
            }
            Operation::Sync(number) => {
                let file = self.files.entry(*number).or_default();
                file.synced = file.bytes.len();
            }
            Operation::Rename(from, to, number) => {
                self.pending.push((from.clone(), None));
                self.pending.push((to.clone(), Some(*number)));
            }
            Operation::Remove(path) => self.pending.push((path.clone(), None)),
            Operation::SyncDir(dir) => {
                let inside = |path: &Path| path.parent() == Some(dir);
                for (path, number) in self.pending.extract_if(.., |(path, _)| inside(path)) {
                    change(&mut self.durable, path, number);
                }
            }
            Operation::Note(_) => {}
        }
    }

    fn survivor(&self, variant: usize, mut dice: Dice) -> MemoryVfs {
        let mut names = self.durable.clone();
        for (path, number) in &self.pending {
            let survives = match variant {
                0 => false,
                1..FIXED => true,
                _ => dice.roll() & 1 == 0,
            };
            if survives {
                change(&mut names, path.clone(), *number);
            }
        }
        let mut files = BTreeMap::new();
        for (path, number) in names {
            let file = &self.files[&number];
            let pending = file.bytes.len() - file.synced;
            let (kept, zeros) = match variant {
                0 | 2 => (0, 0),
                1 => (pending, 0),
                3 => (pending / 2, pending - pending / 2),
                _ => {
                    let kept = dice.below(pending + 1);
                    (kept, dice.below(pending - kept + 1))
                }
            };
            let mut bytes = file.bytes[..file.synced + kept].to_vec();
            bytes.resize(bytes.len() + zeros, 0);
            files.insert(path, bytes);
        }
        MemoryVfs::with(self.dirs.clone(), files)
    }
}

fn change(names: &mut BTreeMap<PathBuf, u64>, path: PathBuf, number: Option<u64>) {
    match number {
        Some(number) => {
            names.insert(path, number);
        }
        None => {
            names.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_core::store::Vfs;

    #[test]
    fn what_is_not_synced_may_be_lost() {
        let vfs = MemoryVfs::default();
        vfs.make_dir(Path::new("/d")).unwrap();
        let mut file = vfs.create(Path::new("/d/tmp")).unwrap();
        file.append(b"bytes").unwrap();
        vfs.rename(Path::new("/d/tmp"), Path::new("/d/name")).unwrap();
        let mut seen = BTreeSet::new();
        let states = crashes(&vfs.operations(), 20, 1, |state| {
            seen.insert(state.vfs.files().get(Path::new("/d/name")).cloned());
        });
        assert_eq!(states, 5 * 24);
        for wanted in [None, Some(vec![]), Some(b"bytes".to_vec()), Some(b"by\0\0\0".to_vec())] {
            assert!(seen.contains(&wanted), "{wanted:?}");
        }
    }
}
