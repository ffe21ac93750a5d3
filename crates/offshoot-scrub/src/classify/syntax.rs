//! What single values are by their syntax: addresses, numbers, secrets, dates. Validators without a dictionary.

use std::net::IpAddr;

/// Whether a text is a mail address: a mailbox of dot-separated or quoted parts, and a domain with a dot.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((mailbox, domain)) = text.rsplit_once('@') else { return false };
    let is_quoted = mailbox.len() > 2 && mailbox.starts_with('"') && mailbox.ends_with('"');
    let is_atom = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || c.is_ascii_graphic() && !"@,:;<>()[]\\\"".contains(c))
    };
    mailbox.len() <= 64 && (is_quoted || mailbox.split('.').all(is_atom)) && is_domain(domain)
}

/// Whether a text is a domain name with a top-level domain of letters.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let Some((_, last)) = text.rsplit_once('.') else { return false };
    let is_top = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic) || last.starts_with("xn--");
    text.len() <= 253 && is_top && text.split('.').all(is_label)
}

/// Whether a text is an address with a scheme.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    is_scheme && !rest.is_empty() && !rest.contains(char::is_whitespace)
}

/// Whether a text is an IP address, with or without the bits of its network. Addresses that are no host's (0.0.0.0,
/// loopback) count too.
#[must_use]
pub fn is_ip(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= 128)) && address.parse::<IpAddr>().is_ok()
}

/// Whether a text is a hardware address.
#[must_use]
pub fn is_mac(text: &str) -> bool {
    [':', '-'].iter().any(|separator| {
        let parts: Vec<&str> = text.split(*separator).collect();
        matches!(parts.len(), 6 | 8) && parts.iter().all(|part| part.len() == 2 && is_hex(part))
    })
}

/// Whether a text is a uuid with its dashes.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hex)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text is a phone number as people write it: 7 to 15 digits, with a plus sign, or grouped by blanks, dots,
/// dashes, slashes or brackets; an extension may follow.
#[must_use]
pub fn is_phone(text: &str) -> bool {
    let text = text.trim();
    let (number, extension) = match text.to_ascii_lowercase().find(['x', 'e']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let extension = extension.trim_start_matches(|c: char| c.is_ascii_alphabetic() || ". ".contains(c));
    if extension.len() > 6 || !extension.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let number = number.trim();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_written_so = number.chars().all(|c| c.is_ascii_digit() || "+() .-/\u{a0}".contains(c));
    let plus = number.rfind('+');
    let groups: Vec<&str> = number.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let is_grouped = groups.len() >= 2 && groups.len() <= 7 && groups.iter().all(|group| group.len() <= 8);
    let is_plus_first = plus.is_none_or(|at| at == 0 || number.starts_with('(') && at == 1);
    let has_separator_only = number.contains('.') && groups.len() == 2;
    (6..=15).contains(&digits)
        && is_written_so
        && is_plus_first
        && (plus.is_some()
            || is_grouped && (7..=15).contains(&digits)
            || is_grouped && digits == 6 && groups.len() == 3)
        && !has_separator_only
        && date_year(number).is_none()
        && !is_ip(number)
        && !is_dashed_id(number)
        && groups.concat().bytes().any(|digit| !number.trim_start_matches(['+', '(']).as_bytes().starts_with(&[digit]))
}

/// The shape of a United States social security number, which no phone number has.
fn is_dashed_id(text: &str) -> bool {
    text.len() == 11 && text.split('-').map(str::len).eq([3, 2, 4])
}

/// Whether a text is digits only, as many as phone numbers have.
#[must_use]
pub fn is_phone_digits(text: &str) -> bool {
    (7..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The year of a date with day, month and year in any usual order, or of a timestamp.
#[must_use]
pub fn date_year(text: &str) -> Option<u16> {
    let date = text.split(['T', ' ']).next()?;
    let parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    let [one, two, three] = parts.as_slice() else { return None };
    let number = |part: &str| part.parse::<u16>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let (one_number, two_number, three_number) = (number(one)?, number(two)?, number(three)?);
    let is_day = |number: u16| (1..=31).contains(&number);
    let is_year = |part: &str, number: u16| part.len() == 4 && (1800..=2100).contains(&number);
    let has_month = |a: u16, b: u16| a <= 12 || b <= 12;
    let (year, others) = match () {
        () if is_year(one, one_number) => (one_number, (two_number, three_number)),
        () if is_year(three, three_number) => (three_number, (one_number, two_number)),
        () => return None,
    };
    (is_day(others.0) && is_day(others.1) && has_month(others.0, others.1)).then_some(year)
}

/// Whether a text is a postal code of a form that little else has: British, Canadian, Dutch, Polish, Portuguese, Czech,
/// Brazilian, Japanese, or American with nine digits.
#[must_use]
pub fn is_distinct_postal_code(text: &str) -> bool {
    let form: String = text
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    [
        "A9 9AA",
        "A99 9AA",
        "AA9 9AA",
        "AA99 9AA",
        "A9A 9AA",
        "AA9A 9AA",
        "A9A 9A9",
        "9999 AA",
        "9999AA",
        "99-999",
        "9999-999",
        "999 99",
        "99999-999",
        "999-9999",
        "99999-9999",
        "AA-9999",
        "AA-99999",
        "A-9999",
        "A-99999",
    ]
    .contains(&form.as_str())
}

/// Whether a text is four to six digits.
#[must_use]
pub fn is_postal_digits(text: &str) -> bool {
    (4..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with four or more decimals that can be a degree.
#[must_use]
pub fn degree(text: &str) -> Option<f64> {
    let (_, decimals) = text.split_once('.')?;
    let number: f64 = text.parse().ok()?;
    (decimals.len() >= 4 && decimals.bytes().all(|byte| byte.is_ascii_digit()) && number.abs() <= 180.0)
        .then_some(number)
}

/// Whether a text is a hash of a password, by the mark that its method puts before it.
#[must_use]
pub fn is_password_hash(text: &str) -> bool {
    let marks = [
        "$1$",
        "$2$",
        "$2a$",
        "$2b$",
        "$2x$",
        "$2y$",
        "$5$",
        "$6$",
        "$7$",
        "$y$",
        "$gy$",
        "$argon2",
        "$scrypt",
        "$pbkdf2",
        "$apr1$",
        "$P$",
        "$H$",
        "$S$",
        "pbkdf2_",
        "bcrypt$",
        "bcrypt_sha256$",
        "argon2$",
        "scrypt:",
        "pbkdf2:",
        "sha1$",
        "md5$",
        "{SSHA",
        "{SHA",
        "{CRYPT}",
        "{MD5}",
        "{SMD5}",
        "{bcrypt}",
        "{PBKDF2",
        "SCRAM-SHA-",
    ];
    text.len() >= 20 && !text.contains(char::is_whitespace) && marks.iter().any(|mark| text.starts_with(mark))
}

/// Whether a text is a signed web token: three parts of base64, the first a JSON object.
#[must_use]
pub fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_base64 = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte));
    parts.len() == 3 && parts[0].starts_with("eyJ") && parts[0].len() >= 10 && parts.iter().all(is_base64)
}

/// Whether a text is a key of a service, by the mark that the service puts before it.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    let marks = [
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "sk_live_",
        "sk_test_",
        "pk_live_",
        "rk_live_",
        "whsec_",
        "sk-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xoxs-",
        "AKIA",
        "ASIA",
        "AIza",
        "ya29.",
        "SG.",
        "npm_",
        "pypi-",
        "dop_v1_",
        "shpat_",
        "hf_",
        "EAAC",
        "key-",
        "AC",
        "SK",
    ];
    let mark = marks.iter().find(|mark| text.starts_with(**mark));
    mark.is_some_and(|mark| {
        let rest = &text[mark.len()..];
        rest.len() >= 16
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && is_random(rest)
    }) || text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY")
}

/// Whether a text looks drawn at random: long, one word, letters and digits mixed, and no letter much more frequent than chance.
#[must_use]
pub fn is_random(text: &str) -> bool {
    let is_one_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    // Words and numbers joined by dashes are a slug.
    let parts: Vec<&str> = text.split(['-', '_', '.']).collect();
    let is_plain = |part: &&str| {
        part.bytes().all(|byte| byte.is_ascii_alphabetic()) || part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_slug = parts.len() >= 3 && parts.iter().all(is_plain);
    text.len() >= 16
        && !is_slug
        && is_one_word
        && digits * 12 >= text.len()
        && letters * 8 >= text.len()
        && entropy_bits(text) >= 3.0
}

fn entropy_bits(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether a text is what a browser calls itself.
#[must_use]
pub fn is_user_agent(text: &str) -> bool {
    text.starts_with("Mozilla/") && text.contains('(') || text.starts_with("Opera/") && text.contains('(')
}

/// Whether a text is one word of letters and digits as people call their accounts.
#[must_use]
pub fn is_handle(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(check: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        yes.iter().for_each(|text| assert!(check(text), "{text}"));
        no.iter().for_each(|text| assert!(!check(text), "{text}"));
    }

    #[test]
    fn addresses() {
        all(
            is_email,
            &["a@b.co", "\"a b\"@x.org", "ann+tag@mail.example.com", "józef@пример.рф"],
            &["a@b", "@x.com", "a..b@x.com", "a b@x.com", "ssh://git@x.com/", "user@host:22"],
        );
        all(is_url, &["http://x", "postgres://a:b@c/d"], &["x://", "a b://c", "//x"]);
        all(is_ip, &["10.0.0.1", "::1", "10.0.0.0/8", "2001:db8::7"], &["1.2.3", "300.1.1.1", "1.2.3.4/x"]);
        all(is_mac, &["08:00:2b:01:02:03", "08-00-2B-01-02-03"], &["08:00:2b", "zz:00:2b:01:02:03"]);
        all(is_domain, &["example.com", "a.b.co.uk"], &["example", "1.2.3.4", "-a.com", "file.x1"]);
    }

    #[test]
    fn phone_numbers() {
        all(
            is_phone,
            &["+49 30 901820", "(415) 555-0134", "03.34.08.71.06", "001-420-335-7509x38548", "555-0134", "84 23 30"],
            &[
                "2020-01-02",
                "1.5",
                "3.1415926",
                "10.0.0.1",
                "078-05-1120",
                "12",
                "12345678",
                "000-0000",
                "1/2/2003",
                "1-2",
            ],
        );
    }

    #[test]
    fn dates_and_degrees() {
        assert_eq!(date_year("3/29/1982"), Some(1982));
        assert_eq!(date_year("2001-02-03 04:05:06"), Some(2001));
        assert_eq!(date_year("31.12.1999"), Some(1999));
        assert_eq!(date_year("40.40.1999"), None);
        assert_eq!(date_year("1.2.3"), None);
        assert_eq!(degree("-67.015569"), Some(-67.015_569));
        assert_eq!(degree("67.01"), None);
        assert_eq!(degree("267.0155"), None);
    }

    #[test]
    fn secrets() {
        all(is_password_hash, &["$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"], &["$2b$", "$1,000"]);
        all(is_jwt, &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"], &["a.b.c", "www.example.com"]);
        all(is_api_key, &["ghp_16C7e42F292c6912E7710c838347Ae178B4a"], &["sk-index-of-the-tables-here", "ACTION"]);
        all(is_random, &["9f86d081884c7d659a2feaa0c55ad015"], &["a-slug-of-a-product-2020", "aaaaaaaaaaaaaaaaaaaa"]);
    }
}
