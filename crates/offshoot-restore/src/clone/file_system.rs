//! The name of the file system that a folder is on: for messages, and for what only one of them has.

use super::error::{CloneError, Result};
use std::path::Path;

/// The numbers by which Linux tells file systems apart (`linux/magic.h`; ZFS and bcachefs: their own sources).
#[cfg(target_os = "linux")]
const NAMES: [(u32, &str); 12] = [
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0xef53, "ext4"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlay"),
    (0x2fc1_2fc1, "zfs"),
    (0xca45_1a4e, "bcachefs"),
    (0xf2f5_2010, "f2fs"),
    (0x6969, "nfs"),
    (0x6573_5546, "fuse"),
    (0xff53_4d42, "cifs"),
    (0x0102_1997, "9p"),
];

/// The file system's name; one that is not known has its number for a name.
#[cfg(target_os = "linux")]
pub(super) fn name(folder: &Path) -> Result<String> {
    let stat = rustix::fs::statfs(folder).map_err(CloneError::of("looking at the file system of", folder))?;
    let number = stat.f_type as u32;
    let known = NAMES.iter().find(|(known, _)| *known == number);
    Ok(known.map_or_else(|| format!("file system {number:#x}"), |(_, name)| (*name).to_owned()))
}

/// The file system's name, as the system has it: `apfs`.
#[cfg(target_vendor = "apple")]
pub(super) fn name(folder: &Path) -> Result<String> {
    let stat = rustix::fs::statfs(folder).map_err(CloneError::of("looking at the file system of", folder))?;
    let name: Vec<u8> = stat.f_fstypename.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// The file system's name, which this system does not tell.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn name(folder: &Path) -> Result<String> {
    rustix::fs::statfs(folder).map_err(CloneError::of("looking at the file system of", folder))?;
    Ok("the file system".to_owned())
}
