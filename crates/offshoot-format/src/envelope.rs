//! The wrapping of small objects (manifest, config, key, refs, tags, leases, condemned lists): a header that says what
//! it is, how long and how sound, then the body.
//!
//! A body above 1 KiB is compressed with zstd, because a manifest repeats itself much. What a body means is not known
//! here; see [`crate::record`] and [`crate::manifest`].

use crate::version::{MAGIC_BYTES, Versioned};
use crate::wire::Reader;
use crate::{FormatError, Result};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Length of the header.
pub const HEADER_BYTES: usize = 32;
/// Most bytes of a body, stored or raw.
pub const BODY_BYTES_MAX: u32 = 256 << 20;
/// Bodies above this are compressed, if that makes them smaller.
const PLAIN_BYTES_MAX: usize = 1 << 10;
/// Quick, and good enough for text.
const ZSTD_LEVEL: i32 = 3;

/// How a body is stored.
const AS_IS: u8 = 0;
const ZSTD: u8 = 1;

/// Wraps a body.
///
/// # Errors
/// `TooLarge` above [`BODY_BYTES_MAX`]; `Codec` if compression fails.
pub fn seal(kind: &Versioned, body: &[u8]) -> Result<Vec<u8>> {
    let declared = body.len() as u64;
    let max = u64::from(BODY_BYTES_MAX);
    if declared > max {
        return Err(FormatError::TooLarge { what: kind.what, declared, max });
    }
    let compressed = if body.len() > PLAIN_BYTES_MAX {
        let packed = zstd::bulk::compress(body, ZSTD_LEVEL)
            .map_err(|error| FormatError::Codec { what: kind.what, why: error.to_string() })?;
        Some(packed).filter(|packed| packed.len() < body.len())
    } else {
        None
    };
    let (codec, stored) = compressed.as_deref().map_or((AS_IS, body), |packed| (ZSTD, packed));
    let mut out = Vec::with_capacity(HEADER_BYTES + stored.len());
    out.extend_from_slice(&kind.magic);
    out.extend_from_slice(&kind.version.to_le_bytes());
    out.extend_from_slice(&[codec, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let checksum = xxh3_64_with_seed(stored, xxh3_64(&out));
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(stored);
    Ok(out)
}

/// Unwraps a body; everything in the header is checked before memory is asked for.
///
/// # Errors
/// If the bytes are no object of this kind, are damaged, or were written by a newer program.
pub fn open(kind: &Versioned, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(kind.what, bytes);
    kind.check(reader.array::<MAGIC_BYTES>()?, reader.u16()?)?;
    let [codec, reserved @ ..] = reader.array::<6>()?;
    let (stored_len, raw_len) = (reader.u32()?, reader.u32()?);
    if stored_len.max(raw_len) > BODY_BYTES_MAX {
        let (declared, max) = (u64::from(stored_len.max(raw_len)), u64::from(BODY_BYTES_MAX));
        return Err(FormatError::TooLarge { what: kind.what, declared, max });
    }
    let checksum = reader.u64()?;
    let stored = reader.take(stored_len as usize)?;
    if xxh3_64_with_seed(stored, xxh3_64(&bytes[..HEADER_BYTES - 8])) != checksum {
        return Err(reader.invalid("its checksum does not match"));
    }
    if reserved != [0; 5] {
        return Err(reader.invalid("a reserved byte is not zero"));
    }
    reader.end()?;
    match codec {
        AS_IS if stored_len == raw_len => Ok(stored.to_vec()),
        ZSTD => {
            let body = zstd::bulk::decompress(stored, raw_len as usize)
                .map_err(|error| FormatError::Codec { what: kind.what, why: error.to_string() })?;
            let invalid = |why| FormatError::Invalid { what: kind.what, offset: HEADER_BYTES, why };
            if body.len() == raw_len as usize { Ok(body) } else { Err(invalid("a body of another length")) }
        }
        _ => Err(FormatError::Invalid { what: kind.what, offset: 10, why: "a codec that does not exist" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{CONFIG, MANIFEST};

    #[test]
    fn bodies_come_back() {
        for length in [0, 1, 1024, 1025, 100_000] {
            let body: Vec<u8> = (0..length).map(|i| (i % 7) as u8).collect();
            let bytes = seal(&MANIFEST, &body).unwrap();
            assert_eq!(open(&MANIFEST, &bytes), Ok(body));
            assert!(open(&CONFIG, &bytes).is_err());
            assert!(length < 2000 || bytes.len() < length / 10);
        }
    }

    #[test]
    fn every_flip_and_cut_is_seen() {
        for length in [40, 3000] {
            let bytes = seal(&MANIFEST, &vec![7; length]).unwrap();
            for place in 0..bytes.len() {
                assert!(open(&MANIFEST, &bytes[..place]).is_err());
                for bit in 0..8 {
                    let mut damaged = bytes.clone();
                    damaged[place] ^= 1 << bit;
                    assert!(open(&MANIFEST, &damaged).is_err(), "byte {place} bit {bit}");
                }
            }
            assert!(open(&MANIFEST, &[bytes, vec![0]].concat()).is_err());
        }
    }
}
