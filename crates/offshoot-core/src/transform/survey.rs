//! Rows that a transform must see before any is rewritten.

use super::BatchTransform;
use crate::Result;
use crate::source::{BlobSink, Large, RangeSink, TableSink};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::ids::ChunkId;
use offshoot_format::table::TableSpec;

/// Shows the rows of a table to a transform, and keeps nothing of them.
pub(super) struct SurveyTable<'s> {
    pub(super) transform: &'s dyn BatchTransform,
    pub(super) spec: TableSpec,
}

impl TableSink for SurveyTable<'_> {
    fn range(&self, _scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        Ok(Box::new(SurveyRange { table: self }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct SurveyRange<'s> {
    table: &'s SurveyTable<'s>,
}

impl RangeSink for SurveyRange<'_> {
    fn batch(&mut self) -> Batch {
        Batch::new(&self.table.spec.columns)
    }

    fn push(&mut self, mut batch: Batch) -> Result<()> {
        self.table.transform.survey(&self.table.spec, &mut batch)
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>> {
        Ok(Box::new(Passing { bytes: 0 }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// A large value that passes by: all that is told of it is that it is one.
struct Passing {
    bytes: u64,
}

impl BlobSink for Passing {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Large> {
        Ok(Large::Apart(BlobRef { id: ChunkId::from_bytes([0; 32]), bytes: self.bytes }))
    }
}
