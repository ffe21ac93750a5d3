//! The secret of a scrub: 256 bits, from which everything keyed is derived.
//!
//! The key is zeroized when dropped, is never printed, and is told from other keys by its [`Fingerprint`]. Subkeys are
//! derived with BLAKE3 (its `derive_key` mode for the purposes of this crate, its keyed mode for domains), so that no
//! part of the crate works with the key itself. Where the bytes come from is the caller's affair.

use std::fmt;

use zeroize::Zeroizing;

/// What the text form of a key begins with.
const TEXT_PREFIX: &str = "offshoot-key-1:";
/// What the line begins with that names the key before this one.
const REPLACES_PREFIX: &str = "replaces:";

/// The scrub key.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; 32]>,
    replaces: Option<Fingerprint>,
}

/// The text form of a key: wiped from memory when dropped, and never printed.
pub struct KeyText(Zeroizing<String>);

impl std::ops::Deref for KeyText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(redacted)")
    }
}

/// Why bytes or text are no key. None of them quotes what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text has another form.
    #[error(
        "this is no offshoot key: expected `{TEXT_PREFIX}` and 64 hexadecimal digits; make one with `offshoot key new FILE`"
    )]
    Form,
    /// The text names the key before it in another form.
    #[error("the key's second line is not `{REPLACES_PREFIX}` and the 32 hexadecimal digits of a fingerprint")]
    Replaces,
    /// The bytes are all alike, as in a buffer that was never filled.
    #[error("the key is not random: all its bytes are alike; make one with `offshoot key new FILE`")]
    NotRandom,
}

impl Key {
    /// A key from 32 random bytes of the caller.
    ///
    /// # Errors
    /// [`KeyError::NotRandom`] if all bytes are alike.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(KeyError::NotRandom);
        }
        Ok(Self { bytes, replaces: None })
    }

    /// A key from its text form, as a key file holds it; white space around it is ignored.
    ///
    /// # Errors
    /// [`KeyError`] if the text is no key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (first, second) = text.trim().split_once('\n').map_or((text.trim(), None), |(key, rest)| (key, Some(rest)));
        let digits = first.trim_end().strip_prefix(TEXT_PREFIX).ok_or(KeyError::Form)?;
        let mut bytes = Zeroizing::new([0; 32]);
        read_hex(digits, bytes.as_mut()).ok_or(KeyError::Form)?;
        let mut key = Self::from_bytes(*bytes)?;
        if let Some(line) = second {
            let digits = line.trim().strip_prefix(REPLACES_PREFIX).ok_or(KeyError::Replaces)?;
            key.replaces = Some(Fingerprint::parse(digits.trim()).ok_or(KeyError::Replaces)?);
        }
        Ok(key)
    }

    /// The same key, said to come after another one: an announced change of identities.
    #[must_use]
    pub fn replacing(mut self, before: Fingerprint) -> Self {
        self.replaces = Some(before);
        self
    }

    /// The key that this one comes after, if it says so.
    #[must_use]
    pub fn replaces(&self) -> Option<Fingerprint> {
        self.replaces
    }

    /// The text form, to be written to a key file.
    #[must_use]
    pub fn to_text(&self) -> KeyText {
        // As long as it will get, so that no copy of a part stays behind.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_PREFIX.len() + 64 + REPLACES_PREFIX.len() + 34));
        text.push_str(TEXT_PREFIX);
        push_hex(&mut text, self.bytes.as_ref());
        if let Some(before) = &self.replaces {
            text.push('\n');
            text.push_str(REPLACES_PREFIX);
            text.push(' ');
            push_hex(&mut text, &before.0);
        }
        KeyText(text)
    }

    /// What tells this key from others; safe to show and to store.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let derived = blake3::derive_key("offshoot scrub 1: key fingerprint", self.bytes.as_ref());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&derived[..16]);
        Fingerprint(bytes)
    }

    /// A key for one purpose of this crate. The purposes are fixed texts of the code.
    pub(crate) fn for_purpose(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(purpose, self.bytes.as_ref()))
    }

    /// Key material for one domain, as much as `material` holds.
    pub(crate) fn for_domain(&self, domain: &str, material: &mut [u8]) {
        let base = self.for_purpose("offshoot scrub 1: domains");
        blake3::Hasher::new_keyed(&base).update(domain.as_bytes()).finalize_xof().fill(material);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// A short public name of a key: equal for equal keys, and of no help in finding the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// A fingerprint from its 32 hexadecimal digits; none if it is none.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        read_hex(digits, &mut bytes)?;
        Some(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        push_hex(&mut text, &self.0);
        f.write_str(&text)
    }
}

fn read_hex(digits: &str, bytes: &mut [u8]) -> Option<()> {
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = ((pair[0] as char).to_digit(16)? << 4 | (pair[1] as char).to_digit(16)?) as u8;
    }
    Some(())
}

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8) -> Key {
        let mut bytes = [7; 32];
        bytes[0] = first;
        Key::from_bytes(bytes).unwrap()
    }

    #[test]
    fn text_and_back() {
        let text = key(1).to_text();
        assert_eq!(Key::parse(&format!("{}\n", &*text)).unwrap().bytes, key(1).bytes);
        for bad in ["", "offshoot-key-1:", "00", &text[..70], &format!("{}0", &*text), &text.replace('7', "g")] {
            assert_eq!(Key::parse(bad).unwrap_err(), KeyError::Form);
        }
    }

    #[test]
    fn a_key_says_which_one_it_replaces() {
        let text = key(2).replacing(key(1).fingerprint()).to_text();
        let read = Key::parse(&text).unwrap();
        assert_eq!((&read.bytes, read.replaces()), (&key(2).bytes, Some(key(1).fingerprint())));
        assert_eq!(read.fingerprint(), key(2).fingerprint());
        assert_eq!(Key::parse(&text.replace('\n', "\r\n")).unwrap().replaces(), Some(key(1).fingerprint()));
        assert_eq!(Key::parse(&format!("{}\nreplaces: 12", &*key(2).to_text())).unwrap_err(), KeyError::Replaces);
        assert_eq!(Key::parse(&key(2).to_text()).unwrap().replaces(), None);
    }

    #[test]
    fn an_empty_default_salt_is_no_key() {
        assert_eq!(Key::from_bytes([0; 32]).unwrap_err(), KeyError::NotRandom);
        assert_eq!(Key::from_bytes([255; 32]).unwrap_err(), KeyError::NotRandom);
    }

    #[test]
    fn a_fingerprint_tells_keys_apart_and_shows_nothing() {
        assert_eq!(key(1).fingerprint(), key(1).fingerprint());
        assert_ne!(key(1).fingerprint(), key(2).fingerprint());
        assert_eq!(format!("{:?}", key(1)), "Key(redacted)");
        assert!(!key(1).to_text().contains(&key(1).fingerprint().to_string()));
    }
}
