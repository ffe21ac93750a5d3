//! The one place where sync meets async.
//!
//! Every connection belongs to one plain thread, which drives it with a `current_thread` runtime of its own: measured,
//! a multi-threaded runtime costs 40 % more wall time, and blocking in a sink stops nobody else. The bridge is entered
//! only while bytes are waited for; rows are handed on outside of it, so that a sink may use a runtime of its own.

use std::future::Future;
use std::io;

/// A thread's own runtime.
#[derive(Debug)]
pub struct Bridge {
    runtime: tokio::runtime::Runtime,
}

impl Bridge {
    /// A runtime for this thread.
    ///
    /// # Errors
    /// If the system gives no event queue.
    pub fn new() -> io::Result<Self> {
        tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| Self { runtime })
    }

    /// Runs a future to its end. Connections that were spawned on the bridge move on meanwhile, and only then.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// Runs `work` on a thread of its own with a bridge, and waits for it: so that a caller may be inside a runtime.
///
/// # Errors
/// If there is no thread or no event queue. A panic of `work` goes on in the caller.
pub fn on_own_thread<T: Send>(name: &str, work: impl FnOnce(&Bridge) -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn_scoped(scope, || Bridge::new().map(|bridge| work(&bridge)))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::on_own_thread;

    #[test]
    fn works_inside_a_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async { on_own_thread("inner", |bridge| bridge.block_on(async { 42 })) });
        assert_eq!(answer.unwrap(), 42);
    }
}
