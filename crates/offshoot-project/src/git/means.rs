//! By what the hooks find the store and make branches: what was said when they were installed. Git is called from anywhere, also
//! by programs that have another environment than the shell in which that was.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What was said when the hooks were installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Means {
    /// The store, absolute; none if the project's configuration says it.
    pub store: Option<PathBuf>,
    /// The configuration, absolute; none if it is found by walking up.
    pub config: Option<PathBuf>,
    /// Variables of the environment, for when Git is called without them.
    pub variables: BTreeMap<String, String>,
    /// Whether branches of raw snapshots may be made.
    pub raw: bool,
}
