//! Postgres' binary numeric and its text: groups of four decimal digits with a weight and a scale.

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

/// Appends the text of a number; none if the bytes are no numeric.
pub(super) fn decode(bytes: &[u8], text: &mut String) -> Option<()> {
    let field = |at: usize| bytes.get(2 * at..2 * at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let (count, weight, sign, scale) = (field(0)?, field(1)? as i16, field(2)?, usize::from(field(3)?));
    match sign {
        NAN => text.push_str("NaN"),
        INFINITY => text.push_str("Infinity"),
        MINUS_INFINITY => text.push_str("-Infinity"),
        0 | NEGATIVE => {
            if bytes.len() != 8 + 2 * usize::from(count) {
                return None;
            }
            let group = |place: i32| -> u16 {
                usize::try_from(i32::from(weight) - place)
                    .ok()
                    .filter(|at| *at < usize::from(count))
                    .and_then(|at| field(4 + at))
                    .unwrap_or(0)
            };
            if sign == NEGATIVE {
                text.push('-');
            }
            if weight < 0 {
                text.push('0');
            }
            for place in (0..=i32::from(weight)).rev() {
                let digits = group(place);
                text.push_str(&if place == i32::from(weight) { digits.to_string() } else { format!("{digits:04}") });
            }
            if scale > 0 {
                text.push('.');
                let groups = scale.div_ceil(4) as i32;
                let fraction: String = (1..=groups).map(|place| format!("{:04}", group(-place))).collect();
                text.push_str(fraction.get(..scale)?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// Appends the binary form of a text that [`decode`] could have made.
pub(super) fn encode(text: &str, out: &mut Vec<u8>) {
    let mut put = |fields: &[u16]| fields.iter().for_each(|field| out.extend_from_slice(&field.to_be_bytes()));
    match text {
        "NaN" => return put(&[0, 0, NAN, 0]),
        "Infinity" => return put(&[0, 0, INFINITY, 0]),
        "-Infinity" => return put(&[0, 0, MINUS_INFINITY, 0]),
        _ => {}
    }
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - fraction.len() % 4) % 4)
    );
    let mut groups: Vec<u16> = padded
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().fold(0, |number, digit| number * 10 + u16::from(digit.wrapping_sub(b'0'))))
        .collect();
    let mut weight = whole.len().div_ceil(4) as i32 - 1;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i32;
    if groups.is_empty() {
        return put(&[0, 0, 0, fraction.len() as u16]);
    }
    put(&[groups.len() as u16, weight as u16, if is_negative { NEGATIVE } else { 0 }, fraction.len() as u16]);
    put(&groups);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "0",
            "1",
            "-1",
            "12345",
            "10000",
            "0.1",
            "0.00001",
            "-12.50",
            "99999999.000100",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.00",
            "100000000",
        ] {
            let (mut bytes, mut back) = (Vec::new(), String::new());
            encode(text, &mut bytes);
            decode(&bytes, &mut back).unwrap();
            assert_eq!(back, text);
        }
        assert!(decode(&[0, 1, 0, 0, 0, 0, 0, 0], &mut String::new()).is_none());
    }
}
