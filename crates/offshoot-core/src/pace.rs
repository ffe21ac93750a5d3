//! A bound on how fast a source is read, so that it has something left for those who work on it.
//!
//! A sink before the sink: whoever pushes rows waits until they are due. All ranges share one clock, in which every byte takes its
//! time (the generic cell rate algorithm of ATM's traffic contracts, with a burst of none), so the bound holds for all connections
//! together, and from the first byte on. A reader that waits does not read, and its server waits with it.

use crate::source::{BlobSink, Large, RangeSink, Sink, TableSink};
use crate::{Control, Result};
use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use offshoot_format::table::TableSpec;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long who waits sleeps before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);

/// A sink that takes no more than so many bytes of values a second.
pub(crate) struct Pace<'a> {
    inner: &'a dyn Sink,
    clock: Clock<'a>,
}

impl<'a> Pace<'a> {
    pub(crate) fn new(inner: &'a dyn Sink, bytes_per_second: NonZeroU64, control: &'a Control) -> Self {
        Self { inner, clock: Clock { bytes_per_second, control, due: Mutex::new(Instant::now()) } }
    }
}

impl Sink for Pace<'_> {
    fn wants_facts(&self) -> bool {
        self.inner.wants_facts()
    }

    fn describe(&self, tables: &[TableFacts]) -> Result<()> {
        self.inner.describe(tables)
    }

    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Ok(Box::new(PacedTable { inner: self.inner.table(spec)?, clock: &self.clock }))
    }
}

/// When the next byte is due.
struct Clock<'a> {
    bytes_per_second: NonZeroU64,
    control: &'a Control,
    due: Mutex<Instant>,
}

impl Clock<'_> {
    /// Waits until these bytes are due.
    fn wait(&self, bytes: usize) -> Result<()> {
        let until = self.book(bytes, Instant::now());
        loop {
            self.control.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(NAP));
        }
    }

    /// When these bytes are due that come now; what comes later is due later. Time in which nothing came is not made up for.
    fn book(&self, bytes: usize, now: Instant) -> Instant {
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // Times that no clock can say are far enough away.
        *due = (*due).max(now).checked_add(takes).unwrap_or(now + Duration::from_secs(u32::MAX.into()));
        *due
    }
}

struct PacedTable<'a> {
    inner: Box<dyn TableSink + 'a>,
    clock: &'a Clock<'a>,
}

impl TableSink for PacedTable<'_> {
    fn range(&self, scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        Ok(Box::new(PacedRange { inner: self.inner.range(scattered)?, clock: self.clock }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish()
    }
}

struct PacedRange<'a> {
    inner: Box<dyn RangeSink + 'a>,
    clock: &'a Clock<'a>,
}

impl RangeSink for PacedRange<'_> {
    fn batch(&mut self) -> Batch {
        self.inner.batch()
    }

    fn push(&mut self, batch: Batch) -> Result<()> {
        self.clock.wait(batch.bytes_len())?;
        self.inner.push(batch)
    }

    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>> {
        Ok(Box::new(PacedBlob { inner: self.inner.blob(column)?, clock: self.clock }))
    }

    fn held_bytes(&self) -> usize {
        self.inner.held_bytes()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish()
    }
}

struct PacedBlob<'a> {
    inner: Box<dyn BlobSink + 'a>,
    clock: &'a Clock<'a>,
}

impl BlobSink for PacedBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.clock.wait(bytes.len())?;
        self.inner.write(bytes)
    }

    fn finish(self: Box<Self>) -> Result<Large> {
        self.inner.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(control: &Control, bytes_per_second: u64, began: Instant) -> Clock<'_> {
        let bytes_per_second = NonZeroU64::new(bytes_per_second).unwrap();
        Clock { bytes_per_second, control, due: Mutex::new(began) }
    }

    #[test]
    fn all_who_come_share_the_time() {
        let (control, began) = (Control::default(), Instant::now());
        let clock = clock(&control, 1000, began);
        let after = |millis: u64| began + Duration::from_millis(millis);
        assert_eq!(clock.book(500, began), after(500));
        assert_eq!(clock.book(500, after(100)), after(1000), "behind those who came before");
        assert_eq!(clock.book(500, after(3000)), after(3500), "what was not used is not made up for");
        assert_eq!(clock.book(0, after(3000)), after(3500));
    }

    #[test]
    fn a_rate_that_takes_for_ever_is_no_panic() {
        let (control, began) = (Control::default(), Instant::now());
        let clock = clock(&control, 1, began);
        assert!(clock.book(usize::MAX, began) > began + Duration::from_secs(1 << 30));
        assert!(clock.book(usize::MAX, began) > began + Duration::from_secs(1 << 30));
    }

    #[test]
    fn who_waits_can_be_stopped() {
        let control = Control::default();
        control.cancel();
        let clock = clock(&control, 1, Instant::now());
        assert!(matches!(clock.wait(1 << 30), Err(crate::CoreError::Cancelled)));
    }
}
