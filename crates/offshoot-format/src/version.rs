//! The one table of everything that begins with magic bytes: what it is, how it begins, and its newest version.
//!
//! No other file defines a magic or a version. `docs/format.md` prints the same table, and a test compares the two.

use crate::{FormatError, Result};

/// Length of every magic.
pub const MAGIC_BYTES: usize = 8;

/// A kind of file, or of small object, with a version of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versioned {
    /// The word for it in messages and in the document.
    pub what: &'static str,
    /// Its first bytes. The high bit catches transfers that are not 8-bit clean, the line end those that rewrite it.
    pub magic: [u8; MAGIC_BYTES],
    /// Newest version that this program reads, and the one that it writes.
    pub version: u16,
}

/// A pack: a file of many chunks.
pub const PACK: Versioned = Versioned { what: "pack", magic: *b"\x89OFpack\n", version: 1 };
/// A segment of the index: where chunks are.
pub const INDEX: Versioned = Versioned { what: "index segment", magic: *b"\x89OFindx\n", version: 1 };
/// What a store is.
pub const CONFIG: Versioned = Versioned { what: "config", magic: *b"\x89OFconf\n", version: 1 };
/// The secret that a store's ids are keyed with.
pub const KEY: Versioned = Versioned { what: "id key", magic: *b"\x89OFikey\n", version: 1 };
/// A manifest: one snapshot.
pub const MANIFEST: Versioned = Versioned { what: "manifest", magic: *b"\x89OFmani\n", version: 1 };
/// A ref: the newest snapshot of a lineage and the ones before.
pub const REF: Versioned = Versioned { what: "ref", magic: *b"\x89OFrefn\n", version: 1 };
/// A tag: a fixed name of a snapshot.
pub const TAG: Versioned = Versioned { what: "tag", magic: *b"\x89OFtagn\n", version: 1 };
/// A lease: somebody writes to the store.
pub const LEASE: Versioned = Versioned { what: "lease", magic: *b"\x89OFleas\n", version: 1 };
/// A condemned list: packs that are going to be deleted.
pub const CONDEMNED: Versioned = Versioned { what: "condemned list", magic: *b"\x89OFcond\n", version: 1 };

/// The last bytes of a pack. A pack without them was not finished.
pub const PACK_END: [u8; MAGIC_BYTES] = *b"OFpend\r\n";
/// The last bytes of an index segment.
pub const INDEX_END: [u8; MAGIC_BYTES] = *b"OFiend\r\n";

/// Everything in this table.
pub const ALL: [Versioned; 9] = [PACK, INDEX, CONFIG, KEY, MANIFEST, REF, TAG, LEASE, CONDEMNED];

impl Versioned {
    /// Checks the first fields of an object.
    ///
    /// # Errors
    /// `Invalid` for other magic bytes or version 0, `Version` for a version that is newer than this program.
    pub fn check(&self, magic: [u8; MAGIC_BYTES], version: u16) -> Result<()> {
        if magic != self.magic {
            let why = "it does not begin with the magic bytes of its kind";
            return Err(FormatError::Invalid { what: self.what, offset: 0, why });
        }
        match version {
            0 => Err(FormatError::Invalid { what: self.what, offset: MAGIC_BYTES, why: "there is no version 0" }),
            found if found > self.version => {
                Err(FormatError::Version { what: self.what, found, supported: self.version })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magics_are_distinct() {
        let mut magics: Vec<_> = ALL.iter().map(|kind| kind.magic).chain([PACK_END, INDEX_END]).collect();
        magics.sort_unstable();
        magics.dedup();
        assert_eq!(magics.len(), ALL.len() + 2);
    }

    #[test]
    fn newer_versions_and_other_kinds_are_told_apart() {
        assert_eq!(PACK.check(PACK.magic, 1), Ok(()));
        assert!(matches!(PACK.check(PACK.magic, 2), Err(FormatError::Version { found: 2, supported: 1, .. })));
        assert!(matches!(PACK.check(INDEX.magic, 1), Err(FormatError::Invalid { offset: 0, .. })));
        assert!(matches!(PACK.check(PACK.magic, 0), Err(FormatError::Invalid { .. })));
    }
}
