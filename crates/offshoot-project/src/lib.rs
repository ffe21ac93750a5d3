//! What a checkout of an application has: a database that follows its Git branch, a journal, declared services, runs.
//!
//! Making, resetting and deleting database branches is the library's work, and this crate reaches it through one small trait,
//! [`DatabaseBranches`]. Nothing here opens a store or talks to a server, and nothing reads a terminal; the process
//! environment is looked at in one place, where a command is started with it ([`run`]).
//!
//! - [`env`](mod@env): the variables that lead an application to its branch, for shells and in files.
//! - [`git`]: hooks that give every Git branch a database branch, and take it away with it.
//! - [`run`](mod@run): a command with a branch of its own, which is gone when the command is.
//! - [`journal`]: when each branch was asked for and ready; what that adds up to.
//! - [`services`]: what the project declares to run on.
//! - [`parity`]: what differs between where a snapshot was taken and where its branch runs.

mod branches;
pub mod env;
mod error;
mod file;
pub mod git;
pub mod journal;
pub mod parity;
pub mod run;
pub mod services;

pub use branches::{Access, DatabaseBranches, Made, Owner};
pub use error::{BranchError, ProjectError, Result};
