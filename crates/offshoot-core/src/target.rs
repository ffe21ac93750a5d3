//! What a database engine implements to be restored into, and what it is given to take the rows from.
//!
//! The engine says what is there, turns a snapshot into work in its own statements, and does one piece of work at a time
//! on as many sessions as it is asked for. What is done when, what runs beside what, and what happens on a failure is
//! decided by who plans the restore, not here.
//!
//! Calls block, so they are made from plain threads, never from inside an async runtime's worker.

use crate::look_ahead::LookAhead;
use crate::read::LeafHandle;
use crate::{Control, Result};
use offshoot_format::blob::BlobRef;
use offshoot_format::column::Batch;
use offshoot_format::manifest::{Manifest, Note, TableEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU64;

/// Where the rows of a snapshot come from: a reader of the store, or a stand-in of a test.
pub trait Rows: Sync {
    /// The leaves of a table in key order.
    ///
    /// # Errors
    /// If the store is damaged.
    fn leaves(&self, table: &TableEntry) -> Result<Vec<LeafHandle>>;

    /// The rows of a leaf, verified. Called from any thread.
    ///
    /// # Errors
    /// If the store is damaged.
    fn batch(&self, table: &TableEntry, leaf: &LeafHandle) -> Result<Batch>;

    /// A large value in pieces of at most 1 MiB, verified.
    ///
    /// # Errors
    /// If the store is damaged.
    fn blob<'a>(&'a self, blob: &BlobRef) -> Result<Box<dyn Iterator<Item = Result<Vec<u8>>> + 'a>>;
}

/// A database that can be restored into.
pub trait Target: Sync {
    /// What is there, as far as it matters for this snapshot. Changes nothing.
    ///
    /// # Errors
    /// If there is no connection or the server refuses.
    fn inspect(&self, manifest: &Manifest) -> Result<Inspection>;

    /// The snapshot's schema as work for this target. Pure: looks at its arguments alone.
    fn adapt(&self, manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Adapted;

    /// A session, used by one thread.
    ///
    /// # Errors
    /// If there is no connection or the server refuses.
    fn session(&self, choices: &Choices) -> Result<Box<dyn TargetSession + '_>>;

    /// Ends what all sessions are doing, from another thread; they fail soon after.
    fn interrupt(&self);
}

/// One connection to a target.
pub trait TargetSession {
    /// Marks the target as incomplete, or changes the step that the mark names.
    ///
    /// # Errors
    /// If the server refuses.
    fn mark(&mut self, mark: &Mark) -> Result<()>;

    /// Removes the mark.
    ///
    /// # Errors
    /// If the server refuses.
    fn unmark(&mut self) -> Result<()>;

    /// Whether the target is marked as incomplete.
    ///
    /// # Errors
    /// If the server refuses.
    fn is_marked(&mut self) -> Result<bool>;

    /// Runs statements, each for itself.
    ///
    /// # Errors
    /// If the server refuses one.
    fn execute(&mut self, work: &Work) -> Result<Executed>;

    /// Loads rows.
    ///
    /// # Errors
    /// If the server refuses, the store is damaged or the operation is cancelled.
    fn load(&mut self, load: &LoadWork<'_>, context: &LoadContext<'_>) -> Result<Loaded>;

    /// Which of these tables are there, by number, in an order in which rows can be added to them: each after those that its
    /// rows refer to.
    ///
    /// # Errors
    /// If the server refuses.
    fn appendable(&mut self, tables: &[&TableEntry]) -> Result<Vec<usize>>;

    /// Rows that are there now, counted exactly.
    ///
    /// # Errors
    /// If the server refuses.
    fn count(&mut self, what: &Counted) -> Result<u64>;

    /// What of the snapshot's schema, as it was adapted, is not on the target or differs there; by name, without values.
    ///
    /// # Errors
    /// If the server refuses.
    fn compare(&mut self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>>;
}

/// What a target is and holds.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// What tells the server from all others.
    pub system_id: String,
    /// What tells the database from others on that server.
    pub database_id: String,
    /// The database's name.
    pub database: String,
    /// The role of the session.
    pub user: String,
    /// Whether that role may do anything.
    pub superuser: bool,
    /// Version as the server prints it.
    pub version: String,
    /// Version as a number: 150018.
    pub version_num: u32,
    /// Database encoding.
    pub encoding: String,
    /// LC_COLLATE of the database, and what else decides its order.
    pub collate: String,
    /// Extensions that are installed or could be.
    pub extensions: Vec<AvailableExtension>,
    /// Collations, qualified as the snapshot's environment names them.
    pub collations: Vec<String>,
    /// Roles of the server, and whether the session's role may act as them.
    pub roles: Vec<(String, bool)>,
    /// Whether the role may make roles.
    pub may_create_roles: bool,
    /// Objects of users, in the order in which they can be dropped.
    pub objects: Vec<UserObject>,
    /// The mark of a restore that did not end.
    pub mark: Option<Mark>,
    /// Settings of the server that decide what can be restored, as the engine names them.
    pub settings: BTreeMap<String, String>,
    /// Rights that any restore needs and that are missing.
    pub missing_rights: Vec<Problem>,
    /// Memory that the server gives to building an index by itself, in bytes.
    pub maintenance_bytes: u64,
}

/// An extension of a target's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableExtension {
    /// Its name.
    pub name: String,
    /// Where it is installed in the database, if it is.
    pub installed_in: Option<String>,
    /// Whether the session's role may install it.
    pub may_install: bool,
}

/// An object that stands in the way of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserObject {
    /// What it is: `table public.users`.
    pub label: String,
    /// The statement that drops it.
    pub drop_sql: String,
}

/// What says that a target is incomplete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The snapshot that is being restored.
    pub snapshot: String,
    /// The step that was under way, or failed.
    pub step: String,
    /// Extensions that were there before.
    pub extensions: Vec<String>,
    /// Roles that it makes or made. They belong to the server, and are not dropped when it starts over.
    pub roles: Vec<String>,
}

/// What a user decides about a restore, as far as the engine must know.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// What becomes of owners and privileges.
    pub roles: Roles,
    /// Extensions to do without.
    pub skip_extensions: Vec<String>,
    /// Memory for building indexes, in bytes, of all sessions together.
    pub maintenance_bytes: u64,
    /// Sessions that work at once.
    pub jobs: usize,
    /// Whether statistics are gathered.
    pub analyze: bool,
    /// Whether a materialized view that cannot be filled here is left empty, and named.
    pub leaves_views_empty: bool,
}

/// What becomes of owners and privileges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Roles {
    /// Roles that are missing are made, without a password and without the right to log in.
    #[default]
    Create,
    /// Roles of the same name are used; where one is missing, its objects belong to the session's role.
    Map,
    /// Everything belongs to the session's role, and no privileges are set.
    Skip,
}

/// A snapshot's schema as work for one target.
#[derive(Debug, Clone, Default)]
pub struct Adapted {
    /// The work. Within a stage that is not parallel, in order.
    pub works: Vec<Work>,
    /// What the target does without, because the user said so.
    pub losses: Vec<Note>,
    /// What keeps the snapshot from being restored here.
    pub problems: Vec<Problem>,
    /// What the user should know although the restore can go on.
    pub warnings: Vec<String>,
    /// Bytes of rows above which a table is loaded in parts of about this size, side by side; none where one session loads
    /// a table best.
    pub part_bytes: Option<NonZeroU64>,
    /// Tables whose parts are loaded one at a time, because the server lets nobody else in meanwhile.
    pub one_at_a_time: BTreeSet<(String, String)>,
}

/// Something that keeps a snapshot from being restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: `the extension hstore is not available on the target`.
    pub what: String,
    /// What to do about it, a command where there is one.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.what, self.mend)
    }
}

/// What became of a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// It is done.
    Done,
    /// It was left out, because what it is made of was left out before, as the user allowed.
    LeftOut {
        /// The server's reason.
        why: String,
    },
}

/// When a piece of work is due. The order of the variants is the order of the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What stands in the way is dropped, one after the other.
    Drop,
    /// Roles, one after the other.
    Roles,
    /// All that must be there before rows, one after the other.
    PreData,
    /// The rows. Made by the planner, not by the engine.
    Rows,
    /// Indexes, in parallel once the rows of their table are loaded; unique ones first.
    Index,
    /// Constraints over those indexes or checked by reading their table, once all its indexes are there.
    Constraint,
    /// Indexes are joined to those of the partitioned table, one after the other.
    Attach,
    /// Foreign keys that are made without looking at rows, or at once.
    ForeignKey,
    /// Foreign keys are checked against the rows, in parallel.
    Validate,
    /// All the rest, one after the other.
    PostData,
    /// Sequences are set, and what else depends on rows being there.
    Sequences,
    /// Materialized views are filled, one after the other.
    Refresh,
    /// Statistics are gathered, in parallel.
    Analyze,
    /// What would act on all this, at the very end: event triggers, settings of the database.
    Last,
}

impl Stage {
    /// Whether the work of this stage may run side by side.
    #[must_use]
    pub fn is_parallel(self) -> bool {
        matches!(self, Self::Rows | Self::Index | Self::Constraint | Self::ForeignKey | Self::Validate | Self::Analyze)
    }
}

/// A piece of work in the target's own statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// When it is due.
    pub stage: Stage,
    /// What it makes, for plans and messages: `INDEX public.users_email`.
    pub label: String,
    /// The statements; no value of a row is in them.
    pub sql: Vec<String>,
    /// The table (schema, name) whose rows it reads or that it changes; its size says how long it takes.
    pub table: Option<(String, String)>,
    /// Tables that nothing else may work on at the same time; one without a name stands for what an engine does alone.
    pub exclusive: Vec<(String, String)>,
    /// Whether it makes `table`, so that without it there are no rows to be loaded.
    pub makes_table: bool,
    /// Whether it may be left out when what it is made of is not there, because the user does without that.
    pub optional: bool,
    /// Whether it is left out whatever the server answers to it, as long as the server is well.
    pub may_fail: bool,
}

/// Rows to be loaded into one table.
#[derive(Debug, Clone)]
pub struct LoadWork<'a> {
    /// The table, or the large objects.
    pub table: &'a TableEntry,
    /// Whether these are large objects.
    pub large_objects: bool,
    /// Whether the table is emptied in the same transaction, so that its rows can be written in their final form.
    pub replace: bool,
    /// Which of its rows.
    pub part: Part,
}

/// A run of a table's leaves, in key order: one of parts of about the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its number, from zero.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Part {
    /// All rows.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// The leaves of this part.
    #[must_use]
    pub fn leaves(self, leaves: &[LeafHandle]) -> &[LeafHandle] {
        let total = leaves.iter().map(|leaf| u128::from(leaf.bytes)).sum::<u128>().max(1);
        let (mut before, mut begin, mut end) = (0_u128, 0, 0);
        for leaf in leaves {
            // A leaf belongs where its first byte does.
            let number = (before * self.of as u128 / total).min(self.of as u128 - 1);
            before += u128::from(leaf.bytes);
            begin += usize::from(number < self.number as u128);
            end += usize::from(number <= self.number as u128);
        }
        &leaves[begin..end]
    }
}

/// What loading rows needs around it.
#[derive(Clone, Copy)]
pub struct LoadContext<'a> {
    /// Where rows come from.
    pub rows: &'a dyn Rows,
    /// Who decodes them.
    pub look_ahead: &'a LookAhead,
    /// The snapshot's encoding of texts.
    pub encoding: &'a str,
    /// Stops and watches.
    pub control: &'a Control,
}

/// What was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Rows, as the server counted them.
    pub rows: u64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// What rows are counted of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// A table alone, without those that inherit from it.
    Table(String, String),
    /// The large objects.
    LargeObjects,
}

/// Something on the target that is not as the snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object: `index public.users_email`.
    pub object: String,
    /// How it differs; no value of a row.
    pub how: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.how)
    }
}

impl Rows for crate::snapshot::SnapshotReader {
    fn leaves(&self, table: &TableEntry) -> Result<Vec<LeafHandle>> {
        Self::leaves(self, table)
    }

    fn batch(&self, table: &TableEntry, leaf: &LeafHandle) -> Result<Batch> {
        Self::batch(self, table, leaf)
    }

    fn blob<'a>(&'a self, blob: &BlobRef) -> Result<Box<dyn Iterator<Item = Result<Vec<u8>>> + 'a>> {
        Ok(Box::new(Self::blob(self, blob)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::ids::ChunkId;

    #[test]
    fn parts_hold_each_leaf_once_and_in_order() {
        let leaf = |bytes: u64| LeafHandle { id: ChunkId::from_bytes([0; 32]), rows: bytes, bytes };
        for sizes in [vec![], vec![0, 0], vec![7], vec![1, 1, 1, 1, 1], vec![100, 1, 1, 0], vec![1, 1, 100]] {
            let leaves: Vec<LeafHandle> = sizes.iter().copied().map(leaf).collect();
            for of in 1..7 {
                let parts =
                    (0..of).flat_map(|number| Part { number, of }.leaves(&leaves).iter().map(|leaf| leaf.bytes));
                assert_eq!(parts.collect::<Vec<u64>>(), sizes, "{of} parts");
            }
        }
    }
}
