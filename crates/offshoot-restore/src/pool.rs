//! The pool: an XFS with reflinks in a file, for machines whose file systems only copy.
//!
//! It is a sparse file and a mount beside it, in one folder. Mounting is the only thing in all of Offshoot that asks for root,
//! so everything is first a [`Plan`]: a list of commands that can be read, printed for somebody who has the rights, or
//! run by root or by sudo without a password. What a plan has to do is found by looking at what
//! is there, so the same call heals whatever a killed one left.
//!
//! Not here: what is kept in a pool, words for a user, the process environment (who called sudo is the caller's to find out).

mod create;
mod destroy;
mod error;
mod observe;
mod plan;
mod run;
mod status;
mod xfs;

pub use create::CreateOptions;
pub use error::{PoolError, Result};
pub use plan::{Plan, Step};
pub use run::Rights;
pub use status::{State, Status};

use rustix::fs::Mode;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes of the smallest pool: XFS is not made smaller.
pub const BYTES_MIN: u64 = 320 << 20;

/// Where a pool is, or could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    folder: PathBuf,
}

impl Pool {
    /// The pool of a folder, which must be there; whether there is a pool in it is another question.
    ///
    /// # Errors
    /// `Io`, and `Folder` for one whose name no mount table could hold.
    pub fn at(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().map_err(PoolError::of("looking at", folder))?;
        match folder.to_str() {
            Some(name) if !name.contains('\n') => Ok(Self { folder }),
            _ => Err(PoolError::Folder { folder, why: "its name is not plain text" }),
        }
    }

    /// The file that holds everything.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.folder.join("pool.xfs")
    }

    /// The file while it is made: what has the right name is complete.
    fn unfinished(&self) -> PathBuf {
        self.folder.join("pool.xfs.new")
    }

    /// The file once it was found empty and is to be removed.
    fn doomed(&self) -> PathBuf {
        self.folder.join("pool.xfs.gone")
    }

    /// Where it is mounted.
    #[must_use]
    pub fn mount_point(&self) -> PathBuf {
        self.folder.join("pool")
    }

    /// What is there.
    ///
    /// # Errors
    /// `Foreign` where something else is mounted, `Io`.
    pub fn status(&self) -> Result<Status> {
        Ok(Status::of(self, &observe::look(self)?))
    }

    /// The commands that lead from what is there to a mounted pool of a size, whether it is absent, half made, not mounted
    /// since the last boot, or to be enlarged. Empty if it is all there.
    ///
    /// # Errors
    /// `TooSmall`, `CannotShrink`, `Missing` without XFS's programs, `Folder` where others may write, `Foreign`.
    pub fn plan_create(&self, options: &CreateOptions) -> Result<Plan> {
        create::plan(self, &observe::look(self)?, options)
    }

    /// The commands that remove a pool. Empty if nothing is there.
    ///
    /// # Errors
    /// `InUse` while anything lives in it; `NotMounted` for one that nobody can look into, unless `unseen` says that what is
    /// in it may go.
    pub fn plan_destroy(&self, unseen: bool) -> Result<Plan> {
        let seen = observe::look(self)?;
        if seen.mounted.is_some() {
            destroy::refuse_residents(&self.mount_point())?;
        }
        destroy::plan(self, &seen, unseen)
    }

    /// Makes, mounts or enlarges the pool, whatever is there of it. Done already, it asks for no rights.
    ///
    /// # Errors
    /// As those of [`Self::plan_create`]; `NeedsRoot` with the commands; `Busy` while another one works on this pool;
    /// `Command` for one that failed.
    pub fn create(&self, options: &CreateOptions, rights: Rights) -> Result<Status> {
        let _lock = run::lock(self)?;
        // Whom an older pool belongs to is seen once it is mounted.
        for _ in 0..2 {
            run::carry_out(&self.plan_create(options)?, rights)?;
        }
        self.status()
    }

    /// Removes the pool, whatever is there of it.
    ///
    /// # Errors
    /// As those of [`Self::plan_destroy`] and [`Self::create`]. A pool that could not be unmounted is as before.
    pub fn destroy(&self, unseen: bool, rights: Rights) -> Result<()> {
        let _lock = run::lock(self)?;
        let destroyed = run::carry_out(&self.plan_destroy(unseen)?, rights);
        if destroyed.is_err() && rights != Rights::None {
            // A program has a file open, say. Its own error counts, not that of the way back.
            let _back = destroy::back(self).and_then(|back| run::carry_out(&back, rights));
        }
        destroyed
    }

    /// The caller's own folder in a mounted pool, made if it is not there. It is of mode 0700; root's can be passed through,
    /// since root's servers run as somebody else.
    ///
    /// # Errors
    /// `NotMounted` with the command that mounts it, `Folder` if somebody else put something there.
    pub fn user_folder(&self) -> Result<PathBuf> {
        let status = self.status()?;
        if status.state != State::Mounted {
            return Err(PoolError::NotMounted { mount: self.mount_point(), command: status.mount_command });
        }
        let user = rustix::process::geteuid();
        let folder = self.mount_point().join(format!("user-{}", user.as_raw()));
        let mode = if user.is_root() { Mode::from_raw_mode(0o711) } else { Mode::RWXU };
        match rustix::fs::mkdir(&folder, mode) {
            Ok(()) => {
                rustix::fs::chmod(&folder, mode).map_err(|errno| PoolError::of("making", &folder)(errno.into()))?
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(PoolError::of("making", &folder)(errno.into())),
        }
        let found = fs::symlink_metadata(&folder).map_err(PoolError::of("looking at", &folder))?;
        if found.is_dir() && found.uid() == user.as_raw() && found.mode() & 0o066 == 0 {
            Ok(folder)
        } else {
            Err(PoolError::Folder { folder, why: "it is not a folder of this user's alone" })
        }
    }
}
