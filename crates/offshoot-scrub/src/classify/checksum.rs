//! Numbers that carry check digits: payment cards, bank accounts, and the numbers that states give people.

/// The digits of a text whose other characters are blanks, dots, dashes or slashes only.
fn digits(text: &str) -> Option<Vec<u32>> {
    text.chars().filter(|c| !" .-/".contains(*c)).map(|c| c.to_digit(10)).collect()
}

/// Whether digits fulfil Luhn's formula (ISO/IEC 7812-1).
fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

/// Whether a text is the number of a payment card: the beginning and length of an issuer, and Luhn's formula.
#[must_use]
pub fn is_card(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| (12..=19).contains(&digits.len())) else { return false };
    let start = |count: usize| digits[..count].iter().fold(0, |number, digit| number * 10 + digit);
    let is_issuer = match digits.len() {
        15 => matches!(start(2), 34 | 37),
        14 => matches!(start(2), 36 | 38 | 39) || (300..=305).contains(&start(3)),
        16 => {
            start(1) == 4
                || (51..=55).contains(&start(2))
                || (2221..=2720).contains(&start(4))
                || matches!(start(4), 6011)
                || matches!(start(2), 65 | 62 | 35 | 50 | 56..=58 | 60 | 63 | 67)
                || (644..=649).contains(&start(3))
        }
        13 | 19 => start(1) == 4 || start(2) == 62 || start(2) == 67,
        _ => start(2) == 67 || start(2) == 50,
    };
    is_issuer && luhn(&digits)
}

/// Lengths of account numbers by country (the registry of ISO 13616); others are taken at 15 to 34.
const IBAN_LENGTHS: [(&str, usize); 34] = [
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("TR", 26),
];

/// Whether a text is an international bank account number (ISO 13616): country, length, and 1 modulo 97.
#[must_use]
pub fn is_iban(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    let is_plain = compact.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain || !(15..=34).contains(&compact.len()) {
        return false;
    }
    let (head, rest) = compact.split_at(4);
    let is_head =
        head[..2].bytes().all(|byte| byte.is_ascii_uppercase()) && head[2..].bytes().all(|byte| byte.is_ascii_digit());
    let length = IBAN_LENGTHS.iter().find(|(country, _)| *country == &head[..2]).map(|(_, length)| *length);
    let remainder = rest
        .chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0, |sum: u32, value| (if value > 9 { sum * 100 + value } else { sum * 10 + value }) % 97);
    is_head && length.is_none_or(|length| length == compact.len()) && remainder == 1
}

/// A form: its name, whether it is a strong one, and its check.
type National = (&'static str, bool, fn(&str) -> bool);

/// Forms of national numbers. Strong ones are rare by chance: by letters and separators, or a check modulo 97.
const NATIONAL: [National; 18] = [
    ("US SSN", true, us_ssn),
    ("FR NIR", true, fr_nir),
    ("IT codice fiscale", true, it_codice_fiscale),
    ("ES DNI", true, es_dni),
    ("UK NINO", true, uk_nino),
    ("FI henkilötunnus", true, fi_hetu),
    ("DK CPR", true, dk_cpr),
    ("CH AHV", true, ch_ahv),
    ("CN resident id", true, cn_id),
    ("BR CPF", true, br_cpf),
    ("SE personnummer", false, se_personnummer),
    ("PL PESEL", false, pl_pesel),
    ("NL BSN", false, nl_bsn),
    ("NO fødselsnummer", false, no_fodselsnummer),
    ("BE rijksregisternummer", true, be_rrn),
    ("DE Steuer-ID", false, de_tax),
    ("ZA identity number", true, za_id),
    ("CA SIN", false, ca_sin),
];

/// Number of forms of national numbers that are known.
pub const NATIONAL_COUNT: usize = NATIONAL.len();

/// The first form of national number that a text has, and whether it is a strong one.
#[must_use]
pub fn national_id(text: &str) -> Option<(usize, bool)> {
    let text = text.trim();
    if !(8..=21).contains(&text.len()) {
        return None;
    }
    NATIONAL.iter().position(|(_, _, check)| check(text)).map(|place| (place, NATIONAL[place].1))
}

/// The name of a form.
#[must_use]
pub fn national_name(place: usize) -> &'static str {
    NATIONAL.get(place).map_or("", |(name, _, _)| name)
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

fn is_day_and_month(day: u32, month: u32) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

fn us_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (area.len(), group.len(), serial.len()) == (3, 2, 4)
        && parts.iter().all(|part| is_number(part))
        && *area != "000"
        && *area != "666"
        && !area.starts_with('9')
        && *group != "00"
        && *serial != "0000"
}

/// 13 digits and the key 97 - (number mod 97).
fn fr_nir(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 15) else { return false };
    let number = |digits: &[u32]| digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let (body, key) = (number(&digits[..13]), number(&digits[13..]));
    matches!(digits[0], 1 | 2 | 7 | 8) && key == 97 - body % 97
}

fn it_codice_fiscale(text: &str) -> bool {
    // The value of a character at an odd place, by the decree of 23 December 1976.
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
        10, 22, 25, 24, 23,
    ];
    let text = text.to_ascii_uppercase();
    if text.len() != 16
        || !text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        || !text.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return false;
    }
    let values: Vec<u32> = text.chars().filter_map(|c| c.to_digit(36)).collect();
    let sum: u32 = values[..15]
        .iter()
        .enumerate()
        .map(|(at, value)| match at % 2 {
            0 => ODD[*value as usize],
            _ if *value > 9 => value - 10,
            _ => *value,
        })
        .sum();
    values[15] == 10 + sum % 26
}

fn es_dni(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !" .-".contains(*c)).map(|c| c.to_ascii_uppercase()).collect();
    let Some((number, letter)) = text.len().checked_sub(1).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let number = match number.chars().next() {
        Some(foreign @ 'X'..='Z') => format!("{}{}", foreign as u32 - 'X' as u32, &number[1..]),
        _ => number.to_owned(),
    };
    let letters = "TRWAGMYFPDXBNJZSQVHLCKE";
    let value: Option<usize> = (number.len() == 8).then(|| number.parse().ok()).flatten();
    value.is_some_and(|value| letters.get(value % 23..=value % 23) == Some(letter))
}

/// Two letters and six digits in pairs; the letter behind them, A to D, may be left out where blanks show the pairs.
fn uk_nino(text: &str) -> bool {
    let has_pairs = text.len() == 11 && text.split(' ').all(|pair| pair.len() == 2);
    let mut text: String = text.chars().filter(|c| *c != ' ').collect();
    if has_pairs {
        text.push('A');
    }
    let bytes = text.as_bytes();
    bytes.len() == 9
        && bytes[..2].iter().all(|byte| byte.is_ascii_uppercase() && !b"DFIQUV".contains(byte))
        && bytes[1] != b'O'
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&bytes[8])
}

fn fi_hetu(text: &str) -> bool {
    let marks = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    if text.len() != 11 || !text.is_ascii() || !"+-ABCDEFUVWXY".contains(&text[6..7]) {
        return false;
    }
    let number: Option<usize> = format!("{}{}", &text[..6], &text[7..10]).parse().ok();
    number.is_some_and(|number| marks.get(number % 31..=number % 31) == Some(&text[10..]))
}

fn dk_cpr(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 10) else { return false };
    text.len() == 11
        && text.as_bytes()[6] == b'-'
        && is_day_and_month(digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
}

fn ch_ahv(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 13) else { return false };
    digits[..3] == [7, 5, 6] && weighted(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn cn_id(text: &str) -> bool {
    let Some((body, check)) = text.split_at_checked(17) else { return false };
    let Some(digits) = digits(body).filter(|digits| digits.len() == 17) else { return false };
    let sum = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) as usize % 11;
    check.len() == 1 && "10X98765432".get(sum..=sum) == Some(check.to_ascii_uppercase().as_str())
}

fn br_cpf(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 11) else { return false };
    let check = |count: u32| {
        let sum: u32 = digits.iter().zip(0..count).map(|(digit, at)| digit * (count + 1 - at)).sum();
        sum * 10 % 11 % 10
    };
    digits.iter().any(|digit| *digit != digits[0]) && check(9) == digits[9] && check(10) == digits[10]
}

fn se_personnummer(text: &str) -> bool {
    let Some(digits) = digits(&text.replace('+', "-")) else { return false };
    let short = match digits.len() {
        10 => &digits[..],
        12 if matches!(digits[..2], [1, 9] | [2, 0]) => &digits[2..],
        _ => return false,
    };
    let day = short[4] * 10 + short[5];
    is_day_and_month(if day > 60 { day - 60 } else { day }, short[2] * 10 + short[3]) && luhn(short)
}

fn pl_pesel(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 11) else { return false };
    let month = digits[2] * 10 + digits[3];
    is_day_and_month(digits[4] * 10 + digits[5], month % 20)
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn nl_bsn(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 9) else { return false };
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum >= digits[8] && (sum - digits[8]).is_multiple_of(11)
}

fn no_fodselsnummer(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 11) else { return false };
    let day = digits[0] * 10 + digits[1];
    is_day_and_month(if day > 40 { day - 40 } else { day }, digits[2] * 10 + digits[3])
        && weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn be_rrn(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 11) else { return false };
    let number = |digits: &[u32]| digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let (body, check) = (number(&digits[..9]), number(&digits[9..]));
    let is_check = |body: u64| check == 97 - body % 97;
    is_day_and_month(digits[4] * 10 + digits[5], digits[2] * 10 + digits[3])
        && (is_check(body) || is_check(2_000_000_000 + body))
}

/// Date of birth, a number, citizenship (0 or 1), a digit that is 8 or 9, and Luhn's digit.
fn za_id(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 13) else { return false };
    is_day_and_month(digits[4] * 10 + digits[5], digits[2] * 10 + digits[3])
        && digits[10] <= 1
        && digits[11] >= 8
        && luhn(&digits)
}

/// Nine digits, none of those series that are not given, and Luhn's digit.
fn ca_sin(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 9) else { return false };
    !matches!(digits[0], 0 | 8) && luhn(&digits)
}

/// ISO/IEC 7064, MOD 11,10.
fn de_tax(text: &str) -> bool {
    let Some(digits) = digits(text).filter(|digits| digits.len() == 11 && digits[0] != 0) else { return false };
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == digits[10]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_accounts() {
        for card in ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011111111111117"] {
            assert!(is_card(card), "{card}");
        }
        for no in ["4111111111111112", "1234567890123452", "0000000000000000", "79927398713"] {
            assert!(!is_card(no), "{no}");
        }
        assert!(is_iban("DE89 3704 0044 0532 0130 00") && is_iban("GB82WEST12345698765432"));
        assert!(!is_iban("DE89 3704 0044 0532 0130 01") && !is_iban("DE893704004405320130"));
    }

    #[test]
    fn national_numbers_as_their_authorities_publish_them() {
        let cases = [
            ("078-05-1120", "US SSN"),
            ("2 55 08 14 168 025 38", "FR NIR"),
            ("RSSMRA85T10A562S", "IT codice fiscale"),
            ("12345678Z", "ES DNI"),
            ("AB 12 34 56 C", "UK NINO"),
            ("131052-308T", "FI henkilötunnus"),
            ("756.9217.0769.85", "CH AHV"),
            ("11010519491231002X", "CN resident id"),
            ("529.982.247-25", "BR CPF"),
            ("811218-9876", "SE personnummer"),
            ("44051401359", "PL PESEL"),
            ("111222333", "NL BSN"),
            ("85073003328", "BE rijksregisternummer"),
            ("86095742719", "DE Steuer-ID"),
            ("8001015009087", "ZA identity number"),
            ("123 456 782", "CA SIN"),
            ("AB 12 34 56", "UK NINO"),
        ];
        for (number, name) in cases {
            let found = NATIONAL.iter().find(|(known, _, _)| *known == name).unwrap();
            assert!(found.2(number), "{name} {number}");
        }
        assert!(!us_ssn("000-12-3456") && !us_ssn("666-12-3456"));
        for no in ["hello world", "12345678A", "1234567890", "8001015009287", "AB123456", "12 34 56 78"] {
            assert_eq!(national_id(no), None, "{no}");
        }
    }
}
