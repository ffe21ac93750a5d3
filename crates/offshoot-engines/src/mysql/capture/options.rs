//! What a caller may bound in a capture.

use super::method::Method;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Bounds of a capture. All durations count on their own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// Connections that read rows. Two more are used beside: the leader's and the watcher's; and one for tables without
    /// snapshots, if there are such.
    pub jobs: NonZeroUsize,
    /// How long locks may be waited for in all. One attempt takes at most two seconds of it.
    pub lock_wait: Duration,
    /// How often a state that moves under the capture is taken anew.
    pub tries_max: u32,
    /// How old the snapshot may become. `None` is without bound.
    pub max_age: Option<Duration>,
    /// How long somebody may wait behind the capture: for the lock under which the snapshots are taken, or with a schema
    /// change behind a table that is being read.
    pub max_block: Duration,
    /// Tables of this many bytes and more are read in ranges of their key.
    pub split_bytes: u64,
    /// The most that the schema may take, in bytes.
    pub schema_bytes_max: u64,
    /// How the connections come to see one state; `None` is the cheapest way that works here.
    pub method: Option<Method>,
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
            schema_bytes_max: 512 << 20,
            method: None,
        }
    }
}
