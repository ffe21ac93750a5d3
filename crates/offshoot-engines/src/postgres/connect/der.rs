//! The few fields of an X.509 certificate that are needed beside what the TLS library checks: the hash that channel
//! binding uses, the common name that libpq falls back to, and the parts of certificates of version 1.
//!
//! Not a validator: a certificate that does not parse has none of these fields.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Fields of a certificate, as slices of its DER.
pub(super) struct Certificate<'a> {
    /// 0 means version 1.
    pub(super) version: u8,
    /// What is signed, with its header.
    pub(super) signed: &'a [u8],
    /// Without header.
    pub(super) signature_algorithm: &'a [u8],
    /// Without the count of unused bits.
    pub(super) signature: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// In seconds since 1970.
    pub(super) not_before: i64,
    /// In seconds since 1970.
    pub(super) not_after: i64,
    /// Without header.
    pub(super) key_algorithm: &'a [u8],
    /// Without the count of unused bits.
    pub(super) key: &'a [u8],
    /// Tags of the alternative names: 0x82 for DNS names, 0x87 for addresses.
    pub(super) alternative_tags: Vec<u8>,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

const OID_COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const OID_ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(Reader(der).expect(SEQUENCE)?);
        let at = outer.0;
        let body = outer.expect(SEQUENCE)?;
        let signed = at.get(..at.len() - outer.0.len())?;
        let signature_algorithm = outer.expect(SEQUENCE)?;
        let signature = bits(outer.expect(BIT_STRING)?)?;

        let mut body = Reader(body);
        let version = match body.optional(VERSION)? {
            Some(version) => *Reader(version).expect(INTEGER)?.last()?,
            None => 0,
        };
        body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = body.expect(SEQUENCE)?;
        let mut validity = Reader(body.expect(SEQUENCE)?);
        let not_before = time(validity.next()?)?;
        let not_after = time(validity.next()?)?;
        let subject = body.expect(SEQUENCE)?;
        let mut key_info = Reader(body.expect(SEQUENCE)?);
        let key_algorithm = key_info.expect(SEQUENCE)?;
        let key = bits(key_info.expect(BIT_STRING)?)?;
        let alternative_tags = alternative_tags(body)?;
        Some(Self {
            version,
            signed,
            signature_algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            key_algorithm,
            key,
            alternative_tags,
        })
    }

    /// The last common name of the subject.
    pub(super) fn common_name(&self) -> Option<&'a str> {
        let mut found = None;
        let mut sets = Reader(self.subject);
        while !sets.0.is_empty() {
            let mut set = Reader(sets.expect(SET)?);
            while !set.0.is_empty() {
                let mut pair = Reader(set.expect(SEQUENCE)?);
                if pair.expect(OID)? == OID_COMMON_NAME {
                    found = std::str::from_utf8(pair.next()?.1).ok();
                }
            }
        }
        // A NUL would let a name end early for others.
        found.filter(|name| !name.contains('\0'))
    }
}

/// The hash for channel binding of type tls-server-end-point (RFC 5929): that of the certificate's signature, but never a
/// weaker one than SHA-256. None for signatures without one.
pub(super) fn end_point_hash(der: &[u8]) -> Option<Vec<u8>> {
    let algorithm = Certificate::parse(der)?.signature_algorithm;
    let mut algorithm = Reader(algorithm);
    let oid = algorithm.expect(OID)?;
    let hash = match oid {
        // PKCS #1: 4 is MD5, 5 SHA-1, 10 PSS, which names its hash in its parameters.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, kind] => match kind {
            4 | 5 | 11 => Hash::Sha256,
            12 => Hash::Sha384,
            13 => Hash::Sha512,
            14 => Hash::Sha224,
            10 => pss_hash(algorithm)?,
            _ => return None,
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Hash::Sha256,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, kind] => match kind {
            1 => Hash::Sha224,
            2 => Hash::Sha256,
            3 => Hash::Sha384,
            4 => Hash::Sha512,
            _ => return None,
        },
        _ => return None,
    };
    Some(match hash {
        Hash::Sha224 => Sha224::digest(der).to_vec(),
        Hash::Sha256 => Sha256::digest(der).to_vec(),
        Hash::Sha384 => Sha384::digest(der).to_vec(),
        Hash::Sha512 => Sha512::digest(der).to_vec(),
    })
}

enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

fn pss_hash(mut parameters: Reader<'_>) -> Option<Hash> {
    let mut fields = Reader(parameters.expect(SEQUENCE)?);
    // Without the field the hash is SHA-1.
    let Some(algorithm) = fields.optional(0xa0)? else {
        return Some(Hash::Sha256);
    };
    match Reader(Reader(algorithm).expect(SEQUENCE)?).expect(OID)? {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Hash::Sha256),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, kind] => match kind {
            1 => Some(Hash::Sha256),
            2 => Some(Hash::Sha384),
            3 => Some(Hash::Sha512),
            4 => Some(Hash::Sha224),
            _ => None,
        },
        _ => None,
    }
}

fn alternative_tags(mut body: Reader<'_>) -> Option<Vec<u8>> {
    let mut tags = Vec::new();
    while !body.0.is_empty() {
        let (tag, content) = body.next()?;
        if tag != EXTENSIONS {
            continue;
        }
        let mut extensions = Reader(Reader(content).expect(SEQUENCE)?);
        while !extensions.0.is_empty() {
            let mut extension = Reader(extensions.expect(SEQUENCE)?);
            if extension.expect(OID)? != OID_ALTERNATIVE_NAMES {
                continue;
            }
            // A "critical" flag may stand before the content.
            let mut content = extension.next()?;
            if content.0 != OCTET_STRING {
                content = extension.next()?;
            }
            let mut names = Reader(Reader(content.1).expect(SEQUENCE)?);
            while !names.0.is_empty() {
                tags.push(names.next()?.0);
            }
        }
    }
    Some(tags)
}

fn bits(content: &[u8]) -> Option<&[u8]> {
    content.strip_prefix(&[0])
}

/// UTCTime `YYMMDDHHMMSSZ`, whose years begin with 1950, or GeneralizedTime `YYYYMMDDHHMMSSZ`.
fn time((tag, content): (u8, &[u8])) -> Option<i64> {
    let digits = content.strip_suffix(b"Z")?;
    let (year_digits, expected) = match tag {
        UTC_TIME => (2, 12),
        GENERALIZED_TIME => (4, 14),
        _ => return None,
    };
    if digits.len() != expected || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, count: usize| -> i64 {
        digits[from..from + count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
    };
    let year = match number(0, year_digits) {
        year if tag == GENERALIZED_TIME => year,
        year if year < 50 => 2000 + year,
        year => 1900 + year,
    };
    let field = |index: usize| number(year_digits + 2 * index, 2);
    let (month, day) = (field(0), field(1));
    // Days since 1970, with years that begin in March so that the leap day is their last.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * shifted_year + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 + day_of_year - 719_468;
    Some(((days * 24 + field(2)) * 60 + field(3)) * 60 + field(4))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Certificates of more than 16 MiB do not exist.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The content if the next tag is this one. None if what is there is malformed.
    fn optional(&mut self, tag: u8) -> Option<Option<&'a [u8]>> {
        if self.0.first() != Some(&tag) {
            return Some(None);
        }
        self.expect(tag).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn certificate(names: &[&str], common_name: &str) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2060, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn fields() {
        let der = certificate(&["db.example", "192.0.2.1"], "the name");
        let parsed = Certificate::parse(&der).unwrap();
        assert_eq!(parsed.version, 2);
        assert_eq!(parsed.common_name(), Some("the name"));
        assert_eq!(parsed.alternative_tags, [0x82, 0x87]);
        assert_eq!(parsed.not_before, 1_709_164_800);
        assert_eq!(parsed.not_after, 2_871_676_800);
        assert_eq!(end_point_hash(&der), Some(Sha256::digest(&der).to_vec()));
        let bare = certificate(&[], "x");
        assert!(Certificate::parse(&bare).unwrap().alternative_tags.is_empty());
    }

    proptest! {
        #[test]
        fn damage_never_panics(flips in proptest::collection::vec((0usize..400, any::<u8>()), 1..4), keep in 0usize..600) {
            let mut der = certificate(&["a"], "b");
            for (at, byte) in flips {
                if let Some(place) = der.get_mut(at) {
                    *place = byte;
                }
            }
            der.truncate(keep);
            if let Some(parsed) = Certificate::parse(&der) {
                let _ = parsed.common_name();
            }
            let _ = end_point_hash(&der);
        }
    }
}
