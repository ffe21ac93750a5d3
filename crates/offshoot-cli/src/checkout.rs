//! The branches of the store that is meant, as a checkout's hooks and commands need them: opened when they are first needed.

use crate::commands::branch::{Making, begin_tending, describe};
use crate::context::{BranchWish, Context};
use crate::failure::Failure;
use crate::journal;
use offshoot::{Branches, Control, CreateOptions, ErrorKind, Store};
use offshoot_project::{Access, BranchError, DatabaseBranches, ProjectError};
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
            let wish = BranchWish { raw: self.raw, strict: self.strict, ..BranchWish::default() };
            let branches = self.context.branches_of(&store, wish).map_err(told)?;
            let _ = self.opened.set((store, branches));
        }
        self.opened.get().ok_or_else(|| "the branches are opened twice at once".into())
    }
}

impl DatabaseBranches for CheckoutBranches<'_> {
    fn list(&self) -> Result<Vec<String>, BranchError> {
        let (_, branches) = self.open()?;
        Ok(branches.list().map_err(told)?.iter().map(|branch| branch.name.to_string()).collect())
    }

    fn create(&self, name: &str, from: Option<&str>, for_run: bool) -> Result<Access, BranchError> {
        let (store, branches) = self.open()?;
        let from = self.context.from(store, from).map_err(told)?;
        // A branch that follows Git stays as long as its Git branch.
        let options = CreateOptions { ttl: None, is_owned: for_run };
        let making = Making { name, from: &from, options: &options, is_strict: self.strict };
        let made = making.run(self.context, branches, &self.control).map_err(told)?;
        if !self.context.globals.quiet {
            describe("ready", name, &made, branches).map_err(told)?;
        }
        begin_tending(self.context).map_err(told)?;
        Ok(access(name, &made.access))
    }

    fn access(&self, name: &str) -> Result<Access, BranchError> {
        let (_, branches) = self.open()?;
        let (found, _) = branches.start(name, &self.control).map_err(told)?;
        Ok(access(name, &found))
    }

    fn delete(&self, name: &str) -> Result<(), BranchError> {
        let (_, branches) = self.open()?;
        match branches.delete(name) {
            Ok(()) => journal::deleted(self.context, name),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(told(error)),
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool, BranchError> {
        let (_, branches) = self.open()?;
        match branches.access(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(told(error)),
        }
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
