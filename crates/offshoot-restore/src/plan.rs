//! What a restore will do, as a value that can be read before anything is done.
//!
//! Making a plan refuses what must not be done; it connects to nothing and changes nothing.

mod build;
mod display;

use crate::snapshot::Accepted;
use crate::{RestoreError, Result};
use offshoot_core::target::{Adapted, Choices, Inspection, Part, Stage, Target};

/// What a user decides about a restore.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// What the engine must know: jobs, roles, extensions to do without, memory for indexes, statistics.
    pub choices: Choices,
    /// Whether objects of users in the target are dropped.
    pub force: bool,
    /// Whether the target's server was made for this restore, and so is no snapshot's source.
    pub is_new_server: bool,
    /// Memory for rows that are decoded ahead, in bytes, of all sessions together.
    pub look_ahead_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let choices = Choices { maintenance_bytes: 1 << 30, jobs, analyze: true, ..Choices::default() };
        Self { choices, force: false, is_new_server: false, look_ahead_bytes: 96 << 20 }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What.
    pub kind: TaskKind,
    /// The kind of work that it counts as.
    pub stage: Stage,
    /// Its name in messages.
    pub label: String,
    /// Tasks that must be done before it, by number.
    pub needs: Vec<usize>,
    /// Whether it must run on the first session, because it depends on what was set there.
    pub first_session: bool,
    /// Tables that nothing else may work on at the same time.
    pub exclusive: Vec<(String, String)>,
    /// A table that others may work on at the same time, but nobody alone.
    pub shared: Option<(String, String)>,
    /// How much there is to do, in bytes of rows.
    pub bytes: u64,
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskKind {
    /// Marks the target as incomplete, at this step.
    Mark(String),
    /// Drops an object by its number in the inspection.
    Drop(usize),
    /// Work of the engine, by its number.
    Work(usize),
    /// Loads a table by its number in the manifest, or the large objects.
    Load {
        /// The table.
        table: Option<usize>,
        /// Whether it is emptied in the same transaction and its rows are written in their final form.
        replace: bool,
        /// Which of its rows.
        part: Part,
    },
    /// Adds rows to tables that extensions bring, by their numbers in the manifest.
    Append(Vec<usize>),
    /// Nothing: others wait for all that it waits for.
    Barrier,
    /// Counts the rows of a table, by its number in the manifest, and compares.
    Count(usize),
    /// Counts the large objects.
    CountLargeObjects,
    /// Compares the catalog.
    Compare,
    /// Removes the mark.
    Unmark,
}

/// What a restore will do.
#[derive(Debug)]
pub struct Plan<'a> {
    pub(crate) snapshot: Accepted<'a>,
    pub(crate) inspection: Inspection,
    pub(crate) adapted: Adapted,
    pub(crate) options: Options,
    pub(crate) tasks: Vec<Task>,
}

impl<'a> Plan<'a> {
    /// Looks at the target and plans.
    ///
    /// # Errors
    /// `Inspect` if the target cannot be looked at; else as [`Self::from_inspection`].
    pub fn new(snapshot: impl Into<Accepted<'a>>, target: &dyn Target, options: Options) -> Result<Self> {
        let snapshot = snapshot.into();
        let inspection = target.inspect(snapshot.manifest).map_err(|source| RestoreError::Inspect { source })?;
        let adapted = target.adapt(snapshot.manifest, &inspection, &options.choices);
        Self::from_inspection(snapshot, inspection, adapted, options)
    }

    /// Plans from what was seen.
    ///
    /// # Errors
    /// `OwnSource`, `PerhapsSource`, `NotEmpty` and `Unfit` where the restore is refused.
    pub fn from_inspection(
        snapshot: impl Into<Accepted<'a>>,
        inspection: Inspection,
        adapted: Adapted,
        options: Options,
    ) -> Result<Self> {
        let snapshot = snapshot.into();
        refuse(&snapshot, &inspection, &adapted, &options)?;
        let tasks = build::tasks(&snapshot, &inspection, &adapted);
        Ok(Self { snapshot, inspection, adapted, options, tasks })
    }

    /// The tasks, by number.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// What was seen of the target.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// The work of the engine, what it leaves out, and what the user should know.
    #[must_use]
    pub fn adapted(&self) -> &Adapted {
        &self.adapted
    }
}

fn refuse(snapshot: &Accepted<'_>, inspection: &Inspection, adapted: &Adapted, options: &Options) -> Result<()> {
    let origin = &snapshot.manifest.origin;
    let is_known = !origin.system_id.is_empty() && !inspection.system_id.is_empty();
    if origin.database_id == inspection.database_id && !options.is_new_server {
        let database = inspection.database.clone();
        if is_known && origin.system_id == inspection.system_id {
            return Err(RestoreError::OwnSource { database });
        }
        // Without the servers' numbers, the name is all that is left to go by.
        if !is_known && origin.database == database {
            return Err(RestoreError::PerhapsSource { database });
        }
    }
    if !inspection.objects.is_empty() && inspection.mark.is_none() && !options.force {
        let objects = inspection.objects.iter().map(|object| object.label.clone()).collect();
        return Err(RestoreError::NotEmpty { database: inspection.database.clone(), objects });
    }
    if !adapted.problems.is_empty() {
        return Err(RestoreError::Unfit { problems: adapted.problems.clone() });
    }
    Ok(())
}
