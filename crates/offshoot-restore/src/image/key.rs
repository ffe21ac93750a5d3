//! The key of an image: everything that its files depend on.

use crate::neutralize::NeutralizeChoices;
use crate::server::Server;
use offshoot_format::manifest::{Manifest, Trust};
use serde::Serialize;
use std::fmt;

const CONTEXT: &str = "offshoot 2026 image key v1";

/// Names an image by what it is made of: the same rows and schema, environment, server and neutralizing give the same key,
/// whichever snapshot they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageKey(String);

impl ImageKey {
    /// The key of a snapshot's image for a server.
    #[must_use]
    pub fn of(manifest: &Manifest, server: &dyn Server, choices: &NeutralizeChoices) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        let build = server.build();
        let is_raw = matches!(manifest.trust, Trust::Raw);
        // Where the programs are is no part of what they make.
        let server_says = (&build.engine, &build.version, build.version_num, &build.platform);
        let parts = (
            manifest.content_root.to_string(),
            &manifest.environment,
            &manifest.origin.database,
            is_raw,
            server_says,
            server.neutralize_digest(choices),
        );
        hash(&mut hasher, &parts);
        Self(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// The name of its folder.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hash<T: Serialize>(hasher: &mut blake3::Hasher, value: &T) {
    // Maps are ordered and there are no floats: the text is the same for the same value, and it cannot fail.
    if let Err(error) = serde_json::to_writer(&mut *hasher, value) {
        hasher.update(error.to_string().as_bytes());
    }
}
