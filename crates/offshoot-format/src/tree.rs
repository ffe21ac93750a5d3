//! The tree of a table: leaves in key order under nodes whose ends are decided by content.

use crate::ids::ChunkId;
use serde::{Deserialize, Serialize};

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
}
