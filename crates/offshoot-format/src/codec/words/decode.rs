//! Reads text that was written as a dictionary of its words.

use super::super::section::Decompressor;
use super::{SHORT_COPY, WORD_BYTES_MAX, WORDS_MAX};
use crate::Result;
use crate::wire::Reader;

/// What a byte of the coded text stands for.
#[derive(Clone, Copy)]
enum Meaning {
    Itself,
    Word(u16),
    /// The words of which the next byte is the number, from this one on.
    Lead(u16),
}

/// Reads what [`super::Scratch::encode`] wrote, of at most `max` bytes, and appends it.
pub(in crate::codec) fn decode(
    reader: &mut Reader<'_>,
    max: usize,
    decompressor: &mut Decompressor,
    out: &mut Vec<u8>,
) -> Result<()> {
    let bitmap = reader.array::<32>()?;
    let short = reader.varint_max("codes of a text", 256)?;
    let count = reader.varint_max("words of a text", WORDS_MAX as u64)?;
    let mut meanings = [Meaning::Itself; 256];
    let codes = (0..256).filter(|code| bitmap[code / 8] & 1 << (code % 8) != 0);
    for (place, code) in codes.enumerate() {
        let words = if place < short { place } else { short + 256 * (place - short) };
        meanings[code] = match u16::try_from(words) {
            Ok(word) if place < short => Meaning::Word(word),
            Ok(first) => Meaning::Lead(first),
            Err(_) => return Err(reader.invalid("a code without a word")),
        };
    }
    let lengths = decompressor.section(reader, count)?;
    if lengths.iter().any(|&length| usize::from(length) > WORD_BYTES_MAX) {
        return Err(reader.invalid("a word that is too long"));
    }
    let letters = decompressor.section(reader, lengths.iter().map(|&length| usize::from(length)).sum())?;
    let mut slots = vec![[0u8; SHORT_COPY]; count];
    let mut rest = &letters[..];
    for (slot, &length) in slots.iter_mut().zip(&lengths) {
        let (word, after) = rest.split_at(usize::from(length));
        slot[..word.len()].copy_from_slice(word);
        rest = after;
    }
    let plain_bytes = reader.varint_max("section", max as u64)?;
    let coded = decompressor.section_max(reader, plain_bytes)?;
    // Words are written whole, past their end; so there is room past the end of the text.
    let start = out.len();
    let end = start + plain_bytes;
    out.resize(end + SHORT_COPY, 0);
    let mut at = start;
    let mut coded = coded.iter();
    while let Some(&byte) = coded.next() {
        if at >= end {
            return Err(reader.invalid("a text that is longer than declared"));
        }
        let word = match meanings[usize::from(byte)] {
            Meaning::Itself => {
                out[at] = byte;
                at += 1;
                continue;
            }
            Meaning::Word(word) => usize::from(word),
            Meaning::Lead(first) => usize::from(first) + coded.next().map_or(WORDS_MAX, |&number| usize::from(number)),
        };
        let (Some(slot), Some(&length)) = (slots.get(word), lengths.get(word)) else {
            return Err(reader.invalid("a code without a word"));
        };
        out[at..at + SHORT_COPY].copy_from_slice(slot);
        at += usize::from(length);
    }
    if at != end {
        return Err(reader.invalid("a text of another length than declared"));
    }
    out.truncate(end);
    Ok(())
}
