//! The values of a JSON document: its strings and numbers, without the keys.
//!
//! A scanner, not a parser: what is no JSON gives what can be made out of it, and no depth is too deep.

use super::escapes::unescape;

/// Calls `leaf` with each string, its escapes resolved, and each number.
pub(super) fn leaves(text: &[u8], scratch: &mut Vec<u8>, leaf: &mut dyn FnMut(&[u8])) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                let start = at + 1;
                let end = string_end(text, start);
                at = end + 1;
                let next = text.get(at..).unwrap_or_default().trim_ascii_start().first();
                if next == Some(&b':') {
                    continue;
                }
                let string = &text[start..end];
                if string.contains(&b'\\') {
                    unescape(string, scratch);
                    leaf(scratch);
                } else {
                    leaf(string);
                }
            }
            b'-' | b'0'..=b'9' => {
                let length = text[at..]
                    .iter()
                    .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
                    .count();
                leaf(&text[at..at + length]);
                at += length;
            }
            _ => at += 1,
        }
    }
}

/// Where a string ends: at its quote, or where the text ends.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_numbers_but_no_keys() {
        let found = |text: &str| {
            let mut all = Vec::new();
            leaves(text.as_bytes(), &mut Vec::new(), &mut |leaf| all.push(String::from_utf8(leaf.to_vec()).unwrap()));
            all
        };
        assert_eq!(found(r#"{"a" : ["x\u0041\"y", -12.5e3, true, {"b":"" }], "c":null}"#), ["xA\"y", "-12.5e3", ""]);
        assert_eq!(found(r#"{"a": "cut off\"#), ["cut off\\"]);
        assert!(found("").is_empty() && found(r#"{"a":{}}"#).is_empty());
    }
}
