//! `national-id`: another identifier of the same shape, valid if it was valid where the country's scheme is known.
//!
//! Numbers of social security in the United States that must not stay unique go to the area 900 to 999, which is never issued.
//! Dates that some schemes hold stay possible dates. Without `country`, or for one without a known scheme, the identifier is
//! permuted in its shape.

use super::checked::{Checked, Functions, digits, luhn, number, weighted};
use super::{Answer, Fault, Making, Options, Prf, Row, Transform, Value, Work};

type IsValid = fn(&[u8]) -> bool;

/// Countries with a known scheme.
const SCHEMES: [(&str, IsValid); 11] = [
    ("us", social_security),
    ("br", cpf),
    ("ca", |signs| digits::<9>(signs).is_some_and(|digits| luhn(&digits))),
    ("es", dni),
    ("fr", nir),
    ("in", aadhaar),
    ("nl", bsn),
    ("no", fodselsnummer),
    ("pl", pesel),
    ("se", personnummer),
    ("fi", hetu),
];

/// With `country`.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let countries: Vec<&str> = ["other"].into_iter().chain(SCHEMES.iter().map(|(country, _)| *country)).collect();
    let country = options.word("country", &countries)?;
    if country == 0 {
        return super::shaped::named(options, making);
    }
    let checked = Checked {
        shape: making.injective_shape("shape"),
        scheme: Functions { kept: |_| 0, is_valid: SCHEMES[country - 1].1 },
    };
    if countries[country] == "us" && !making.is_unique {
        return Ok(Box::new(NeverIssued { prf: making.prf("never-issued"), other: checked }));
    }
    Ok(Box::new(checked))
}

/// Numbers of an area that is never issued.
struct NeverIssued {
    prf: Prf,
    other: Checked,
}

impl Transform for NeverIssued {
    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let old: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_digit).collect();
        let is_number = bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b' '));
        if !is_number || old.len() != 9 {
            self.other.apply_text(bytes, work, out);
            return Answer::Written;
        }
        let mut stream = row.draw(&self.prf, Value::Text(&old));
        loop {
            let new: Vec<u8> = (0..9).map(|at| if at == 0 { b'9' } else { b'0' + stream.below(10) as u8 }).collect();
            if new != old {
                super::phone::put_digits(bytes, &new, out);
                return Answer::Written;
            }
        }
    }
}

/// Area, group and serial number are none of those that are never issued.
fn social_security(signs: &[u8]) -> bool {
    digits::<9>(signs).is_some_and(|digits| {
        let (area, group, serial) = (number(&digits[..3]), number(&digits[3..5]), number(&digits[5..]));
        !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
    })
}

/// Two check digits modulo 11.
fn cpf(signs: &[u8]) -> bool {
    let check = |digits: &[u32]| {
        let sum: u32 = digits.iter().rev().zip(2..).map(|(digit, weight)| digit * weight).sum();
        sum * 10 % 11 % 10
    };
    digits::<11>(signs).is_some_and(|digits| {
        check(&digits[..9]) == digits[9] && check(&digits[..10]) == digits[10] && digits[1..] != digits[..10]
    })
}

/// Eight digits (the first may be X, Y or Z for foreigners) and a letter modulo 23.
fn dni(signs: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some((letter, body)) = signs.split_last() else { return false };
    let mut body = body.to_vec();
    if let Some(first @ b'X'..=b'Z') = body.first_mut() {
        *first = *first - b'X' + b'0';
    }
    digits::<8>(&body).is_some_and(|digits| LETTERS[(number(&digits) % 23) as usize] == *letter)
}

/// A key modulo 97 after 13 digits: sex, year, month, and place of birth.
fn nir(signs: &[u8]) -> bool {
    digits::<15>(signs)
        .is_some_and(|digits| matches!(digits[0], 1 | 2) && 97 - number(&digits[..13]) % 97 == number(&digits[13..]))
}

/// Verhoeff's check digit (J. Verhoeff, "Error detecting decimal codes", 1969).
fn aadhaar(signs: &[u8]) -> bool {
    // The dihedral group of ten elements, and a permutation applied as often as the place says.
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    const PERMUTATION: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    digits::<12>(signs).is_some_and(|digits| {
        let sum = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
            let moved = (0..place % 8).fold(*digit, |digit, _| PERMUTATION[digit as usize]);
            product(sum, moved)
        });
        sum == 0 && digits[0] > 1
    })
}

/// The eleven test.
fn bsn(signs: &[u8]) -> bool {
    digits::<9>(signs)
        .is_some_and(|digits| (weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) + 10 * digits[8]).is_multiple_of(11))
}

/// Two check digits modulo 11 after date and serial number. A month may have 40 added, a day too.
fn fodselsnummer(signs: &[u8]) -> bool {
    digits::<11>(signs).is_some_and(|digits| {
        let (day, month) = (number(&digits[..2]) % 40, number(&digits[2..4]) % 40);
        is_day(month, day)
            && weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
            && weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
    })
}

/// A check digit modulo 10 after date (the century in the month) and serial number.
fn pesel(signs: &[u8]) -> bool {
    digits::<11>(signs).is_some_and(|digits| {
        is_day(number(&digits[2..4]) % 20, number(&digits[4..6]))
            && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
    })
}

/// Ten digits, or twelve with the century; Luhn over the last ten. A day may have 60 added.
fn personnummer(signs: &[u8]) -> bool {
    let signs: Vec<u8> = signs.iter().copied().filter(|sign| *sign != b'+').collect();
    let tail = if signs.len() == 12 { &signs[2..] } else { &signs[..] };
    let has_century = signs.len() != 12 || matches!(&signs[..2], b"18" | b"19" | b"20");
    digits::<10>(tail)
        .is_some_and(|digits| has_century && is_day(number(&digits[2..4]), number(&digits[4..6]) % 60) && luhn(&digits))
}

/// Date, a sign for the century (which is no digit), a serial number, and a check sign modulo 31.
fn hetu(signs: &[u8]) -> bool {
    const CHECK: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let body: Vec<u8> = match signs.len() {
        // A hyphen or plus for the century is not among the signs, or is one of them.
        10 => signs[..9].to_vec(),
        11 if matches!(signs[6], b'+' | b'A'..=b'F' | b'U'..=b'Y') => [&signs[..6], &signs[7..10]].concat(),
        _ => return false,
    };
    digits::<9>(&body).is_some_and(|digits| {
        is_day(number(&digits[2..4]), number(&digits[..2]))
            && signs.last() == Some(&CHECK[(number(&digits) % 31) as usize])
    })
}

/// Whether a month can have a day of that number.
fn is_day(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && day >= 1 && day <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1]
}

#[cfg(test)]
mod tests {
    use super::SCHEMES;

    /// Numbers of examples in the countries' own documents, or made up by the published rule.
    #[test]
    fn known_numbers_are_valid_and_others_are_not() {
        let cases = [
            ("us", "078051120", "000123456"),
            ("br", "52998224725", "52998224726"),
            ("ca", "046454286", "046454287"),
            ("es", "12345678Z", "12345678A"),
            ("es", "X1234567L", "X1234567M"),
            ("fr", "255081416802538", "255081416802539"),
            ("in", "234123412346", "234123412347"),
            ("nl", "111222333", "111222334"),
            ("no", "01010750160", "01010750161"),
            ("pl", "44051401359", "44051401358"),
            ("se", "8112189876", "8112189875"),
            ("se", "198112189876", "178112189876"),
            ("fi", "131052308T", "131052308U"),
        ];
        for (country, valid, invalid) in cases {
            let is_valid = SCHEMES.iter().find(|(name, _)| *name == country).unwrap().1;
            assert!(is_valid(valid.as_bytes()), "{country} {valid}");
            assert!(!is_valid(invalid.as_bytes()), "{country} {invalid}");
        }
    }
}
