//! The survivor proof of a capture: everything that would be published is searched for what was rewritten.
//!
//! It runs after the last row, when all that is looked for is known, and reads rows back from the store: so it also sees what
//! was in the store before and is reused. Hashes that memory has no room for wait in an anonymous file, under a key that
//! lives as long as the proof.

use super::rewriter::{Attempt, Bounds, merge, refused};
use super::{Scrub, receipt};
use offshoot_core::read::LeafHandle;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_core::transform::Proof;
use offshoot_core::{Control, CoreError, Event, Result};
use offshoot_format::column::{Cell, Column};
use offshoot_format::facts::TableFacts;
use offshoot_format::manifest::{Manifest, TableEntry};
use offshoot_scrub::constraints::{Constraints, Moment};
use offshoot_scrub::receipt::{Assurance, ColumnShape, How};
use offshoot_scrub::survivors::{Inputs, Output, Place, Runs, Search, Searcher, Source, Survivors};
use offshoot_scrub::{PlannedColumn, Scrubber};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// What is searched again of a piece of a large value with the next one. What is looked for has at most 64 letters, which
/// separators, marks and escapes make longer where they are written.
pub(super) const OVERLAP_BYTES: usize = 4096;

/// A snapshot that must not be published.
#[derive(Debug, thiserror::Error)]
#[error("values that were to be scrubbed are still there, so nothing was published:{}", lines(.0))]
pub(crate) struct Survived(pub(crate) Survivors);

fn lines(survivors: &Survivors) -> String {
    let findings = survivors.findings.iter().map(|finding| format!("\n  {finding}"));
    let unchanged = survivors
        .unchanged
        .iter()
        .map(|left| format!("\n  {}: {} cells that `{}` left as they were", left.place, left.cells, left.rule));
    findings.chain(unchanged).collect()
}

/// A snapshot whose rows a restore could not load.
#[derive(Debug, thiserror::Error)]
#[error("scrubbed rows would break constraints of their tables, so nothing was published:{}", .0.concat())]
pub(crate) struct Broken(Vec<String>);

/// Begins a proof that keeps to so many bytes of memory.
pub(super) fn inputs(sources: Vec<Source>, bounds: &Bounds) -> Result<Inputs> {
    Inputs::new(*random_key()?, sources, Box::new(Aside::new(&bounds.scratch)?), bounds.memory()).map_err(refused)
}

/// Begins to count what keys demand, in what the proof has no use for of its memory.
pub(super) fn constraints(tables: &[TableFacts], scrubber: &Scrubber, bounds: &Bounds) -> Result<Constraints> {
    let aside = Box::new(Aside::new(&bounds.scratch)?);
    Constraints::new(*random_key()?, tables, scrubber, aside, bounds.memory() / 4).map_err(refused)
}

fn random_key() -> Result<Zeroizing<[u8; 32]>> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut()).map_err(|error| refused(io::Error::other(error.to_string())))?;
    Ok(random)
}

/// Searches everything that would be published.
pub(super) fn prove(
    scrub: &Scrub,
    attempt: Attempt,
    threads: usize,
    snapshot: &SnapshotReader,
    control: &Control,
) -> Result<Proof> {
    let Attempt { scrubber, facts, inputs, constraints, seen, .. } = attempt;
    let manifest = snapshot.manifest();
    let mut tables = Vec::new();
    let mut outputs = Vec::new();
    for entry in manifest.content.tables.iter().chain(&manifest.content.large_objects) {
        let table = Proved::new(entry, &scrubber, &facts, outputs.len())?;
        outputs.extend(table.outputs());
        tables.push(table);
    }
    let objects = outputs.len();
    let texts = texts(manifest);
    outputs.extend(texts.iter().map(|(label, _)| Output::object(label)));

    let not_asked = || CoreError::Protocol("rows that are not to be stored are to be proved");
    let (inputs, constraints) = (inputs.ok_or_else(not_asked)?, constraints.ok_or_else(not_asked)?);
    let search = inputs.finish().map_err(refused)?.search(outputs);
    let mut schema = search.searcher().map_err(refused)?;
    for (number, (_, text)) in texts.iter().enumerate() {
        schema.cell(objects + number, text.as_bytes()).map_err(refused)?;
    }
    schema.finish().map_err(refused)?;
    let written = search_rows(&search, &constraints, &tables, threads, snapshot, control)?;
    let survivors = search.finish().map_err(refused)?;
    tracing::info!(needles = survivors.needles, cells = survivors.cells, clean = survivors.is_clean(), "searched");
    if !survivors.is_clean() {
        return Err(refused(Survived(survivors)));
    }
    let counts = constraints.finish().map_err(refused)?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let receipt = receipt::write(scrub, manifest, (&facts, &tables), seen, &written, &counts, survivors);
    let broken = receipt.breaches();
    if !broken.is_empty() {
        return Err(refused(Broken(broken.into_iter().map(broken_line).collect())));
    }
    let signed = receipt.sign(scrub.key()).map_err(refused)?;
    let receipt = String::from_utf8(signed.as_bytes().to_vec()).map_err(refused)?;
    Ok(Proof { trust: scrub.trust(), receipt })
}

fn broken_line(Assurance { what, how }: &Assurance) -> String {
    let How::Counted { rows, breaches } = how else { return String::new() };
    format!("\n  {what}: {breaches} of {rows} rows")
}

/// Everything of a manifest that somebody wrote: the schema, settings, roles, and notes of what is left out. What is found is
/// reported by its label, so names of roles and of what notes are about are in none.
///
/// Names of sequences stand in the schema. Where they stand is no text: it counts rows, and would be the id of the last one.
fn texts(manifest: &Manifest) -> Vec<(String, &str)> {
    let schema = manifest.content.schema.iter().map(|item| (item.label.clone(), item.sql.as_str()));
    let environment = &manifest.environment;
    let of_database =
        environment.database_settings.iter().map(|(name, value)| (format!("SETTING {name}"), value.as_str()));
    let of_roles = environment.roles.iter().flat_map(|role| {
        let settings = role.settings.iter().map(|(name, value)| (format!("SETTING {name} of a role"), value.as_str()));
        let members =
            role.member_of.iter().flat_map(|of| std::iter::once(of.role.as_str()).chain(of.grantor.as_deref()));
        let names = std::iter::once(role.name.as_str()).map(|name| ("name of a role".to_owned(), name));
        settings.chain(names).chain(members.map(|name| ("membership of a role".to_owned(), name)))
    });
    let left_out = manifest.omitted.iter().map(|note| ("note of what is left out", note));
    let not_carried = manifest.not_carried.iter().map(|note| ("note of what cannot be carried", note));
    let notes = left_out
        .chain(not_carried)
        .flat_map(|(label, note)| [&note.object, &note.reason].map(|text| (label.to_owned(), text.as_str())));
    schema.chain(of_database).chain(of_roles).chain(notes).collect()
}

/// A table that is searched.
pub(super) struct Proved<'a> {
    pub(super) entry: &'a TableEntry,
    pub(super) facts: &'a TableFacts,
    /// What was planned for its columns; nothing if the copy has no rows of it.
    pub(super) planned: Vec<PlannedColumn<'a>>,
    /// The number of its first column among the outputs.
    first: usize,
}

impl<'a> Proved<'a> {
    fn new(entry: &'a TableEntry, scrubber: &'a Scrubber, facts: &'a [TableFacts], first: usize) -> Result<Self> {
        let (schema, name) = (&entry.spec.schema, &entry.spec.name);
        let facts = facts.iter().find(|facts| (&facts.schema, &facts.name) == (schema, name));
        let facts = facts.ok_or(CoreError::Protocol("the source gave a table that it did not describe"))?;
        let planned = scrubber.columns(schema, name).unwrap_or_default();
        Ok(Self { entry, facts, planned, first })
    }

    fn name(&self) -> (String, String) {
        (self.entry.spec.schema.clone(), self.entry.spec.name.clone())
    }

    fn outputs(&self) -> impl Iterator<Item = Output> {
        let spec = &self.entry.spec;
        self.planned.iter().zip(&self.facts.columns).map(|(column, facts)| {
            let place = Place::column(&spec.schema, &spec.name, column.name);
            let (rule, domain, unique) = (column.rule, column.domain, column.is_unique);
            let output = Output::new(place, rule, domain, unique, &facts.type_name, spec.form);
            let output = output.reading(facts, spec.form);
            if column.is_conditional { output.in_some_rows() } else { output }
        })
    }
}

/// What was seen of what was written, by table and column: how many NULLs there are, and what rewritten values look like.
#[derive(Default)]
pub(super) struct Written {
    pub(super) nulls: BTreeMap<(usize, usize), u64>,
    pub(super) shapes: BTreeMap<(usize, usize), ColumnShape>,
}

/// Searches the rows of all tables on so many threads.
fn search_rows(
    search: &Search,
    constraints: &Constraints,
    tables: &[Proved<'_>],
    threads: usize,
    snapshot: &SnapshotReader,
    control: &Control,
) -> Result<Written> {
    let mut work: Vec<(usize, LeafHandle)> = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        work.extend(snapshot.leaves(table.entry)?.into_iter().map(|leaf| (number, leaf)));
    }
    control.emit(&Event::Total {
        rows: work.iter().map(|(_, leaf)| leaf.rows).sum(),
        bytes: work.iter().map(|(_, leaf)| leaf.bytes).sum(),
    });
    let next = AtomicUsize::new(0);
    let run = || -> Result<Written> {
        let mut searcher = search.searcher().map_err(refused)?;
        let mut counter = constraints.counter().map_err(refused)?;
        let mut written = Written::default();
        while let Some((number, leaf)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            control.check()?;
            let table = &tables[*number];
            let batch = snapshot.batch(table.entry, leaf)?;
            counter.observe(&table.name(), Moment::After, &batch.columns).map_err(refused)?;
            for (place, values) in batch.columns.iter().enumerate() {
                search_column(&mut searcher, table.first + place, values, snapshot)?;
                written.look_at(table, (*number, place), values);
            }
            control.emit(&Event::Rows { rows: leaf.rows, bytes: leaf.bytes });
        }
        searcher.finish().map_err(refused)?;
        counter.finish().map_err(refused)?;
        Ok(written)
    };
    let threads = threads.min(work.len()).max(1);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Written>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        // All are waited for; the first that failed says why.
        let all: Vec<Result<Written>> = all.into_iter().map(join).collect();
        all.into_iter().try_fold(Written::default(), |sum, one| Ok(sum.and(one?)))
    })
}

impl Written {
    fn look_at(&mut self, table: &Proved<'_>, place: (usize, usize), values: &Column) {
        *self.nulls.entry(place).or_default() += values.null_count() as u64;
        if table.planned.get(place.1).is_some_and(|column| !column.is_kept) {
            let facts = &table.facts.columns[place.1];
            let new = || ColumnShape::of(facts, table.facts.form);
            self.shapes.entry(place).or_insert_with(new).observe_column(values);
        }
    }

    fn and(mut self, other: Self) -> Self {
        for (place, nulls) in other.nulls {
            *self.nulls.entry(place).or_default() += nulls;
        }
        merge(&mut self.shapes, other.shapes);
        self
    }
}

fn search_column(searcher: &mut Searcher<'_>, output: usize, values: &Column, snapshot: &SnapshotReader) -> Result<()> {
    if values.blob_count() == 0 {
        return searcher.column(output, values).map_err(refused);
    }
    for row in 0..values.rows() {
        match values.cell(row) {
            Cell::Bytes(cell) => searcher.cell(output, cell).map_err(refused)?,
            Cell::Null => {}
            Cell::Blob(blob) => {
                // Each piece with the end of the one before, so that nothing is missed between them.
                let mut window: Vec<u8> = Vec::new();
                for piece in snapshot.blob(&blob)? {
                    window.drain(..window.len().saturating_sub(OVERLAP_BYTES));
                    window.extend_from_slice(&piece?);
                    searcher.part(output, &window).map_err(refused)?;
                }
            }
        }
    }
    Ok(())
}

/// Hashes that memory has no room for, in a file without a name.
struct Aside {
    file: File,
    end: Mutex<u64>,
}

impl Aside {
    fn new(folder: &Path) -> Result<Self> {
        let failed = |source| CoreError::Io { operation: "create a spill file in", path: folder.to_owned(), source };
        Ok(Self { file: tempfile::tempfile_in(folder).map_err(failed)?, end: Mutex::new(0) })
    }
}

impl Runs for Aside {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        self.file.write_all_at(bytes, *end)?;
        *end += bytes.len() as u64;
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}
