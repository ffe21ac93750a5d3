//! `vat`: another number for value added tax of the same country, valid if it was valid where the country's scheme is known.

use super::checked::{Checked, Functions, digits, luhn, number, weighted};
use super::{Fault, Making, Options, Transform};

/// Without options.
pub(super) fn make(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    Ok(Box::new(Checked { shape: making.injective_shape("vat"), scheme: Functions { kept: country, is_valid } }))
}

/// The two letters of a country, if something follows that they could belong to.
fn country(signs: &[u8]) -> usize {
    if signs.len() > 6 && signs[..2].iter().all(u8::is_ascii_uppercase) { 2 } else { 0 }
}

fn is_valid(signs: &[u8]) -> bool {
    let Some((country, body)) = signs.split_at_checked(2) else { return false };
    match country {
        b"AT" => body.strip_prefix(b"U").is_some_and(|body| digits::<8>(body).is_some_and(|digits| austria(&digits))),
        b"BE" => digits::<10>(body).is_some_and(|d| 97 - number(&d[..8]) % 97 == number(&d[8..])),
        b"DE" => digits::<9>(body).is_some_and(|digits| germany(&digits)),
        b"DK" => digits::<8>(body).is_some_and(|d| weighted(&d, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)),
        b"FI" => digits::<8>(body).is_some_and(|d| weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11)),
        b"FR" => digits::<11>(body).is_some_and(|d| (12 + 3 * (number(&d[2..]) % 97)) % 97 == number(&d[..2])),
        b"GB" => digits::<9>(body).is_some_and(|digits| britain(&digits)),
        b"IT" => digits::<11>(body).is_some_and(|digits| luhn(&digits)),
        b"PL" => digits::<10>(body).is_some_and(|d| weighted(&d, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == d[9]),
        b"PT" => digits::<9>(body).is_some_and(|d| {
            let rest = weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            (if rest < 2 { 0 } else { 11 - rest }) == d[8]
        }),
        // A country without a scheme here has no invalid numbers, so that all of a shape are permuted together.
        _ => true,
    }
}

fn austria(digits: &[u32; 8]) -> bool {
    let sum: u32 =
        digits[..7].iter().enumerate().map(|(at, d)| if at % 2 == 0 { *d } else { d / 5 + 2 * d % 10 }).sum();
    (96 - sum) % 10 == digits[7]
}

/// ISO/IEC 7064, MOD 11,10.
fn germany(digits: &[u32; 9]) -> bool {
    let product = digits[..8].iter().fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        2 * (if sum == 0 { 10 } else { sum }) % 11
    });
    (11 - product) % 10 == digits[8]
}

fn britain(digits: &[u32; 9]) -> bool {
    let sum = u64::from(weighted(digits, &[8, 7, 6, 5, 4, 3, 2])) + number(&digits[7..]);
    sum.is_multiple_of(97) || (sum + 55).is_multiple_of(97)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn known_numbers_are_valid_and_others_are_not() {
        for valid in [
            "ATU13585627",
            "BE0428759497",
            "DE136695976",
            "DK13585628",
            "FI20774740",
            "FR40303265045",
            "GB980780684",
            "IT00743110157",
            "PL8567346215",
            "PT501964843",
        ] {
            assert!(is_valid(valid.as_bytes()), "{valid}");
            let mut other = valid.as_bytes().to_vec();
            let last = other.last_mut().unwrap();
            *last = if *last == b'9' { b'0' } else { *last + 1 };
            assert!(!is_valid(&other), "{valid}");
        }
    }
}
