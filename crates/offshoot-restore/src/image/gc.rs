//! Which images nobody needs, as a value first.

use super::build::discard;
use super::{Image, folders, list};
use crate::branch::{self, BranchError, Result};
use crate::clone::remove_tree;
use crate::home::Home;
use crate::lock::{FolderLock, Tried};
use crate::record;
use crate::server::Servers;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;

/// What removing images that nobody needs would do.
#[derive(Debug)]
#[must_use = "a plan does nothing until it is applied"]
pub struct ImageGcPlan {
    remove: Vec<Image>,
    kept: usize,
}

/// Plans to remove the images that no branch was cloned from and whose content is none of `wanted` (content roots of the
/// snapshots that one would branch from next).
///
/// # Errors
/// If the folders cannot be read.
pub fn plan_gc(home: &Home, wanted: &BTreeSet<String>) -> Result<ImageGcPlan> {
    let used = branch::images_in_use(home)?;
    let is_needed = |image: &Image| used.contains(&image.record().key) || wanted.contains(&image.record().content_root);
    let (kept, remove): (Vec<Image>, Vec<Image>) = list(home)?.into_iter().partition(is_needed);
    Ok(ImageGcPlan { remove, kept: kept.len() })
}

impl ImageGcPlan {
    /// The images that go.
    #[must_use]
    pub fn removes(&self) -> &[Image] {
        &self.remove
    }

    /// How many stay.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Removes them, and what killed processes left of unfinished ones. One that is being cloned or made at this moment
    /// stays. Returns how many were removed.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn apply(&self, home: &Home, servers: &dyn Servers) -> Result<usize> {
        // One that cannot be put in order keeps no other from going.
        let healed = heal(home, servers);
        let mut removed = 0;
        for image in &self.remove {
            let Tried::Locked(_lock) = FolderLock::try_exclusive(image.folder())? else { continue };
            // Somebody may have branched from it since.
            if branch::images_in_use(home)?.contains(&image.record().key) {
                continue;
            }
            // Under the name of an unfinished one first, and for good: half an image is none, and whoever heals goes on.
            let unfinished = home.images().join(format!("{}.building", image.record().key));
            fs::rename(image.folder(), &unfinished).map_err(BranchError::io("renaming", image.folder()))?;
            record::sync_folder(&home.images())?;
            remove_tree(&unfinished)?;
            removed += 1;
        }
        healed.map(|()| removed)
    }
}

/// Removes what killed processes left of unfinished images, with their servers.
///
/// # Errors
/// If something cannot be removed.
pub(crate) fn heal(home: &Home, servers: &dyn Servers) -> Result<()> {
    for folder in folders(&home.images())? {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(key) = name.strip_suffix(".building") else { continue };
        let Tried::Locked(_lock) = FolderLock::try_exclusive(&folder)? else { continue };
        tracing::info!(image = key, "removing what is left of an unfinished image");
        discard(home, servers, &folder, key)?;
    }
    Ok(())
}

impl fmt::Display for ImageGcPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in &self.remove {
            writeln!(f, "remove image {} of snapshot {}", image.record().key, image.record().snapshot)?;
        }
        writeln!(f, "keep {} images", self.kept)
    }
}
