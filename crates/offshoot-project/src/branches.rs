//! Database branches as a checkout needs them: a small trait, and what leads to a branch.
//!
//! Whoever can make branches implements the trait.

use crate::error::BranchError;
use std::fmt;

/// What is done with database branches. A call that answers has left a branch whole or not there, whatever becomes of the
/// process: half-made ones are healed by whoever implements this.
pub trait DatabaseBranches {
    /// The names of all branches.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self) -> Result<Vec<String>, BranchError>;

    /// What tells the branch of this name from every other one, also from one that has its name later; none where there is no
    /// such branch.
    ///
    /// # Errors
    /// When that cannot be said.
    fn identity(&self, name: &str) -> Result<Option<String>, BranchError>;

    /// Makes a branch of a snapshot, or of the one that the configuration means, and starts it; none where the name is taken.
    /// One whose owner is [`Owner::Process`] goes with this process: whoever looks after branches deletes it when the process has
    /// ended without doing so. Any other is nobody's until [`Owner::Remembered`] has its identity, and goes as well if this process
    /// ends before.
    ///
    /// # Errors
    /// When no branch can be made, or it is not remembered.
    fn create(&self, name: &str, from: Option<&str>, owner: Owner<'_>) -> Result<Option<Made>, BranchError>;

    /// What leads to a branch, which is started where it stands still.
    ///
    /// # Errors
    /// When there is no such branch, or it does not start.
    fn access(&self, name: &str) -> Result<Access, BranchError>;

    /// Deletes a branch, only the one of this identity where one is given. Says whether it was there; one that is gone
    /// already is no error.
    ///
    /// # Errors
    /// When it is still there afterwards.
    fn delete(&self, name: &str, identity: Option<&str>) -> Result<bool, BranchError>;
}

/// Whose a branch is.
pub enum Owner<'a> {
    /// This process's.
    Process,
    /// Whoever remembers it by its identity.
    Remembered(&'a dyn Fn(&str) -> Result<(), BranchError>),
}

/// A branch that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What leads to it.
    pub access: Access,
    /// What tells it from every other one.
    pub identity: String,
    /// What is to be said of it, a line each: what was switched off in it, and warnings.
    pub said: Vec<String>,
    /// How many of these are warnings.
    pub warnings: usize,
}

/// What leads a program to a branch's database. Its Debug holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// The branch.
    pub branch: String,
    /// The connection URL, password included.
    pub url: String,
    /// The variables that the engine's own programs read: `PGHOST` and so on.
    pub variables: Vec<(String, String)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("branch", &self.branch).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What leads to a branch that is nowhere.
    pub(crate) fn access_to(branch: &str) -> Access {
        let variables = [("PGHOST", "127.0.0.1"), ("PGPASSWORD", "s3cret"), ("PGSSLMODE", "disable")];
        Access {
            branch: branch.to_owned(),
            url: "postgres://app:s3cret@127.0.0.1:5433/shop".to_owned(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        }
    }

    #[test]
    fn no_debug_holds_a_password() {
        assert_eq!(format!("{:?}", access_to("x")), "Access { branch: \"x\", .. }");
    }
}
