//! Branches: writable, disposable databases, each a server of its own on a clone of an image.
//!
//! There is no daemon. Each branch is a folder with a record, and whoever works on one holds the folder's lock, which the
//! system lets go of when the process ends, however it ends. So [`Branches::open`] can heal: what is half done and not
//! locked was left by somebody who died, and is removed, with its server and its socket.
//!
//! The order of writing: a record that says `creating` before anything else is there; the clone; the server; and only then a
//! record that says `ready`. Removing goes the other way. A reset clones beside the old data, and the record that names the
//! new one is the moment in which it happens; the old data goes when nobody waits for it.

mod create;
mod delete;
mod error;
mod finishing;
mod heal;
mod hosted;
mod late;
mod life;
mod list;
mod name;
mod old_data;
mod port;
mod quiet;
mod record;
mod reset;
mod room;
mod spares;

pub use create::{Created, Wish};
pub use error::{BranchError, Result};
pub use heal::Healed;
pub use life::Started;
pub use list::{BranchInfo, BranchState};
pub use name::BranchName;
pub use record::{Isolation, Shape};
pub use spares::SpareWish;

use crate::home::Home;
use crate::lock::{FolderLock, Tried};
use crate::server::{Access, Client, Server, Servers};
use offshoot_core::refs::near;
use offshoot_core::store::has_ended;
use offshoot_format::record::Holder;
use record::{BranchRecord, State};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command waits for another one that works on the same branch.
const BRANCH_WAIT: Duration = Duration::from_secs(120);

/// Names that an error proposes.
const PROPOSALS_MAX: usize = 3;

/// The branches of one store on this machine.
#[derive(Clone)]
pub struct Branches {
    home: Home,
    servers: Arc<dyn Servers>,
}

impl Branches {
    /// The branches of a home, healed: what killed processes left is gone, and so is what is past its time. What resets left
    /// takes up room, and no more than that, until [`Self::remove_old_data`].
    ///
    /// # Errors
    /// If the folders cannot be read.
    pub fn open(home: Home, servers: Arc<dyn Servers>) -> Result<(Self, Healed)> {
        let branches = Self { home, servers };
        let healed = branches.heal()?;
        Ok((branches, healed))
    }

    /// Where they are.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Where their servers come from.
    #[must_use]
    pub fn servers(&self) -> &dyn Servers {
        &*self.servers
    }

    /// How to get into a branch, whether its server runs or not.
    ///
    /// # Errors
    /// `NoBranch`; `NotReady` while it is being made.
    pub fn access(&self, name: &BranchName) -> Result<Access> {
        let record = self.ready(name)?;
        Ok(self.access_of(&record, &*self.server_of(&record)?))
    }

    /// The engine's own client program, as it gets into a branch with the variables of its access.
    ///
    /// # Errors
    /// As [`Self::access`]; if the branch's programs are gone.
    pub fn client(&self, name: &BranchName) -> Result<Client> {
        let record = self.ready(name)?;
        let site = record.site(&self.home);
        Ok(self.server_of(&record)?.client(&site, &record.database, record.shape.role.as_deref()))
    }

    fn access_of(&self, record: &BranchRecord, server: &dyn Server) -> Access {
        let site = record.site(&self.home);
        server.access(&site, &record.database, record.shape.role.as_deref(), &record.password)
    }

    fn server_of(&self, record: &BranchRecord) -> Result<Arc<dyn Server>> {
        Ok(self.servers.at(&record.programs)?)
    }

    /// All records that can be read.
    fn records(&self) -> Result<Vec<BranchRecord>> {
        let folders = crate::image::folders(&self.home.branches())?;
        Ok(folders.iter().filter_map(|folder| record::load(folder).ok().flatten()).collect())
    }

    fn find(&self, name: &BranchName) -> Result<BranchRecord> {
        let records = self.records()?;
        let is_it = |record: &&BranchRecord| record.name.as_ref() == Some(name) && record.state != State::Deleting;
        if let Some(found) = records.iter().find(is_it) {
            return Ok(found.clone());
        }
        let names = records.iter().filter_map(|record| record.name.as_ref()).map(BranchName::as_str);
        Err(BranchError::NoBranch { name: name.to_string(), near: near(name.as_str(), names, PROPOSALS_MAX) })
    }

    fn ready(&self, name: &BranchName) -> Result<BranchRecord> {
        let record = self.find(name)?;
        if record.state != State::Ready {
            let next = "Wait until it is ready";
            return Err(BranchError::NotReady { name: name.to_string(), state: "being made", next });
        }
        if record.is_half() {
            let (state, next) =
                ("half made: what had to be done in it was cut off", "Reset it to its snapshot, or delete it");
            return Err(BranchError::NotReady { name: name.to_string(), state, next });
        }
        if self.is_lost(&record) {
            let next = "Reset it to its snapshot, or delete it";
            let state = "lost: the machine went down before its files were on the disk";
            return Err(BranchError::NotReady { name: name.to_string(), state, next });
        }
        Ok(record)
    }

    /// A branch by its name, locked for this process, and its record as it is under the lock.
    fn locked(&self, name: &BranchName) -> Result<(BranchRecord, FolderLock)> {
        let deadline = Instant::now() + BRANCH_WAIT;
        loop {
            let found = self.find(name)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(lock) = FolderLock::exclusive_within(&found.folder(&self.home), left)? else {
                if left.is_zero() {
                    return Err(BranchError::Busy { what: found.label() });
                }
                continue;
            };
            match record::load(&found.folder(&self.home))? {
                Some(record) if record.name.as_ref() == Some(name) => return Ok((record, lock)),
                // It was renamed or removed before we had the lock.
                _ => {}
            }
        }
    }

    /// Whether its files may be torn: the machine was started anew before they were on the disk.
    fn is_lost(&self, record: &BranchRecord) -> bool {
        if let Some(host) = &record.host {
            let host = record::load(&self.home.branches().join(host)).ok().flatten();
            return host.is_none_or(|host| self.is_lost(&host));
        }
        !record.is_synced && self.is_of_another_boot(record)
    }

    /// Whether the machine was started anew since its server was.
    fn is_of_another_boot(&self, record: &BranchRecord) -> bool {
        boot().is_some_and(|boot| boot != record.boot)
    }
}

/// The images that branches were cloned from, by their keys.
///
/// # Errors
/// If a record cannot be read: its image could be any.
pub(crate) fn images_in_use(home: &Home) -> Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    for folder in crate::image::folders(&home.branches())? {
        let record = record::load(&folder)?.filter(|record| record.state != State::Host);
        used.extend(record.map(|record| record.image));
    }
    Ok(used)
}

/// The start of the machine that is now.
fn boot() -> Option<String> {
    offshoot_core::store::this_process().map(|process| process.boot)
}

/// Does something for each, whatever becomes of the others. Returns for how many it was done, or the first error.
fn each<T>(all: impl IntoIterator<Item = T>, mut work: impl FnMut(T) -> Result<bool>) -> Result<usize> {
    let mut outcome = Ok(0);
    for one in all {
        match work(one) {
            Ok(done) => outcome = outcome.map(|count| count + usize::from(done)),
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome
}

/// Whether a process has ended: that of another start of the machine has. A home is of one machine.
fn is_gone(process: &Holder) -> bool {
    boot().is_some_and(|boot| boot != process.boot) || has_ended(process)
}

/// A folder's lock, or the reason that there is none now.
fn try_lock(folder: &Path) -> Result<Option<FolderLock>> {
    match FolderLock::try_exclusive(folder)? {
        Tried::Locked(lock) => Ok(Some(lock)),
        Tried::Held | Tried::Gone => Ok(None),
    }
}

/// A folder for a new branch: locked before anybody can see it in the list.
fn new_folder(home: &Home, has_owner: bool) -> Result<(String, PathBuf, FolderLock)> {
    use std::os::unix::fs::DirBuilderExt as _;
    let id = random_id()?;
    let folder = home.branches().join(&id);
    // The server's user passes through it to its data, and sees nothing.
    let mode = if has_owner { 0o711 } else { 0o700 };
    std::fs::DirBuilder::new().mode(mode).create(&folder).map_err(BranchError::io("making", &folder))?;
    // Somebody who heals may look into it first, for a moment.
    let lock = FolderLock::exclusive_within(&folder, BRANCH_WAIT)?;
    let lock = lock.ok_or_else(|| BranchError::Busy { what: "a new branch".to_owned() })?;
    Ok((id, folder, lock))
}

pub(crate) fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 8];
    fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Random bytes of the system.
fn fill(bytes: &mut [u8]) -> Result<()> {
    let failed = |error: getrandom::Error| std::io::Error::other(error.to_string());
    getrandom::fill(bytes)
        .map_err(|error| BranchError::io("taking random numbers from", Path::new("the system"))(failed(error)))
}
