//! What a restore came to.

use offshoot_core::target::Stage;
use offshoot_format::manifest::Note;
use std::time::Duration;

/// What a restore came to. Having one means that the target was compared with the snapshot and agrees.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RestoreReport {
    /// Rows that were loaded, large objects counted as rows.
    pub rows: u64,
    /// Bytes that were sent for them.
    pub bytes: u64,
    /// How long everything took.
    pub elapsed: Duration,
    /// Where the time went, by kind of step, in the order of their beginnings; the shares add up to `elapsed`.
    pub steps: Vec<StepTime>,
    /// What the snapshot has and the target has not, because the user does without it.
    pub losses: Vec<Note>,
    /// What the user should know although all went well.
    pub warnings: Vec<String>,
}

/// What one kind of step took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTime {
    /// The kind.
    pub name: &'static str,
    /// When the first of them began, since the beginning of the restore.
    pub began: Duration,
    /// When the last of them ended, since the beginning of the restore.
    pub ended: Duration,
    /// Its part of the whole time: moments in which other tasks ran too are shared equally with them.
    pub share: Duration,
}

/// What plans and reports call the kinds of work.
pub(crate) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Drop => "drop",
        Stage::Roles => "roles",
        Stage::PreData => "schema",
        Stage::Rows => "rows",
        Stage::Index => "indexes",
        Stage::Constraint => "constraints",
        Stage::Attach => "attach indexes",
        Stage::ForeignKey => "foreign keys",
        Stage::Validate => "check foreign keys",
        Stage::PostData => "rest of the schema",
        Stage::Sequences => "sequences",
        Stage::Refresh => "refresh",
        Stage::Analyze => "analyze",
        Stage::Last => "last",
    }
}
