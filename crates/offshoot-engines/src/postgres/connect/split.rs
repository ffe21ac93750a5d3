//! Keeps CopyData messages from the client library: all of them where somebody taps them, else large ones.
//!
//! What is tapped ([`super::tap`]) is given away with the buffer that it was read into. Of what is not, the client library
//! hands on a message only when all of it is in its buffer, and a row may be near 1 GB. COPY promises nothing about how
//! its bytes are cut into messages, so a long message is as well read as several short ones: where one begins, its
//! header is replaced, and further headers are put between its bytes. All other messages pass through unchanged.
//!
//! Reads go through one buffer, which is searched header by header; whole runs of messages are then copied at once. It
//! must sit above TLS, and see the stream from the first byte after its negotiation.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::greeting::{Greeting, Verdict};
use super::tap::{HEADER_BYTES, Received, Tap, header_of};

/// The largest CopyData payload that is passed on in one message.
pub const COPY_DATA_BYTES_MAX: usize = 64 << 10;

/// What one read may bring.
const READ_BYTES: usize = 128 << 10;

const COPY_DATA_TAG: u8 = b'd';
const COPY_OUT_TAG: u8 = b'H';
const COPY_DONE_TAG: u8 = b'c';
const ERROR_TAG: u8 = b'E';

/// A stream of backend messages without CopyData messages over [`COPY_DATA_BYTES_MAX`]; what is written passes through.
pub struct Split<S> {
    inner: S,
    greeting: Option<Greeting>,
    tap: Tap,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What is left of the message, or the piece of one, that is passed on as it comes.
    verbatim: usize,
    /// What is left of a CopyData message after the piece that is passed on.
    uncut: usize,
    /// A header of our own that is being passed on.
    header: [u8; HEADER_BYTES],
    header_at: usize,
    /// What is left of a CopyData message whose beginning went to the tap.
    tapped: usize,
}

impl<S> Split<S> {
    /// Wraps a stream that stands at the beginning of a message.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            greeting: None,
            tap: Tap::default(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            verbatim: 0,
            uncut: 0,
            header: [0; HEADER_BYTES],
            header_at: HEADER_BYTES,
            tapped: 0,
        }
    }

    /// Where the rows of COPYs can be had.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// The same, for a server that has not let us in yet.
    pub(super) fn with_greeting(inner: S, greeting: Greeting) -> Self {
        let mut split = Self::new(inner);
        split.greeting = Some(greeting);
        split
    }

    /// Copies what can be copied without another read. False if nothing could.
    fn drain(&mut self, out: &mut ReadBuf<'_>) -> io::Result<bool> {
        let before = out.filled().len();
        while out.remaining() > 0 && self.tapped == 0 {
            if self.header_at < HEADER_BYTES {
                let count = out.remaining().min(HEADER_BYTES - self.header_at);
                out.put_slice(&self.header[self.header_at..self.header_at + count]);
                self.header_at += count;
            } else if !self.copy_run(out)? {
                break;
            }
        }
        Ok(out.filled().len() > before)
    }

    /// Copies up to the next header of our own, the end of the buffer or of `out`. False if there is nothing to copy.
    fn copy_run(&mut self, out: &mut ReadBuf<'_>) -> io::Result<bool> {
        let limit = self.end.min(self.start.saturating_add(out.remaining()));
        let mut at = self.start;
        let mut cut = false;
        while at < limit {
            if self.verbatim == 0 && !self.begin_message(at, &mut cut)? {
                break;
            }
            if cut {
                break;
            }
            let count = self.verbatim.min(limit - at);
            at += count;
            self.verbatim -= count;
            if self.verbatim == 0 && self.uncut > 0 {
                self.begin_piece();
                break;
            }
        }
        out.put_slice(&self.buffer[self.start..at]);
        let progress = at > self.start || cut;
        self.start = if cut { at + HEADER_BYTES } else { at };
        Ok(progress)
    }

    /// Reads the header at `at`. False if it is not all there. `cut` becomes true if it is to be replaced.
    fn begin_message(&mut self, at: usize, cut: &mut bool) -> io::Result<bool> {
        let bytes = &self.buffer[at..self.end];
        if let Some(greeting) = &mut self.greeting {
            match greeting.examine(bytes)? {
                Verdict::NeedMore => return Ok(false),
                Verdict::Pass => {}
                Verdict::Done => self.greeting = None,
            }
        }
        let Some(header) = bytes.first_chunk() else { return Ok(false) };
        let (tag, payload) = header_of(header).ok_or_else(impossible)?;
        match tag {
            COPY_DATA_TAG if self.tap.is_open() => return Ok(false),
            COPY_OUT_TAG => self.tap.copy_begins(),
            COPY_DONE_TAG | ERROR_TAG => self.tap.copy_ends(),
            _ => {}
        }
        if tag == COPY_DATA_TAG && payload > COPY_DATA_BYTES_MAX {
            self.uncut = payload;
            self.begin_piece();
            *cut = true;
        } else {
            self.verbatim = HEADER_BYTES + payload;
        }
        Ok(true)
    }

    fn begin_piece(&mut self) {
        let piece = self.uncut.min(COPY_DATA_BYTES_MAX);
        self.uncut -= piece;
        self.verbatim = piece;
        self.header[0] = COPY_DATA_TAG;
        // At most 64 KiB and 4.
        self.header[1..].copy_from_slice(&(piece as u32 + 4).to_be_bytes());
        self.header_at = 0;
    }

    fn is_between_messages(&self) -> bool {
        self.start == self.end && self.verbatim == 0 && self.uncut == 0 && self.tapped == 0
    }

    /// Whether what comes next in the buffer is for the tap.
    fn is_tapped(&self) -> bool {
        let bytes = &self.buffer[self.start..self.end];
        let begins = || self.verbatim == 0 && self.uncut == 0 && self.header_at == HEADER_BYTES;
        let is_rows = || bytes.len() >= HEADER_BYTES && bytes[0] == COPY_DATA_TAG && self.tap.is_open();
        !bytes.is_empty() && (self.tapped > 0 || begins() && is_rows())
    }

    /// Gives what was read of the rows to the tap, as far as it follows each other.
    fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let spare = ready!(self.tap.poll_taken(cx));
        // Whoever gave up the rest of a row does not get the next one.
        let is_open = self.tap.is_open();
        let (start, payload) = (self.start, self.tapped);
        let mut at = self.end.min(start + payload);
        self.tapped -= at - start;
        while is_open && self.tapped == 0 {
            let Some(header) = self.buffer[at..self.end].first_chunk() else { break };
            let (tag, payload) = header_of(header).ok_or_else(impossible)?;
            if tag != COPY_DATA_TAG {
                break;
            }
            let next = self.end.min(at + HEADER_BYTES + payload);
            self.tapped = at + HEADER_BYTES + payload - next;
            at = next;
        }
        if !is_open {
            self.start = at;
            return Poll::Ready(Ok(()));
        }
        let mut buffer = spare.unwrap_or_else(|| vec![0; READ_BYTES].into_boxed_slice());
        let rest = self.end - at;
        buffer[..rest].copy_from_slice(&self.buffer[at..self.end]);
        let full = std::mem::replace(&mut self.buffer, buffer);
        (self.start, self.end) = (0, rest);
        self.tap.give(Received::new(full, start, at, payload));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Split<S> {
    /// Reads once behind what is left. False at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        // What is left is at most a few bytes of a header.
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let mut free = ReadBuf::new(&mut self.buffer[self.end..]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut free))?;
        let count = free.filled().len();
        self.end += count;
        if count == 0 && !self.is_between_messages() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed the connection in the middle of a message",
            )));
        }
        Poll::Ready(Ok(count > 0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Split<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while !self.drain(out)? {
            if self.is_tapped() {
                ready!(self.poll_hand_over(cx))?;
            } else if !ready!(self.poll_fill(cx))? {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Split<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

fn impossible() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a backend message with an impossible length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    /// Gives its bytes in chunks of the given sizes, over and over.
    struct Chunked {
        bytes: Vec<u8>,
        at: usize,
        sizes: Vec<usize>,
        turn: usize,
    }

    impl AsyncRead for Chunked {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.turn += 1;
            // Now and then nothing is there yet.
            if self.turn.is_multiple_of(5) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let size = self.sizes[self.turn % self.sizes.len()];
            let count = size.min(out.remaining()).min(self.bytes.len() - self.at);
            out.put_slice(&self.bytes[self.at..self.at + count]);
            self.at += count;
            Poll::Ready(Ok(()))
        }
    }

    fn message(tag: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend((payload.len() as u32 + 4).to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    fn messages(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
        let mut all = Vec::new();
        while let [tag, b1, b2, b3, b4, rest @ ..] = bytes {
            let length = u32::from_be_bytes([*b1, *b2, *b3, *b4]) as usize - 4;
            all.push((*tag, &rest[..length]));
            bytes = &rest[length..];
        }
        assert!(bytes.is_empty());
        all
    }

    /// Joins what follows each other, so that only the order and the content are left.
    fn joined(messages: &[(u8, &[u8])]) -> Vec<(u8, Vec<u8>)> {
        let mut all: Vec<(u8, Vec<u8>)> = Vec::new();
        for (tag, payload) in messages {
            match all.last_mut() {
                Some((COPY_DATA_TAG, last)) if *tag == COPY_DATA_TAG => last.extend(*payload),
                _ => all.push((*tag, payload.to_vec())),
            }
        }
        all
    }

    fn read_all(bytes: Vec<u8>, sizes: Vec<usize>, out_bytes: usize) -> io::Result<Vec<u8>> {
        let stream = Chunked { bytes, at: 0, sizes, turn: 0 };
        let mut split = Split::new(stream);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut all = Vec::new();
            let mut out = vec![0; out_bytes];
            loop {
                match split.read(&mut out).await? {
                    0 => return Ok(all),
                    count => all.extend(&out[..count]),
                }
            }
        })
    }

    /// What comes through beside a reader who taps the first COPY and gives up after so many buffers; and what that one got.
    fn read_tapped(bytes: Vec<u8>, sizes: Vec<usize>, buffers: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let mut split = Split::new(Chunked { bytes, at: 0, sizes, turn: 0 });
        let mut tapped = Some(split.tap().next_copy());
        let (mut through, mut rows, mut taken) = (Vec::new(), Vec::new(), 0);
        let mut out = vec![0; 3000];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(std::future::poll_fn(|cx| {
            loop {
                let before = taken;
                if let Some(reader) = &mut tapped
                    && let Poll::Ready(mut received) = reader.poll_next(cx)
                {
                    // Now and then a part only, as a parser that stops for a full batch.
                    while !received.is_empty() {
                        let part = received.bytes().len().min(1 + rows.len() % 5000);
                        rows.extend(&received.bytes()[..part]);
                        received.advance(part);
                    }
                    reader.give_back(received);
                    taken += 1;
                    if taken == buffers {
                        tapped = None;
                    }
                }
                let mut free = ReadBuf::new(&mut out);
                match Pin::new(&mut split).poll_read(cx, &mut free) {
                    Poll::Ready(Ok(())) if free.filled().is_empty() => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(())) => through.extend(free.filled()),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    // Who took something asks for the next, and is then told of it.
                    Poll::Pending if taken > before => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        }))?;
        Ok((through, rows))
    }

    fn payload(length: usize, seed: u8) -> Vec<u8> {
        (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect()
    }

    #[test]
    fn a_message_at_the_limit_is_not_touched() {
        for (length, pieces) in [(0, 1), (COPY_DATA_BYTES_MAX, 1), (COPY_DATA_BYTES_MAX + 1, 2), (3 << 20, 48)] {
            let bytes = message(b'd', &payload(length, 1));
            let read = read_all(bytes.clone(), vec![READ_BYTES], 8192).unwrap();
            assert_eq!(messages(&read).len(), pieces, "{length}");
            if pieces == 1 {
                assert_eq!(read, bytes);
            }
        }
    }

    #[test]
    fn other_large_messages_pass() {
        let bytes = [message(b'D', &payload(300_000, 2)), message(b'Z', b"I")].concat();
        assert_eq!(read_all(bytes.clone(), vec![777], 5000).unwrap(), bytes);
    }

    #[test]
    fn a_stream_that_ends_inside_a_message_is_an_error() {
        let bytes = message(b'd', &payload(2 * COPY_DATA_BYTES_MAX, 3));
        // Between two pieces the reader would otherwise see a clean end.
        for length in [1, 4, 5, 6, 100, 5 + COPY_DATA_BYTES_MAX, bytes.len() - 1] {
            let error = read_all(bytes[..length].to_vec(), vec![4096], 8192).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        assert_eq!(read_all(vec![b'd', 0, 0, 0, 3], vec![5], 10).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_tap_takes_one_copy() {
        let rows: Vec<Vec<u8>> = (0..100).map(|row| payload(row * 50, row as u8)).collect();
        let copy: Vec<u8> = rows.iter().flat_map(|row| message(b'd', row)).collect();
        let ends = [message(b'c', b""), message(b'C', b"COPY 100\0")].concat();
        let first = [message(b'T', b"x"), message(b'H', b"y"), copy.clone(), ends.clone()].concat();
        let second = [message(b'H', b"y"), copy, ends.clone()].concat();
        for sizes in [vec![1, 7], vec![5000], vec![READ_BYTES]] {
            let bytes = [first.clone(), second.clone()].concat();
            let (through, taken) = read_tapped(bytes, sizes, usize::MAX).unwrap();
            assert_eq!(taken, rows.concat());
            assert_eq!(through, [message(b'T', b"x"), message(b'H', b"y"), ends.clone(), second.clone()].concat());
        }
    }

    #[test]
    fn an_error_ends_what_is_tapped() {
        let bytes =
            [message(b'H', b"y"), message(b'd', b"row"), message(b'E', b"oh"), message(b'd', b"stray")].concat();
        let (through, taken) = read_tapped(bytes, vec![100], usize::MAX).unwrap();
        assert_eq!(taken, b"row");
        assert_eq!(through, [message(b'H', b"y"), message(b'E', b"oh"), message(b'd', b"stray")].concat());
        let impossible = [message(b'H', b""), message(b'd', b"row"), vec![b'd', 0, 0, 0, 3]].concat();
        let error = read_tapped(impossible, vec![100], usize::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let cut = message(b'H', b"").into_iter().chain(message(b'd', &payload(300_000, 1)).into_iter().take(200_000));
        let error = read_tapped(cut.collect(), vec![READ_BYTES], usize::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn what_is_tapped_and_what_is_not_are_all(
            lengths in proptest::collection::vec(prop_oneof![
                4 => 0usize..300, 2 => 60_000usize..70_000, 1 => 100_000usize..400_000,
            ], 0..30),
            sizes in proptest::collection::vec(prop_oneof![1usize..10, 1000usize..9000, 50_000usize..200_000], 1..8),
            buffers in prop_oneof![1usize..6, Just(usize::MAX)],
        ) {
            let rows: Vec<Vec<u8>> = lengths.iter().zip(0..).map(|(&length, seed)| payload(length, seed)).collect();
            let copy = rows.iter().flat_map(|row| message(b'd', row));
            let others = [message(b'H', b"y"), message(b'c', b""), message(b'Z', b"I")];
            let bytes = others[0].iter().copied().chain(copy).chain(others[1..].concat()).collect();
            let (through, taken) = read_tapped(bytes, sizes, buffers).unwrap();
            let all = rows.concat();
            let passed = messages(&through);
            let through: Vec<u8> =
                passed.iter().filter(|(tag, _)| *tag == b'd').flat_map(|(_, row)| row.to_vec()).collect();
            prop_assert!(all.starts_with(&taken) && all.ends_with(&through));
            // Of a row that was begun and given up nothing comes through; all others do.
            let lost = all.len().checked_sub(taken.len() + through.len());
            prop_assert!(lost.is_some_and(|lost| lost <= lengths.iter().copied().max().unwrap_or(0)));
            let tags: Vec<u8> = passed.iter().map(|(tag, _)| *tag).filter(|&tag| tag != b'd').collect();
            prop_assert_eq!(tags, b"HcZ");
        }

        #[test]
        fn nothing_is_changed_but_the_cuts(
            parts in proptest::collection::vec((prop_oneof![3 => Just(b'd'), 1 => Just(b'D'), 1 => Just(b'Z')], prop_oneof![
                4 => 0usize..300, 2 => 60_000usize..70_000, 1 => 100_000usize..400_000,
            ]), 0..30),
            sizes in proptest::collection::vec(prop_oneof![1usize..10, 1000usize..9000, 50_000usize..200_000], 1..8),
            out_bytes in prop_oneof![1000usize..9000, 60_000usize..70_000],
        ) {
            let bytes: Vec<u8> = parts.iter().zip(0..).flat_map(|((tag, length), seed)| message(*tag, &payload(*length, seed))).collect();
            let read = read_all(bytes.clone(), sizes, out_bytes).unwrap();
            let read = messages(&read);
            prop_assert!(read.iter().all(|(tag, payload)| *tag != b'd' || payload.len() <= COPY_DATA_BYTES_MAX));
            prop_assert_eq!(joined(&read), joined(&messages(&bytes)));
        }

        #[test]
        fn small_outputs(lengths in proptest::collection::vec(0usize..20, 0..20), out_bytes in 1usize..7) {
            let mut bytes: Vec<u8> = lengths.iter().flat_map(|length| message(b'd', &payload(*length, 9))).collect();
            bytes.extend(message(b'd', &payload(COPY_DATA_BYTES_MAX + 3, 9)));
            bytes.extend(message(b'C', b"COPY 1\0"));
            let read = read_all(bytes.clone(), vec![1, 2, 3, 1000], out_bytes).unwrap();
            prop_assert_eq!(joined(&messages(&read)), joined(&messages(&bytes)));
        }
    }
}
