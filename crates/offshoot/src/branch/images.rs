//! The images that branches are cloned from: made where one is missing, kept while it is used, removed when nobody needs it.

use super::{Branches, CreatedBranch};
use crate::{Result, on_own_thread};
use offshoot_core::Control;
use offshoot_core::snapshot::SnapshotReader;
use offshoot_format::manifest::{Environment, Trust};
use offshoot_restore::branch::{self as engine, BranchError, Created, Wish};
use offshoot_restore::image::{self, Image, ImageGcPlan, ImageOptions, ImageRecord, Making};
use offshoot_restore::{Accepted, RawSnapshot, ScrubbedSnapshot};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often an image that somebody removes in the same moment is made again.
const IMAGE_TRIES_MAX: usize = 3;

impl Branches {
    /// Makes the image of a snapshot, if there is none.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn build_image(&self, address: &str, control: &Control) -> Result<Making> {
        let (.., making) = self.image(address, control)?;
        Ok(making)
    }

    /// The images that are there.
    ///
    /// # Errors
    /// If their folder cannot be read.
    pub fn images(&self) -> Result<Vec<ImageRecord>> {
        let images = image::list(self.inner.home())?;
        Ok(images.iter().map(|image| image.record().clone()).collect())
    }

    /// Plans to remove the images that no branch came from and that are not of a ref's newest snapshot.
    ///
    /// # Errors
    /// If the folders or the store cannot be read.
    pub fn plan_image_gc(&self) -> Result<ImageGcPlan> {
        let mut wanted = BTreeSet::new();
        for name in self.store.refs()? {
            wanted.insert(self.store.snapshot(&name)?.manifest.content_root.to_string());
        }
        Ok(image::plan_gc(self.inner.home(), &wanted)?)
    }

    /// Carries the plan out, and ends servers that no branch is on and that are of no image that stays. Returns how many
    /// images were removed.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn apply_image_gc(&self, plan: &ImageGcPlan) -> Result<usize> {
        on_own_thread(|| {
            let removed = plan.apply(self.inner.home(), &*self.servers)?;
            let left = image::list(self.inner.home())?;
            let keys = left.iter().map(|image| image.record().key.clone()).collect();
            self.inner.remove_idle_hosts(&keys, &self.place.shape)?;
            Ok(removed)
        })?
    }

    /// What is done with an image, again if somebody removes it in the same moment.
    pub(super) fn with_image(
        &self,
        address: &str,
        control: &Control,
        work: impl Fn(&Image, Wish) -> engine::Result<Created> + Sync,
    ) -> Result<CreatedBranch> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (snapshot, environment, making) = self.image(address, control)?;
            let wish = self.wish(address, &snapshot);
            match on_own_thread(|| work(&making.image, wish))? {
                Err(BranchError::ImageGone) if tries < IMAGE_TRIES_MAX => {}
                Err(error) => return Err(error.into()),
                Ok(created) => {
                    return Ok(CreatedBranch {
                        id: created.id,
                        access: created.access,
                        method: created.method,
                        moved: created.moved,
                        took: created.took,
                        image_took: making.took,
                        steps: created.steps,
                        snapshot,
                        environment,
                        image: making.image.record().clone(),
                    });
                }
            }
        }
    }

    /// The image of a snapshot, the snapshot's hash and its environment.
    pub(super) fn image(&self, address: &str, control: &Control) -> Result<(String, Environment, Making)> {
        let snapshot = self.store.snapshot(address)?;
        let reader = SnapshotReader::new(Arc::new(self.store.open_store().clone()), snapshot.manifest);
        let manifest = reader.manifest();
        let accepted: Accepted<'_> = match &manifest.trust {
            Trust::Scrubbed { .. } => ScrubbedSnapshot::new(snapshot.id, manifest, &reader)?.into(),
            Trust::Raw if self.place.raw => RawSnapshot::acknowledge(snapshot.id, manifest, &reader).into(),
            Trust::Raw => return Err(BranchError::Raw.into()),
        };
        let server = self.servers.find(&manifest.origin.engine, &manifest.environment).map_err(BranchError::from)?;
        let mut options = ImageOptions::default();
        options.neutralize = self.place.neutralize.clone();
        let made =
            on_own_thread(|| image::ensure(self.inner.home(), &*self.servers, &*server, accepted, &options, control))?;
        Ok((snapshot.id.to_string(), manifest.environment.clone(), made?))
    }
}
