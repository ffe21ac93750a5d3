//! The branches of the store that is meant, as a checkout's hooks and commands need them: opened when they are first needed.

use crate::commands::branch::{Making, Told, begin_tending, description, say};
use crate::context::{BranchWish, Context};
use crate::failure::Failure;
use crate::journal;
use crate::output::warn;
use offshoot::{Branches, Control, CreateOptions, CreatedBranch, ErrorKind, Store};
use offshoot_project::{Access, BranchError, DatabaseBranches, Made, Owner, ProjectError};
use std::cell::OnceCell;

/// The branches of a checkout.
pub struct CheckoutBranches<'a> {
    context: &'a Context,
    control: Control,
    raw: bool,
    strict: bool,
    opened: OnceCell<(Store, Branches)>,
}

impl<'a> CheckoutBranches<'a> {
    /// Of the store that the context means. `raw` takes raw snapshots, `strict` refuses drift.
    pub fn new(context: &'a Context, control: Control, raw: bool, strict: bool) -> Self {
        Self { context, control, raw, strict, opened: OnceCell::new() }
    }

    fn open(&self) -> Result<&(Store, Branches), BranchError> {
        if self.opened.get().is_none() {
            let store = self.context.open_store().map_err(told)?;
            let wish = BranchWish { raw: self.raw, strict: self.strict, finishes: true, ..BranchWish::default() };
            let branches = self.context.branches_of(&store, wish).map_err(told)?;
            let _ = self.opened.set((store, branches));
        }
        self.opened.get().ok_or_else(|| "the branches are opened twice at once".into())
    }
}

impl DatabaseBranches for CheckoutBranches<'_> {
    fn list(&self) -> Result<Vec<String>, BranchError> {
        let (_, branches) = self.open()?;
        branches.names().map_err(told)
    }

    fn identity(&self, name: &str) -> Result<Option<String>, BranchError> {
        let (_, branches) = self.open()?;
        match branches.id(name) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    fn create(&self, name: &str, from: Option<&str>, owner: Owner<'_>) -> Result<Option<Made>, BranchError> {
        let (store, branches) = self.open()?;
        if self.identity(name)?.is_some() {
            return Ok(None);
        }
        let from = self.context.from(store, from).map_err(told)?;
        // A branch that follows Git stays as long as its Git branch.
        let options = CreateOptions { ttl: None, is_owned: matches!(owner, Owner::Process) };
        let remember = |made: &CreatedBranch| match owner {
            Owner::Process => Ok(()),
            Owner::Remembered(remember) => {
                remember(&made.id).map_err(|error| Failure::plain(ErrorKind::Failed, error.to_string()))
            }
        };
        let making = Making { name, from: &from, options: &options, is_strict: self.strict, before_ready: &remember };
        let made = match making.run(self.context, branches, &self.control) {
            Ok(made) => made,
            // Somebody was faster.
            Err(failure) if failure.kind() == ErrorKind::Conflict && self.identity(name)?.is_some() => return Ok(None),
            Err(failure) => return Err(told(failure)),
        };
        // The branch is there: nothing from here on may look as if it were not.
        let told = description("ready", name, &made, branches);
        if !self.context.globals.quiet {
            say(&told);
        }
        if let Err(failure) = begin_tending(self.context) {
            warn(&failure.to_string());
        }
        let line = |told: &Told| if told.is_warning { format!("warning: {}", told.text) } else { told.text.clone() };
        Ok(Some(Made {
            access: access(name, &made.access),
            said: told.iter().map(line).collect(),
            warnings: told.iter().filter(|told| told.is_warning).count(),
            identity: made.id,
        }))
    }

    fn access(&self, name: &str) -> Result<Access, BranchError> {
        let (_, branches) = self.open()?;
        let (found, _) = branches.start(name, &self.control).map_err(told)?;
        Ok(access(name, &found))
    }

    fn delete(&self, name: &str, identity: Option<&str>) -> Result<bool, BranchError> {
        let (_, branches) = self.open()?;
        let deleted = match identity {
            Some(id) => branches.delete_only(name, id),
            None => branches.delete(name),
        };
        match deleted {
            Ok(()) => journal::deleted(self.context, name),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(told(error)),
        }
        Ok(true)
    }
}

/// What leads to a branch, as a checkout passes it on.
pub fn access(branch: &str, access: &offshoot::Access) -> Access {
    let variables = access.variables.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    Access { branch: branch.to_owned(), url: access.url.expose().to_owned(), variables: variables.collect() }
}

/// A failure in one line, with what to do next.
fn told(failure: impl Into<Failure>) -> BranchError {
    let failure: Failure = failure.into();
    let hint = failure.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    let causes: String = failure.causes().iter().map(|cause| format!(": {cause}")).collect();
    format!("{failure}{causes}{hint}").into()
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        let kind = match &error {
            ProjectError::NoRepository { .. } => ErrorKind::NotFound,
            ProjectError::NotOurs { .. } => ErrorKind::Conflict,
            ProjectError::Newer { .. } => ErrorKind::Unsupported,
            ProjectError::Yaml { .. } => ErrorKind::Usage,
            ProjectError::Interrupted { .. } => ErrorKind::Interrupted,
            _ => ErrorKind::Failed,
        };
        Self::plain(kind, error.to_string())
    }
}
