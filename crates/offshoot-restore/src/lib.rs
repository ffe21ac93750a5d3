//! Materialize: plan a restore, apply it.
//!
//! A [`Plan`] is a value: it is made from a snapshot and what was seen of the target, it can be read and printed, and
//! nothing happens until [`apply`] is given it. This crate knows no database engine; it orders the work that an engine's
//! [`Target`](offshoot_core::target::Target) names, runs it side by side, and says "restored" only after comparing.

mod apply;
pub mod branch;
mod clock;
pub mod clone;
mod error;
pub mod home;
pub mod image;
mod lock;
mod neutralize;
mod plan;
pub mod pool;
mod program;
mod record;
mod report;
mod schedule;
pub mod server;
mod snapshot;
mod walk;

pub use apply::apply;
pub use error::{RestoreError, Result};
pub use neutralize::{NeutralizeChoices, Neutralized, Outcome};
pub use plan::{Options, Plan, Task, TaskKind};
pub use report::{RestoreReport, StepTime};
pub use snapshot::{Accepted, RawSnapshot, ScrubbedSnapshot};
