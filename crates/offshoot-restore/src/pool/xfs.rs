//! XFS's own programs: whether they are there, and how large a mounted file system is.

use super::error::{PoolError, Result};
use crate::program;
use std::path::Path;
use std::process::{Command, Stdio};

/// Refuses to go on without a program.
pub(super) fn require(program: &'static str) -> Result<()> {
    program::find(program).map(|_| ()).ok_or(PoolError::Missing { program, package: "xfsprogs" })
}

/// Bytes of a mounted XFS, its log included; none where nobody tells.
pub(super) fn bytes(mount: &Path) -> Option<u64> {
    // Only prints.
    let output = Command::new(program::find("xfs_growfs")?).arg("-n").arg(mount).stdin(Stdio::null()).output().ok()?;
    data_bytes(&String::from_utf8_lossy(&output.stdout))
}

/// Whether a file system is smaller than its file by more than the end that it cannot use: XFS takes no allocation group of
/// less than 16 MiB, nor parts of blocks.
pub(super) fn is_behind(image_bytes: u64, bytes: u64) -> bool {
    image_bytes.saturating_sub(bytes) > 16 << 20
}

/// Block size times number of blocks in the line of the data section.
fn data_bytes(told: &str) -> Option<u64> {
    let line = told.lines().find(|line| line.starts_with("data "))?;
    let number = |name: &str| {
        let digits = line.split_once(name)?.1;
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    number(" bsize=")?.checked_mul(number(" blocks=")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_what_is_printed() {
        let told = "meta-data=/dev/loop0             isize=512    agcount=4, agsize=25600 blks\n\
            data     =                       bsize=4096   blocks=102400, imaxpct=25\n\
            log      =internal log           bsize=4096   blocks=16384, version=2\n";
        assert_eq!(data_bytes(told), Some(102_400 * 4096));
        assert_eq!(data_bytes("nothing"), None);
        assert!(!is_behind(400 << 20, 400 << 20));
        assert!(is_behind(600 << 20, 400 << 20));
    }
}
