//! The scrubber as the engine's transform: plans each attempt, rewrites batches and large values, counts what happened.

use crate::scrub::Scrub;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::transform::{BatchTransform, LargeRewrite, PieceTransform, Proof, RangeTransform, TableTransform};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use offshoot_format::table::TableSpec;
use offshoot_scrub::shape::Work;
use offshoot_scrub::{ColumnCount, ScrubError, Scrubber};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Scrubs the rows of one capture.
pub(crate) struct Rewriter<'s> {
    scrub: &'s Scrub,
    attempt: Mutex<Option<Arc<Attempt>>>,
}

/// One reading of the source from its beginning.
struct Attempt {
    scrubber: Scrubber,
    counts: Mutex<BTreeMap<(String, String), Vec<ColumnCount>>>,
}

impl<'s> Rewriter<'s> {
    pub(crate) fn new(scrub: &'s Scrub) -> Self {
        Self { scrub, attempt: Mutex::default() }
    }

    fn attempt(&self) -> Result<Arc<Attempt>> {
        let attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        attempt.ok_or(CoreError::Protocol("the source gave rows before it described its tables"))
    }
}

fn transform_error(error: ScrubError) -> CoreError {
    CoreError::Transform(Box::new(error))
}

impl BatchTransform for Rewriter<'_> {
    fn plan(&self, tables: &[TableFacts]) -> Result<()> {
        let scrubber = Scrubber::new(self.scrub.policy(), tables, self.scrub.key()).map_err(transform_error)?;
        let attempt = Attempt { scrubber, counts: Mutex::default() };
        *self.attempt.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(attempt));
        Ok(())
    }

    fn table(&self, spec: &TableSpec) -> Result<Box<dyn TableTransform + '_>> {
        let attempt = self.attempt()?;
        let rules = attempt.scrubber.rules(&spec.schema, &spec.name).unwrap_or_default();
        let keeps = |column: usize| rules.get(column).is_some_and(|(_, rule)| *rule == "keep");
        let is_scattering = !spec.key_columns().into_iter().all(keeps);
        let name = (spec.schema.clone(), spec.name.clone());
        Ok(Box::new(Table { attempt, name, columns: spec.columns.len(), is_scattering }))
    }

    fn prove(&self, _snapshot: &SnapshotReader, _control: &Control) -> Result<Proof> {
        Ok(Proof { trust: self.scrub.trust(), receipt: String::new() })
    }
}

struct Table {
    attempt: Arc<Attempt>,
    name: (String, String),
    columns: usize,
    is_scattering: bool,
}

impl TableTransform for Table {
    fn is_scattering(&self) -> bool {
        self.is_scattering
    }

    fn range(&self) -> Result<Box<dyn RangeTransform + '_>> {
        let counts = vec![ColumnCount::default(); self.columns];
        Ok(Box::new(Range { table: self, work: Work::default(), counts }))
    }
}

struct Range<'t> {
    table: &'t Table,
    work: Work,
    counts: Vec<ColumnCount>,
}

impl RangeTransform for Range<'_> {
    fn apply(&mut self, batch: &mut Batch) -> Result<()> {
        let Table { attempt, name: (schema, name), .. } = self.table;
        let applied = attempt.scrubber.apply(schema, name, batch, &mut self.work, &mut self.counts);
        applied.map_err(transform_error)
    }

    fn large(&mut self, _column: usize) -> Result<LargeRewrite<'_>> {
        Ok(LargeRewrite::Keep)
    }
}

impl Drop for Range<'_> {
    /// What was counted is added up also where the range failed: the attempt ends then, and its counts with it.
    fn drop(&mut self) {
        let mut all = self.table.attempt.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let sums =
            all.entry(self.table.name.clone()).or_insert_with(|| vec![ColumnCount::default(); self.counts.len()]);
        for (sum, count) in sums.iter_mut().zip(&self.counts) {
            sum.values += count.values;
            sum.changed += count.changed;
        }
    }
}
