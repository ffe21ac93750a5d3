//! The errors of branches and images as those of the library, by what a caller can do about them.

use crate::{Error, ErrorKind};
use offshoot_restore::branch::BranchError;

impl From<BranchError> for Error {
    fn from(error: BranchError) -> Self {
        match error {
            BranchError::Server { source } => source.into(),
            BranchError::Load { source } => {
                let told = Self::from(source);
                let hint = told.hint().unwrap_or("mend the cause and try again").to_owned();
                Self::new(told.kind(), format!("the image could not be made: {told}"), hint)
            }
            error => Self::retell(kind(&error), error),
        }
    }
}

fn kind(error: &BranchError) -> ErrorKind {
    match error {
        BranchError::NoBranch { .. } => ErrorKind::NotFound,
        BranchError::Taken { .. } | BranchError::Busy { .. } | BranchError::ImageGone => ErrorKind::Conflict,
        BranchError::BadName { .. } => ErrorKind::Usage,
        BranchError::Raw | BranchError::NotOurs { .. } => ErrorKind::Refused,
        BranchError::NoDatabaseClones { .. } => ErrorKind::Unsupported,
        BranchError::Cancelled => ErrorKind::Interrupted,
        _ => ErrorKind::Failed,
    }
}
