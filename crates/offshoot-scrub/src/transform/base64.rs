//! Base64 (RFC 4648) in the alphabets of tokens and of hashes of passwords.
//!
//! Only what is canonical is read, so that bytes and text stand for each other: no bit is left over that is set.

/// 64 signs in the order of their values.
#[derive(Clone, Copy)]
pub(super) struct Alphabet {
    /// The two signs beside letters and digits.
    last: [u8; 2],
    /// Whether those two come first, as in bcrypt.
    is_bcrypt: bool,
    /// Whether there may be equal signs at the end.
    is_padded: bool,
}

/// As most programs write it.
pub(super) const STANDARD: Alphabet = Alphabet { last: *b"+/", is_bcrypt: false, is_padded: true };
/// For names of files and parameters, as in a JWT.
pub(super) const URL: Alphabet = Alphabet { last: *b"-_", is_bcrypt: false, is_padded: false };
/// That of passlib's hashes.
pub(super) const ADAPTED: Alphabet = Alphabet { last: *b"./", is_bcrypt: false, is_padded: false };
/// That of bcrypt.
pub(super) const BCRYPT: Alphabet = Alphabet { last: *b"./", is_bcrypt: true, is_padded: false };

impl Alphabet {
    pub(super) fn is_bcrypt(self) -> bool {
        self.is_bcrypt
    }

    /// The bytes that a text stands for, and the number of equal signs at its end; none if it is none, or empty.
    pub(super) fn decode(self, text: &[u8]) -> Option<(Vec<u8>, usize)> {
        let signs = &text[..text.iter().rposition(|byte| *byte != b'=')? + 1];
        let padding = text.len() - signs.len();
        if padding > 0 && (!self.is_padded || padding > 2 || !text.len().is_multiple_of(4)) || signs.len() % 4 == 1 {
            return None;
        }
        let mut bytes = Vec::with_capacity(signs.len() * 3 / 4);
        let (mut bits, mut count) = (0_u32, 0);
        for sign in signs {
            bits = bits << 6 | self.value(*sign)?;
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        (bits == 0).then_some((bytes, padding))
    }

    /// Appends the text of bytes.
    pub(super) fn encode(self, bytes: &[u8], padding: usize, out: &mut Vec<u8>) {
        let (mut bits, mut count) = (0_u32, 0);
        for byte in bytes {
            bits = bits << 8 | u32::from(*byte);
            count += 8;
            while count >= 6 {
                count -= 6;
                out.push(self.sign(bits >> count));
                bits &= (1 << count) - 1;
            }
        }
        if count > 0 {
            out.push(self.sign(bits << (6 - count)));
        }
        out.resize(out.len() + padding, b'=');
    }

    fn value(self, sign: u8) -> Option<u32> {
        let place = match sign {
            b'A'..=b'Z' => sign - b'A',
            b'a'..=b'z' => sign - b'a' + 26,
            b'0'..=b'9' => sign - b'0' + 52,
            other => self.last.iter().position(|last| *last == other)? as u8 + 62,
        };
        Some(if self.is_bcrypt { u32::from(place + 2) % 64 } else { u32::from(place) })
    }

    fn sign(self, value: u32) -> u8 {
        let place = (if self.is_bcrypt { (value + 62) % 64 } else { value % 64 }) as u8;
        match place {
            0..26 => b'A' + place,
            26..52 => b'a' + place - 26,
            52..62 => b'0' + place - 52,
            _ => self.last[usize::from(place - 62)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_back() {
        for (alphabet, text, bytes) in [
            (STANDARD, "Zm9vYg==", &b"foob"[..]),
            (STANDARD, "Zm9vYg", b"foob"),
            (STANDARD, "+/+/", b"\xfb\xff\xbf"),
            (URL, "eyJhIjoxfQ", b"{\"a\":1}"),
            (ADAPTED, "./..", b"\xfb\xff\xbe"),
            // The first bytes of a salt of all zeros and of all ones.
            (BCRYPT, "....", b"\0\0\0"),
            (BCRYPT, "9999", b"\xff\xff\xff"),
        ] {
            let (read, padding) = alphabet.decode(text.as_bytes()).unwrap();
            assert_eq!(read, bytes, "{text}");
            let mut written = Vec::new();
            alphabet.encode(&read, padding, &mut written);
            assert_eq!(written, text.as_bytes());
        }
        for (alphabet, text) in [
            (STANDARD, "Zm9vYh"),
            (STANDARD, "Zm9vY"),
            (STANDARD, "Zm9v="),
            (URL, "Zg=="),
            (URL, "a b"),
            (STANDARD, ""),
        ] {
            assert!(alphabet.decode(text.as_bytes()).is_none(), "{text}");
        }
    }
}
