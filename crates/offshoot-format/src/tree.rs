//! The tree of a table: leaves in key order under nodes whose ends are decided by content.

use crate::ids::{ChunkId, ChunkKind, ID_BYTES, IdKey, InvalidId, nibble};
use crate::leaf::{Leaf, ends_node};
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{FormatError, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of the last key that an entry keeps for finding a key; longer keys are cut.
pub const KEY_PREFIX_BYTES_MAX: usize = 64;
/// Children after which a node ends even without a boundary.
pub const CHILDREN_MAX: usize = 1024;
/// A leaf without chunks whose plaintext has at most this many bytes is held in the root, if it is the table's only one.
pub const ROOT_LEAF_BYTES_MAX: usize = 192;
/// Most levels of nodes; 64 to the 12 leaves are more than any disk holds.
pub const HEIGHT_MAX: u8 = 12;

/// The root of a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRoot {
    /// The top node, a leaf if `height` is 0; none for a table without rows.
    pub id: Option<ChunkId>,
    /// Levels of nodes above the leaves.
    pub height: u8,
    /// Rows in all.
    pub rows: u64,
    /// Bytes of all values in all.
    pub logical_bytes: u64,
    /// The leaf that `id` names, if it is held here and is no chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<RootLeaf>,
}

/// The plaintext of a leaf that is the whole of a tiny table. Its Debug shows no value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RootLeaf(Vec<u8>);

impl RootLeaf {
    /// A leaf, if it fits into a root.
    #[must_use]
    pub fn new(leaf: &Leaf, plain: &[u8]) -> Option<Self> {
        (leaf.is_whole() && plain.len() <= ROOT_LEAF_BYTES_MAX).then(|| Self(plain.to_vec()))
    }

    /// Its plaintext, not verified.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        &self.0
    }

    /// The leaf, checked to be what `id` names.
    ///
    /// # Errors
    /// `Digest` if it is another, or if it cannot be held in a root.
    pub fn verified(&self, key: &IdKey, id: &ChunkId) -> Result<Leaf> {
        let actual = key.chunk_id(ChunkKind::Leaf, &[&self.0]);
        if actual != *id {
            return Err(FormatError::Digest { expected: *id, actual });
        }
        let leaf = Leaf::decode(&self.0)?;
        if leaf.is_whole() {
            return Ok(leaf);
        }
        Err(FormatError::Invalid { what: "leaf", offset: 0, why: "it is held in a root and has chunks" })
    }
}

impl TryFrom<String> for RootLeaf {
    type Error = &'static str;

    fn try_from(digits: String) -> std::result::Result<Self, Self::Error> {
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > ROOT_LEAF_BYTES_MAX {
            return Err("a leaf in a root is too long");
        }
        let byte = |pair: &[u8; 2]| Ok(nibble(pair[0])? << 4 | nibble(pair[1])?);
        pairs.iter().map(byte).collect::<std::result::Result<_, InvalidId>>().map(Self).map_err(|_| "no leaf")
    }
}

impl From<RootLeaf> for String {
    fn from(leaf: RootLeaf) -> Self {
        leaf.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for RootLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootLeaf({} bytes)", self.0.len())
    }
}

/// A child of a node.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The leaf or node.
    pub id: ChunkId,
    /// Rows below it.
    pub rows: u64,
    /// Bytes of the values below it.
    pub logical_bytes: u64,
    /// The start of the key of its last row, at most [`KEY_PREFIX_BYTES_MAX`] bytes.
    pub last_key: Vec<u8>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {} rows, {} bytes)", self.id, self.rows, self.logical_bytes)
    }
}

/// A node: its children in key order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The children.
    pub entries: Vec<Entry>,
}

impl Node {
    /// Largest plaintext that [`Self::decode`] is given, in bytes.
    pub const BYTES_MAX: usize = 16 + CHILDREN_MAX * (ID_BYTES + 21 + KEY_PREFIX_BYTES_MAX);

    /// Canonical plaintext: count, then for each child id, rows, bytes and last key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.entries.len() as u64);
        for entry in &self.entries {
            out.extend_from_slice(entry.id.as_bytes());
            put_varint(&mut out, entry.rows);
            put_varint(&mut out, entry.logical_bytes);
            put_bytes(&mut out, &entry.last_key);
        }
        out
    }

    /// The inverse of [`Self::encode`].
    ///
    /// # Errors
    /// If the bytes are not a node or are above its limits.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("node", bytes);
        let count = reader.varint_max("children of a node", CHILDREN_MAX as u64)?;
        let mut entries = Vec::with_capacity(count.min(reader.remaining() / ID_BYTES));
        for _ in 0..count {
            let id = ChunkId::from_bytes(reader.array()?);
            let rows = reader.varint()?;
            // Nothing is stored for no rows; a tree of such children could be walked for ever.
            if rows == 0 {
                return Err(reader.invalid("a child without rows"));
            }
            entries.push(Entry {
                id,
                rows,
                logical_bytes: reader.varint()?,
                last_key: reader.bytes("key in a node", KEY_PREFIX_BYTES_MAX as u64)?.to_vec(),
            });
        }
        reader.end()?;
        Ok(Self { entries })
    }

    /// Rows below the node.
    ///
    /// # Errors
    /// `Invalid` if they do not fit 64 bits.
    pub fn rows(&self) -> Result<u64> {
        let sum = self.entries.iter().try_fold(0u64, |sum, entry| sum.checked_add(entry.rows));
        sum.ok_or(FormatError::Invalid { what: "node", offset: 0, why: "more rows than can be counted" })
    }
}

/// Builds the nodes over leaves that come in key order; every finished node goes to `put`, which stores and names it.
pub struct TreeBuilder<F> {
    put: F,
    levels: Vec<Node>,
    leaves: Option<u64>,
    rows: u64,
    logical_bytes: u64,
}

impl<E, F: FnMut(&Node) -> std::result::Result<ChunkId, E>> TreeBuilder<F> {
    /// A builder without leaves.
    pub fn new(put: F) -> Self {
        Self { put, levels: Vec::new(), leaves: None, rows: 0, logical_bytes: 0 }
    }

    /// Adds the next leaf; `hash` is that of its last row.
    ///
    /// # Errors
    /// Those of `put`.
    pub fn push(&mut self, leaf: Entry, hash: u64) -> std::result::Result<(), E> {
        self.rows += leaf.rows;
        self.logical_bytes += leaf.logical_bytes;
        self.leaves = Some(self.leaves.unwrap_or(0) + 1);
        self.push_at(0, leaf, hash)
    }

    fn push_at(&mut self, level: usize, entry: Entry, hash: u64) -> std::result::Result<(), E> {
        if self.levels.len() == level {
            self.levels.push(Node::default());
        }
        let node = &mut self.levels[level];
        node.entries.push(entry);
        if ends_node(hash, level as u8) || node.entries.len() >= CHILDREN_MAX {
            self.close(level, hash)?;
        }
        Ok(())
    }

    /// Stores the open node of a level and adds it to the level above.
    fn close(&mut self, level: usize, hash: u64) -> std::result::Result<(), E> {
        let node = std::mem::take(&mut self.levels[level]);
        let parent = Entry {
            id: (self.put)(&node)?,
            rows: node.entries.iter().map(|entry| entry.rows).sum(),
            logical_bytes: node.entries.iter().map(|entry| entry.logical_bytes).sum(),
            last_key: node.entries.last().map(|entry| entry.last_key.clone()).unwrap_or_default(),
        };
        self.push_at(level + 1, parent, hash)
    }

    /// Ends the table: closes what is open, up to the one node (or leaf) that is over all others.
    ///
    /// # Errors
    /// Those of `put`.
    pub fn finish(mut self) -> std::result::Result<TreeRoot, E> {
        let root = |id, height, builder: &Self| TreeRoot {
            id,
            height,
            rows: builder.rows,
            logical_bytes: builder.logical_bytes,
            leaf: None,
        };
        let mut level = 0;
        while level < self.levels.len() {
            let top = level + 1 == self.levels.len();
            match (top, self.levels[level].entries.as_slice()) {
                (true, [only]) => {
                    let id = only.id;
                    return Ok(root(Some(id), level as u8, &self));
                }
                (_, []) => {}
                // A hash that ends no node: a partial node never closes the one above it.
                _ => self.close(level, u64::MAX)?,
            }
            level += 1;
        }
        Ok(root(None, 0, &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::{LeafColumn, row_hash};
    use std::collections::HashMap;

    fn build(leaves: u64) -> (TreeRoot, HashMap<ChunkId, Node>) {
        let key = IdKey::from_bytes([5; 32]);
        let mut nodes = HashMap::new();
        let mut builder = TreeBuilder::new(|node: &Node| -> Result<ChunkId> {
            assert_eq!(&Node::decode(&node.encode())?, node);
            let id = key.chunk_id(ChunkKind::Node, &[&node.encode()]);
            nodes.insert(id, node.clone());
            Ok(id)
        });
        for leaf in 0..leaves {
            let name = key.chunk_id(ChunkKind::Leaf, &[&leaf.to_le_bytes()]);
            let entry = Entry { id: name, rows: 2, logical_bytes: 3, last_key: leaf.to_be_bytes().to_vec() };
            builder.push(entry, row_hash(&leaf.to_be_bytes(), 0)).unwrap();
        }
        let root = builder.finish().unwrap();
        (root, nodes)
    }

    fn leaves_under(id: ChunkId, height: u8, nodes: &HashMap<ChunkId, Node>) -> u64 {
        if height == 0 {
            return 1;
        }
        nodes[&id].entries.iter().map(|entry| leaves_under(entry.id, height - 1, nodes)).sum()
    }

    #[test]
    fn every_leaf_is_reached_at_one_height() {
        for leaves in [1, 2, 63, 64, 65, 1000, 20_000] {
            let (root, nodes) = build(leaves);
            assert_eq!(root.rows, 2 * leaves);
            assert_eq!(leaves_under(root.id.unwrap(), root.height, &nodes), leaves);
        }
        assert_eq!(build(0).0.id, None);
        assert_eq!(build(1).0.height, 0);
        assert!((2..=4).contains(&build(20_000).0.height));
    }

    #[test]
    fn an_appended_leaf_shares_most_nodes() {
        let (_, before) = build(20_000);
        let (_, after) = build(20_001);
        let new = after.keys().filter(|id| !before.contains_key(id)).count();
        assert!(new <= 5, "{new}");
    }

    #[test]
    fn nodes_come_back() {
        let entry = |i: u8| Entry {
            id: ChunkId::from_bytes([i; 32]),
            rows: u64::from(i) + 1,
            logical_bytes: 10,
            last_key: vec![i; 3],
        };
        let node = Node { entries: (0..9).map(entry).collect() };
        let bytes = node.encode();
        for end in 0..bytes.len() {
            assert!(Node::decode(&bytes[..end]).is_err());
        }
        assert_eq!(Node::decode(&bytes), Ok(node));
        let empty = Node { entries: vec![Entry { rows: 0, ..entry(1) }] };
        assert!(matches!(Node::decode(&empty.encode()), Err(FormatError::Invalid { .. })));
    }

    #[test]
    fn a_root_holds_a_whole_leaf_and_no_other() {
        let key = IdKey::from_bytes([5; 32]);
        let chunk = LeafColumn::Chunk { id: ChunkId::from_bytes([1; 32]), bytes: 1, blobs: false };
        let leaf = |column| Leaf { rows: 1, columns: vec![column] };
        let whole = leaf(LeafColumn::Constant(vec![7; 3]));
        let plain = whole.encode();
        let id = key.chunk_id(ChunkKind::Leaf, &[&plain]);
        let held = RootLeaf::new(&whole, &plain).unwrap();
        assert_eq!(held.verified(&key, &id), Ok(whole));
        assert!(held.verified(&key, &ChunkId::from_bytes([1; 32])).is_err());
        let root = TreeRoot { id: Some(id), height: 0, rows: 1, logical_bytes: 3, leaf: Some(held) };
        assert!(!format!("{root:?}").contains("07") && !format!("{root:?}").contains("7, 7"));
        let json = serde_json::to_string(&root).unwrap();
        assert_eq!(serde_json::from_str::<TreeRoot>(&json).unwrap(), root);
        assert!(serde_json::from_str::<TreeRoot>(&json.replace("\"leaf\":\"", "\"leaf\":\"x0")).is_err());
        let parts = leaf(chunk);
        assert_eq!(RootLeaf::new(&parts, &parts.encode()), None);
        let forged = RootLeaf(parts.encode());
        let id = key.chunk_id(ChunkKind::Leaf, &[forged.plain()]);
        assert!(matches!(forged.verified(&key, &id), Err(FormatError::Invalid { .. })));
        let long = leaf(LeafColumn::Inline(vec![0; ROOT_LEAF_BYTES_MAX]));
        assert_eq!(RootLeaf::new(&long, &long.encode()), None);
    }
}
