//! The plan that removes a pool in which nothing lives.
//!
//! The file is given another name before it is unmounted: from then on a killed removal can be told from a pool that is
//! merely not mounted, and goes on without another look inside.

use super::error::{PoolError, Result};
use super::observe::Seen;
use super::{Plan, Pool};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Residents that are named.
const LISTED_MAX: usize = 5;

/// Commands that remove what is there.
pub(super) fn plan(pool: &Pool, seen: &Seen, unseen: bool) -> Result<Plan> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let (image, unfinished, doomed, mount) =
        (text(pool.image()), text(pool.unfinished()), text(pool.doomed()), text(pool.mount_point()));
    let mut plan = Plan::default();
    if seen.mounted.is_some() {
        if seen.image.is_some() {
            plan.add("from here on it is being removed", &["mv", "--", &image, &doomed]);
        }
        plan.add("the pool, and its device with it", &["umount", &mount]);
    } else {
        if seen.image.is_some() && !unseen {
            let command = super::status::mount_command(pool);
            return Err(PoolError::NotMounted { mount: pool.mount_point(), command });
        }
        for device in &seen.loops {
            plan.add("a device that nobody uses", &["losetup", "-d", device]);
        }
        if seen.image.is_some() {
            plan.add("with all that may be in it", &["rm", "-f", "--", &image]);
        }
    }
    if seen.doomed.is_some() || (seen.mounted.is_some() && seen.image.is_some()) {
        plan.add("its file", &["rm", "-f", "--", &doomed]);
    }
    if seen.unfinished {
        plan.add("what an interrupted one left", &["rm", "-f", "--", &unfinished]);
    }
    if seen.mount_point {
        plan.add("where it was mounted", &["rmdir", "--", &mount]);
    }
    Ok(plan)
}

/// Commands that give the file of a pool that is still mounted its name back.
pub(super) fn back(pool: &Pool) -> Result<Plan> {
    let seen = super::observe::look(pool)?;
    let mut plan = Plan::default();
    if seen.mounted.is_some() && seen.image.is_none() && seen.doomed.is_some() {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        plan.add("it stays", &["mv", "--", &text(pool.doomed()), &text(pool.image())]);
    }
    Ok(plan)
}

/// Refuses while there is a file, or a folder that cannot be looked into, anywhere in the pool. Empty folders are nothing.
pub(super) fn refuse_residents(mount: &Path) -> Result<()> {
    let mut residents = Vec::new();
    let mut folders = vec![mount.to_owned()];
    while let Some(folder) = folders.pop() {
        let named = |why: &str| format!("{}{why}", folder.strip_prefix(mount).unwrap_or(&folder).display());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                residents.push(named(" (another user's)"));
                continue;
            }
            Err(error) => return Err(PoolError::of("looking into", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(PoolError::of("looking into", &folder))?;
            if entry.file_type().map_err(PoolError::of("looking at", &entry.path()))?.is_dir() {
                folders.push(entry.path());
            } else {
                residents.push(named(""));
                break;
            }
        }
        if residents.len() >= LISTED_MAX {
            break;
        }
    }
    residents.sort();
    if residents.is_empty() { Ok(()) } else { Err(PoolError::InUse { residents }) }
}
