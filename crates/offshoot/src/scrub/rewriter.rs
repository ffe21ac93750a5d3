//! The scrubber as the engine's transform: plans each attempt, collects what is looked for later, rewrites batches and
//! large values, counts what happened.

mod large;

use super::Lineage;
use super::proof;
use crate::scrub::Scrub;
use large::{Observed, Pieces};
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::transform::{BatchTransform, LargeRewrite, Proof, RangeTransform, TableTransform};
use offshoot_core::{Control, CoreError, Result};
use offshoot_format::column::{Batch, Cell, Column};
use offshoot_format::facts::TableFacts;
use offshoot_format::manifest::Manifest;
use offshoot_format::table::TableSpec;
use offshoot_scrub::constraints::{Constraints, Counter, Moment};
use offshoot_scrub::receipt::ColumnShape;
use offshoot_scrub::scrubber::Large;
use offshoot_scrub::shape::Work;
use offshoot_scrub::survivors::{Collector, Inputs, Place, ProofError, Source};
use offshoot_scrub::{ColumnCount, PlannedColumn, Scrubber};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Pairs of columns of names in one table that are looked for together.
const NAME_PAIRS_MAX: usize = 16;

/// Scrubs the rows of one capture.
pub(crate) struct Rewriter<'s> {
    scrub: &'s Scrub,
    /// None where nothing is to be proved.
    proof: Option<(Bounds, Lineage<'s>)>,
    /// Bytes of values that are moved between rows.
    survey_bytes: u64,
    attempt: Mutex<Option<Arc<Attempt>>>,
}

/// What a proof may take.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// A folder for anonymous files.
    pub(crate) scratch: PathBuf,
    /// Memory, in bytes.
    pub(crate) memory_bytes: u64,
    /// Bytes of values that are moved between rows.
    pub(crate) survey_bytes: u64,
    /// Threads that search.
    pub(crate) threads: usize,
}

impl Bounds {
    pub(super) fn memory(&self) -> usize {
        usize::try_from(self.memory_bytes).unwrap_or(usize::MAX)
    }
}

/// One reading of the source from its beginning.
pub(super) struct Attempt {
    pub(super) scrubber: Scrubber,
    pub(super) facts: Vec<TableFacts>,
    /// What is looked for at the end; none where nothing is to be proved.
    pub(super) inputs: Option<Inputs>,
    /// What keys demand; none as well.
    pub(super) constraints: Option<Constraints>,
    /// What is looked for, by schema and table: the columns that are rewritten.
    watched: BTreeMap<(String, String), Vec<Watched>>,
    pub(super) seen: Mutex<BTreeMap<(String, String), Seen>>,
}

impl Attempt {
    /// Each column of first names of a table with each of last names, as far as all values of both are looked for.
    fn names(&self, (schema, name): &(String, String), watched: &[Watched]) -> Vec<(Watched, Watched)> {
        let planned = self.scrubber.columns(schema, name).unwrap_or_default();
        let of = |rule: &'static str| {
            let is_of = move |column: &usize, planned: &[PlannedColumn<'_>]| {
                planned.get(*column).is_some_and(|planned| planned.rule == rule)
            };
            let planned = &planned;
            watched.iter().filter(move |own| own.what == LookedFor::All && is_of(&own.column, planned))
        };
        let pairs = of("first-name").flat_map(|first| of("last-name").map(|last| (*first, *last)));
        pairs.take(NAME_PAIRS_MAX).collect()
    }
}

/// What was seen of the rows of a table on their way in.
#[derive(Default)]
pub(super) struct Seen {
    /// Of each column how many values there were, and how many are others now.
    pub(super) counts: Vec<ColumnCount>,
    /// What the values of the rewritten columns looked like, by column.
    pub(super) shapes: BTreeMap<usize, ColumnShape>,
}

/// What of a column is looked for at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookedFor {
    /// All values.
    All,
    /// Those that are others afterwards: the rule is for some rows only.
    Changed,
    /// What is another one in them: the rule keeps parts of them, such as paths of a document.
    ChangedParts,
    /// Nothing: they are labels of an enum, which the schema lists.
    Nothing,
}

/// A column whose values are looked for at the end.
#[derive(Debug, Clone, Copy)]
struct Watched {
    column: usize,
    /// Its number among the sources.
    source: usize,
    /// What of it is looked for.
    what: LookedFor,
}

impl<'s> Rewriter<'s> {
    /// For one capture.
    pub(crate) fn new(scrub: &'s Scrub, proof: Bounds, lineage: Lineage<'s>) -> Self {
        let survey_bytes = proof.survey_bytes;
        Self { scrub, proof: Some((proof, lineage)), survey_bytes, attempt: Mutex::default() }
    }

    /// For rows that are compared and not stored, so that there is nothing to prove.
    pub(crate) fn without_proof(scrub: &'s Scrub, survey_bytes: u64) -> Self {
        Self { scrub, proof: None, survey_bytes, attempt: Mutex::default() }
    }

    /// The present attempt.
    fn attempt(&self) -> Result<Arc<Attempt>> {
        let attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        attempt.ok_or(CoreError::Protocol("the source gave rows before it described its tables"))
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
        let scrubber = scrubber.with_survey_bytes_max(self.survey_bytes);
        let (mut sources, mut watched) = (Vec::new(), BTreeMap::new());
        for table in tables {
            let planned = scrubber.columns(&table.schema, &table.name).unwrap_or_default();
            let mut of_table = Vec::new();
            for (number, (column, facts)) in planned.iter().zip(&table.columns).enumerate() {
                if !column.is_kept {
                    let place = Place::column(&table.schema, &table.name, column.name);
                    let what = match column.rule {
                        "json" | "xml" | "hstore" | "composite" | "regex" => LookedFor::ChangedParts,
                        "shuffle" if !facts.labels.is_empty() => LookedFor::Nothing,
                        _ if column.is_conditional => LookedFor::Changed,
                        _ => LookedFor::All,
                    };
                    of_table.push(Watched { column: number, source: sources.len(), what });
                    let source = Source::new(place, column.rule, column.domain, &facts.type_name, table.form);
                    sources.push(source.reading(facts, table.form));
                }
            }
            watched.insert((table.schema.clone(), table.name.clone()), of_table);
        }
        let (inputs, constraints) = match &self.proof {
            Some((bounds, _)) => {
                let constraints = proof::constraints(tables, &scrubber, bounds)?;
                (Some(proof::inputs(sources, bounds)?), Some(constraints))
            }
            None => (None, None),
        };
        let facts = tables.to_vec();
        let attempt = Attempt { scrubber, facts, inputs, constraints, watched, seen: Mutex::default() };
        self.take(Some(Arc::new(attempt)));
        Ok(())
    }

    fn surveys(&self, spec: &TableSpec) -> bool {
        self.attempt().is_ok_and(|attempt| attempt.scrubber.surveys(&spec.schema, &spec.name))
    }

    fn survey(&self, spec: &TableSpec, batch: &mut Batch) -> Result<()> {
        self.attempt()?.scrubber.survey(&spec.schema, &spec.name, batch).map_err(refused)
    }

    fn table(&self, spec: &TableSpec) -> Result<Box<dyn TableTransform + '_>> {
        let attempt = self.attempt()?;
        let name = (spec.schema.clone(), spec.name.clone());
        let watched = attempt.watched.get(&name).cloned();
        let watched = watched.ok_or(CoreError::Protocol("the source gave a table that it did not describe"))?;
        let is_scattering =
            spec.key_columns().into_iter().any(|column| watched.iter().any(|watched| watched.column == column));
        let columns = spec.columns.iter().map(|column| column.name.clone()).collect();
        let facts = attempt.facts.iter().find(|facts| (&facts.schema, &facts.name) == (&name.0, &name.1));
        let facts = facts.cloned().ok_or(CoreError::Protocol("the source gave a table that it did not describe"))?;
        let is_filtering = attempt.scrubber.leaves_rows_out(&name.0, &name.1);
        let names = attempt.names(&name, &watched);
        Ok(Box::new(Table { attempt, name, facts, columns, watched, names, is_scattering, is_filtering }))
    }

    fn prove(&self, snapshot: &SnapshotReader, control: &Control) -> Result<Proof> {
        let attempt = self.take(None).and_then(Arc::into_inner);
        let attempt = attempt.ok_or(CoreError::Protocol("a table is still being read"))?;
        let not_asked = CoreError::Protocol("rows that are not to be stored are to be proved");
        let (bounds, lineage) = self.proof.as_ref().ok_or(not_asked)?;
        let proof = proof::prove(self.scrub, attempt, bounds.threads, snapshot, control)?;
        // Somebody may have published under another key meanwhile; of a new epoch the operator was told at the beginning.
        lineage.check(snapshot.manifest().parent, |_| {}).map_err(refused)?;
        Ok(proof)
    }

    /// Two that were proved at one moment under different keys both have their names now: whoever looks sees the other one.
    fn confirm(&self, snapshot: &Manifest) -> Result<()> {
        let Some((_, lineage)) = &self.proof else { return Ok(()) };
        lineage.check(snapshot.parent, |_| {}).map_err(refused)
    }
}

struct Table {
    attempt: Arc<Attempt>,
    name: (String, String),
    facts: TableFacts,
    columns: Vec<String>,
    watched: Vec<Watched>,
    /// Columns whose values are a person's first and last name, in pairs.
    names: Vec<(Watched, Watched)>,
    is_scattering: bool,
    is_filtering: bool,
}

impl TableTransform for Table {
    fn is_scattering(&self) -> bool {
        self.is_scattering
    }

    fn is_filtering(&self) -> bool {
        self.is_filtering
    }

    fn range(&self) -> Result<Box<dyn RangeTransform + '_>> {
        let counts = vec![ColumnCount::default(); self.columns.len()];
        let watched = self.watched.iter().map(|watched| watched.column);
        let shape = |column: usize| ColumnShape::of(&self.facts.columns[column], self.facts.form);
        let shapes = watched.map(|column| (column, shape(column))).collect();
        let collector = self.attempt.inputs.as_ref().map(Inputs::collector).transpose().map_err(refused)?;
        let constraints = self.attempt.constraints.as_ref().filter(|all| all.looks_at(&self.name.0, &self.name.1));
        let counter = constraints.map(Constraints::counter).transpose().map_err(refused)?;
        Ok(Box::new(Range { table: self, collector, counter, work: Work::default(), seen: Seen { counts, shapes } }))
    }
}

struct Range<'t> {
    table: &'t Table,
    collector: Option<Collector<'t>>,
    counter: Option<Counter<'t>>,
    work: Work,
    seen: Seen,
}

impl Range<'_> {
    /// Rows that are left out are looked for all the same: of what was in them nothing may be elsewhere. Large values were looked
    /// at when they came.
    fn observe(&mut self, batch: &Batch) -> std::result::Result<(), ProofError> {
        for (column, shape) in &mut self.seen.shapes {
            shape.observe_column(&batch.columns[*column]);
        }
        let Some(collector) = &mut self.collector else { return Ok(()) };
        for Watched { column, source, .. } in self.table.watched.iter().filter(|watched| watched.what == LookedFor::All)
        {
            collector.observe_cells(*source, &batch.columns[*column])?;
        }
        for (first, last) in &self.table.names {
            let [first, last] = [first, last].map(|of| (of.source, &batch.columns[of.column]));
            collector.observe_names(first, last)?;
        }
        Ok(())
    }

    /// Compares what was rewritten with what it was.
    fn compare(&mut self, before: &[Column], batch: &Batch) -> std::result::Result<(), ProofError> {
        let Some(collector) = &mut self.collector else { return Ok(()) };
        for (Watched { column, source, what }, before) in self.table.watched.iter().zip(before) {
            let after = &batch.columns[*column];
            if *what == LookedFor::All {
                collector.compare_column(*source, before, after)?;
            }
            if matches!(what, LookedFor::All | LookedFor::Nothing) {
                continue;
            }
            for row in 0..before.rows() {
                let (Cell::Bytes(old), new) = (before.cell(row), after.cell(row)) else { continue };
                match new {
                    Cell::Bytes(new) if new == old => {}
                    Cell::Bytes(new) if *what == LookedFor::ChangedParts => {
                        collector.observe_changed(*source, old, new)?;
                    }
                    _ => collector.observe(*source, old)?,
                }
            }
        }
        Ok(())
    }
}

impl RangeTransform for Range<'_> {
    fn apply(&mut self, batch: &mut Batch) -> Result<()> {
        self.observe(batch).map_err(refused)?;
        let Table { attempt, name: (schema, name), watched, .. } = self.table;
        attempt.scrubber.filter(schema, name, batch).map_err(refused)?;
        if let Some(counter) = &mut self.counter {
            counter.observe(&self.table.name, Moment::Before, &batch.columns).map_err(refused)?;
        }
        let before: Vec<Column> = match self.collector {
            Some(_) => watched.iter().map(|watched| batch.columns[watched.column].clone()).collect(),
            None => Vec::new(),
        };
        attempt.scrubber.rewrite(schema, name, batch, &mut self.work, &mut self.seen.counts).map_err(refused)?;
        self.compare(&before, batch).map_err(refused)
    }

    fn large(&mut self, column: usize) -> Result<LargeRewrite<'_>> {
        let Table { attempt, name: (schema, name), columns, watched, .. } = self.table;
        if !attempt.scrubber.has_rows(schema, name) || attempt.scrubber.moves(schema, name, &columns[column]) {
            // The row will be left out, as else the survey had refused the value: nothing of it is stored.
            let count = &mut self.seen.counts[column];
            return Ok(LargeRewrite::Pieces(Box::new(Pieces { rewriter: None, observed: None, count })));
        }
        let watched = watched.iter().find(|watched| watched.column == column).copied();
        let rewriter = match attempt.scrubber.large(schema, name, &columns[column]).map_err(refused)? {
            Large::Keep => return Ok(LargeRewrite::Keep),
            Large::Null => None,
            Large::Rewrite(rewriter) => Some(rewriter),
        };
        let count = &mut self.seen.counts[column];
        let collector = self.collector.as_mut().zip(watched);
        let observed = collector.map(|(collector, Watched { source, what, .. })| {
            let after = (what == LookedFor::ChangedParts && rewriter.is_some()).then(Vec::new);
            Observed { collector, source, window: Vec::new(), after }
        });
        Ok(LargeRewrite::Pieces(Box::new(Pieces { rewriter, observed, count })))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if let Some(collector) = self.collector {
            collector.finish().map_err(refused)?;
        }
        if let Some(counter) = self.counter {
            counter.finish().map_err(refused)?;
        }
        let mut all = self.table.attempt.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(self.table.name.clone()).or_default().add(self.seen);
        Ok(())
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.counts.resize(other.counts.len(), ColumnCount::default());
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            sum.values += count.values;
            sum.changed += count.changed;
        }
        merge(&mut self.shapes, other.shapes);
    }
}

/// Adds what another thread saw.
pub(super) fn merge<K: Ord>(all: &mut BTreeMap<K, ColumnShape>, others: BTreeMap<K, ColumnShape>) {
    for (key, shape) in others {
        match all.entry(key) {
            Entry::Occupied(mut own) => own.get_mut().merge(shape),
            Entry::Vacant(place) => drop(place.insert(shape)),
        }
    }
}
