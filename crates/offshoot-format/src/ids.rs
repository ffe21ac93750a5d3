//! Names of things: 32-byte digests, one type a kind.
//!
//! The kinds cannot be mixed up: there is no Default, no Deref and no conversion between them. They print
//! whole, as 64 lower-case hexadecimal digits, because a shortened name is a different name.

use std::fmt;
use std::str::FromStr;

/// The bytes of an id.
pub const ID_BYTES: usize = 32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// An id of these bytes; nothing is checked, ids have no inner form.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// Name of a chunk: the keyed BLAKE3 of its kind and its canonical plaintext.
    ChunkId
}
id! {
    /// Name of a pack: the BLAKE3 of its bytes up to the footer.
    PackId
}
id! {
    /// Name of a snapshot: the keyed BLAKE3 of its manifest.
    SnapshotId
}
id! {
    /// What a snapshot holds, without when and from where: equal data in one store has an equal content root.
    ContentRoot
}

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidId;

fn parse_hex(text: &str) -> Result<[u8; ID_BYTES], InvalidId> {
    let digits = text.as_bytes();
    let mut bytes = [0; ID_BYTES];
    if digits.len() != 2 * ID_BYTES {
        return Err(InvalidId);
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(bytes)
}

pub(crate) fn nibble(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}

/// What an object is. Part of what its id is computed over, so that no object can pass for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ChunkKind {
    /// One column of one leaf.
    Column = 1,
    /// A leaf: which chunks its columns are.
    Leaf = 2,
    /// An interior node of a table's tree.
    Node = 3,
    /// A piece of a large value.
    Piece = 4,
    /// The list of the pieces of a large value.
    Blob = 5,
}

impl ChunkKind {
    /// The kind of a byte, if there is one.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Column,
            2 => Self::Leaf,
            3 => Self::Node,
            4 => Self::Piece,
            5 => Self::Blob,
            _ => return None,
        })
    }
}

/// The secret of a store that its ids are keyed with, so that an id alone does not betray a guessed content.
#[derive(Clone)]
pub struct IdKey([u8; 32]);

impl IdKey {
    /// A key of these bytes, which must come from a secure random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, for the file that keeps them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Id of a chunk whose canonical plaintext is the concatenation of `parts`.
    #[must_use]
    pub fn chunk_id(&self, kind: ChunkKind, parts: &[&[u8]]) -> ChunkId {
        ChunkId(self.digest(kind as u8, parts))
    }

    /// Id of a snapshot whose manifest has this plaintext.
    #[must_use]
    pub fn snapshot_id(&self, manifest: &[u8]) -> SnapshotId {
        SnapshotId(self.digest(0x40, &[manifest]))
    }

    /// Root of this canonical content.
    #[must_use]
    pub fn content_root(&self, content: &[u8]) -> ContentRoot {
        ContentRoot(self.digest(0x41, &[content]))
    }

    fn digest(&self, kind: u8, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[kind]);
        for part in parts {
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let id = ChunkId::from_bytes(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse::<ChunkId>(), Err(InvalidId));
        assert_eq!("12".parse::<PackId>(), Err(InvalidId));
    }

    #[test]
    fn kinds_and_keys_separate() {
        let key = IdKey::from_bytes([1; 32]);
        let other = IdKey::from_bytes([2; 32]);
        assert_ne!(key.chunk_id(ChunkKind::Leaf, &[b"x"]), key.chunk_id(ChunkKind::Node, &[b"x"]));
        assert_ne!(key.chunk_id(ChunkKind::Leaf, &[b"x"]), other.chunk_id(ChunkKind::Leaf, &[b"x"]));
        assert_eq!(key.chunk_id(ChunkKind::Leaf, &[b"xy"]), key.chunk_id(ChunkKind::Leaf, &[b"x", b"y"]));
        assert!(!format!("{key:?}").contains('1'));
    }
}
