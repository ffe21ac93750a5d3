//! Names that people give: of refs and of tags.
//!
//! The rules are git's, a little stricter, so that a name can always be told from an address (`prod~2`,
//! `prod@{2026-11-22}`) and from the hash of a snapshot, and can be typed. A name is never used as a path: a store
//! writes it in its escaped form, which is also different for names that differ in case only.

use std::fmt;
use std::str::FromStr;

/// Most bytes of the escaped form of a name.
pub const ESCAPED_BYTES_MAX: usize = 200;

/// A valid name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// Why a text is not a name of a ref or tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be a name: {why}")]
#[non_exhaustive]
pub struct InvalidName {
    /// The text.
    pub name: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

impl RefName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with every byte but `a-z 0-9 . _ -` written as `%XX`.
    #[must_use]
    pub fn escaped(&self) -> String {
        escape(&self.0)
    }

    /// The inverse of [`Self::escaped`]; `None` for a text that no name escapes to.
    #[must_use]
    pub fn from_escaped(text: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            } else {
                bytes.push(byte);
            }
        }
        let name: Self = String::from_utf8(bytes).ok()?.parse().ok()?;
        (name.escaped() == text).then_some(name)
    }
}

impl FromStr for RefName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        match broken_rule(name) {
            Some(why) => Err(InvalidName { name: name.chars().take(ESCAPED_BYTES_MAX).collect(), why }),
            None => Ok(Self(name.to_owned())),
        }
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    let rules: [(bool, &'static str); 10] = [
        (name.is_empty(), "it is empty"),
        (
            escape(name).len() > ESCAPED_BYTES_MAX,
            "it is longer than 200 bytes, where a byte that is not one of a-z 0-9 . _ - counts as three",
        ),
        (name.contains(|c: char| c.is_control() || c.is_whitespace()), "it holds white space or a control character"),
        (name.contains(is_invisible), "it holds an invisible character"),
        (name.contains(['~', '^', ':', '?', '*', '[', '\\']), "it holds one of ~ ^ : ? * [ \\"),
        (name.contains("..") || name.contains("@{") || name == "@", "it holds .. or @{, or is @"),
        (name.starts_with(['-', '/', '.']), "it begins with a dash, a slash or a dot"),
        (name.ends_with(['/', '.']), "it ends with a slash or a dot"),
        (name.contains("//") || name.contains("/."), "a part between slashes is empty or begins with a dot"),
        (is_hash(name), "it looks like the hash of a snapshot"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, why)| why)
}

/// Zero-width and direction-changing characters: two names that look the same must be the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(char::from(byte)),
            _ => {
                let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefName({:?})", self.0)
    }
}

impl serde::Serialize for RefName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RefName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_survive_escaping() {
        for text in ["prod", "team/prod", "Prod", "v1.2-rc_3", "данные", "東京", "a@b", "x%41", "50%", "shop=1"]
        {
            let name: RefName = text.parse().unwrap();
            assert_eq!(RefName::from_escaped(&name.escaped()), Some(name.clone()), "{text}");
            assert!(
                name.escaped()
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'/' && !b.is_ascii_uppercase() || b.is_ascii_uppercase())
            );
        }
        assert_ne!("Prod".parse::<RefName>().unwrap().escaped().to_lowercase(), "prod");
    }

    #[test]
    fn bad_names_are_refused() {
        let long = "x".repeat(201);
        let wide = "é".repeat(34);
        let hash = "0aF1".repeat(16);
        let bad = [
            "",
            " ",
            "a b",
            "a\tb",
            "a\nb",
            "a\0b",
            "..",
            "a..b",
            "a@{b",
            "@",
            "a~1",
            "a^",
            "a:b",
            "a*",
            "a?",
            "a[0]",
            "a\\b",
            "-a",
            "/a",
            ".a",
            "a/",
            "a.",
            "a//b",
            "a/.b",
            "a\u{200b}b",
            "\u{feff}a",
            &long,
            &wide,
            &hash,
        ];
        for name in bad {
            assert!(name.parse::<RefName>().is_err(), "{name:?}");
        }
        for escaped in ["%2e%2e", "a%2", "%zz", "%61", "a/b", "A", "%ff"] {
            assert_eq!(RefName::from_escaped(escaped), None, "{escaped}");
        }
    }
}
