//! The folders of one store's images and branches on this machine.
//!
//! ```text
//! <root>/images/<key>/            image.json, data/
//! <root>/images/<key>.building/   an image that is being made
//! <root>/branches/<id>/           branch.json, data-<generation>/, server.log
//! <root>/hosts/                   whose lock is the right to make a server that branches share
//! <root>/removed/<id>/            a data directory that nobody needs, on its way out
//! <runtime>/<tag>-<id>/           the socket of a branch, which nobody else may enter
//! <runtime>/<tag>.tending/        whose lock is the right to do what no command waits for
//! ```
//!
//! Everything that is cloned is below one root, because files share blocks within one file system only. Folders are named
//! by keys and random ids, never by what users call things.

use crate::branch::{BranchError, Result};
use crate::lock::FolderLock;
use rustix::process::geteuid;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a process waits for another one that changes the list of branches, which takes moments.
const LIST_WAIT: Duration = Duration::from_secs(60);

/// Where the images and branches of one store are.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    runtime: PathBuf,
    tag: String,
}

impl Home {
    /// The folders below `root`, made where they are missing; sockets are below `runtime`, which should be a short path.
    ///
    /// # Errors
    /// If they cannot be made, or belong to another user.
    pub fn open(root: &Path, runtime: &Path) -> Result<Self> {
        let root = std::path::absolute(root).map_err(BranchError::io("finding", root))?;
        // Records name what is in it, and are read from elsewhere.
        let runtime = std::path::absolute(runtime).map_err(BranchError::io("finding", runtime))?;
        for folder in [&root, &root.join("images"), &root.join("branches"), &runtime] {
            make_own(folder)?;
        }
        let tag = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex()[..8].to_owned();
        Ok(Self { root, runtime, tag })
    }

    /// The folder of everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all images.
    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    /// The folder of all branches.
    pub(crate) fn branches(&self) -> PathBuf {
        self.root.join("branches")
    }

    /// Where the socket of a branch or image is.
    pub(crate) fn sockets(&self, id: &str) -> PathBuf {
        self.runtime.join(format!("{}-{id}", self.tag))
    }

    /// Makes the folder of a socket, for the eyes of the server's user alone.
    pub(crate) fn make_sockets(&self, id: &str, owner: Option<(u32, u32)>) -> Result<PathBuf> {
        let folder = self.sockets(id);
        make_private(&folder, owner)?;
        Ok(folder)
    }

    /// Folders of sockets that are there, by their ids.
    pub(crate) fn socket_ids(&self) -> Vec<String> {
        let prefix = format!("{}-", self.tag);
        let names = fs::read_dir(&self.runtime).into_iter().flatten().flatten();
        let ids = names.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix(&prefix)?.to_owned()));
        ids.collect()
    }

    /// The right to make servers that branches share.
    pub(crate) fn lock_hosts(&self, limit: Duration) -> Result<FolderLock> {
        let folder = self.root.join("hosts");
        make_own(&folder)?;
        let busy = || BranchError::Busy { what: "a server that branches share".to_owned() };
        FolderLock::exclusive_within(&folder, limit)?.ok_or_else(busy)
    }

    /// The folder of data directories that nobody needs any more, made if it is missing.
    pub(crate) fn removed(&self) -> Result<PathBuf> {
        let folder = self.root.join("removed");
        make_own(&folder)?;
        Ok(folder)
    }

    /// The folder of whoever waits to do what no command waits for, made if it is missing. Not below the root: who waits must
    /// not keep a pool from being unmounted.
    pub(crate) fn tending(&self) -> Result<PathBuf> {
        let folder = self.runtime.join(format!("{}.tending", self.tag));
        make_own(&folder)?;
        Ok(folder)
    }

    /// The right to change the list of branches; held for moments.
    pub(crate) fn lock_list(&self) -> Result<FolderLock> {
        let folder = self.branches();
        let busy = || BranchError::Busy { what: "the list of branches".to_owned() };
        FolderLock::exclusive_within(&folder, LIST_WAIT)?.ok_or_else(busy)
    }
}

/// Makes a folder of this user's. A server that runs as another user passes through it, but sees nothing.
fn make_own(folder: &Path) -> Result<()> {
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    let made = DirBuilder::new().recursive(true).mode(mode).create(folder);
    made.map_err(|error| match error.kind() {
        // In a folder of another user.
        io::ErrorKind::PermissionDenied => BranchError::NotOurs { path: folder.to_path_buf() },
        _ => BranchError::io("making", folder)(error),
    })?;
    // Somebody else may have been there first, where everybody may make folders.
    let found = fs::symlink_metadata(folder).map_err(BranchError::io("looking at", folder))?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        return Err(BranchError::NotOurs { path: folder.to_path_buf() });
    }
    if found.permissions().mode() & 0o022 != 0 {
        let closed = fs::set_permissions(folder, fs::Permissions::from_mode(mode));
        closed.map_err(BranchError::io("closing", folder))?;
    }
    Ok(())
}

/// Makes an empty folder for the eyes of one user alone, in place of what is left of an earlier one.
fn make_private(folder: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BranchError::io("removing", folder)(error));
        }
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(folder).map_err(BranchError::io("making", folder))?;
    give(folder, owner)
}

/// Makes the server's user the owner of a file or folder.
pub(crate) fn give(path: &Path, owner: Option<(u32, u32)>) -> Result<()> {
    let Some((user, group)) = owner else { return Ok(()) };
    chown(path, Some(user), Some(group)).map_err(BranchError::io("handing over", path))
}
