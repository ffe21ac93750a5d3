//! The one error of this crate: what is wrong with some bytes, and where.
//!
//! Variants are chosen by what a caller can do: fetch a newer program, report damage, or fix an input.

use crate::ids::ChunkId;
use crate::version::PACK;

/// Why bytes could not be turned into a value.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes end before the value does.
    #[error("{what} ends early: {needed} bytes needed at offset {offset}, {available} there")]
    Truncated {
        /// The object or field that was being read.
        what: &'static str,
        /// Offset from the start of the object, in bytes.
        offset: usize,
        /// Bytes needed from there.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The bytes cannot be what they are said to be.
    #[error("{what} is damaged at offset {offset}: {why}")]
    Invalid {
        /// The object or field that was being read.
        what: &'static str,
        /// Offset from the start of the object, in bytes.
        offset: usize,
        /// What is wrong, without any stored value.
        why: &'static str,
    },
    /// A size in the bytes is above the limit that protects memory.
    #[error("{what} declares {declared} where at most {max} is allowed")]
    TooLarge {
        /// The object or field that was being read.
        what: &'static str,
        /// The declared size.
        declared: u64,
        /// The limit.
        max: u64,
    },
    /// Written by a newer program.
    #[error("{what} has version {found}; this program reads up to {supported}. Update offshoot")]
    Version {
        /// The kind of object.
        what: &'static str,
        /// Version in the bytes.
        found: u16,
        /// Newest version that is understood.
        supported: u16,
    },
    /// The content of a chunk does not hash to its name.
    #[error("chunk {expected} is damaged: its content hashes to {actual}")]
    Digest {
        /// The id that was asked for.
        expected: ChunkId,
        /// The id of what was found.
        actual: ChunkId,
    },
    /// A codec refused its input.
    #[error("{what} does not decompress: {why}")]
    Codec {
        /// The object or field that was being read.
        what: &'static str,
        /// The codec's own words.
        why: String,
    },
}

impl FormatError {
    /// What is sound and still not understood: something inside of a chunk that a newer program has written. Such a
    /// thing is only met after a checksum was right.
    pub(crate) fn newer_chunk(what: &'static str) -> Self {
        Self::Version { what, found: PACK.version + 1, supported: PACK.version }
    }
}
