//! What a caller may bound in a capture.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Bounds of a capture. All durations count on their own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// Connections that read rows. Two more are used beside: the watcher's and pg_dump's.
    pub jobs: NonZeroUsize,
    /// How long locks may be waited for in all. One attempt takes at most two seconds of it, for all locks together.
    pub lock_wait: Duration,
    /// How often a schema that changes between listing and locking is listed anew.
    pub tries_max: u32,
    /// How old the snapshot may become. `None` is without bound.
    pub max_age: Option<Duration>,
    /// How long somebody may wait behind a schema change that is queued on a lock of the capture.
    pub max_block: Duration,
    /// Tables of this many bytes and more are read in as many ranges as there are jobs.
    pub split_bytes: u64,
    /// Programs to try as pg_dump, the preferred first.
    pub pg_dump: Vec<PathBuf>,
    /// The most that pg_dump may write, in bytes.
    pub schema_bytes_max: u64,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            jobs,
            lock_wait: Duration::from_secs(60),
            tries_max: 10,
            max_age: None,
            max_block: Duration::from_secs(2),
            split_bytes: 64 << 20,
            pg_dump: Vec::new(),
            schema_bytes_max: 512 << 20,
        }
    }
}
