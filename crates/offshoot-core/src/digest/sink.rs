//! A sink that keeps digests and nothing else.

use super::{Adder, Digests, TableDigest};
use crate::source::{BlobSink, Large, RangeSink, Sink, TableSink};
use crate::{CoreError, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::ids::ChunkId;
use offshoot_format::table::TableSpec;
use std::sync::{Mutex, PoisonError};

/// Digests what a source gives.
#[derive(Debug, Default)]
pub struct DigestSink {
    done: Mutex<Digests>,
}

impl DigestSink {
    /// The digests of all tables that were finished.
    #[must_use]
    pub fn finish(self) -> Digests {
        self.done.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for DigestSink {
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        let digest = Mutex::new(TableDigest::empty(spec));
        Ok(Box::new(DigestTable { sink: self, spec: spec.clone(), digest }))
    }
}

struct DigestTable<'a> {
    sink: &'a DigestSink,
    spec: TableSpec,
    digest: Mutex<TableDigest>,
}

impl TableSink for DigestTable<'_> {
    fn range(&self, _scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        Ok(Box::new(DigestRange { table: self, adder: Adder::new(&self.spec), batch: None }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let name = (self.spec.schema, self.spec.name);
        let digest = self.digest.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut done = self.sink.done.lock().unwrap_or_else(PoisonError::into_inner);
        match done.tables.insert(name, digest) {
            None => Ok(()),
            Some(_) => Err(CoreError::Protocol("a table was begun twice")),
        }
    }
}

struct DigestRange<'a> {
    table: &'a DigestTable<'a>,
    adder: Adder,
    batch: Option<Batch>,
}

impl RangeSink for DigestRange<'_> {
    fn batch(&mut self) -> Batch {
        self.batch.take().unwrap_or_else(|| Batch::new(&self.table.spec.columns))
    }

    fn push(&mut self, mut batch: Batch) -> Result<()> {
        // References that this sink gave out name the content itself.
        self.adder.add(&batch, &|blob| Ok(*blob.id.as_bytes()))?;
        batch.clear();
        self.batch = Some(batch);
        Ok(())
    }

    fn blob(&mut self, _column: usize) -> Result<Box<dyn BlobSink + '_>> {
        Ok(Box::new(DigestBlob { hasher: blake3::Hasher::new(), bytes: 0 }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let mut digest = self.table.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest.rows += self.adder.rows;
        super::add_assign(&mut digest.sum, &self.adder.sum);
        Ok(())
    }
}

struct DigestBlob {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl BlobSink for DigestBlob {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Large> {
        let id = ChunkId::from_bytes(*self.hasher.finalize().as_bytes());
        Ok(Large::Apart(BlobRef { id, bytes: self.bytes }))
    }
}
