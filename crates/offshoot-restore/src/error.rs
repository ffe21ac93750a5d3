//! The error of this crate, by what a caller can do about it.

use offshoot_core::CoreError;
use offshoot_core::target::{Difference, Problem};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, RestoreError>;

/// Names that a message lists before it only counts.
const LISTED_MAX: usize = 20;

/// Why a snapshot was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The rows were not scrubbed.
    #[error("the snapshot is raw: its rows were not scrubbed. Restore a scrubbed one, or acknowledge that it is raw")]
    Raw,
    /// The target is where the snapshot comes from.
    #[error("database {database} is the snapshot's own source and is never restored into. Name another database")]
    OwnSource {
        /// The database's name.
        database: String,
    },
    /// The target may be where the snapshot comes from, and nothing tells.
    #[error(
        "database {database} may be the snapshot's own source: it has its name and number, and which server it is was not to be \
         seen, now or when the snapshot was taken. Restore into a database of another name. Or run on both servers \
         GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO the roles of capture and restore, and take the snapshot again"
    )]
    PerhapsSource {
        /// The database's name.
        database: String,
    },
    /// There is something in the target.
    #[error(
        "database {database} is not empty: it holds {}. Restore into an empty database, or drop all that with --force",
        listed(objects)
    )]
    NotEmpty {
        /// The database's name.
        database: String,
        /// What is there.
        objects: Vec<String>,
    },
    /// The snapshot cannot be restored into this target as it is.
    #[error("the snapshot cannot be restored here, and nothing was changed:\n{}", lines(problems))]
    Unfit {
        /// Everything that is in the way.
        problems: Vec<Problem>,
    },
    /// The target could not be looked at. Nothing was changed.
    #[error("the target could not be looked at, and nothing was changed: {source}")]
    Inspect {
        /// The engine's error.
        #[source]
        source: CoreError,
    },
    /// The caller asked to stop.
    #[error("interrupted at {step}; the target is marked as incomplete. Run the restore again: it starts over")]
    Cancelled {
        /// What was going on.
        step: String,
    },
    /// A step failed.
    #[error(
        "{step} failed: {source}. The target is marked as incomplete; mend the cause and run the restore again: it starts over"
    )]
    Step {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: CoreError,
    },
    /// Everything was done and compared, and the answer to the last step was lost: whether the mark is gone cannot be seen.
    #[error(
        "all was restored and compared, but whether the target is still marked as incomplete could not be seen: {source}. It may be \
         complete: it is, if the target has no mark (in PostgreSQL the schema offshoot_incomplete). Else run the restore again: it starts over"
    )]
    Unsure {
        /// Why not.
        #[source]
        source: CoreError,
    },
    /// Everything was done, and yet the target is not what the snapshot says.
    #[error(
        "the target is not what the snapshot says, so it stays marked as incomplete:\n{}\nRun the restore again; if it is the same, report it",
        lines(differences)
    )]
    Differs {
        /// What differs, by name.
        differences: Vec<Difference>,
    },
}

impl RestoreError {
    /// Whether nothing was done for the safety of what is there.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Raw | Self::OwnSource { .. } | Self::PerhapsSource { .. } | Self::NotEmpty { .. })
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(LISTED_MAX) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn lines<T: ToString>(items: &[T]) -> String {
    let mut lines: Vec<String> = items.iter().take(LISTED_MAX).map(|item| format!("- {}", item.to_string())).collect();
    if items.len() > LISTED_MAX {
        lines.push(format!("- and {} more", items.len() - LISTED_MAX));
    }
    lines.join("\n")
}
