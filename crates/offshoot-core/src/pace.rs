//! A bound on how fast a source is read, so that it has something left for those who work on it.
//!
//! A sink before the sink: whoever pushes rows waits until they are due. All ranges share one clock, in which every byte takes its
//! time (the generic cell rate algorithm of ATM's traffic contracts, with a burst of what is pushed at once), so the bound holds
//! for all connections together, and from the first byte on. The time in which a batch was read counts for it. A reader that waits
//! does not read, and its server waits with it.

use crate::control::wait_until;
use crate::source::{BlobSink, Captured, Large, RangeSink, Sink, Source, TableSink};
use crate::{Control, CoreError, Result};
use offshoot_format::column::Batch;
use offshoot_format::facts::TableFacts;
use offshoot_format::table::TableSpec;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Has `source` read into `sink`, no more than so many bytes of values a second if there is a bound.
///
/// # Errors
/// Those of the source.
pub fn read(
    source: &mut dyn Source,
    sink: &dyn Sink,
    bytes_per_second: Option<NonZeroU64>,
    control: &Control,
) -> Result<Captured> {
    match bytes_per_second {
        Some(rate) => source.capture(&Pace::new(sink, rate, control), control),
        None => source.capture(sink, control),
    }
}

/// A sink that takes no more than so many bytes of values a second.
struct Pace<'a> {
    inner: &'a dyn Sink,
    clock: Clock<'a>,
}

impl<'a> Pace<'a> {
    fn new(inner: &'a dyn Sink, bytes_per_second: NonZeroU64, control: &'a Control) -> Self {
        Self { inner, clock: Clock::new(bytes_per_second, control, Instant::now()) }
    }
}

impl Sink for Pace<'_> {
    fn wants_facts(&self) -> bool {
        self.inner.wants_facts()
    }

    fn describe(&self, tables: &[TableFacts]) -> Result<()> {
        self.inner.describe(tables)
    }

    fn surveys(&self, spec: &TableSpec) -> bool {
        self.inner.surveys(spec)
    }

    fn survey<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Ok(Box::new(PacedTable { inner: self.inner.survey(spec)?, clock: &self.clock }))
    }

    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        Ok(Box::new(PacedTable { inner: self.inner.table(spec)?, clock: &self.clock }))
    }

    fn give_up(&self) {
        self.clock.is_given_up.store(true, Ordering::Relaxed);
        self.inner.give_up();
    }
}

/// When the next byte is due.
struct Clock<'a> {
    bytes_per_second: NonZeroU64,
    control: &'a Control,
    is_given_up: AtomicBool,
    due: Mutex<Instant>,
}

impl<'a> Clock<'a> {
    fn new(bytes_per_second: NonZeroU64, control: &'a Control, began: Instant) -> Self {
        Self { bytes_per_second, control, is_given_up: AtomicBool::new(false), due: Mutex::new(began) }
    }

    /// Waits until these bytes are due.
    fn wait(&self, bytes: usize) -> Result<()> {
        let until = self.book(bytes, Instant::now());
        wait_until(until, || {
            self.control.check()?;
            if self.is_given_up.load(Ordering::Relaxed) { Err(CoreError::Poisoned) } else { Ok(()) }
        })
    }

    /// When these bytes are due that come now; what comes later is due later. Time in which nothing came is not made up for, but
    /// for as long as these bytes take: in it they were read.
    fn book(&self, bytes: usize, now: Instant) -> Instant {
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // Times that no clock can say are far enough away.
        let since = now.checked_sub(takes).unwrap_or(*due);
        *due = (*due).max(since).checked_add(takes).unwrap_or(now + Duration::from_secs(u32::MAX.into()));
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
    use crate::digest::DigestSink;

    fn clock(control: &Control, bytes_per_second: u64, began: Instant) -> Clock<'_> {
        Clock::new(NonZeroU64::new(bytes_per_second).unwrap(), control, began)
    }

    #[test]
    fn all_who_come_share_the_time() {
        let (control, began) = (Control::default(), Instant::now());
        let clock = clock(&control, 1000, began);
        let after = |millis: u64| began + Duration::from_millis(millis);
        assert_eq!(clock.book(500, began), after(500));
        assert_eq!(clock.book(500, after(100)), after(1000), "behind those who came before");
        assert_eq!(clock.book(500, after(3000)), after(3000), "it was read meanwhile");
        assert_eq!(clock.book(500, after(3000)), after(3500), "what was not used is not made up for");
        assert_eq!(clock.book(0, after(3000)), after(3500));
    }

    #[test]
    fn who_reads_no_faster_by_itself_never_waits() {
        let (control, began) = (Control::default(), Instant::now());
        let clock = clock(&control, 1000, began);
        for batch in 1..=100 {
            let now = began + Duration::from_millis(500 * batch);
            assert_eq!(clock.book(500, now), now);
        }
    }

    #[test]
    fn the_whole_is_never_faster_whenever_batches_come() {
        let (control, began) = (Control::default(), Instant::now());
        let clock = clock(&control, 1000, began);
        let (mut now, mut bytes) = (began, 0);
        for (pause_ms, batch) in [(0, 700), (900, 200), (5, 4000), (0, 1), (7000, 5000), (100, 100)] {
            now += Duration::from_millis(pause_ms);
            now = now.max(clock.book(batch, now));
            bytes += batch;
            assert!(now - began >= Duration::from_millis(bytes as u64), "{bytes} bytes after {:?}", now - began);
        }
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
        assert!(matches!(clock.wait(1 << 30), Err(CoreError::Cancelled)));
    }

    #[test]
    fn nobody_waits_when_the_source_has_given_up() {
        let (control, sink) = (Control::default(), DigestSink::default());
        let pace = Pace::new(&sink, NonZeroU64::MIN, &control);
        pace.give_up();
        assert!(matches!(pace.clock.wait(1 << 30), Err(CoreError::Poisoned)));
    }
}
