//! What a pool is like, as values.

use super::observe::Seen;
use super::plan::quoted;
use super::{Pool, PoolError};
use std::path::PathBuf;

/// How the file is mounted: nobody becomes somebody else by a file in it. Not with `discard`, which gives what is deleted back to
/// the disk at once: the next clone then waited for that, 5 to 8 seconds in place of 0.3.
pub(super) const MOUNT_OPTIONS: &str = "loop,nosuid,nodev,noatime";

/// How far a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// There is none.
    Absent,
    /// It was being made or removed when that was interrupted; creating or destroying it goes on.
    Half,
    /// It is there but not mounted, as after a reboot.
    Unmounted,
    /// It can be used.
    Mounted,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How far it is.
    pub state: State,
    /// The file that holds everything.
    pub image: PathBuf,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// Bytes that the file may grow to.
    pub image_bytes: u64,
    /// Bytes that it occupies on its disk now.
    pub image_allocated_bytes: u64,
    /// Bytes left on that disk.
    pub host_free_bytes: u64,
    /// Bytes that the mounted pool can hold.
    pub total_bytes: Option<u64>,
    /// Bytes left in the mounted pool; there is that much only if its disk has it too.
    pub free_bytes: Option<u64>,
    /// What gives the room of what was deleted back to the disk.
    pub trim_command: String,
    /// What mounts it.
    pub mount_command: String,
    /// The line of /etc/fstab with which it is mounted at boot.
    pub fstab_line: String,
}

impl Status {
    pub(super) fn of(pool: &Pool, seen: &Seen) -> Self {
        let file = seen.image.or(seen.doomed);
        let state = match (&seen.mounted, seen.image) {
            (Some(_), Some(_)) => State::Mounted,
            (None, Some(_)) => State::Unmounted,
            (None, None) if seen.doomed.is_none() && !seen.unfinished => State::Absent,
            _ => State::Half,
        };
        Self {
            state,
            image: pool.image(),
            mount: pool.mount_point(),
            image_bytes: file.map_or(0, |file| file.bytes),
            image_allocated_bytes: file.map_or(0, |file| file.allocated_bytes),
            host_free_bytes: seen.host_free_bytes,
            total_bytes: seen.mounted.as_ref().map(|mounted| mounted.total_bytes),
            free_bytes: seen.mounted.as_ref().map(|mounted| mounted.free_bytes),
            trim_command: format!("sudo fstrim {}", quoted(&pool.mount_point().to_string_lossy())),
            mount_command: mount_command(pool),
            fstab_line: fstab_line(pool),
        }
    }

    /// Why something could not be written to the pool: it is full, or its disk is. None if there is room, so that the cause
    /// is another.
    #[must_use]
    pub fn why_full(&self) -> Option<PoolError> {
        // What XFS and a database need to go on at all.
        const LITTLE_BYTES: u64 = 32 << 20;
        let (total, free) = (self.total_bytes?, self.free_bytes?);
        if self.host_free_bytes < LITTLE_BYTES {
            return Some(PoolError::HostFull { image: self.image.clone(), free: self.host_free_bytes });
        }
        (free < LITTLE_BYTES).then(|| PoolError::Full { mount: self.mount.clone(), free, total })
    }

    /// Bytes about that the file occupies on its disk for what was deleted in the mounted pool. They are written again first; the
    /// trim command gives them back.
    #[must_use]
    pub fn reclaimable_bytes(&self) -> u64 {
        let used = self.total_bytes.zip(self.free_bytes).map(|(total, free)| total.saturating_sub(free));
        used.map_or(0, |used| self.image_allocated_bytes.saturating_sub(used))
    }

    /// Bytes that the pool promises and its disk does not have: once that many are missed, writing to the pool fails.
    #[must_use]
    pub fn overcommitted_bytes(&self) -> u64 {
        self.image_bytes.saturating_sub(self.image_allocated_bytes).saturating_sub(self.host_free_bytes)
    }
}

pub(super) fn mount_command(pool: &Pool) -> String {
    let (image, mount) = (pool.image(), pool.mount_point());
    let paths = format!("{} {}", quoted(&image.to_string_lossy()), quoted(&mount.to_string_lossy()));
    format!("sudo mount -t xfs -o {MOUNT_OPTIONS} {paths}")
}

fn fstab_line(pool: &Pool) -> String {
    let escaped = |path: PathBuf| {
        let path = path.to_string_lossy().into_owned();
        path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('#', "\\043")
    };
    // A machine boots without it all the same.
    format!("{} {} xfs {MOUNT_OPTIONS},nofail 0 0", escaped(pool.image()), escaped(pool.mount_point()))
}
