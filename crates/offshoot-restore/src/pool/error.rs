//! The error of pools, by what a caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Result of what is done to pools.
pub type Result<T> = std::result::Result<T, PoolError>;

/// Why a pool is not there, or not gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Somebody with root's rights has to run these commands.
    #[error("this asks for root, and sudo wants a password here. Run:\n\n{}", indented(commands))]
    NeedsRoot {
        /// The commands, for a shell.
        commands: Vec<String>,
    },
    /// A program is not installed.
    #[error("{program} is not installed. Install its package: apt-get install {package}, dnf install {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that brings it.
        package: &'static str,
    },
    /// The size is less than XFS can be.
    #[error("a pool of {bytes} bytes is too small: the least is {least}")]
    TooSmall {
        /// Bytes that were asked for.
        bytes: u64,
        /// The least.
        least: u64,
    },
    /// XFS only grows.
    #[error(
        "the pool has {has} bytes and cannot be made smaller, to {bytes}. Destroy it and create it anew, or leave it"
    )]
    CannotShrink {
        /// Bytes that it has.
        has: u64,
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// There is a pool, but it is not mounted, as after a reboot.
    #[error("the pool at {} is not mounted. Run: {command}", mount.display())]
    NotMounted {
        /// Where it would be.
        mount: PathBuf,
        /// What mounts it.
        command: String,
    },
    /// Something lives in the pool.
    #[error("the pool is in use and is not destroyed. Delete first what is in it: {}", residents.join(", "))]
    InUse {
        /// What was found, as paths below the pool; not all of it.
        residents: Vec<String>,
    },
    /// No room is left in the pool.
    #[error(
        "the pool at {} is full: {free} of {total} bytes are left. Delete branches or images that nobody needs, or enlarge it: \
         `offshoot pool create --size`",
        mount.display()
    )]
    Full {
        /// Where it is mounted.
        mount: PathBuf,
        /// Bytes left.
        free: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The disk that the pool's file is on is full: nothing written to the pool arrives any more.
    #[error(
        "the disk that the pool's file {} is on has {free} bytes left, so the pool cannot be written to. Make room there first",
        image.display()
    )]
    HostFull {
        /// The pool's file.
        image: PathBuf,
        /// Bytes left.
        free: u64,
    },
    /// Another process works on this pool.
    #[error("another process works on the pool in {}. Wait for it to end", folder.display())]
    Busy {
        /// The pool's folder.
        folder: PathBuf,
    },
    /// Something else is mounted where the pool would be.
    #[error("{device} is mounted at {}, which is not the pool. Unmount it, or choose another folder", mount.display())]
    Foreign {
        /// The place.
        mount: PathBuf,
        /// What is mounted.
        device: String,
    },
    /// A folder that cannot hold a pool.
    #[error("{} is of no use for a pool: {why}. Choose another folder", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// A command failed.
    #[error("{command} failed: {said}. What it left is mended by the same call")]
    Command {
        /// The command.
        command: String,
        /// What it said.
        said: String,
    },
    /// Anything else that the system says.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl PoolError {
    /// Makes an error of what the system said when something was done to `path`.
    pub(super) fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

fn indented(commands: &[String]) -> String {
    commands.iter().map(|command| format!("  {command}")).collect::<Vec<_>>().join("\n")
}
