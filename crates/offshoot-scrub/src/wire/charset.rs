//! Texts in character sets other than UTF-8: what rules see of them is UTF-8, and what they write is put back.
//!
//! A character that the column cannot hold becomes a question mark, as a server would make it one. Where that makes two values
//! of a unique column equal, the count of its keys says so before anything is published.

/// A character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8 without characters of four bytes.
    Utf8Mb3,
    /// Bytes below 128.
    Ascii,
    /// Windows' code page 1252, which MySQL calls latin1; its five gaps are control characters.
    Cp1252,
    /// ISO 8859-1: each byte is the character of its number. PostgreSQL's LATIN1.
    Latin1,
}

/// The encoding of PostgreSQL whose texts are read as [`Charset::Latin1`].
pub(super) const LATIN1: &str = "LATIN1";

/// What stands in the place of what cannot be written.
const UNKNOWN: u8 = b'?';

/// Where code page 1252 differs from Latin-1: the characters of the bytes 128 to 159.
const CP1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

impl Charset {
    /// The text in UTF-8; bytes that are not of the character set stay as they are.
    pub(crate) fn read<'a>(self, bytes: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        if !self.is_of_bytes() || bytes.is_ascii() {
            return bytes;
        }
        scratch.clear();
        for byte in bytes {
            let c = match byte {
                0x80..=0x9F if self == Self::Cp1252 => CP1252[usize::from(byte - 0x80)],
                _ => char::from(*byte),
            };
            scratch.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        scratch
    }

    /// Whether each byte is a character.
    pub(crate) fn is_of_bytes(self) -> bool {
        matches!(self, Self::Cp1252 | Self::Latin1)
    }

    /// Appends a text of UTF-8 in the character set.
    pub(super) fn write(self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_ascii() {
            return out.extend_from_slice(text);
        }
        for chunk in text.utf8_chunks() {
            chunk.valid().chars().for_each(|c| self.write_char(c, out));
            // What came as such bytes goes as such bytes.
            out.extend_from_slice(chunk.invalid());
        }
    }

    fn write_char(self, c: char, out: &mut Vec<u8>) {
        match self {
            Self::Utf8Mb3 if c.len_utf8() < 4 => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::Ascii if c.is_ascii() => out.push(c as u8),
            Self::Cp1252 => match (u8::try_from(c), CP1252.iter().position(|known| *known == c)) {
                (_, Some(place)) => out.push(0x80 + place as u8),
                (Ok(byte), None) if !(0x80..=0x9F).contains(&byte) => out.push(byte),
                _ => out.push(UNKNOWN),
            },
            Self::Latin1 => out.push(u8::try_from(c).unwrap_or(UNKNOWN)),
            _ => out.push(UNKNOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_latin1_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for (charset, of_128) in [(Charset::Cp1252, '\u{20ac}'), (Charset::Latin1, '\u{80}')] {
            let mut scratch = Vec::new();
            let text = charset.read(&bytes, &mut scratch).to_vec();
            assert!(std::str::from_utf8(&text).is_ok_and(|text| text.contains(of_128)));
            let mut out = Vec::new();
            charset.write(&text, &mut out);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn what_a_column_cannot_hold_is_a_question_mark() {
        let written = |charset: Charset, text: &str| {
            let mut out = Vec::new();
            charset.write(text.as_bytes(), &mut out);
            out
        };
        let text = "a\u{e9}\u{43b}\u{1f600}";
        assert_eq!(written(Charset::Utf8Mb3, text), "a\u{e9}\u{43b}?".as_bytes());
        assert_eq!(written(Charset::Cp1252, text), b"a\xe9??");
        assert_eq!(written(Charset::Ascii, text), b"a???");
        assert_eq!(written(Charset::Latin1, "a\u{e9}\u{20ac}"), b"a\xe9?");
    }
}
