//! Whether a public key that a server sent can be used: an RSA key in PEM form, of a usual size, in plain DER.
//!
//! What encrypts with it takes a key as it comes and panics at one that is cut short, empty or too small for the password; whoever
//! answers in place of a server could end a process with one. So nothing goes there that has not been read here.

use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

/// Sizes of RSA keys, in bytes: 1024 to 16384 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 128..=2048;
const EXPONENT_BYTES_MAX: usize = 8;
/// What OAEP with SHA-1 takes of the room of a key.
const PADDING_BYTES: usize = 42;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

const TAG_INTEGER: u8 = 0x02;
const TAG_BIT_STRING: u8 = 0x03;
const TAG_SEQUENCE: u8 = 0x30;

const UNUSABLE: &str =
    "but sends a public key that cannot be used. Use ssl-mode=REQUIRED or stronger, which needs none";
const TOO_LONG: &str =
    "and its public key is too small for so long a password. Use ssl-mode=REQUIRED or stronger, which needs none";

/// Why the password cannot be encrypted with this key, if it cannot.
pub(super) fn check(pem: &[u8], password: &[u8]) -> Result<(), &'static str> {
    let room = modulus_bytes(pem).ok_or(UNUSABLE)?.checked_sub(PADDING_BYTES).ok_or(UNUSABLE)?;
    // It is sent with a zero byte at its end.
    if password.len() < room { Ok(()) } else { Err(TOO_LONG) }
}

/// The size of the key, if it is one.
fn modulus_bytes(pem: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(pem).ok()?.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    if body.contains('-') {
        return None;
    }
    let key = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
    let (outer, _) = element(&key, TAG_SEQUENCE)?;
    let (_algorithm, rest) = element(outer, TAG_SEQUENCE)?;
    let (bits, _) = element(rest, TAG_BIT_STRING)?;
    let (fields, _) = element(bits.strip_prefix(&[0])?, TAG_SEQUENCE)?;
    let (modulus, rest) = element(fields, TAG_INTEGER)?;
    let (exponent, _) = element(rest, TAG_INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let is_odd = modulus.last().is_some_and(|last| last % 2 == 1);
    let is_number = modulus.first().is_some_and(|first| *first != 0) && exponent.iter().any(|byte| *byte != 0);
    let is_usual = MODULUS_BYTES.contains(&modulus.len()) && exponent.len() <= EXPONENT_BYTES_MAX;
    (is_odd && is_number && is_usual).then_some(modulus.len())
}

/// The content of an element of this kind, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::crypto;
    use proptest::prelude::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxSKOcxiet8lLMn8ImyUE
bGGKob5EdRz/4wdiw12ED0GfKKTKhVnodFCfm1mdy7bKOX5QxL9skrvYodpW43eR
R5bfOzIgy1qIB8RYb6qOXRBw1oA4snBDqtUjDv/lbHLJN+IbzM4oU+e3Lt9rXyLX
VY289ewONPweXHqSCnTL91w+wkU1peIFV2QhZ+upUCdCtwOn5hnJPNgxtbklFoya
C8W3Z7Xx7He2QDJsEWAqX197efw0L6j8X8Tyd8Uwb7zUB1tfMGhHfm9EwejPAtzx
4GztQNtNMtGS2oGZLQBLV9hib4dDL92iiZeckg2LAf4GsJofLLR8mcHCRoqVbQJ1
YQIDAQAB
-----END PUBLIC KEY-----
";

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |part: &[u8]| {
            let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(part.get(at).copied().unwrap_or(0)));
            let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]);
            (0..4).map(|at| if at <= part.len() { digit(at) } else { '=' }).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }

    #[test]
    fn a_key_of_a_server_is_taken_with_passwords_that_fit() {
        assert_eq!(check(KEY.as_bytes(), b"secret"), Ok(()));
        let longest = [b'x'; 213];
        assert_eq!(check(KEY.as_bytes(), &longest), Ok(()));
        assert!(crypto::encrypt(&[&longest[..], b"\0"].concat(), KEY.as_bytes()).is_ok());
        assert_eq!(check(KEY.as_bytes(), &[b'x'; 214]), Err(TOO_LONG));
    }

    #[test]
    fn what_is_no_key_is_not_taken() {
        let of = |body: &str| format!("{BEGIN}\n{body}\n{END}\n");
        for text in [
            String::new(),
            "canary".to_owned(),
            of(""),
            of("MAA="),
            of("MAUwAwMB"),
            KEY.replace("MIIBIjAN", "MIIBIjA="),
            KEY.replace("PUBLIC", "RSA PUBLIC"),
            format!("{}{KEY}", of("MAA=")),
        ] {
            assert_eq!(check(text.as_bytes(), b"secret"), Err(UNUSABLE), "{text}");
        }
    }

    proptest! {
        /// Whatever is taken can be encrypted with.
        #[test]
        fn no_key_that_is_taken_panics(at in 0usize..294, byte: u8, cut in 0usize..294, password in "[a-z]{0,240}") {
            let mut der = SubjectPublicKeyInfoDer::from_pem_slice(KEY.as_bytes()).unwrap().as_ref().to_vec();
            der[at] = byte;
            if cut % 3 == 0 {
                der.truncate(cut);
            }
            let pem = format!("{BEGIN}\n{}\n{END}\n", base64(&der));
            if check(pem.as_bytes(), password.as_bytes()).is_ok() {
                crypto::encrypt(format!("{password}\0").as_bytes(), pem.as_bytes()).unwrap();
            }
        }
    }
}
