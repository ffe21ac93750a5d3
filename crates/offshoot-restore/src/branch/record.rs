//! What is remembered of a branch. The record is the truth: a folder without one is nothing.

use super::finishing::Finishing;
use super::name::BranchName;
use crate::home::Home;
use crate::lock::FolderLock;
use crate::record::{self, When};
use crate::server::{Secret, Site};
use offshoot_format::record::Holder;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::{BranchError, Result};

const FILE: &str = "branch.json";
/// Version of the form.
pub(crate) const VERSION: u32 = 1;

/// Where a branch is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Being made: nothing that anybody may use.
    Creating,
    /// Made, and kept for the one who asks next.
    Spare,
    /// A branch.
    #[serde(alias = "resetting")]
    Ready,
    /// No branch, but the server of others that are databases of it.
    Host,
    /// Being removed.
    Deleting,
}

/// What is remembered of a branch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BranchRecord {
    pub version: u32,
    /// The name of its folder.
    pub id: String,
    /// None for a spare.
    pub name: Option<BranchName>,
    pub state: State,
    /// The snapshot's hash.
    pub snapshot: String,
    /// How the snapshot was asked for: `prod`.
    pub address: String,
    /// The key of the image that it was cloned from.
    pub image: String,
    /// The id of the server that it is a database of, if it has none of its own.
    #[serde(default)]
    pub host: Option<String>,
    /// The id of a server that may have something of it beside the content that counts, as a reset has while it is under way.
    #[serde(default)]
    pub left_on: Option<String>,
    /// The folder of the server's programs.
    pub programs: PathBuf,
    /// The folder of its socket, which is another one where the environment says otherwise later; none where none was made yet.
    #[serde(default)]
    pub sockets: Option<PathBuf>,
    pub database: String,
    pub shape: Shape,
    pub password: Secret,
    pub port: u16,
    /// Which of its data directories, or of its databases, counts; a reset makes the next one.
    pub generation: u32,
    /// The data directory whose user was let in with the password; none yet where it is another one.
    #[serde(default)]
    pub admitted: u32,
    /// Whether its server should run.
    pub runs: bool,
    pub made_unix_ms: u64,
    pub expires_unix_ms: Option<u64>,
    /// The process that it goes with, if it goes with one.
    pub owner: Option<Holder>,
    /// Who still does something in it before it is ready.
    #[serde(default)]
    pub finishing: Option<Finishing>,
    /// The start of the machine in which its files were written.
    pub boot: String,
    /// Whether its files are on the disk, so that another start of the machine finds them.
    pub is_synced: bool,
}

/// What a user wants of a branch that must be known before its server starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shape {
    /// What keeps it apart from other branches.
    pub isolation: Isolation,
    /// The role of the URL, which may then log in; else the server's superuser.
    pub role: Option<String>,
    /// Whether its server is in a network of its own.
    pub isolated: bool,
    /// Whether what is written survives the machine's going down.
    pub durable: bool,
    /// Settings of its server.
    pub settings: Vec<(String, String)>,
}

impl Shape {
    /// Whether a branch of this shape is what one of another shape is wished for: one whose rows survive more is.
    pub(crate) fn serves(&self, wished: &Self) -> bool {
        let durable = self.durable;
        self == &Self { durable, ..wished.clone() } && (durable || !wished.durable)
    }
}

/// What keeps branches apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Each is a server.
    #[default]
    Server,
    /// Each is a database of a server that they share, with its roles and settings.
    Database,
}

impl BranchRecord {
    pub(crate) fn folder(&self, home: &Home) -> PathBuf {
        home.branches().join(&self.id)
    }

    /// Where the server is that it is on: its own, or the one that it is a database of.
    pub(crate) fn site(&self, home: &Home) -> Site {
        // Without its host's record there is nothing at its own place either, which is what is found then.
        let host = self.host.as_ref().and_then(|host| load(&home.branches().join(host)).ok().flatten());
        host.as_ref().unwrap_or(self).own_site(home)
    }

    /// The folder of its socket.
    pub(super) fn sockets(&self, home: &Home) -> PathBuf {
        // In a copy of a home, records name the folders of the original's.
        let own = home.sockets(&self.id);
        self.sockets.clone().filter(|path| path.file_name() == own.file_name()).unwrap_or(own)
    }

    fn own_site(&self, home: &Home) -> Site {
        let folder = self.folder(home);
        Site {
            data: folder.join(data_name(self.generation)),
            sockets: self.sockets(home),
            log: folder.join("server.log"),
            port: self.port,
            isolated: self.shape.isolated,
        }
    }

    /// Writes the record to the disk. Whoever writes holds the folder's lock.
    pub(crate) fn save(&self, home: &Home, _lock: &FolderLock) -> Result<()> {
        record::save(&self.folder(home).join(FILE), self, When::Now)
    }

    /// Writes the record without waiting for the disk, where the one before is as good should the machine go down.
    pub(crate) fn save_later(&self, home: &Home, _lock: &FolderLock) -> Result<()> {
        record::save(&self.folder(home).join(FILE), self, When::Later)
    }

    /// Writes the record where one with another data directory stands.
    pub(crate) fn save_where_other(&self, home: &Home, lock: &FolderLock) -> Result<()> {
        match load(&self.folder(home))? {
            Some(there) if there.generation == self.generation => Ok(()),
            _ => self.save(home, lock),
        }
    }

    /// Writes that it is on its way out. A full disk must not be in the way of who makes room: where the record cannot be
    /// written it is removed, and a folder without one is nothing either.
    pub(crate) fn save_deleting(&mut self, home: &Home, lock: &FolderLock) -> Result<()> {
        self.state = State::Deleting;
        let saved = self.save(home, lock);
        match &saved {
            // The name of a database in a shared server is nowhere else: the record stays until that is dropped.
            Err(BranchError::Full { .. }) if self.host.is_some() => Ok(()),
            Err(BranchError::Full { .. }) => {
                let path = self.folder(home).join(FILE);
                std::fs::remove_file(&path).map_err(BranchError::io("removing", &path))?;
                record::sync_folder(&self.folder(home))
            }
            _ => saved,
        }
    }

    /// Whether what the disk has may be an older one.
    pub(crate) fn is_behind(&self, home: &Home) -> bool {
        record::is_behind(&self.folder(home).join(FILE))
    }

    /// Sees to it that the record is on the disk as it was written last.
    pub(crate) fn sync(&self, home: &Home, _lock: &FolderLock) -> Result<()> {
        record::sync(&self.folder(home).join(FILE))
    }

    /// How it is told in messages.
    pub(crate) fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| "a spare".to_owned(), |name| format!("the branch {name}"))
    }
}

/// The record in a branch's folder. What it says of folders is believed only as far as it can be a branch's own name.
pub(crate) fn load(folder: &Path) -> Result<Option<BranchRecord>> {
    let path = file(folder);
    let Some(record) = record::load::<BranchRecord>(&path)? else { return Ok(None) };
    let is_of_folder = folder.file_name().is_some_and(|name| name == record.id.as_str());
    let is_id = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if record.version == VERSION && is_of_folder && record.host.iter().chain(&record.left_on).all(is_id) {
        return Ok(Some(record));
    }
    Err(BranchError::BadRecord { path })
}

/// Where a branch's record is.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

pub(crate) fn data_name(generation: u32) -> String {
    format!("data-{generation}")
}
