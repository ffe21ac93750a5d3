//! The plan that makes, mounts or enlarges a pool: what is missing of it, in order.

use super::error::{PoolError, Result};
use super::observe::{Mounted, Seen};
use super::status::MOUNT_OPTIONS;
use super::{BYTES_MIN, Plan, Pool, xfs};

/// Mode of the topmost folder of one user's pool: others pass through, which servers of another user need, and see nothing.
const PRIVATE_MODE: u32 = 0o711;
/// Mode of the topmost folder of a pool for everybody: each makes a folder of their own, and touches no other.
const SHARED_MODE: u32 = 0o1777;
/// What the topmost folder of a new XFS has: root, root, this mode.
const FRESH: (u32, u32, u32) = (0, 0, 0o755);

/// What kind of pool is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateOptions {
    /// Bytes that its file can grow to. It occupies what is written only.
    pub bytes: u64,
    /// User and group that it is for: who asked, also where root carries it out.
    pub owner: (u32, u32),
    /// Whether every user of the machine may have a folder in it.
    pub shared: bool,
}

/// Commands from what is there to what is wanted.
pub(super) fn plan(pool: &Pool, seen: &Seen, options: &CreateOptions) -> Result<Plan> {
    let (image, unfinished, doomed, mount) =
        (text(&pool.image()), text(&pool.unfinished()), text(&pool.doomed()), text(&pool.mount_point()));
    let size = options.bytes.to_string();
    check(pool, seen, options)?;
    let mut plan = Plan::default();
    if seen.unfinished {
        plan.add("what an interrupted one left", &["rm", "-f", "--", &unfinished]);
    }
    if let Some(mounted) = &seen.mounted {
        if seen.image.is_none() && seen.doomed.is_some() {
            plan.add("its removal was interrupted", &["mv", "-n", "--", &doomed, &image]);
        }
        let has = seen.image.or(seen.doomed).map_or(0, |file| file.bytes);
        if options.bytes > has {
            plan.add("more room in the file", &["truncate", "-s", &size, "--", &image]);
        }
        // Enlarging it may have been interrupted before the file system took it.
        let is_behind = || xfs::bytes(&pool.mount_point()).is_some_and(|bytes| xfs::is_behind(has, bytes));
        if options.bytes > has || is_behind() {
            xfs::require("xfs_growfs")?;
            plan.add("the device sees it", &["losetup", "-c", &mounted.device]);
            plan.add("the file system takes it", &["xfs_growfs", &mount]);
        }
        give(&mut plan, &mount, mounted, options);
        return Ok(plan);
    }
    if seen.doomed.is_some() {
        plan.add("its removal was interrupted", &["rm", "-f", "--", &doomed]);
    }
    for device in &seen.loops {
        plan.add("a device that nobody uses", &["losetup", "-d", device]);
    }
    match seen.image {
        None => {
            xfs::require("mkfs.xfs")?;
            plan.add("a file that takes room as it is filled", &["truncate", "-s", &size, "--", &unfinished]);
            plan.add("who may write to the file could write to all in it", &["chmod", "0600", &unfinished]);
            plan.add("a file system with reflinks", &["mkfs.xfs", "-q", "-m", "reflink=1", &unfinished]);
            plan.add("complete from here on", &["mv", "-n", "--", &unfinished, &image]);
        }
        Some(file) if options.bytes > file.bytes => {
            plan.add("more room in the file", &["truncate", "-s", &size, "--", &image]);
        }
        Some(_) => {}
    }
    if !seen.mount_point {
        plan.add("nothing is written there while it is not mounted", &["mkdir", "-m", "0000", "--", &mount]);
    }
    plan.add("the pool", &["mount", "-t", "xfs", "-o", MOUNT_OPTIONS, &image, &mount]);
    if seen.image.is_some() {
        xfs::require("xfs_growfs")?;
        plan.add("all of the file is used", &["xfs_growfs", &mount]);
        // Who it belongs to is seen once it is mounted.
        return Ok(plan);
    }
    give_fresh(&mut plan, &mount, options);
    Ok(plan)
}

fn check(pool: &Pool, seen: &Seen, options: &CreateOptions) -> Result<()> {
    if options.bytes < BYTES_MIN {
        return Err(PoolError::TooSmall { bytes: options.bytes, least: BYTES_MIN });
    }
    let has = match (seen.image, &seen.mounted) {
        (Some(image), _) => image.bytes,
        (None, Some(_)) => seen.doomed.map_or(0, |file| file.bytes),
        (None, None) => 0,
    };
    if options.bytes < has {
        return Err(PoolError::CannotShrink { has, bytes: options.bytes });
    }
    // Root will write to names in this folder: nobody else may put something else there.
    let (owner, mode) = seen.folder;
    if (owner != 0 && owner != options.owner.0) || mode & 0o022 != 0 {
        let why = "others than root and its user may write there, and root would follow what they put there";
        return Err(PoolError::Folder { folder: pool.folder.clone(), why });
    }
    Ok(())
}

/// Gives a mounted pool to whom it is for, unless it is somebody's already.
fn give(plan: &mut Plan, mount: &str, mounted: &Mounted, options: &CreateOptions) {
    let (user, group, mode) = mounted.root;
    if (user, group, mode) == FRESH {
        give_fresh(plan, mount, options);
    } else if !options.shared && (user, group) == options.owner && mode == FRESH.2 {
        plan.add("nobody else sees what is in it", &["chmod", &format!("{PRIVATE_MODE:04o}"), mount]);
    }
}

fn give_fresh(plan: &mut Plan, mount: &str, options: &CreateOptions) {
    if options.shared {
        plan.add("everybody may have a folder", &["chmod", &format!("{SHARED_MODE:04o}"), mount]);
        return;
    }
    let (user, group) = options.owner;
    if (user, group) != (FRESH.0, FRESH.1) {
        plan.add("it is theirs who asked for it", &["chown", &format!("{user}:{group}"), mount]);
    }
    plan.add("nobody else sees what is in it", &["chmod", &format!("{PRIVATE_MODE:04o}"), mount]);
}

/// A path of the pool, which [`Pool::at`] made sure is text.
fn text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}
