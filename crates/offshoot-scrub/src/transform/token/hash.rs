//! What hashes of passwords begin with: method and costs, before salt and hash.
//!
//! `$2b$12$`, `$argon2id$v=19$m=65536,t=3,p=4$`, `pbkdf2_sha256$600000$`, `{SSHA}`. Only a method that is known begins one: what
//! merely has such signs in it is a password, of which nothing stays.

use crate::transform::base64::{ADAPTED, Alphabet, BCRYPT, STANDARD};

/// What a secret begins with that is no secret.
#[derive(Clone, Copy)]
pub(super) struct Front {
    /// Bytes that stay.
    pub(super) length: usize,
    /// Whether they end in the header of a JWT.
    pub(super) is_jwt: bool,
    /// What salt and hash are written in.
    pub(super) alphabet: Option<Alphabet>,
}

impl Front {
    pub(super) fn plain(length: usize) -> Self {
        Self { length, is_jwt: false, alphabet: None }
    }

    /// Whether as much stays, of the same kind.
    pub(super) fn is_alike(self, other: Self) -> bool {
        (self.length, self.is_jwt) == (other.length, other.is_jwt)
    }
}

/// Characters of bcrypt's salt, and of salt and hash.
pub(super) const BCRYPT_SALT: usize = 22;
pub(super) const BCRYPT_FIELD: usize = 53;

/// Methods after a dollar sign: crypt(3), and those of the password hashing competition.
const METHODS: [&str; 24] = [
    "1",
    "2",
    "2a",
    "2b",
    "2x",
    "2y",
    "5",
    "6",
    "7",
    "y",
    "gy",
    "P",
    "H",
    "S",
    "apr1",
    "argon2i",
    "argon2d",
    "argon2id",
    "scrypt",
    "pbkdf2",
    "pbkdf2-sha1",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "bcrypt-sha256",
];
/// Methods that a hash begins with by name, as web frameworks write them.
const NAMES: [&str; 12] = [
    "argon2",
    "bcrypt",
    "bcrypt_sha256",
    "md5",
    "pbkdf2",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
    "pbkdf2_sha512",
    "scrypt",
    "sha1",
    "sha256",
    "sha512",
];
/// Schemes in braces: LDAP (RFC 2307), Dovecot, Spring.
const SCHEMES: [&str; 34] = [
    "argon2",
    "argon2@springsecurity_v5_8",
    "argon2i",
    "argon2id",
    "bcrypt",
    "blf-crypt",
    "cleartext",
    "crypt",
    "ldap",
    "md4",
    "md5",
    "md5-crypt",
    "noop",
    "pbkdf2",
    "pbkdf2@springsecurity_v5_8",
    "pbkdf2-sha1",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "plain",
    "scrypt",
    "scrypt@springsecurity_v5_8",
    "sha",
    "sha-1",
    "sha-256",
    "sha256",
    "sha256-crypt",
    "sha384",
    "sha512",
    "sha512-crypt",
    "smd5",
    "ssha",
    "ssha256",
    "ssha384",
    "ssha512",
];

/// Method and costs that a hash begins with.
pub(super) fn front(hash: &[u8]) -> Front {
    let braces = scheme(hash);
    let (costs, alphabet) = crypt(&hash[braces..]);
    let in_braces = (braces > 0).then_some(STANDARD);
    Front { length: braces + costs, is_jwt: false, alphabet: alphabet.or(in_braces) }
}

/// The length of a scheme with its braces.
fn scheme(hash: &[u8]) -> usize {
    let name = || std::str::from_utf8(hash.strip_prefix(b"{")?).ok()?.split_once('}').map(|(name, _)| name);
    name().filter(|name| SCHEMES.contains(&name.to_ascii_lowercase().as_str())).map_or(0, |name| name.len() + 2)
}

/// The length of method and costs, with the dollar sign after them, and the alphabet of the method.
fn crypt(hash: &[u8]) -> (usize, Option<Alphabet>) {
    let Ok(text) = std::str::from_utf8(hash) else { return (0, None) };
    let fields: Vec<&str> = text.split('$').collect();
    let front = fields.len() - 1;
    let is_named = fields[0].is_empty() || is_named(fields[0]);
    if front == 0 || !is_named || fields[0].is_empty() && !fields.get(1).is_some_and(|method| METHODS.contains(method))
    {
        return (0, None);
    }
    let (mut method, mut length, mut has_costs) = (fields[0], fields[0].len() + 1, false);
    for field in &fields[1..front] {
        let is_number = field.len() <= 7 && !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
        if !has_costs && (METHODS.contains(field) || field.is_empty()) {
            method = if field.is_empty() { method } else { field };
        } else if is_settings(field) || is_number && !has_costs && counts_rounds(method) {
            has_costs = true;
        } else {
            break;
        }
        length += field.len() + 1;
    }
    (length, alphabet(method))
}

/// `pbkdf2_sha256`, or with settings in one field as in `scrypt:32768:8:1`.
fn is_named(field: &str) -> bool {
    let mut parts = field.split(':');
    let is_setting =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) || NAMES.contains(&part);
    parts.next().is_some_and(|name| NAMES.contains(&name)) && parts.all(is_setting)
}

/// `v=19`, `m=65536,t=3,p=4`, `rounds=5000`: names with numbers. A salt that ends in an equal sign has no number behind it.
fn is_settings(field: &str) -> bool {
    field.split(',').all(|setting| {
        setting.split_once('=').is_some_and(|(name, number)| {
            (1..=8).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase())
                && (1..=10).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

/// Whether a method has the number of its rounds in a field of its own.
fn counts_rounds(method: &str) -> bool {
    matches!(method, "2" | "2a" | "2b" | "2x" | "2y") || method.starts_with("pbkdf2") || method.starts_with("bcrypt")
}

fn alphabet(method: &str) -> Option<Alphabet> {
    match method {
        "2" | "2a" | "2b" | "2x" | "2y" => Some(BCRYPT),
        "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" | "bcrypt-sha256" => Some(ADAPTED),
        method if method.starts_with("argon2") || method.starts_with("scrypt") => Some(STANDARD),
        method if method.starts_with("pbkdf2_") => Some(STANDARD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_methods_and_costs_stay() {
        for (hash, kept) in [
            ("$2b$12$EixZaYVK1fsbw1ZfbX3OXe", "$2b$12$"),
            ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "$argon2id$v=19$m=65536,t=3,p=4$"),
            ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdDE=$aGFzaA", "$argon2id$v=19$m=65536,t=3,p=4$"),
            ("pbkdf2_sha256$600000$12345$aGFzaA==", "pbkdf2_sha256$600000$"),
            ("bcrypt_sha256$$2b$12$EixZaYVK1fsbw1ZfbX3OXe", "bcrypt_sha256$$2b$12$"),
            ("argon2$argon2i$v=19$m=512,t=2,p=2$c2FsdA$aGFzaA", "argon2$argon2i$v=19$m=512,t=2,p=2$"),
            ("scrypt:32768:8:1$salt$68617368", "scrypt:32768:8:1$"),
            ("$6$rounds=5000$salt$hash", "$6$rounds=5000$"),
            ("$1$19840101$hash", "$1$"),
            ("{SSHA}c2FsdA==", "{SSHA}"),
            ("{bcrypt}$2a$10$EixZaYVK1fsbw1ZfbX3OXe", "{bcrypt}$2a$10$"),
            ("{hunter2}", ""),
            ("{hunter2}x", ""),
            ("pw=secret$", ""),
            ("1984$ummer", ""),
            ("$ummer$1984$", ""),
            ("5$1984", ""),
            ("md5", ""),
            ("scrypt:1", ""),
            ("{SSHA}md5", "{SSHA}"),
            ("", ""),
        ] {
            assert_eq!(&hash[..front(hash.as_bytes()).length], kept, "{hash}");
        }
    }
}
