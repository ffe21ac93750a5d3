//! The scrubber as the engine's transform: plans each attempt, collects what is looked for later, rewrites batches and
//! large values, counts what happened.

use crate::scrub::{Scrub, proof};
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::transform::{BatchTransform, LargeRewrite, Proof, RangeTransform, TableTransform};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::{Batch, Column};
use offshoot_format::facts::TableFacts;
use offshoot_format::table::TableSpec;
use offshoot_scrub::shape::Work;
use offshoot_scrub::survivors::{Collector, Inputs, Place, ProofError, Source};
use offshoot_scrub::{ColumnCount, Scrubber};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Scrubs the rows of one capture.
pub(crate) struct Rewriter<'s> {
    scrub: &'s Scrub,
    scratch: Option<PathBuf>,
    attempt: Mutex<Option<Arc<Attempt>>>,
}

/// One reading of the source from its beginning.
pub(super) struct Attempt {
    pub(super) scrubber: Scrubber,
    pub(super) facts: Vec<TableFacts>,
    /// What is looked for at the end; none where nothing is to be proved.
    pub(super) inputs: Option<Inputs>,
    /// Numbers of the sources among the inputs: by schema and table, for each column that is rewritten.
    sources: BTreeMap<(String, String), Vec<Option<usize>>>,
    pub(super) counts: Mutex<BTreeMap<(String, String), Vec<ColumnCount>>>,
}

impl<'s> Rewriter<'s> {
    /// For one capture; `scratch` is a folder for anonymous files.
    pub(crate) fn new(scrub: &'s Scrub, scratch: PathBuf) -> Self {
        Self { scrub, scratch: Some(scratch), attempt: Mutex::default() }
    }

    /// For rows that are compared and not stored, so that there is nothing to prove.
    pub(crate) fn without_proof(scrub: &'s Scrub) -> Self {
        Self { scrub, scratch: None, attempt: Mutex::default() }
    }

    fn take(&self, attempt: Option<Arc<Attempt>>) -> Option<Arc<Attempt>> {
        std::mem::replace(&mut *self.attempt.lock().unwrap_or_else(PoisonError::into_inner), attempt)
    }
}

/// An error of the scrubber or of the proof, on its way through the engine.
pub(super) fn refused(error: impl std::error::Error + Send + Sync + 'static) -> CoreError {
    CoreError::Transform(Box::new(error))
}

impl BatchTransform for Rewriter<'_> {
    fn plan(&self, tables: &[TableFacts]) -> Result<()> {
        let scrubber = Scrubber::new(self.scrub.policy(), tables, self.scrub.key()).map_err(refused)?;
        let (mut found, mut sources) = (Vec::new(), BTreeMap::new());
        for table in tables {
            let planned = scrubber.columns(&table.schema, &table.name).unwrap_or_default();
            let mut numbers = Vec::with_capacity(planned.len());
            for (column, facts) in planned.iter().zip(&table.columns) {
                numbers.push((column.rule != "keep").then_some(found.len()));
                if column.rule != "keep" {
                    let place = Place::column(&table.schema, &table.name, column.name);
                    found.push(Source::new(place, column.rule, column.domain, &facts.type_name, table.form));
                }
            }
            sources.insert((table.schema.clone(), table.name.clone()), numbers);
        }
        let inputs = self.scratch.as_deref().map(|scratch| proof::inputs(found, scratch)).transpose()?;
        let facts = tables.to_vec();
        let attempt = Attempt { scrubber, facts, inputs, sources, counts: Mutex::default() };
        self.take(Some(Arc::new(attempt)));
        Ok(())
    }

    fn table(&self, spec: &TableSpec) -> Result<Box<dyn TableTransform + '_>> {
        let attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let attempt = attempt.ok_or(CoreError::Protocol("the source gave rows before it described its tables"))?;
        let name = (spec.schema.clone(), spec.name.clone());
        let sources = attempt.sources.get(&name).cloned().unwrap_or_default();
        if sources.len() != spec.columns.len() {
            return Err(CoreError::Protocol("the source gave a table that it did not describe"));
        }
        let is_scattering = spec.key_columns().into_iter().any(|column| sources[column].is_some());
        Ok(Box::new(Table { attempt, name, sources, is_scattering }))
    }

    fn prove(&self, snapshot: &SnapshotReader, control: &Control) -> Result<Proof> {
        let attempt = self.take(None).and_then(Arc::into_inner);
        let attempt = attempt.ok_or(CoreError::Protocol("a table is still being read"))?;
        proof::prove(self.scrub, attempt, snapshot, control)
    }
}

struct Table {
    attempt: Arc<Attempt>,
    name: (String, String),
    /// Of each column its number among the sources; none where it is kept.
    sources: Vec<Option<usize>>,
    is_scattering: bool,
}

impl Table {
    /// The columns that are rewritten, with their numbers among the sources.
    fn rewritten(&self) -> impl Iterator<Item = (usize, usize)> {
        self.sources.iter().enumerate().filter_map(|(column, source)| Some((column, (*source)?)))
    }
}

impl TableTransform for Table {
    fn is_scattering(&self) -> bool {
        self.is_scattering
    }

    fn range(&self) -> Result<Box<dyn RangeTransform + '_>> {
        let counts = vec![ColumnCount::default(); self.sources.len()];
        let collector = self.attempt.inputs.as_ref().map(Inputs::collector).transpose().map_err(refused)?;
        Ok(Box::new(Range { table: self, collector, work: Work::default(), counts }))
    }
}

struct Range<'t> {
    table: &'t Table,
    collector: Option<Collector<'t>>,
    work: Work,
    counts: Vec<ColumnCount>,
}

impl Range<'_> {
    /// Collects what is rewritten, and gives it back for comparing.
    fn observe(&mut self, batch: &Batch) -> std::result::Result<Vec<(usize, usize, Column)>, ProofError> {
        let Some(collector) = &mut self.collector else { return Ok(Vec::new()) };
        let mut before = Vec::new();
        for (column, source) in self.table.rewritten() {
            collector.observe_column(source, &batch.columns[column])?;
            before.push((column, source, batch.columns[column].clone()));
        }
        Ok(before)
    }
}

impl RangeTransform for Range<'_> {
    fn apply(&mut self, batch: &mut Batch) -> Result<()> {
        let before = self.observe(batch).map_err(refused)?;
        let Table { attempt, name: (schema, name), .. } = self.table;
        attempt.scrubber.apply(schema, name, batch, &mut self.work, &mut self.counts).map_err(refused)?;
        for (column, source, before) in &before {
            let Some(collector) = &mut self.collector else { break };
            collector.compare_column(*source, before, &batch.columns[*column]).map_err(refused)?;
        }
        Ok(())
    }

    fn large(&mut self, _column: usize) -> Result<LargeRewrite<'_>> {
        Ok(LargeRewrite::Keep)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if let Some(collector) = self.collector {
            collector.finish().map_err(refused)?;
        }
        let mut all = self.table.attempt.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let sums =
            all.entry(self.table.name.clone()).or_insert_with(|| vec![ColumnCount::default(); self.counts.len()]);
        for (sum, count) in sums.iter_mut().zip(&self.counts) {
            sum.values += count.values;
            sum.changed += count.changed;
        }
        Ok(())
    }
}
