//! A section of a payload: a byte string under one codec, chosen when it is written.

use super::words;
use crate::wire::{Reader, put_bytes, put_varint};
use crate::{FormatError, Result};

/// Bytes as they are: length, bytes.
pub(super) const RAW: u8 = 0;
/// One zstd frame: length of the plaintext, length of the frame, frame.
pub(super) const ZSTD: u8 = 1;
/// One byte over and over: length of the plaintext, the byte.
pub(super) const FILL: u8 = 2;
/// Values of a fixed width, byte plane by byte plane, highest plane first: one section a plane.
pub(super) const PLANES: u8 = 3;
/// The same over differences of neighbours, zigzag-coded.
pub(super) const DELTA_PLANES: u8 = 4;
/// Text whose frequent words are replaced by codes.
pub(super) const WORDS: u8 = 5;

/// Shorter sections are stored as they are: a frame would not pay.
const COMPRESSED_BYTES_MIN: usize = 48;

/// Width and byte order of the values of a section.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub width: usize,
    pub big_endian: bool,
}

/// How much time a section is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Numbers, bitmaps, planes, nodes: higher levels gain nothing there.
    Fast,
    /// Text and documents.
    Text,
    /// Text whose words are replaced already.
    Coded,
}

/// Compresses sections; one a thread.
pub struct Compressor {
    fast: zstd::bulk::Compressor<'static>,
    text: zstd::bulk::Compressor<'static>,
    frame: Vec<u8>,
    words: words::Scratch,
}

impl Default for Compressor {
    fn default() -> Self {
        let context = |level| {
            // Only a level out of range or a lack of memory fails here; a context without a level still compresses.
            let mut context = zstd::bulk::Compressor::default();
            let _ = context.set_compression_level(level);
            let _ = context.include_contentsize(false);
            context
        };
        Self { fast: context(1), text: context(TEXT_LEVEL), frame: Vec::new(), words: words::Scratch::default() }
    }
}

/// The higher level, for text where a sample shows that it pays. Measured on the wide tables of the benchmark: see
/// docs/benchmarks.md.
const TEXT_LEVEL: i32 = 3;
/// Bytes of text that both levels are tried on; shorter texts go to the higher one.
const TRIAL_BYTES: usize = 32 << 10;
/// The higher level must save this part of what the lower one needs.
const TRIAL_SAVES_PART: usize = 12;

impl Compressor {
    /// Appends `plain` under the codec that suits it.
    pub(super) fn section(&mut self, plain: &[u8], level: Level, out: &mut Vec<u8>) -> Result<()> {
        if let Some(&first) = plain.first()
            && plain.len() > 2
            && plain.iter().all(|&byte| byte == first)
        {
            out.push(FILL);
            put_varint(out, plain.len() as u64);
            out.push(first);
            return Ok(());
        }
        if level == Level::Text && plain.len() >= words::PLAIN_BYTES_MIN && self.words(plain, out)? {
            return Ok(());
        }
        if plain.len() >= COMPRESSED_BYTES_MIN && self.compress(plain, level)? {
            out.push(ZSTD);
            put_varint(out, plain.len() as u64);
            put_bytes(out, &self.frame);
            return Ok(());
        }
        out.push(RAW);
        put_bytes(out, plain);
        Ok(())
    }

    /// Appends text with its words replaced, if that pays.
    fn words(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let mut words = std::mem::take(&mut self.words);
        let start = out.len();
        out.push(WORDS);
        let pays = words.encode(plain, self, out);
        self.words = words;
        if !matches!(pays, Ok(true)) {
            out.truncate(start);
        }
        pays
    }

    /// Leaves the frame of `plain` in `self.frame`; says whether it is worth keeping.
    fn compress(&mut self, plain: &[u8], level: Level) -> Result<bool> {
        if !looks_compressible(plain) {
            return Ok(false);
        }
        let higher = level != Level::Fast && self.higher_pays(plain)?;
        let frame_bytes = self.frame_of(plain, higher)?;
        Ok(frame_bytes + 8 < plain.len() - plain.len() / 32)
    }

    /// Whether text is worth the higher level, by a trial of both on a piece from its middle.
    fn higher_pays(&mut self, plain: &[u8]) -> Result<bool> {
        if plain.len() < 4 * TRIAL_BYTES {
            return Ok(true);
        }
        let middle = plain.len() / 2;
        let piece = &plain[middle..middle + TRIAL_BYTES];
        let lower_bytes = self.frame_of(piece, false)?;
        Ok(self.frame_of(piece, true)? < lower_bytes - lower_bytes / TRIAL_SAVES_PART)
    }

    /// Leaves the frame of `plain` in `self.frame`; returns its length.
    fn frame_of(&mut self, plain: &[u8], higher: bool) -> Result<usize> {
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        let context = if higher { &mut self.text } else { &mut self.fast };
        context
            .compress_to_buffer(plain, &mut self.frame)
            .map_err(|error| FormatError::Codec { what: "section", why: error.to_string() })
    }
}

/// Whether the entropy of single bytes leaves anything to gain, judged on samples of a long section.
///
/// Text and documents always pass. Repeated random values do not, which costs room and never correctness; such
/// columns have few distinct values and are rare.
fn looks_compressible(plain: &[u8]) -> bool {
    const SAMPLE_BYTES: usize = 2048;
    let mut counts = [0u32; 256];
    let mut sampled = 0usize;
    let stride = (plain.len() / 4).max(SAMPLE_BYTES / 4);
    for part in plain.chunks(stride) {
        let part = &part[..part.len().min(SAMPLE_BYTES / 4)];
        part.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        sampled += part.len();
    }
    // Collisions: uniformly random bytes give sum(count^2) of about n + n^2/256; skewed ones much more.
    let collisions: u64 = counts.iter().map(|&count| u64::from(count) * u64::from(count)).sum();
    let n = sampled as u64;
    collisions * 256 > n * 256 + n * n + n * n / 6
}

/// Decompresses sections; one a thread.
#[derive(Default)]
pub struct Decompressor {
    context: zstd::bulk::Decompressor<'static>,
    in_words: bool,
}

impl Decompressor {
    /// The next section, which must have exactly `length` bytes of plaintext.
    pub(super) fn section(&mut self, reader: &mut Reader<'_>, length: usize) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        self.section_into(reader, length, &mut plain)?;
        Ok(plain)
    }

    /// The same, appended to `out`.
    pub(super) fn section_into(&mut self, reader: &mut Reader<'_>, length: usize, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.append(reader, length, out)?;
        if out.len() - start != length {
            return Err(reader.invalid("a section of another length than its rows need"));
        }
        Ok(())
    }

    /// The next section, of at most `max` bytes of plaintext.
    pub(super) fn section_max(&mut self, reader: &mut Reader<'_>, max: usize) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        self.append(reader, max, &mut plain)?;
        Ok(plain)
    }

    fn append(&mut self, reader: &mut Reader<'_>, max: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.in_words || reader.clone().u8()? != WORDS {
            return self.append_simple(reader, max, out);
        }
        reader.u8()?;
        // The sections of a section with words have none themselves: no nesting that a forger decides the depth of.
        self.in_words = true;
        let done = words::decode(reader, max, self, out);
        self.in_words = false;
        done
    }

    fn append_simple(&mut self, reader: &mut Reader<'_>, max: usize, out: &mut Vec<u8>) -> Result<()> {
        match reader.u8()? {
            RAW => out.extend_from_slice(reader.bytes("section", max as u64)?),
            FILL => {
                let length = reader.varint_max("section", max as u64)?;
                let byte = reader.u8()?;
                out.resize(out.len() + length, byte);
            }
            ZSTD => {
                let length = reader.varint_max("section", max as u64)?;
                let frame = reader.bytes("section", reader.remaining() as u64)?;
                let plain = self
                    .context
                    .decompress(frame, length)
                    .map_err(|error| FormatError::Codec { what: "section", why: error.to_string() })?;
                if plain.len() != length {
                    return Err(reader.invalid("a frame of another length than declared"));
                }
                if out.is_empty() {
                    *out = plain;
                } else {
                    out.extend_from_slice(&plain);
                }
            }
            _ => return Err(FormatError::newer_chunk("codec of a section")),
        }
        Ok(())
    }
}
