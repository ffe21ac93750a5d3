//! Where the branches of a store are, as an embedder says it.

use super::Shape;
use offshoot_restore::NeutralizeChoices;
use std::path::PathBuf;

/// Where branches are, and what is needed to run them.
#[derive(Debug, Clone, Default)]
pub struct BranchPlace {
    /// The folder of images and branches of all stores. One that can clone files (XFS or btrfs) makes branches in moments.
    pub home: PathBuf,
    /// The folder of sockets. A short path, because sockets have a limit of about a hundred bytes.
    pub runtime: PathBuf,
    /// The programs of PostgreSQL's server, where they are at no usual place.
    pub programs: Option<PathBuf>,
    /// Those of MySQL's or MariaDB's.
    pub mysql_programs: Option<PathBuf>,
    /// Folders to look for them, such as those of PATH.
    pub search: Vec<PathBuf>,
    /// The user's folder, below which version managers keep servers.
    pub user_home: Option<PathBuf>,
    /// What is left as it is although it could reach out.
    pub neutralize: NeutralizeChoices,
    /// Settings and role of branches.
    pub shape: Shape,
    /// Whether what resets left stays until [`Branches::tend`](super::Branches::tend), so that opening the branches does not
    /// wait for its removal.
    pub leaves_old_data: bool,
    /// Whether more is done in a branch once it is made or reset, until [`Branches::finish`](super::Branches::finish). A process that
    /// ends before leaves no branch that looks ready: a new one is removed, one that was reset has to be reset again.
    pub finishes: bool,
    /// Whether branches of raw snapshots may be made.
    pub raw: bool,
}
