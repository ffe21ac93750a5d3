//! Does what a plan says: as many threads as jobs, each with a session of its own; the first failure ends all of them.
//!
//! The caller's thread only watches: for the wish to stop, and for a failure, after which it ends what the other sessions
//! are doing. The mark stays in the target unless everything was done and compared.

mod append;
mod unmark;

use crate::clock::StepClock;
use crate::plan::{Plan, TaskKind};
use crate::report::{RestoreReport, stage_name};
use crate::schedule::Schedule;
use crate::{RestoreError, Result};
use offshoot_core::look_ahead::LookAhead;
use offshoot_core::target::{
    Counted, Difference, Executed, LoadContext, LoadWork, Mark, Roles, Stage, Target, TargetSession, Work,
};
use offshoot_core::{Control, CoreError, Event};
use offshoot_format::manifest::{Note, TableEntry};
use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the watcher looks whether it shall stop.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// Restores.
///
/// # Errors
/// `Step` naming the step that failed, `Cancelled`, or `Differs` if the target is not what the snapshot says. After each of
/// them the target is marked as incomplete, and applying a new plan starts over. `Unsure` if nobody can say whether the mark is
/// gone.
pub fn apply(plan: &Plan<'_>, target: &dyn Target, control: &Control) -> Result<RestoreReport> {
    let jobs = plan.options.choices.jobs.max(1);
    let span = tracing::info_span!("restore", snapshot = %plan.snapshot.id, jobs, tasks = plan.tasks.len());
    let _entered = span.enter();
    let step = |source| RestoreError::Step { step: "begin".to_owned(), source };
    // Decoders get every core: the senders wait for the server most of the time.
    let threads = std::thread::available_parallelism().map_or(jobs, usize::from);
    let look_ahead = LookAhead::new(threads, plan.options.look_ahead_bytes / jobs as u64).map_err(step)?;
    let watched = control.clone();
    let shared = Shared {
        plan,
        target,
        look_ahead,
        // Of its own, so that a failure stops the others without cancelling what the caller watches.
        control: Control::new(move |event| watched.emit(event)),
        state: Mutex::new(State::new(plan)),
        changed: Condvar::new(),
        began: Instant::now(),
        span: span.clone(),
    };
    if let Some(bytes) = total(plan) {
        control.emit(&bytes);
    }
    std::thread::scope(|scope| {
        for index in 0..jobs {
            let shared = &shared;
            let spawned = std::thread::Builder::new()
                .name(format!("restore-{index}"))
                .spawn_scoped(scope, move || shared.work(index == 0));
            if spawned.is_err() {
                shared.fail("begin".to_owned(), CoreError::Poisoned);
                shared.lock().workers -= jobs - index;
                break;
            }
        }
        shared.watch(control);
    });
    let elapsed = shared.began.elapsed();
    let State { failed, report, differences, may_be_complete, mut clock, .. } =
        shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failed {
        Some((step, source)) => {
            let is_marked = remember(plan, target, &step);
            Err(match source {
                source if may_be_complete && !is_marked => RestoreError::Unsure { source },
                _ if control.is_cancelled() => RestoreError::Cancelled { step },
                _ if !differences.is_empty() => RestoreError::Differs { differences },
                source => RestoreError::Step { step, source },
            })
        }
        None => {
            tracing::info!(rows = report.rows, bytes = report.bytes, "restored and compared");
            let losses = [plan.adapted.losses.as_slice(), &report.losses].concat();
            let steps = clock.finish(elapsed);
            Ok(RestoreReport { elapsed, steps, losses, warnings: plan.adapted.warnings.clone(), ..report })
        }
    }
}

fn total(plan: &Plan<'_>) -> Option<Event> {
    let content = &plan.snapshot.manifest.content;
    let entries = || content.tables.iter().chain(&content.large_objects);
    let rows = entries().map(|entry| entry.root.rows).sum();
    Some(Event::Total { rows, bytes: entries().map(|entry| entry.root.logical_bytes).sum() })
}

/// Writes the step that failed into the mark. If that cannot be done, the mark says an earlier one.
fn remember(plan: &Plan<'_>, target: &dyn Target, step: &str) -> bool {
    target.session(&plan.options.choices).and_then(|mut session| session.mark(&mark(plan, step))).is_ok()
}

fn mark(plan: &Plan<'_>, step: &str) -> Mark {
    let there = plan.inspection.extensions.iter().filter(|extension| extension.installed_in.is_some());
    // What an unfinished restore made is not what was there before.
    let before = match &plan.inspection.mark {
        Some(mark) => mark.extensions.clone(),
        None => there.map(|extension| extension.name.clone()).collect(),
    };
    Mark { snapshot: plan.snapshot.id.to_string(), step: step.to_owned(), extensions: before, roles: made_roles(plan) }
}

fn made_roles(plan: &Plan<'_>) -> Vec<String> {
    let mut made = plan.inspection.mark.as_ref().map_or_else(Vec::new, |mark| mark.roles.clone());
    if plan.options.choices.roles == Roles::Create {
        let is_there = |name: &String| plan.inspection.roles.iter().any(|(there, _)| there == name);
        let names = plan.snapshot.manifest.environment.roles.iter().map(|role| &role.name);
        made.extend(names.filter(|name| !is_there(name)).cloned());
    }
    made
}

struct Shared<'a> {
    plan: &'a Plan<'a>,
    target: &'a dyn Target,
    look_ahead: LookAhead,
    control: Control,
    state: Mutex<State<'a>>,
    changed: Condvar,
    began: Instant,
    /// Of the whole restore, for the workers' own threads.
    span: tracing::Span,
}

struct State<'a> {
    schedule: Schedule<'a>,
    workers: usize,
    /// The first failure.
    failed: Option<(String, CoreError)>,
    /// Whether that was the last step, and nobody can say whether it was done.
    may_be_complete: bool,
    differences: Vec<Difference>,
    /// Tables that were left out with what they are made of.
    lost: HashSet<(String, String)>,
    /// Rows that were in tables before others were added to them.
    there_before: HashMap<(String, String), u64>,
    /// Numbers of work that was left out.
    left_out: HashSet<usize>,
    report: RestoreReport,
    clock: StepClock,
}

impl<'a> State<'a> {
    fn new(plan: &'a Plan<'_>) -> Self {
        Self {
            schedule: Schedule::new(&plan.tasks),
            workers: plan.options.choices.jobs.max(1),
            failed: None,
            may_be_complete: false,
            differences: Vec::new(),
            lost: HashSet::new(),
            there_before: HashMap::new(),
            left_out: HashSet::new(),
            report: RestoreReport::default(),
            clock: StepClock::default(),
        }
    }
}

impl<'a> Shared<'a> {
    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        // A worker that panicked has said so in `failed` by its guard.
        unpoisoned(self.state.lock())
    }

    fn fail(&self, step: String, error: CoreError) {
        let mut state = self.lock();
        if state.failed.is_none() {
            tracing::debug!(step, "restore failed");
            state.failed = Some((step, error));
        }
        drop(state);
        self.control.cancel();
        self.changed.notify_all();
    }

    /// Until all workers are gone: passes on the wish to stop, and ends what they do after a failure.
    fn watch(&self, control: &Control) {
        let mut state = self.lock();
        while state.workers > 0 {
            if control.is_cancelled() && state.failed.is_none() {
                drop(state);
                self.fail("the wish to stop".to_owned(), CoreError::Cancelled);
                state = self.lock();
            }
            if state.failed.is_some() {
                drop(state);
                // Again and again: a session may have been between two statements.
                self.target.interrupt();
                state = self.lock();
            }
            if state.workers > 0 {
                state = match self.changed.wait_timeout(state, WATCH_INTERVAL) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                };
            }
        }
    }

    fn work(&self, is_first: bool) {
        let _leaving = Leaving(self);
        let _entered = self.span.enter();
        let mut session = match self.target.session(&self.plan.options.choices) {
            Ok(session) => session,
            Err(error) => return self.fail("connect".to_owned(), error),
        };
        while let Some(index) = self.next(is_first) {
            let task = &self.plan.tasks[index];
            let step = step_name(&task.kind, task.stage);
            let _task = tracing::debug_span!("task", step, label = task.label).entered();
            self.lock().clock.begin(step, self.began.elapsed());
            self.control.step(task.label.clone());
            let done = self.control.check().and_then(|()| self.run(index, &mut *session));
            if let Err(error) = done {
                return self.fail(task.label.clone(), error);
            }
            tracing::debug!("task done");
            let mut state = self.lock();
            state.clock.end(step, self.began.elapsed());
            state.schedule.done(index);
            self.changed.notify_all();
        }
    }

    /// The next task for this session; waits for one. None when nothing is left or something failed.
    fn next(&self, is_first: bool) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() || state.schedule.is_done() {
                return None;
            }
            if let Some(index) = state.schedule.take(is_first) {
                return Some(index);
            }
            state = unpoisoned(self.changed.wait(state));
        }
    }

    fn run(&self, index: usize, session: &mut dyn TargetSession) -> offshoot_core::Result<()> {
        let plan = self.plan;
        let tables = &plan.snapshot.manifest.content.tables;
        match &plan.tasks[index].kind {
            TaskKind::Mark(step) => session.mark(&mark(plan, step)),
            TaskKind::Unmark => self.unmark(&plan.tasks[index].label, session),
            TaskKind::Barrier => Ok(()),
            TaskKind::Drop(object) => {
                let object = &plan.inspection.objects[*object];
                let work = Work {
                    stage: Stage::Drop,
                    label: format!("room by dropping {}", object.label),
                    sql: vec![object.drop_sql.clone()],
                    table: None,
                    exclusive: Vec::new(),
                    makes_table: false,
                    optional: false,
                    may_fail: false,
                };
                session.execute(&work).map(drop)
            }
            TaskKind::Work(work) => self.execute(*work, session),
            TaskKind::Load { table, replace, part } => {
                let entry = match table {
                    Some(table) => Some(&tables[*table]),
                    None => plan.snapshot.manifest.content.large_objects.as_ref(),
                };
                let Some(entry) = entry.filter(|entry| table.is_none() || !self.is_lost(entry)) else { return Ok(()) };
                let load = LoadWork { table: entry, large_objects: table.is_none(), replace: *replace, part: *part };
                self.load(&load, session)
            }
            TaskKind::Append(tables) => self.append(tables, session),
            TaskKind::Count(table) => self.count(&plan.snapshot.manifest.content.tables[*table], session),
            TaskKind::CountLargeObjects => {
                let expected = plan.snapshot.manifest.content.large_objects.as_ref().map_or(0, |entry| entry.root.rows);
                let there = session.count(&Counted::LargeObjects)?;
                self.compare_counts("large objects", expected, there)
            }
            TaskKind::Compare => {
                let mut adapted = plan.adapted.clone();
                let state = self.lock();
                let mut number = 0;
                adapted.works.retain(|_| {
                    number += 1;
                    !state.left_out.contains(&(number - 1))
                });
                adapted.losses.extend(state.report.losses.iter().cloned());
                drop(state);
                let differences = session.compare(plan.snapshot.manifest, &adapted)?;
                self.add_differences(differences)?;
                let state = self.lock();
                if state.differences.is_empty() { Ok(()) } else { Err(DIFFERS) }
            }
        }
    }

    fn execute(&self, index: usize, session: &mut dyn TargetSession) -> offshoot_core::Result<()> {
        let work = &self.plan.adapted.works[index];
        if let Executed::LeftOut { why } = session.execute(work)? {
            let mut state = self.lock();
            state.left_out.insert(index);
            state.report.losses.push(Note { object: work.label.clone(), reason: why });
            if work.makes_table {
                state.lost.extend(work.table.clone());
            }
        }
        Ok(())
    }

    fn is_lost(&self, entry: &TableEntry) -> bool {
        self.lock().lost.contains(&name(entry))
    }

    fn load(&self, load: &LoadWork<'_>, session: &mut dyn TargetSession) -> offshoot_core::Result<()> {
        let manifest = self.plan.snapshot.manifest;
        let context = LoadContext {
            rows: self.plan.snapshot.rows,
            look_ahead: &self.look_ahead,
            encoding: &manifest.environment.encoding,
            control: &self.control,
        };
        let loaded = session.load(load, &context)?;
        tracing::debug!(rows = loaded.rows, bytes = loaded.bytes, "loaded");
        let mut state = self.lock();
        state.report.rows += loaded.rows;
        state.report.bytes += loaded.bytes;
        Ok(())
    }

    fn count(&self, entry: &TableEntry, session: &mut dyn TargetSession) -> offshoot_core::Result<()> {
        if self.is_lost(entry) {
            return Ok(());
        }
        let expected = entry.root.rows + self.lock().there_before.get(&name(entry)).copied().unwrap_or(0);
        self.compare_counts(&format!("table {}", entry.spec.shown_name()), expected, count_rows(entry, session)?)
    }

    fn compare_counts(&self, object: &str, expected: u64, there: u64) -> offshoot_core::Result<()> {
        if expected == there {
            return Ok(());
        }
        let how = format!("it has {there} rows, the snapshot {expected}");
        self.add_differences(vec![Difference { object: object.to_owned(), how }])
    }

    fn add_differences(&self, differences: Vec<Difference>) -> offshoot_core::Result<()> {
        self.lock().differences.extend(differences);
        Ok(())
    }
}

fn name(entry: &TableEntry) -> (String, String) {
    (entry.spec.schema.clone(), entry.spec.name.clone())
}

/// Rows of a table, or of all partitions that it is loaded into.
fn count_rows(entry: &TableEntry, session: &mut dyn TargetSession) -> offshoot_core::Result<u64> {
    let whole = [name(entry)];
    let tables: &[_] = if entry.load.partitions.is_empty() { &whole } else { &entry.load.partitions };
    tables.iter().map(|(schema, name)| session.count(&Counted::Table(schema.clone(), name.clone()))).sum()
}

/// Stands in for the differences, which are reported in its place.
const DIFFERS: CoreError = CoreError::Protocol("the target is not what the snapshot says");

fn step_name(kind: &TaskKind, stage: Stage) -> &'static str {
    match kind {
        TaskKind::Mark(_) => "mark",
        TaskKind::Unmark => "unmark",
        TaskKind::Count(_) | TaskKind::CountLargeObjects | TaskKind::Compare => "compare",
        _ => stage_name(stage),
    }
}

/// Says that a worker is gone, also when it panics.
struct Leaving<'a, 'b>(&'a Shared<'b>);

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a worker".to_owned(), CoreError::Poisoned);
        }
        self.0.lock().workers -= 1;
        self.0.changed.notify_all();
    }
}

fn unpoisoned<T>(locked: std::result::Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
