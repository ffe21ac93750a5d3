//! Making and resetting a branch with all that belongs to it: what the team wants done in it, parity, the journal.
//!
//! Until all of that is done the branch is not ready: who is killed before leaves none that looks so.

use super::hooks;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::warn;
use crate::{journal, parity, progress};
use offshoot::{Branches, Control, CreateOptions, CreatedBranch};
use std::time::Instant;

/// What the steps after making are called where they are counted.
const AFTER: &str = "after it";

/// A branch to make.
pub struct Making<'a> {
    pub name: &'a str,
    pub from: &'a str,
    pub options: &'a CreateOptions,
    /// Whether one that differs from where its snapshot was taken is refused.
    pub is_strict: bool,
    /// The last that is done before it is ready.
    pub before_ready: &'a dyn Fn(&CreatedBranch) -> Result<(), Failure>,
}

impl Making<'_> {
    /// Makes it. Nothing is left of one that fails.
    pub fn run(&self, context: &Context, branches: &Branches, control: &Control) -> Result<CreatedBranch, Failure> {
        journal::making(context, self.name, Some(self.from), || {
            let mut made = branches.create(self.name, self.from, self.options, control)?;
            progress::end();
            let check = |made: &CreatedBranch| {
                if self.is_strict {
                    parity::refuse_drift(context, branches, self.name)?;
                }
                (self.before_ready)(made)
            };
            if let Err(failure) = finish(context, branches, self.name, &mut made, control, check) {
                // What cannot be deleted now is deleted by the next command.
                if let Err(error) = branches.delete_only(self.name, &made.id) {
                    warn(&format!("{} is not deleted yet: {error}", self.name));
                }
                return Err(failure);
            }
            Ok(made)
        })
    }
}

/// Resets a branch. One whose later steps fail stays as they left it, and is not ready.
pub fn reset(
    context: &Context,
    branches: &Branches,
    name: &str,
    to: Option<&str>,
    control: &Control,
) -> Result<CreatedBranch, Failure> {
    journal::resetting(context, name, || {
        let mut made = branches.reset(name, to, control)?;
        progress::end();
        finish(context, branches, name, &mut made, control, |_| Ok(()))?;
        Ok(made)
    })
}

fn finish(
    context: &Context,
    branches: &Branches,
    name: &str,
    made: &mut CreatedBranch,
    control: &Control,
    check: impl FnOnce(&CreatedBranch) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let began = Instant::now();
    hooks::run(context, branches, name, made, control)?;
    check(made)?;
    branches.finish(name, &made.id)?;
    made.steps.push((AFTER, began.elapsed()));
    Ok(())
}
