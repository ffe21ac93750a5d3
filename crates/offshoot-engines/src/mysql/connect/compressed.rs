//! The compressed protocol: packets in frames of zlib or zstd, below the packets and above TLS.
//!
//! A frame is read as a stream, so that one that claims to be large takes no more memory than what is read of it.

use super::transport::Transport;
use crate::mysql::conninfo::Compression;
use std::io::{self, Read, Write};

/// Length of what is in the frame (3 bytes), number of the frame, length of what it becomes (3 bytes).
const HEADER_BYTES: usize = 7;
/// Less is sent as it is.
const COMPRESSED_BYTES_MIN: usize = 50;
/// The most that one frame takes.
const FRAME_BYTES_MAX: usize = 0xFF_FFFF;
/// The most that zstd may look back, as a power of two: a frame is no longer.
const WINDOW_LOG_MAX: u32 = 24;
/// zstd's level for what is sent.
const ZSTD_LEVEL: i32 = 1;

/// A transport with or without frames.
pub(super) struct Framed {
    pub(super) transport: Transport,
    compression: Option<Compression>,
    sequence: u8,
    /// What the frame that is being read became, and how far it was taken.
    frame: Vec<u8>,
    taken: usize,
}

impl Framed {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport, compression: None, sequence: 0, frame: Vec::new(), taken: 0 }
    }

    /// Begins to compress, after the handshake.
    pub(super) fn compress(&mut self, compression: Compression) {
        self.compression = Some(compression);
    }

    /// A new command: frames are counted from 0.
    pub(super) fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Sends whole packets.
    pub(super) fn send(&mut self, packets: &[u8]) -> io::Result<()> {
        let Some(compression) = self.compression else {
            self.transport.write_all(packets)?;
            return self.transport.flush();
        };
        for piece in packets.chunks(FRAME_BYTES_MAX) {
            let packed = if piece.len() < COMPRESSED_BYTES_MIN { None } else { Some(pack(piece, compression)?) };
            let (body, raw_len) = match packed.as_deref().filter(|packed| packed.len() < piece.len()) {
                Some(packed) => (packed, piece.len()),
                None => (piece, 0),
            };
            let mut header = [0; HEADER_BYTES];
            header[..3].copy_from_slice(&(body.len() as u32).to_le_bytes()[..3]);
            header[3] = self.sequence;
            header[4..].copy_from_slice(&(raw_len as u32).to_le_bytes()[..3]);
            self.sequence = self.sequence.wrapping_add(1);
            self.transport.write_all(&header)?;
            self.transport.write_all(body)?;
        }
        self.transport.flush()
    }

    fn next_frame(&mut self, compression: Compression) -> io::Result<()> {
        let mut header = [0; HEADER_BYTES];
        self.transport.read_exact(&mut header)?;
        let length = |at: usize| u64::from(u32::from_le_bytes([header[at], header[at + 1], header[at + 2], 0]));
        self.sequence = header[3].wrapping_add(1);
        self.frame.clear();
        self.taken = 0;
        let mut body = (&mut self.transport).take(length(0));
        let raw_len = length(4);
        if raw_len == 0 {
            body.read_to_end(&mut self.frame)?;
        } else {
            match compression {
                Compression::Zlib => {
                    flate2::read::ZlibDecoder::new(&mut body).take(raw_len).read_to_end(&mut self.frame)?
                }
                Compression::Zstd => {
                    let mut decoder = zstd::Decoder::new(&mut body)?;
                    decoder.window_log_max(WINDOW_LOG_MAX)?;
                    decoder.take(raw_len).read_to_end(&mut self.frame)?
                }
            };
            io::copy(&mut body, &mut io::sink())?;
        }
        let is_whole = body.limit() == 0 && (raw_len == 0 || self.frame.len() as u64 == raw_len);
        if is_whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Read for Framed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(compression) = self.compression else { return self.transport.read(out) };
        while self.taken == self.frame.len() {
            self.next_frame(compression)?;
        }
        let count = out.len().min(self.frame.len() - self.taken);
        out[..count].copy_from_slice(&self.frame[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

fn pack(bytes: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    match compression {
        Compression::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
    }
}
