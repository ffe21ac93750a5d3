//! Snapshots as an embedder sees them: whole, or a line in a list.

use offshoot_format::ids::{ContentRoot, SnapshotId};
use offshoot_format::manifest::{ColumnStats, Manifest, Stats, Trust};

/// A snapshot.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// Everything about it that is not rows.
    pub manifest: Manifest,
}

impl Snapshot {
    /// Share of the values whose chunks were in the store already, from 0 to 1.
    #[must_use]
    pub fn reused_share(&self) -> f64 {
        reused_share(&self.manifest.stats)
    }
}

/// A snapshot as a line in a list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Summary {
    /// Its name.
    pub id: SnapshotId,
    /// Equal data in one store has an equal content root.
    pub content_root: ContentRoot,
    /// The snapshot before it in its lineage.
    pub parent: Option<SnapshotId>,
    /// Refs that name it now.
    pub refs: Vec<String>,
    /// Tags that name it.
    pub tags: Vec<String>,
    /// When it was taken, in milliseconds since 1970 UTC.
    pub taken_unix_ms: u64,
    /// The database that it was taken of.
    pub database: String,
    /// Whether personal data was rewritten.
    pub is_scrubbed: bool,
    /// Tables.
    pub tables: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Values of all rows, before any coding, in bytes.
    pub logical_bytes: u64,
    /// Stored size of what it refers to, in bytes.
    pub stored_bytes: u64,
    /// What the store grew by, in bytes.
    pub added_bytes: u64,
    /// Share of the values whose chunks were in the store already, from 0 to 1.
    pub reused_share: f64,
    /// How long the capture took, in milliseconds.
    pub millis: u64,
}

impl Summary {
    pub(crate) fn new(id: SnapshotId, refs: Vec<String>, tags: Vec<String>, manifest: &Manifest) -> Self {
        let stats = &manifest.stats;
        Self {
            id,
            content_root: manifest.content_root,
            parent: manifest.parent,
            refs,
            tags,
            taken_unix_ms: manifest.taken_unix_ms,
            database: manifest.origin.database.clone(),
            is_scrubbed: manifest.trust != Trust::Raw,
            tables: manifest.content.tables.len() as u64,
            rows: stats.rows,
            logical_bytes: stats.logical_bytes,
            stored_bytes: stats.stored_bytes,
            added_bytes: stats.added_bytes,
            reused_share: reused_share(stats),
            millis: stats.millis,
        }
    }
}

/// Share of the values whose chunks were in the store already, from 0 to 1; 0 where there are no values.
#[must_use]
pub fn reused_share_of<'a>(columns: impl IntoIterator<Item = &'a ColumnStats>) -> f64 {
    let (mut reused, mut all) = (0u64, 0u64);
    for column in columns {
        reused += column.reused_logical_bytes;
        all += column.logical_bytes;
    }
    if all == 0 { 0.0 } else { reused as f64 / all as f64 }
}

pub(crate) fn reused_share(stats: &Stats) -> f64 {
    reused_share_of(stats.tables.iter().flat_map(|table| &table.columns))
}
