//! A throwaway file system of a kind that can share blocks, in a file that is mounted through a loop device.
//!
//! Making one wants root and the file system's programs; a test that cannot have one says that it skips. It goes away with
//! the value, and with the process, however that ends.

use crate::place;
use crate::reaper::Reaper;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the reaper does: unmounts all that is mounted in the folder, the last first (lazily: files may be open), and removes
/// it unless something is left mounted there. Of what a mount table escapes, the names have spaces only.
const UNMOUNT_AND_REMOVE: &str = r#"
mounts() { cut -d ' ' -f 5 /proc/self/mountinfo | sed 's/\\040/ /g' | grep -F -e "$1"; }
mounts "$1" | tac | while read -r mount; do umount -l "$mount"; done
mounts "$1" || rm -rf -- "$1"
"#;

/// Megabytes of the smallest XFS that its program makes.
pub const MEGABYTES_MIN: u64 = 320;

/// How long processes may take to let go of a file system whose power was cut.
const UNMOUNT_PATIENCE: Duration = Duration::from_secs(30);

/// The kinds of file systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With reflinks.
    Xfs,
    /// With reflinks and snapshots.
    Btrfs,
    /// With neither.
    Ext4,
}

/// A folder in which anything may be mounted.
#[derive(Debug)]
pub struct MountDir {
    path: PathBuf,
    // Dropping it does the work.
    _reaper: Reaper,
}

impl MountDir {
    /// Makes one whose name begins so; its mode is 0700.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let path = tempfile::Builder::new().prefix(prefix).tempdir_in(place::scratch_dir()?)?.keep();
        Ok(Self { _reaper: Reaper::start(UNMOUNT_AND_REMOVE, &path)?, path })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A mounted file system.
#[derive(Debug)]
pub struct LoopDisk {
    mount: PathBuf,
    dir: MountDir,
    /// The XFS that its image is on, where its power can be cut by way of that.
    under: Option<Box<LoopDisk>>,
}

impl LoopDisk {
    /// Makes and mounts one; its folder is root's. None where the machine does not let it, which is said on stderr.
    #[must_use]
    pub fn mount(kind: Kind, megabytes: u64) -> Option<Self> {
        match Self::try_mount(kind, megabytes) {
            Ok(disk) => Some(disk),
            Err(why) => {
                eprintln!("skipped: no {kind:?} through a loop device here: {why}");
                None
            }
        }
    }

    /// The same, of which the power can be cut. A kind that has no way to be shut down lies on an XFS of its own.
    #[must_use]
    pub fn mount_to_cut(kind: Kind, megabytes: u64) -> Option<Self> {
        if kind == Kind::Xfs {
            return Self::mount(kind, megabytes);
        }
        // What stays in the image of before the cut, and the image of after it.
        let under = Self::mount(Kind::Xfs, 2 * megabytes + MEGABYTES_MIN)?;
        match Self::try_mount_on(Some(Box::new(under)), kind, megabytes) {
            Ok(disk) => Some(disk),
            Err(why) => {
                eprintln!("skipped: no {kind:?} through a loop device here: {why}");
                None
            }
        }
    }

    fn try_mount(kind: Kind, megabytes: u64) -> Result<Self, String> {
        Self::try_mount_on(None, kind, megabytes)
    }

    fn try_mount_on(under: Option<Box<Self>>, kind: Kind, megabytes: u64) -> Result<Self, String> {
        if !place::is_root() {
            return Err("mounting asks for root".to_owned());
        }
        let told = |error: io::Error| error.to_string();
        let dir = MountDir::new("loop-").map_err(told)?;
        let image = under.as_ref().map_or(dir.path(), |under| under.path()).join("image");
        let mount = dir.path.join("mount");
        fs::create_dir(&mount).map_err(told)?;
        File::create(&image).and_then(|file| file.set_len(megabytes << 20)).map_err(told)?;
        let mut make = match kind {
            Kind::Xfs => command("mkfs.xfs", &["-q", "-m", "reflink=1"]),
            Kind::Btrfs => command("mkfs.btrfs", &["-q"]),
            Kind::Ext4 => command("mkfs.ext4", &["-q", "-F"]),
        };
        run(make.arg(&image))?;
        run(command("mount", &["-o", "loop"]).arg(&image).arg(&mount))?;
        Ok(Self { mount, dir, under })
    }

    /// Does what a power cut does: what is not on its disk is gone, and it is mounted again. `end` ends the processes that have
    /// something open there, once nothing they do has an effect any more. An XFS is shut down; of another kind, from
    /// [`Self::mount_to_cut`], what its disk holds at this moment is kept aside and put back.
    ///
    /// # Errors
    /// Where a program is missing, or something keeps it busy.
    pub fn cut_power(&self, end: impl FnOnce()) -> Result<(), String> {
        let after = self.under.as_ref().map(|under| under.path().join("after"));
        let cut = match &after {
            None => run(command("xfs_io", &["-x", "-c", "shutdown"]).arg(&self.mount)),
            Some(after) => run(command("cp", &["--reflink=always"]).arg(self.image()).arg(after)),
        };
        end();
        cut?;
        self.unmount()?;
        if let Some(after) = after {
            fs::rename(after, self.image()).map_err(|error| error.to_string())?;
        }
        self.mount_again()
    }

    /// Unmounts and mounts it again, so that what is read is what is on the disk.
    ///
    /// # Errors
    /// Where something keeps it busy.
    pub fn remount(&self) -> Result<(), String> {
        self.unmount()?;
        self.mount_again()
    }

    fn unmount(&self) -> Result<(), String> {
        let began = Instant::now();
        while let Err(why) = run(command("umount", &[]).arg(&self.mount)) {
            if began.elapsed() > UNMOUNT_PATIENCE {
                return Err(why);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn mount_again(&self) -> Result<(), String> {
        run(command("mount", &["-o", "loop"]).arg(self.image()).arg(&self.mount))
    }

    fn image(&self) -> PathBuf {
        self.under.as_ref().map_or(self.dir.path(), |under| under.path()).join("image")
    }

    /// The folder it is mounted at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mount
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}
