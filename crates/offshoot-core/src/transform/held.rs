//! Large values that wait for their row: whether it stays is known when its batch is whole, and what is left out must not be
//! stored at all.
//!
//! They wait in an anonymous file, enciphered by the output of a keyed BLAKE3 (its extendable output, counted on from value to
//! value) under a key that nobody else has and that ends with the range. The file starts anew with each batch, the count never.

use crate::store::Entropy;
use crate::{CoreError, Result};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes that are read back at once.
const PORTION_BYTES: usize = 256 << 10;

/// The values of one range.
pub(super) struct Held {
    file: File,
    folder: PathBuf,
    stream: blake3::OutputReader,
    /// Where in the stream the file begins, and where it ends.
    begin: u64,
    end: u64,
}

/// A value that waits.
#[derive(Clone, Copy)]
pub(super) struct Span {
    begin: u64,
    end: u64,
}

impl Held {
    /// Makes the file in a folder; without one, where the system has such files.
    pub fn create(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
        let failed = |source| CoreError::Io { operation: "create a spill file in", path: folder.clone(), source };
        let file = tempfile::tempfile_in(&folder).map_err(failed)?;
        let stream = blake3::Hasher::new_keyed(&Entropy::default().random()?).finalize_xof();
        Ok(Self { file, folder, stream, begin: 0, end: 0 })
    }

    /// Begins a value.
    pub fn begin(&self) -> Span {
        Span { begin: self.end, end: self.end }
    }

    /// Appends to the value that was begun last.
    pub fn write(&mut self, span: &mut Span, bytes: &[u8]) -> Result<()> {
        let mut ciphered = bytes.to_vec();
        self.cipher(self.end, &mut ciphered);
        let written = self.file.write_all_at(&ciphered, self.end - self.begin);
        written.map_err(|source| self.failed("write a spill file in", source))?;
        self.end += bytes.len() as u64;
        span.end = self.end;
        Ok(())
    }

    /// Gives a value back, portion by portion.
    pub fn read(&mut self, span: Span, mut out: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut at = span.begin;
        let mut portion = Vec::new();
        while at < span.end {
            portion.resize(PORTION_BYTES.min((span.end - at) as usize), 0);
            let read = self.file.read_exact_at(&mut portion, at - self.begin);
            read.map_err(|source| self.failed("read a spill file in", source))?;
            self.cipher(at, &mut portion);
            out(&portion)?;
            at += portion.len() as u64;
        }
        Ok(())
    }

    /// Forgets all values.
    pub fn clear(&mut self) -> Result<()> {
        if self.begin < self.end {
            self.file.set_len(0).map_err(|source| self.failed("empty a spill file in", source))?;
            self.begin = self.end;
        }
        Ok(())
    }

    fn cipher(&mut self, at: u64, bytes: &mut [u8]) {
        let mut pad = vec![0; bytes.len()];
        self.stream.set_position(at);
        self.stream.fill(&mut pad);
        bytes.iter_mut().zip(&pad).for_each(|(byte, pad)| *byte ^= pad);
    }

    fn failed(&self, operation: &'static str, source: io::Error) -> CoreError {
        CoreError::Io { operation, path: self.folder.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_come_back_and_are_not_in_the_file() {
        let mut held = Held::create(None).unwrap();
        for batch in 0..3u8 {
            let values: Vec<Vec<u8>> =
                (0..3).map(|n| format!("{batch} canary {n} ").into_bytes().repeat(30_000)).collect();
            let spans: Vec<Span> = values
                .iter()
                .map(|value| {
                    let mut span = held.begin();
                    value.chunks(70_001).for_each(|part| held.write(&mut span, part).unwrap());
                    span
                })
                .collect();
            let mut file = vec![0; (held.end - held.begin) as usize];
            held.file.read_exact_at(&mut file, 0).unwrap();
            assert!(!file.windows(6).any(|window| window == b"canary"));
            for (value, span) in values.iter().zip(spans).rev() {
                let mut back = Vec::new();
                let mut take = |part: &[u8]| {
                    back.extend_from_slice(part);
                    Ok(())
                };
                held.read(span, &mut take).unwrap();
                assert!(*value == back);
            }
            held.clear().unwrap();
            assert_eq!(held.file.metadata().unwrap().len(), 0);
        }
    }
}
