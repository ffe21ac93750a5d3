//! `phone`: another number in the same format; one that is set aside for fiction where the country has such.
//!
//! Separators, extensions' marks, the plus and the country's code stay. Numbers for fiction are few, so columns that must stay
//! unique get a permutation of the digits after the country's code instead. So do numbers that are written without a country's code
//! where `country` does not say which it is: nobody knows then which numbers are for fiction, and what comes out may be somebody's.

use super::{Answer, Fault, Making, Options, Prf, Row, Transform, Value, Work};
use crate::shape::Shape;

/// A country's code, and what its reserved numbers begin with; the digits after that are free.
const RESERVED: [(&str, usize, &[&str]); 6] = [
    // Lines 0100 to 0199 of exchange 555, in a few area codes.
    ("1", 10, &["20055501", "21255501", "31055501", "41555501", "61755501"]),
    ("33", 9, &["19900", "26191", "35301", "46571", "53649", "63998"]),
    ("44", 10, &["1632960", "7700900", "2079460"]),
    ("49", 10, &["3023125"]),
    ("61", 9, &["255501", "255500", "491570", "491571"]),
    ("46", 9, &["313900", "840400"]),
];

struct Phone {
    prf: Prf,
    digits: Shape,
    is_unique: bool,
    /// The code of the country whose national numbers the column holds.
    country: Option<String>,
}

/// With `country`, the code (such as `"44"`) of numbers that are written without one.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let country = options.text("country")?;
    if country.as_ref().is_some_and(|code| code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(options.fault("`country` is a country's calling code: `\"44\"`"));
    }
    Ok(Box::new(Phone {
        prf: making.prf("phone"),
        digits: making.injective_shape("phone-digits"),
        is_unique: making.is_unique,
        country,
    }))
}

impl Phone {
    /// Where the national number begins among the digits, and the reserved beginnings for a number of that length.
    fn reserved(&self, digits: &[u8], has_plus: bool) -> Option<(usize, &'static [&'static str])> {
        RESERVED.iter().find_map(|(code, length, starts)| {
            if has_plus || digits.starts_with(b"00") {
                let skipped = if has_plus { 0 } else { 2 };
                let national = skipped + code.len();
                (digits[skipped..].starts_with(code.as_bytes()) && digits.len() == national + length)
                    .then_some((national, *starts))
            } else {
                let trunk = usize::from(digits.first() == Some(&b'0'));
                (self.country.as_deref() == Some(code) && digits.len() == trunk + length).then_some((trunk, *starts))
            }
        })
    }
}

impl Transform for Phone {
    fn is_injective(&self) -> bool {
        self.is_unique
    }

    fn may_be_reachable(&self) -> bool {
        let has_fiction = |country: &String| RESERVED.iter().any(|(code, ..)| code == country);
        self.is_unique || !self.country.as_ref().is_some_and(has_fiction)
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let digits: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_digit).collect();
        let has_plus = bytes.trim_ascii_start().first() == Some(&b'+');
        let reserved = self.reserved(&digits, has_plus).filter(|_| !self.is_unique);
        let Some((national, starts)) = reserved else {
            let code = if has_plus { calling_code(&digits) } else { 0 };
            return self.permute(bytes, code, work, out);
        };
        let mut new = digits.clone();
        let mut stream = row.draw(&self.prf, Value::Text(&digits));
        loop {
            let start = stream.choose(starts).as_bytes();
            new[national..national + start.len()].copy_from_slice(start);
            new[national + start.len()..].iter_mut().for_each(|digit| *digit = b'0' + stream.below(10) as u8);
            if new != digits {
                break;
            }
        }
        put_digits(bytes, &new, out);
        Answer::Written
    }
}

impl Phone {
    /// Permutes all digits after the first `kept`, and letters if there are any.
    fn permute(&self, bytes: &[u8], kept: usize, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let end_of_code = bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at + 1);
        let split = if kept == 0 { 0 } else { end_of_code.take(kept).last().unwrap_or(0) };
        out.extend_from_slice(&bytes[..split]);
        self.digits.apply(work, &bytes[split..], out);
        Answer::Written
    }
}

/// Digits of the calling code that an international number begins with: one for zones 1 and 7, two for the codes of
/// two digits, else three; none if too few digits would follow to hide in.
fn calling_code(digits: &[u8]) -> usize {
    const TWO: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let code = match digits {
        [b'1' | b'7', ..] => 1,
        [first, second, ..] if TWO.iter().any(|code| code.as_bytes() == [*first, *second]) => 2,
        _ => 3,
    };
    // Decided by the length alone, so that numbers with a kept code and numbers without never meet.
    if digits.len() > 6 { code } else { 0 }
}

/// The value with its digits replaced one by one.
pub(super) fn put_digits(bytes: &[u8], digits: &[u8], out: &mut Vec<u8>) {
    let mut digits = digits.iter();
    out.extend(bytes.iter().map(
        |byte| {
            if byte.is_ascii_digit() { digits.next().copied().unwrap_or(*byte) } else { *byte }
        },
    ));
}
