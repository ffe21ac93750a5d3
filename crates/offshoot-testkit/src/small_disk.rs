//! A small file system in memory, which fills up as a disk does, and goes away with the test.
//!
//! Mounting one wants root; a test that cannot have one says that it skips.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of a few megabytes.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at a folder that is there. Anybody may write to it. None without the right to mount.
    #[must_use]
    pub fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options("", megabytes), "none"]).arg(at);
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Megabytes that are taken.
    ///
    /// # Panics
    /// If df does not say it.
    #[must_use]
    pub fn used(&self) -> u32 {
        let told = Command::new("df").args(["-B1M", "--output=used"]).arg(&self.0).output();
        let text = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let used = text.lines().nth(1).and_then(|line| line.trim().parse().ok());
        used.unwrap_or_else(|| panic!("df says {text:?} of {}", self.0.display()))
    }

    /// Makes it larger or smaller, with what is in it.
    ///
    /// # Panics
    /// If it cannot be mounted again.
    pub fn resize(&self, megabytes: u32) {
        let status = Command::new("mount").args(["-o", &options("remount,", megabytes)]).arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "{} is not mounted again", self.0.display());
    }
}

fn options(first: &str, megabytes: u32) -> String {
    format!("{first}size={megabytes}m,mode=1777")
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is being stopped may still have files open there.
        let _ended = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
