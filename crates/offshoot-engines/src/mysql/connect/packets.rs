//! Packets: what the protocol's messages are cut into, read out of one buffer and without a copy.
//!
//! A message of 16 MiB and more comes in several packets. Those that are small are had whole; a row of any length is had
//! piece by piece, so that no value is ever whole in memory because the server sent it so.

use super::compressed::Framed;
use super::transport::Transport;
use crate::mysql::conninfo::Compression;
use std::io::{self, ErrorKind, Read};

/// Length (3 bytes) and number.
const HEADER_BYTES: usize = 4;
/// A packet of this length is followed by another one of the same message.
pub(crate) const PACKET_BYTES_MAX: usize = 0xFF_FFFF;
/// What is read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// Messages up to this length are had whole.
pub(crate) const WHOLE_BYTES_MAX: usize = 1 << 20;

/// A connection as a sequence of packets.
pub(crate) struct Packets {
    framed: Framed,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    sequence: u8,
    /// Bytes of the message under way that were not taken yet, of its packet; and whether another packet follows.
    left: usize,
    continues: bool,
    sent: Vec<u8>,
}

impl Packets {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            framed: Framed::new(transport),
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            sequence: 0,
            left: 0,
            continues: false,
            sent: Vec::new(),
        }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.framed.transport
    }

    /// Puts another transport in the place of this one, as TLS does. None if bytes were received already, which would then
    /// be read as if they had been protected.
    pub(super) fn into_transport(self) -> Option<(Transport, u8)> {
        (self.start == self.end).then_some((self.framed.transport, self.sequence))
    }

    /// Goes on with the count of another one.
    pub(super) fn resume(transport: Transport, sequence: u8) -> Self {
        Self { sequence, ..Self::new(transport) }
    }

    pub(super) fn compress(&mut self, compression: Compression) {
        self.framed.compress(compression);
    }

    /// A new command: packets are counted from 0.
    pub(crate) fn begin(&mut self) {
        self.sequence = 0;
        self.framed.begin();
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.sent.clear();
        let mut pieces = message.chunks(PACKET_BYTES_MAX);
        loop {
            let piece = pieces.next().unwrap_or_default();
            self.sent.extend_from_slice(&(piece.len() as u32).to_le_bytes()[..3]);
            self.sent.push(self.sequence);
            self.sent.extend_from_slice(piece);
            self.sequence = self.sequence.wrapping_add(1);
            if piece.len() < PACKET_BYTES_MAX {
                break;
            }
        }
        let outcome = self.framed.send(&self.sent);
        // A long statement's memory is not kept.
        if self.sent.capacity() > WHOLE_BYTES_MAX {
            self.sent = Vec::new();
        }
        outcome
    }

    /// Begins the next message; its length, of the first packet.
    pub(crate) fn next_message(&mut self) -> io::Result<usize> {
        debug_assert!(self.left == 0 && !self.continues, "a message was left half read");
        self.next_packet()
    }

    fn next_packet(&mut self) -> io::Result<usize> {
        self.fill(HEADER_BYTES)?;
        let header = &self.buffer[self.start..self.start + HEADER_BYTES];
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        if header[3] != self.sequence {
            return Err(io::Error::new(ErrorKind::InvalidData, "packets out of order"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.start += HEADER_BYTES;
        (self.left, self.continues) = (length, length == PACKET_BYTES_MAX);
        Ok(length)
    }

    /// The first byte of the message that was begun.
    pub(crate) fn first_byte(&mut self) -> io::Result<Option<u8>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.fill(1)?;
        Ok(Some(self.buffer[self.start]))
    }

    /// Whether the message that was begun is longer than is had whole.
    pub(crate) fn is_long(&self) -> bool {
        self.continues || self.left > WHOLE_BYTES_MAX
    }

    /// The message that was begun, whole, if it is not longer than [`WHOLE_BYTES_MAX`].
    pub(crate) fn whole(&mut self) -> io::Result<Option<&[u8]>> {
        if self.is_long() {
            return Ok(None);
        }
        let length = std::mem::take(&mut self.left);
        self.fill(length)?;
        let start = self.start;
        self.start += length;
        Ok(Some(&self.buffer[start..start + length]))
    }

    /// The next message, whole.
    pub(crate) fn message(&mut self) -> io::Result<&[u8]> {
        self.next_message()?;
        let too_long = || io::Error::new(ErrorKind::InvalidData, "a message that is too long");
        self.whole()?.ok_or_else(too_long)
    }

    /// Bytes that are left of the message that was begun, as far as they are known to come.
    pub(crate) fn is_message_left(&mut self) -> io::Result<bool> {
        while self.left == 0 && self.continues {
            self.next_packet()?;
        }
        Ok(self.left > 0)
    }

    /// The next bytes of the message that was begun, at least one and at most so many.
    pub(crate) fn piece(&mut self, bytes_max: usize) -> io::Result<&[u8]> {
        if !self.is_message_left()? {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.fill(1)?;
        let length = (self.end - self.start).min(self.left).min(bytes_max);
        let start = self.start;
        self.start += length;
        self.left -= length;
        Ok(&self.buffer[start..start + length])
    }

    /// Has at least so many bytes in the buffer.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        if self.end - self.start >= count {
            return Ok(());
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
        while self.end < count {
            match self.framed.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
