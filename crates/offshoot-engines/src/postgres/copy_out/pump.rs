//! Moves one COPY stream from a connection through a parser into the sink of a sink.
//!
//! The connection's runtime is entered once a batch, not once a row; sinks are called outside of it, because they may
//! block and may have a runtime of their own.

use super::{Rows, Step};
use crate::bridge::Bridge;
use crate::error::{EngineError, refused};
use crate::postgres::capture::stop::Stop;
use crate::postgres::connect::tap::{Received, Tapped};
use futures_util::StreamExt as _;
use offshoot_core::source::{BlobSink, RangeSink};
use offshoot_core::{CoreError, Event};
use offshoot_format::column::Batch;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_postgres::CopyOutStream;

/// How often a wait for bytes is left to see whether the capture was given up.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// One stream on its way.
pub struct Pump<'p, 't> {
    bridge: &'p Bridge,
    stop: &'p Stop,
    doing: &'p str,
    /// Says how the COPY ends; its rows come from the tap.
    stream: Pin<Box<CopyOutStream>>,
    tapped: Tapped,
    rows: Rows<'t>,
    received: Received,
    is_ended: bool,
}

/// How a stream ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pumped {
    /// Rows that were pushed.
    pub rows: u64,
    /// Bytes that were received.
    pub bytes: u64,
}

/// Where rows go: the sink of a range, or something in front of it. Unlike that, it stays on its thread.
pub trait RowSink {
    /// As [`RangeSink::batch`].
    fn batch(&mut self) -> Batch;
    /// As [`RangeSink::push`].
    ///
    /// # Errors
    /// The sink's.
    fn push(&mut self, batch: Batch) -> Result<(), CoreError>;
    /// As [`RangeSink::blob`].
    ///
    /// # Errors
    /// The sink's.
    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>, CoreError>;
    /// As [`RangeSink::held_bytes`].
    fn held_bytes(&self) -> usize {
        0
    }
}

impl RowSink for dyn RangeSink + '_ {
    fn batch(&mut self) -> Batch {
        RangeSink::batch(self)
    }

    fn push(&mut self, batch: Batch) -> Result<(), CoreError> {
        RangeSink::push(self, batch)
    }

    fn blob(&mut self, column: usize) -> Result<Box<dyn BlobSink + '_>, CoreError> {
        RangeSink::blob(self, column)
    }

    fn held_bytes(&self) -> usize {
        RangeSink::held_bytes(self)
    }
}

/// Why the inner loop was left.
enum Wish {
    Push,
    Blob(usize),
    BlobEnd,
    Ended,
}

impl<'p, 't> Pump<'p, 't> {
    /// A pump of one stream, which was begun after it was tapped. `doing` completes "the server could not ...".
    pub fn new(
        bridge: &'p Bridge,
        stop: &'p Stop,
        doing: &'p str,
        (tapped, stream): (Tapped, CopyOutStream),
        rows: Rows<'t>,
    ) -> Self {
        let stream = Box::pin(stream);
        Self { bridge, stop, doing, stream, tapped, rows, received: Received::default(), is_ended: false }
    }

    /// Moves everything. `pumped` counts also where it fails.
    ///
    /// # Errors
    /// The server's, the parser's, or the sink's; `Cancelled` or `Poisoned` if the capture is given up.
    pub fn run(mut self, sink: &mut (impl RowSink + ?Sized), pumped: &mut Pumped) -> Result<(), CoreError> {
        let mut batch = sink.batch();
        let outcome = self.run_into(sink, &mut batch, pumped);
        // Rows that came before a refusal of the server count: reading goes on behind them.
        if batch.rows > 0 && outcome.as_ref().map_or_else(is_refusal, |()| true) && is_whole(&batch) {
            self.push(sink, batch, pumped)?;
        }
        outcome
    }

    fn run_into(
        &mut self,
        sink: &mut (impl RowSink + ?Sized),
        batch: &mut Batch,
        pumped: &mut Pumped,
    ) -> Result<(), CoreError> {
        loop {
            match self.next_wish(batch, pumped)? {
                Wish::Push => {
                    let full = std::mem::replace(batch, sink.batch());
                    self.push(sink, full, pumped)?;
                }
                Wish::Blob(column) => self.blob(sink, batch, column, pumped)?,
                Wish::BlobEnd => {
                    return Err(EngineError::Protocol { what: "a COPY stream", why: "a value has no beginning" }.into());
                }
                Wish::Ended => return Ok(self.rows.finish()?),
            }
        }
    }

    fn push(&self, sink: &mut (impl RowSink + ?Sized), batch: Batch, pumped: &mut Pumped) -> Result<(), CoreError> {
        let (rows, bytes) = (batch.rows as u64, batch.bytes_len() as u64);
        sink.push(batch)?;
        pumped.rows += rows;
        self.stop.control().emit(&Event::Rows { rows, bytes });
        Ok(())
    }

    /// Receives and parses until the sink is needed.
    fn next_wish(&mut self, batch: &mut Batch, pumped: &mut Pumped) -> Result<Wish, CoreError> {
        let bridge = self.bridge;
        loop {
            self.stop.check()?;
            let wish = bridge
                .block_on(async { tokio::time::timeout(STOP_POLL_INTERVAL, self.receive(batch, pumped)).await.ok() });
            if let Some(wish) = wish {
                return Ok(wish?);
            }
        }
    }

    /// Can be dropped at any wait and called again: all state is in `self` and the batch.
    async fn receive(&mut self, batch: &mut Batch, pumped: &mut Pumped) -> crate::Result<Wish> {
        loop {
            // Also without bytes: after a large value the parser may have the end of its row to tell.
            let bytes = self.received.bytes();
            let mut input = bytes;
            let step = self.rows.step(&mut input, batch)?;
            let taken = bytes.len() - input.len();
            let wish = match step {
                Step::More | Step::End => None,
                Step::Full => Some(Wish::Push),
                Step::LargeBegin { column } => Some(Wish::Blob(column)),
                Step::LargePiece(_) | Step::LargeEnd { .. } => Some(Wish::BlobEnd),
            };
            self.received.advance(taken);
            if let Some(wish) = wish {
                return Ok(wish);
            }
            if self.received.bytes().is_empty() && (self.is_ended || !self.fetch(pumped).await?) {
                return Ok(Wish::Ended);
            }
        }
    }

    /// Gets the next bytes. False at the end.
    async fn fetch(&mut self, pumped: &mut Pumped) -> crate::Result<bool> {
        self.tapped.give_back(std::mem::take(&mut self.received));
        match poll_fn(|cx| self.poll_received(cx)).await? {
            Some(received) => {
                pumped.bytes += received.len() as u64;
                self.received = received;
                Ok(true)
            }
            None => {
                self.is_ended = true;
                Ok(false)
            }
        }
    }

    fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<crate::Result<Option<Received>>> {
        // First the tap: what the client library says comes after it.
        if let Poll::Ready(received) = self.tapped.poll_next(cx) {
            return Poll::Ready(Ok(Some(received)));
        }
        Poll::Ready(match ready!(self.stream.poll_next_unpin(cx)) {
            None => Ok(None),
            Some(Err(error)) => Err(refused(self.doing)(error)),
            Some(Ok(_)) => Err(EngineError::Protocol { what: "a COPY stream", why: "rows passed the tap by" }),
        })
    }

    /// Streams one large value into a blob and pushes its reference.
    fn blob(
        &mut self,
        sink: &mut (impl RowSink + ?Sized),
        batch: &mut Batch,
        column: usize,
        pumped: &mut Pumped,
    ) -> Result<(), CoreError> {
        let before = sink.held_bytes();
        let mut blob = sink.blob(column)?;
        loop {
            let bytes = self.received.bytes();
            let mut input = bytes;
            let step = self.rows.step(&mut input, batch)?;
            let taken = bytes.len() - input.len();
            let more = match step {
                Step::LargePiece(piece) => {
                    blob.write(piece)?;
                    false
                }
                Step::LargeEnd { .. } => {
                    self.received.advance(taken);
                    blob.finish()?.push_to(&mut batch.columns[column])?;
                    self.rows.count_bytes(sink.held_bytes().saturating_sub(before));
                    return Ok(());
                }
                Step::More => true,
                _ => return Err(EngineError::Protocol { what: "a COPY stream", why: "a value does not end" }.into()),
            };
            self.received.advance(taken);
            if more && !self.fetch_blocking(pumped)? {
                return Err(EngineError::Protocol { what: "a COPY stream", why: "it ends inside a value" }.into());
            }
        }
    }

    fn fetch_blocking(&mut self, pumped: &mut Pumped) -> Result<bool, CoreError> {
        let bridge = self.bridge;
        loop {
            self.stop.check()?;
            let fetched =
                bridge.block_on(async { tokio::time::timeout(STOP_POLL_INTERVAL, self.fetch(pumped)).await.ok() });
            if let Some(fetched) = fetched {
                return Ok(fetched?);
            }
        }
    }
}

/// The server said no, but the connection stands.
fn is_refusal(error: &CoreError) -> bool {
    let CoreError::Source { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(EngineError::Refused { .. }))
}

/// No row of the batch is begun.
fn is_whole(batch: &Batch) -> bool {
    batch.columns.iter().all(|column| column.rows() == batch.rows)
}
