//! Takes the rows of a COPY out of a session's stream before the client library sees them.
//!
//! The library reads into a buffer of its own, cuts messages off it and sends each through a channel: twice the copying,
//! and for each message more work than its parsing. Whoever reads a table taps the next COPY instead, and is given whole
//! read buffers, which it walks itself and gives back. The library sees the same exchange without its CopyData
//! messages, which is one of a COPY of no rows.
//!
//! The stream ([`super::split`]) puts buffers in, the reader ([`Tapped`]) takes them; both run on one thread, in turn.
//! There is one buffer between them: a reader that is busy stops the stream, and so the server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The header of a message: its tag, and its length without the tag.
pub(super) const HEADER_BYTES: usize = 5;

/// Where the rows of one session's COPYs can be had.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mode: Mode,
    full: Option<Received>,
    spare: Option<Box<[u8]>>,
    reader: Option<Waker>,
    stream: Option<Waker>,
}

/// What happens to CopyData messages.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They go to the client library.
    #[default]
    Closed,
    /// They go to the reader from the next COPY on.
    Awaited,
    /// They go to the reader.
    Open,
}

impl Tap {
    /// Takes the rows of the COPY that is begun next. Only one can be taken at a time.
    #[must_use]
    pub fn next_copy(&self) -> Tapped {
        self.lock().mode = Mode::Awaited;
        Tapped(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server begins to send rows.
    pub(super) fn copy_begins(&self) {
        let mut state = self.lock();
        state.mode = if state.mode == Mode::Awaited { Mode::Open } else { Mode::Closed };
    }

    /// The server has sent all rows, or an error in their place.
    pub(super) fn copy_ends(&self) {
        let mut state = self.lock();
        if state.mode == Mode::Open {
            state.mode = Mode::Closed;
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().mode == Mode::Open
    }

    /// Waits until the reader has taken what it was given last, or is gone; gives a buffer to read into, if one is free.
    pub(super) fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<Option<Box<[u8]>>> {
        let mut state = self.lock();
        if state.mode == Mode::Open && state.full.is_some() {
            state.stream = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(state.spare.take())
    }

    /// Gives a buffer to the reader.
    pub(super) fn give(&self, received: Received) {
        let mut state = self.lock();
        state.full = Some(received);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }
}

/// A COPY whose rows do not go through the client library. Dropped before its end, it lets the rest go there, which
/// throws it away.
pub struct Tapped(Tap);

impl Tapped {
    /// The next bytes. Pending also when there are none left: that the COPY has ended is for the client library to say, and
    /// what it says comes after what is had here.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let mut state = self.0.lock();
        let Some(received) = state.full.take() else {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if let Some(stream) = state.stream.take() {
            stream.wake();
        }
        Poll::Ready(received)
    }

    /// Gives a buffer back, so that the next one costs no memory.
    pub fn give_back(&mut self, received: Received) {
        if !received.buffer.is_empty() {
            self.0.lock().spare = Some(received.buffer);
        }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.mode = Mode::Closed;
        state.full = None;
        if let Some(stream) = state.stream.take() {
            stream.wake();
        }
    }
}

/// A part of a stream of CopyData messages, as it was read; it begins and ends anywhere in their payloads.
#[derive(Default)]
pub struct Received {
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// What is left of the payload at `at`.
    payload: usize,
}

impl Received {
    /// `end` is not inside a header.
    pub(super) fn new(buffer: Box<[u8]>, start: usize, end: usize, payload: usize) -> Self {
        let mut received = Self { buffer, at: start, end, payload };
        received.skip_headers();
        received
    }

    /// Bytes that it has, the headers of messages counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.at
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next bytes of one message; none at the end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.at..self.end.min(self.at + self.payload)]
    }

    /// Goes on behind some of these bytes.
    pub fn advance(&mut self, count: usize) {
        self.at += count;
        self.payload -= count;
        self.skip_headers();
    }

    fn skip_headers(&mut self) {
        while self.payload == 0 && self.at < self.end {
            let header = self.buffer[..self.end].get(self.at..).and_then(<[u8]>::first_chunk);
            let Some((_, payload)) = header.and_then(header_of) else {
                self.at = self.end;
                return;
            };
            self.payload = payload;
            self.at += HEADER_BYTES;
        }
    }
}

/// The tag and the length of the payload; `None` if the length is impossible.
pub(super) fn header_of(header: &[u8; HEADER_BYTES]) -> Option<(u8, usize)> {
    let &[tag, b1, b2, b3, b4] = header;
    let length = u32::from_be_bytes([b1, b2, b3, b4]) as usize;
    Some((tag, length.checked_sub(4)?))
}
