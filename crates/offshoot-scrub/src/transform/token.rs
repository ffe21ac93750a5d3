//! `token` and `password`: secrets in their format, of use to nobody.
//!
//! A token, API key or JWT gets other characters of its shape; so does the hash of a password, whose method and costs stay:
//! `$2b$12$...` is still a bcrypt hash, one that no password is known for. A prefix that names the kind of key (`sk_live_`,
//! `ghp_`) is part of the format: its letters stay, so that code which looks at them goes on working.

use super::{Answer, Fault, Making, Options, Reach, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Token {
    shape: Shape,
    kept: fn(&[u8]) -> usize,
}

/// Without options.
pub(super) fn token(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Token { shape: making.injective_shape("token"), kept: prefix }))
}

/// Without options.
pub(super) fn password(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Token { shape: making.injective_shape("password"), kept: method }))
}

/// Prefixes of well-known kinds of keys.
const PREFIXES: [&[u8]; 16] = [
    b"sk_live_",
    b"sk_test_",
    b"pk_live_",
    b"pk_test_",
    b"rk_live_",
    b"whsec_",
    b"ghp_",
    b"gho_",
    b"ghs_",
    b"github_pat_",
    b"glpat-",
    b"xoxb-",
    b"xoxp-",
    b"AKIA",
    b"ASIA",
    b"Bearer ",
];

fn prefix(token: &[u8]) -> usize {
    if let Some(header) = jwt_header(token) {
        return header;
    }
    PREFIXES.iter().find(|prefix| token.starts_with(prefix)).map_or(0, |prefix| prefix.len())
}

/// The header of a JWT with its dot: it names the algorithm, and code that reads it goes on working.
fn jwt_header(token: &[u8]) -> Option<usize> {
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let parts: Vec<&[u8]> = token.splitn(4, |byte| *byte == b'.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    // `eyJ` is how `{"` begins in base64.
    let is_jwt = header.starts_with(b"eyJ") && !payload.is_empty() && !signature.is_empty();
    (is_jwt && parts.iter().all(|part| part.iter().all(is_base64url))).then_some(header.len() + 1)
}

/// The method and costs before salt and hash: `$2b$12$`, `$argon2id$v=19$m=65536,t=3,p=4$`, `pbkdf2_sha256$600000$`, `{SSHA}`.
fn method(hash: &[u8]) -> usize {
    if hash.first() == Some(&b'{') {
        return hash.iter().position(|byte| *byte == b'}').map_or(0, |at| at + 1);
    }
    let fields: Vec<&[u8]> = hash.split(|byte| *byte == b'$').collect();
    // Short fields in front, none of which could be a salt: names, versions, costs.
    let is_cost = |field: &&&[u8]| {
        field.is_empty()
            || METHODS.contains(*field)
            || (field.len() <= 7 && field.iter().all(u8::is_ascii_digit))
            || field.contains(&b'=')
    };
    let front = fields.len().saturating_sub(1);
    fields[..front].iter().take_while(is_cost).map(|field| field.len() + 1).sum()
}

const METHODS: [&[u8]; 20] = [
    b"1",
    b"2",
    b"2a",
    b"2b",
    b"2x",
    b"2y",
    b"5",
    b"6",
    b"y",
    b"7",
    b"argon2i",
    b"argon2d",
    b"argon2id",
    b"scrypt",
    b"pbkdf2",
    b"pbkdf2_sha1",
    b"pbkdf2_sha256",
    b"pbkdf2-sha256",
    b"bcrypt_sha256",
    b"P",
];

impl Transform for Token {
    fn is_injective(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply(&self, value: Value<'_>, _: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let start = out.len();
        // A value may only begin like a key or hash if it did so before: else two ways could meet.
        let kept = (self.kept)(bytes);
        out.extend_from_slice(&bytes[..kept]);
        let mut rest = bytes[kept..].to_vec();
        loop {
            let place = out.len();
            self.shape.apply(work, &rest, out);
            if (self.kept)(&out[start..]) == kept || out[place..] == bytes[kept..] {
                return Answer::Written;
            }
            rest = out.split_off(place);
        }
    }
}
