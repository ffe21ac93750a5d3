//! `isbn` and `isin`: another book or security, valid if it was valid.

use super::checked::{Checked, Functions, digits, luhn, weighted};
use super::{Fault, Making, Options, Transform};

/// Without options.
pub(super) fn isbn(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let scheme = Functions { kept: book_prefix, is_valid: is_book };
    Ok(Box::new(Checked { shape: making.injective_shape("isbn"), scheme }))
}

/// Without options.
pub(super) fn isin(_: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let scheme = Functions { kept: |signs| if is_security_form(signs) { 2 } else { 0 }, is_valid: is_security };
    Ok(Box::new(Checked { shape: making.injective_shape("isin"), scheme }))
}

/// The prefix of 13 digits that says that they are a book's.
fn book_prefix(signs: &[u8]) -> usize {
    if signs.len() == 13 && matches!(&signs[..3], b"978" | b"979") { 3 } else { 0 }
}

fn is_book(signs: &[u8]) -> bool {
    if let Some(digits) = digits::<13>(signs) {
        return weighted(&digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10);
    }
    // Modulo 11, where X stands for ten.
    let Some((check, body)) = signs.split_last() else { return false };
    let check = if *check == b'X' { 10 } else { u32::from(check.wrapping_sub(b'0')) };
    check <= 10
        && digits::<9>(body)
            .is_some_and(|digits| (weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) + check).is_multiple_of(11))
}

/// A country, nine letters or digits, and a check digit.
fn is_security_form(signs: &[u8]) -> bool {
    signs.len() == 12
        && signs[..2].iter().all(u8::is_ascii_uppercase)
        && signs[2..11].iter().all(u8::is_ascii_alphanumeric)
        && signs[11].is_ascii_digit()
}

/// Luhn over the digits, where letters count as two.
fn is_security(signs: &[u8]) -> bool {
    let values = |sign: &u8| match (*sign as char).to_digit(36).unwrap_or(0) {
        letter @ 10.. => vec![letter / 10, letter % 10],
        digit => vec![digit],
    };
    is_security_form(signs) && luhn(&signs.iter().flat_map(values).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_are_valid_and_others_are_not() {
        for valid in ["9780306406157", "9783161484100", "0306406152", "080442957X"] {
            assert!(is_book(valid.as_bytes()), "{valid}");
        }
        for valid in ["US0378331005", "AU0000XVGZA3", "GB0002634946", "DE000BAY0017"] {
            assert!(is_security(valid.as_bytes()), "{valid}");
        }
        for invalid in ["9780306406158", "0306406153", "0804429570", ""] {
            assert!(!is_book(invalid.as_bytes()), "{invalid}");
        }
        assert!(!is_security(b"US0378331006") && !is_security(b"US037833100"));
    }
}
