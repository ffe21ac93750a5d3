//! Whether a snapshot may be restored: a scrubbed one may; a raw one only by somebody who says that he knows.

use crate::{RestoreError, Result};
use offshoot_core::target::Rows;
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::{Manifest, Trust};
use std::fmt;

/// A snapshot whose rows were scrubbed under a policy.
#[derive(Clone, Copy)]
pub struct ScrubbedSnapshot<'a>(Accepted<'a>);

/// A snapshot with rows as they were at the source, restored knowingly.
#[derive(Clone, Copy)]
pub struct RawSnapshot<'a>(Accepted<'a>);

/// A snapshot that may be restored.
#[derive(Clone, Copy)]
pub struct Accepted<'a> {
    pub(crate) id: SnapshotId,
    pub(crate) manifest: &'a Manifest,
    pub(crate) rows: &'a dyn Rows,
}

impl<'a> ScrubbedSnapshot<'a> {
    /// The snapshot of this manifest, whose rows are read from `rows`.
    ///
    /// # Errors
    /// `Raw` if its rows were not scrubbed.
    pub fn new(id: SnapshotId, manifest: &'a Manifest, rows: &'a dyn Rows) -> Result<Self> {
        match &manifest.trust {
            Trust::Scrubbed { policy_digest, .. } if !policy_digest.is_empty() => {
                Ok(Self(Accepted { id, manifest, rows }))
            }
            _ => Err(RestoreError::Raw),
        }
    }
}

impl<'a> RawSnapshot<'a> {
    /// Accepts that the rows may hold personal data as it was at the source. Also takes a scrubbed snapshot.
    #[must_use]
    pub fn acknowledge(id: SnapshotId, manifest: &'a Manifest, rows: &'a dyn Rows) -> Self {
        Self(Accepted { id, manifest, rows })
    }
}

impl<'a> From<ScrubbedSnapshot<'a>> for Accepted<'a> {
    fn from(snapshot: ScrubbedSnapshot<'a>) -> Self {
        snapshot.0
    }
}

impl<'a> From<RawSnapshot<'a>> for Accepted<'a> {
    fn from(snapshot: RawSnapshot<'a>) -> Self {
        snapshot.0
    }
}

impl fmt::Debug for Accepted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("id", &self.id).finish_non_exhaustive()
    }
}
