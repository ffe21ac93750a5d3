//! A folder for a pool.

use offshoot_restore::pool::{CreateOptions, Pool, Rights};
use offshoot_testkit::loop_disk::{Kind, LoopDisk, MEGABYTES_MIN, MountDir};
use offshoot_testkit::small_disk::SmallDisk;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a pool.
pub const BYTES: u64 = 400 << 20;

/// A folder; what is left in it is unmounted and removed.
pub struct Folder(MountDir);

impl Folder {
    /// A folder, where pools can be mounted.
    pub fn new() -> Option<Self> {
        LoopDisk::mount(Kind::Xfs, MEGABYTES_MIN)?;
        // A name that wants quoting, in commands and in mount tables.
        Some(Self(MountDir::new("a pool's ").unwrap()))
    }

    /// A folder on a small file system of its own.
    pub fn small(megabytes: u32) -> Option<(Self, SmallDisk)> {
        let folder = Self::new()?;
        let disk = SmallDisk::mount(folder.path(), megabytes)?;
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Some((folder, disk))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The pool in it.
    pub fn pool(&self) -> Pool {
        Pool::at(self.path()).unwrap()
    }

    /// A created pool.
    pub fn created(&self) -> Pool {
        let pool = self.pool();
        pool.create(&options(), Rights::Root).unwrap();
        pool
    }
}

/// A pool of root's.
pub fn options() -> CreateOptions {
    CreateOptions { bytes: BYTES, owner: (0, 0), shared: false }
}

/// Loop devices of files in a folder.
pub fn loops(folder: &Path) -> Vec<PathBuf> {
    let told = Command::new("losetup").args(["-n", "-O", "NAME,BACK-FILE", "-l"]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let folder = folder.to_str().unwrap();
    text.lines().filter(|line| line.contains(folder)).map(|line| line.split(' ').next().unwrap().into()).collect()
}

/// Whether there come to be so many loop devices: one that somebody looks at in this moment goes when they have.
pub fn has_loops(folder: &Path, count: usize) -> bool {
    let ends = Instant::now() + Duration::from_secs(10);
    while loops(folder).len() != count {
        if Instant::now() > ends {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

/// Runs a command that has to work.
pub fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
