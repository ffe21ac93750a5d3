//! From work to tasks: what waits for what.
//!
//! What is not parallel forms one chain on the first session. Rows are loaded side by side after the schema; the indexes of
//! a table wait for its rows alone, its constraints for its indexes, so that a second connection is busy while the largest
//! table is still being loaded.

use super::{Task, TaskKind};
use crate::snapshot::Accepted;
use offshoot_core::target::{Adapted, Inspection, Part, Stage, Work};
use offshoot_format::manifest::TableEntry;
use std::collections::HashMap;

type Table = (String, String);

/// The most parts of a table: each lists the table's leaves anew.
const PARTS_MAX: usize = 512;

/// The tasks of a plan.
pub(super) fn tasks(snapshot: &Accepted<'_>, inspection: &Inspection, adapted: &Adapted) -> Vec<Task> {
    let mut builder = Builder::new(snapshot, adapted);
    builder.mark("schema");
    for (index, object) in inspection.objects.iter().enumerate() {
        builder.chain(TaskKind::Drop(index), Stage::Drop, format!("drop {}", object.label));
    }
    builder.chain_stage(Stage::Roles);
    builder.chain_stage(Stage::PreData);
    builder.mark("rows");
    builder.loads();
    builder.indexes();
    builder.constraints();
    builder.barrier();
    builder.mark("after the rows");
    builder.chain_stage(Stage::Attach);
    builder.parallel_stage(Stage::ForeignKey);
    builder.parallel_stage(Stage::Validate);
    for stage in [Stage::PostData, Stage::Sequences, Stage::Refresh] {
        builder.chain_stage(stage);
    }
    builder.parallel_stage_with_counts();
    builder.chain_stage(Stage::Last);
    builder.chain(TaskKind::Compare, Stage::Last, "compare the catalog".to_owned());
    builder.chain(TaskKind::Unmark, Stage::Last, "remove the mark".to_owned());
    builder.tasks
}

struct Builder<'a> {
    snapshot: &'a Accepted<'a>,
    adapted: &'a Adapted,
    tasks: Vec<Task>,
    /// What the next task of the chain waits for.
    last: Vec<usize>,
    /// Parallel tasks that the next barrier waits for.
    open: Vec<usize>,
    /// Tasks that load each table, or may put rows into it.
    loads: HashMap<Table, Vec<usize>>,
    /// Tasks that build indexes of each table.
    indexes: HashMap<Table, Vec<usize>>,
    bytes: HashMap<Table, u64>,
}

impl<'a> Builder<'a> {
    fn new(snapshot: &'a Accepted<'a>, adapted: &'a Adapted) -> Self {
        let tables = &snapshot.manifest.content.tables;
        let bytes = tables.iter().map(|entry| (name(entry), entry.root.logical_bytes)).collect();
        Self {
            snapshot,
            adapted,
            tasks: Vec::new(),
            last: Vec::new(),
            open: Vec::new(),
            loads: HashMap::new(),
            indexes: HashMap::new(),
            bytes,
        }
    }

    fn works(&self, stage: Stage) -> impl Iterator<Item = (usize, &'a Work)> + use<'a> {
        let adapted = self.adapted;
        adapted.works.iter().enumerate().filter(move |(_, work)| work.stage == stage)
    }

    fn push(&mut self, task: Task) -> usize {
        self.tasks.push(task);
        self.tasks.len() - 1
    }

    /// A task after all before it, on the first session.
    fn chain(&mut self, kind: TaskKind, stage: Stage, label: String) {
        let needs = std::mem::take(&mut self.last);
        let task =
            Task { kind, stage, label, needs, first_session: true, exclusive: Vec::new(), shared: None, bytes: 0 };
        self.last = vec![self.push(task)];
    }

    fn mark(&mut self, step: &str) {
        self.chain(TaskKind::Mark(step.to_owned()), Stage::Drop, format!("mark as incomplete: {step}"));
    }

    fn chain_stage(&mut self, stage: Stage) {
        for (index, work) in self.works(stage) {
            self.chain(TaskKind::Work(index), stage, work.label.clone());
        }
    }

    /// A task beside others.
    fn beside(&mut self, kind: TaskKind, stage: Stage, label: String, needs: Vec<usize>) -> usize {
        let task =
            Task { kind, stage, label, needs, first_session: false, exclusive: Vec::new(), shared: None, bytes: 0 };
        let index = self.push(task);
        self.open.push(index);
        index
    }

    fn beside_work(&mut self, index: usize, work: &Work, needs: Vec<usize>) -> usize {
        let bytes = work.table.as_ref().and_then(|table| self.bytes.get(table)).copied().unwrap_or(0);
        let task = self.beside(TaskKind::Work(index), work.stage, work.label.clone(), needs);
        self.tasks[task].exclusive.clone_from(&work.exclusive);
        self.tasks[task].bytes = bytes;
        if work.exclusive.is_empty() {
            self.tasks[task].shared.clone_from(&work.table);
        }
        task
    }

    /// The chain goes on when all that runs beside it is done.
    fn barrier(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let mut needs = std::mem::take(&mut self.open);
        needs.append(&mut self.last);
        let task = Task {
            kind: TaskKind::Barrier,
            stage: Stage::Rows,
            label: String::new(),
            needs,
            first_session: false,
            exclusive: Vec::new(),
            shared: None,
            bytes: 0,
        };
        self.last = vec![self.push(task)];
    }

    fn parallel_stage(&mut self, stage: Stage) {
        let needs = self.last.clone();
        for (index, work) in self.works(stage) {
            self.beside_work(index, work, needs.clone());
        }
        self.barrier();
    }

    /// Rows, the largest first.
    fn loads(&mut self) {
        let tables = &self.snapshot.manifest.content.tables;
        let mut order: Vec<usize> = (0..tables.len()).filter(|&index| tables[index].root.rows > 0).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(tables[index].root.logical_bytes));
        let (appended, order): (Vec<_>, Vec<_>) = order.into_iter().partition(|&index| tables[index].load.append);
        self.append(appended);
        for index in order {
            let entry = &tables[index];
            self.load(index, entry);
        }
        if let Some(objects) = &self.snapshot.manifest.content.large_objects {
            let kind = TaskKind::Load { table: None, replace: false, part: Part::WHOLE };
            let needs = self.last.clone();
            let task = self.beside(kind, Stage::Rows, "load large objects".to_owned(), needs);
            self.tasks[task].bytes = objects.root.logical_bytes;
        }
    }

    fn load(&mut self, index: usize, entry: &TableEntry) {
        let of = self.adapted.part_bytes.map_or(1, |bytes| entry.root.logical_bytes.div_ceil(bytes.get()));
        let of = usize::try_from(of).unwrap_or(PARTS_MAX).clamp(1, PARTS_MAX);
        // Who loads in parts loads no table alone.
        let replace = entry.load.partitions.is_empty() && self.adapted.part_bytes.is_none();
        for number in 0..of {
            let part = Part { number, of };
            let kind = TaskKind::Load { table: Some(index), replace, part };
            let which = if of == 1 { String::new() } else { format!(", part {} of {of}", number + 1) };
            let label = format!("load {}{which}", entry.spec.shown_name());
            let task = self.beside(kind, Stage::Rows, label, self.last.clone());
            self.tasks[task].bytes = entry.root.logical_bytes / of as u64;
            if replace || self.adapted.one_at_a_time.contains(&name(entry)) {
                self.tasks[task].exclusive = vec![name(entry)];
            }
            // Rows may end in any of the partitions.
            for table in entry.load.partitions.iter().chain([&name(entry)]) {
                self.loads.entry(table.clone()).or_default().push(task);
            }
        }
    }

    fn append(&mut self, indexes: Vec<usize>) {
        if indexes.is_empty() {
            return;
        }
        let tables = indexes.iter().map(|&index| &self.snapshot.manifest.content.tables[index]);
        let (names, bytes): (Vec<Table>, Vec<u64>) =
            tables.map(|entry| (name(entry), entry.root.logical_bytes)).unzip();
        let label = "load tables of extensions".to_owned();
        let task = self.beside(TaskKind::Append(indexes), Stage::Rows, label, self.last.clone());
        self.tasks[task].bytes = bytes.iter().sum();
        names.into_iter().for_each(|table| self.loads.entry(table).or_default().push(task));
    }

    /// What must be loaded before a table is complete.
    fn loaded(&self, table: Option<&Table>) -> Vec<usize> {
        let Some(table) = table else { return self.last.clone() };
        self.loads.get(table).unwrap_or(&self.last).clone()
    }

    fn indexes(&mut self) {
        for (index, work) in self.works(Stage::Index) {
            let needs = self.loaded(work.table.as_ref());
            let task = self.beside_work(index, work, needs);
            if let Some(table) = &work.table {
                self.indexes.entry(table.clone()).or_default().push(task);
            }
        }
    }

    fn constraints(&mut self) {
        for (index, work) in self.works(Stage::Constraint) {
            let mut needs = self.loaded(work.table.as_ref());
            needs.extend(work.table.as_ref().and_then(|table| self.indexes.get(table)).into_iter().flatten());
            self.beside_work(index, work, needs);
        }
    }

    /// Statistics and counts.
    fn parallel_stage_with_counts(&mut self) {
        let needs = self.last.clone();
        for (index, work) in self.works(Stage::Analyze) {
            self.beside_work(index, work, needs.clone());
        }
        // Where nothing was added to what an extension brings, nobody knows how much that is.
        let is_counted = |entry: &TableEntry| !entry.load.append || entry.root.rows > 0;
        let tables = self.snapshot.manifest.content.tables.iter().enumerate();
        for (index, entry) in tables.filter(|(_, entry)| is_counted(entry)) {
            let label = format!("count {}", entry.spec.shown_name());
            let task = self.beside(TaskKind::Count(index), Stage::Analyze, label, needs.clone());
            self.tasks[task].bytes = entry.root.logical_bytes;
        }
        if self.snapshot.manifest.content.large_objects.is_some() {
            self.beside(TaskKind::CountLargeObjects, Stage::Analyze, "count large objects".to_owned(), needs);
        }
        self.barrier();
    }
}

fn name(entry: &TableEntry) -> Table {
    (entry.spec.schema.clone(), entry.spec.name.clone())
}
