//! `token` and `password`: secrets in their format, of use to nobody.
//!
//! A token or API key gets other characters of its shape, one of hexadecimal digits others of those. Of a JWT the header stays, its
//! claims are rewritten as a document is, and its signature is no signature of anything. Of the hash of a password method and costs
//! stay: `$2b$12$...` is still a bcrypt hash, one that no password is known for. A prefix that names the kind of key (`sk_live_`,
//! `ghp_`) is part of the format: its letters stay, so that code which looks at them goes on working. What is nothing but such a
//! prefix is a secret like others.

mod hash;

use super::base64::{Alphabet, URL};
use super::{Answer, Fault, Making, Options, Prf, Reach, Row, Transform, Value, Work, json};
use crate::permute::Tweak;
use crate::shape::Shape;
use hash::Front;

struct Token {
    shape: Shape,
    bytes: Prf,
    digits: Prf,
    claims: Box<dyn Transform>,
    front: fn(&[u8]) -> Front,
    /// Where lower() must tell values apart, and case says nothing: then nothing is decoded.
    folds_case: bool,
}

/// Without options.
pub(super) fn token(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Token::new(making, "token", front)))
}

/// Without options.
pub(super) fn password(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Token::new(making, "password", hash::front)))
}

/// Prefixes of well-known kinds of keys.
const PREFIXES: [&[u8]; 20] = [
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
    b"sha256:",
    b"sha1:",
    b"md5:",
    b"0x",
];

fn front(token: &[u8]) -> Front {
    let prefix = PREFIXES.iter().find(|prefix| token.starts_with(prefix)).map_or(0, |prefix| prefix.len());
    match jwt_header(&token[prefix..]) {
        Some(header) => Front { length: prefix + header, is_jwt: true, alphabet: None },
        None => Front::plain(prefix),
    }
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

/// Claims and signature of a JWT without its header; none if they are not what those of a JWT are.
fn claims(rest: &[u8]) -> Option<[Vec<u8>; 2]> {
    let dot = rest.iter().position(|byte| *byte == b'.')?;
    let (claims, _) = URL.decode(&rest[..dot])?;
    let (signature, _) = URL.decode(&rest[dot + 1..])?;
    let is_document = claims.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(&claims).is_ok();
    is_document.then_some([claims, signature])
}

/// The fewest digits of a number in hexadecimal form that is no word.
const HEXADECIMAL_MIN: usize = 16;

impl Token {
    fn new(making: &Making<'_>, purpose: &str, front: fn(&[u8]) -> Front) -> Self {
        Self {
            shape: making.injective_shape(purpose),
            bytes: making.prf("secret-bytes"),
            digits: making.prf("hexadecimal"),
            claims: json::injective(making),
            front,
            folds_case: making.folds_case,
        }
    }

    /// What stays of a value; nothing if that were all of it.
    fn kept(&self, value: &[u8]) -> Front {
        Some((self.front)(value)).filter(|front| front.length < value.len()).unwrap_or(Front::plain(0))
    }

    /// Appends what the rest of a value becomes after what stays of it.
    fn put_rest(&self, front: Front, rest: &[u8], row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) {
        let Front { length, is_jwt, alphabet } = front;
        if is_jwt && !self.folds_case {
            match claims(rest) {
                Some([claims, signature]) => self.put_jwt(&claims, &signature, row, work, out),
                None => self.shape.apply_beside(work, rest, out, |new| self::claims(new).is_some()),
            }
            return;
        }
        if length == 0 {
            return self.put_field(rest, None, work, out);
        }
        for (number, field) in rest.split(|byte| *byte == b'$').enumerate() {
            if number > 0 {
                out.push(b'$');
            }
            // The salt of bcrypt and its hash are one field, and each has bits to spare.
            let (salt, hash) = match field.split_at_checked(hash::BCRYPT_SALT) {
                Some(parts) if field.len() == hash::BCRYPT_FIELD && alphabet.is_some_and(Alphabet::is_bcrypt) => parts,
                _ => (&b""[..], field),
            };
            self.put_field(salt, alphabet, work, out);
            self.put_field(hash, alphabet, work, out);
        }
    }

    /// A field in base64 stays one, one of hexadecimal digits another one, and others do not become such.
    fn put_field(&self, field: &[u8], alphabet: Option<Alphabet>, work: &mut Work, out: &mut Vec<u8>) {
        let decode = |field: &[u8]| alphabet.filter(|_| !self.folds_case)?.decode(field);
        if let (Some((bytes, padding)), Some(alphabet)) = (decode(field), alphabet) {
            alphabet.encode(&self.moved(&bytes, work), padding, out);
        } else if self.is_hexadecimal(field) {
            self.put_hexadecimal(field, work, out);
        } else {
            let is_other = |new: &[u8]| decode(new).is_some() || self.is_hexadecimal(new);
            self.shape.apply_beside(work, field, out, is_other);
        }
    }

    /// Claims as a document in as many bytes, and a signature that a key for tests would have to be found for.
    fn put_jwt(&self, claims: &[u8], signature: &[u8], row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) {
        let mut new = Vec::with_capacity(claims.len());
        self.claims.apply(Value::Json(claims), row, work, &mut new);
        // What was escaped may be shorter now.
        new.resize(new.len().max(claims.len()), b' ');
        URL.encode(&new, 0, out);
        out.push(b'.');
        URL.encode(&self.moved(signature, work), 0, out);
    }

    fn moved(&self, bytes: &[u8], work: &mut Work) -> Vec<u8> {
        let mut digits: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte)).collect();
        let tweak = Tweak(bytes.len() as u64 & 0xff_ffff);
        work.permuter.apply(&self.bytes, tweak, &mut digits, &vec![256; bytes.len()]);
        digits.into_iter().map(|digit| digit as u8).collect()
    }

    /// Whether a text is a number in hexadecimal form: letters of one case and digits, with dashes or colons between.
    fn is_hexadecimal(&self, text: &[u8]) -> bool {
        let count = |is_so: fn(&u8) -> bool| text.iter().filter(|byte| is_so(byte)).count();
        let (small, capital) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
        let digits = count(u8::is_ascii_digit);
        text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':'))
            && small + capital + digits >= HEXADECIMAL_MIN
            && digits > 0
            && small + capital > 0
            && (self.folds_case || small == 0 || capital == 0)
    }

    fn put_hexadecimal(&self, text: &[u8], work: &mut Work, out: &mut Vec<u8>) {
        let is_capital = text.iter().all(|byte| !byte.is_ascii_lowercase());
        let signs = if is_capital { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut digits: Vec<u32> = text.iter().filter_map(|byte| (*byte as char).to_digit(16)).collect();
        let (tweak, radices) = (Tweak(digits.len() as u64 & 0xff_ffff), vec![16; digits.len()]);
        let start = out.len();
        loop {
            work.permuter.apply(&self.digits, tweak, &mut digits, &radices);
            out.truncate(start);
            let mut new = digits.iter().map(|digit| signs[*digit as usize]);
            out.extend(
                text.iter().map(|byte| if byte.is_ascii_hexdigit() { new.next().unwrap_or(*byte) } else { *byte }),
            );
            // One of digits alone, or of letters, is of another form.
            if self.is_hexadecimal(&out[start..]) {
                return;
            }
        }
    }
}

impl Transform for Token {
    fn is_injective(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::Pieces
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let start = out.len();
        // A value may only begin like a key or hash if it did so before: else two ways could meet.
        let front = self.kept(bytes);
        out.extend_from_slice(&bytes[..front.length]);
        let mut rest = bytes[front.length..].to_vec();
        loop {
            let place = out.len();
            self.put_rest(front, &rest, row, work, out);
            if self.kept(&out[start..]).is_alike(front) || out[place..] == bytes[front.length..] {
                return Answer::Written;
            }
            rest = out.split_off(place);
        }
    }
}
