//! Splits large CopyData messages into small ones on the way in, and joins small ones.
//!
//! The client library hands on a CopyData message only when all of it is in its buffer, and a row may be near 1 GB. COPY
//! promises nothing about how its bytes are cut into messages, so a long message is as well read as several short ones:
//! where one begins, its header is replaced, and further headers are put between its bytes. In turn the server sends a
//! message a row, and each costs the client library more than its parsing: those that came with one read are joined. All
//! other messages pass through unchanged.
//!
//! Reads go through one buffer, which is searched header by header; whole runs of messages are then copied at once. It
//! must sit above TLS, and see the stream from the first byte after its negotiation.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::greeting::{Greeting, Verdict};

/// The largest CopyData payload that is passed on in one message.
pub const COPY_DATA_BYTES_MAX: usize = 64 << 10;

/// What one read may bring.
const READ_BYTES: usize = 128 << 10;

const HEADER_BYTES: usize = 5;
const COPY_DATA_TAG: u8 = b'd';

/// A stream of backend messages without CopyData messages over [`COPY_DATA_BYTES_MAX`]; what is written passes through.
pub struct Split<S> {
    inner: S,
    greeting: Option<Greeting>,
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
}

impl<S> Split<S> {
    /// Wraps a stream that stands at the beginning of a message.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            greeting: None,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            verbatim: 0,
            uncut: 0,
            header: [0; HEADER_BYTES],
            header_at: HEADER_BYTES,
        }
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
        while out.remaining() > 0 {
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
        let Some(&[tag, b1, b2, b3, b4]) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(false);
        };
        let length = u32::from_be_bytes([b1, b2, b3, b4]) as usize;
        if length < 4 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a backend message with an impossible length"));
        }
        let payload = length - 4;
        if tag == COPY_DATA_TAG && payload > COPY_DATA_BYTES_MAX {
            self.uncut = payload;
            self.begin_piece();
            *cut = true;
        } else {
            self.verbatim = HEADER_BYTES + payload;
        }
        Ok(true)
    }

    /// Joins the whole CopyData messages between the first header in the buffer and its end, in place.
    fn join(&mut self) {
        let mut from = self.start.saturating_add(self.verbatim).saturating_add(self.uncut);
        let mut to = from;
        // Where the header of the message stands that the next one can be joined to.
        let mut open: Option<usize> = None;
        while let Some(&[tag, b1, b2, b3, b4]) = self.buffer[..self.end].get(from..).and_then(<[u8]>::first_chunk) {
            let length = u32::from_be_bytes([b1, b2, b3, b4]) as usize;
            // One that is not whole, or an impossible one, which is refused when it is its turn.
            if length < 4 || length - 4 > self.end - from - HEADER_BYTES {
                break;
            }
            let after = from + 1 + length;
            let payload = length - 4;
            let joins = open.filter(|header| tag == COPY_DATA_TAG && to - header + payload <= COPY_DATA_BYTES_MAX);
            let begin = if let Some(header) = joins {
                let joined = (to - header - HEADER_BYTES + payload + 4) as u32;
                self.buffer[header + 1..header + HEADER_BYTES].copy_from_slice(&joined.to_be_bytes());
                from + HEADER_BYTES
            } else {
                open = (tag == COPY_DATA_TAG).then_some(to);
                from
            };
            self.buffer.copy_within(begin..after, to);
            to += after - begin;
            from = after;
        }
        if to < from {
            self.buffer.copy_within(from..self.end, to);
            self.end -= from - to;
        }
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
        self.start == self.end && self.verbatim == 0 && self.uncut == 0
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
        if self.greeting.is_none() {
            self.join();
        }
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
            if !ready!(self.poll_fill(cx))? {
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
    fn messages_of_one_read_are_joined() {
        let rows: Vec<u8> = (0..100).flat_map(|row| message(b'd', &payload(row, row as u8))).collect();
        let bytes = [message(b'H', b"x"), rows, message(b'c', b""), message(b'C', b"COPY 100\0")].concat();
        let read = read_all(bytes.clone(), vec![READ_BYTES], 8192).unwrap();
        assert_eq!(messages(&read).len(), 4);
        assert_eq!(joined(&messages(&read)), joined(&messages(&bytes)));
        // No more than the limit is joined.
        let half: Vec<u8> = (0..4).flat_map(|row| message(b'd', &payload(COPY_DATA_BYTES_MAX / 3, row))).collect();
        let read = read_all(half, vec![READ_BYTES], 8192).unwrap();
        assert!(messages(&read).len() == 2 && messages(&read).iter().all(|(_, row)| row.len() <= COPY_DATA_BYTES_MAX));
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

    proptest! {
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
