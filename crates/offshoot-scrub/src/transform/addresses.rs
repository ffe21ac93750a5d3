//! Mail addresses within a text: alone, in lists, and behind the names of people (RFC 5322).
//!
//! Parts are told apart by signs that no shape changes, so that what a text becomes has the parts that the text had, even after
//! something went to the end of each domain. Whatever an at-sign leads to counts as a domain, as nobody knows what a mailer makes of
//! it: `a@b@c` has two.

use std::ops::Range;

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is in no address: names of people, brackets, commas, blanks.
    Text,
    /// A mailbox, quoted or not.
    Mailbox,
    /// An at-sign with the blanks around it.
    At,
    /// What the at-sign leads to.
    Domain,
}

/// The parts of a text in their order; one of [`Part::Text`] where no address is in it.
pub(super) fn parts(text: &[u8]) -> Vec<(Part, Range<usize>)> {
    let mut parts = Vec::new();
    let mut put = |part: Part, range: Range<usize>| {
        if !range.is_empty() {
            parts.push((part, range));
        }
    };
    // Nobody is in front of a single at-sign that a text begins with: `@ann` is no address.
    let signs = text.iter().filter(|byte| **byte == b'@').count();
    let has_several = signs > 1;
    let (mut at, mut start, mut quoted) = (0, 0, 0..0);
    while let Some(byte) = text.get(at).filter(|_| signs > 0) {
        match byte {
            b'"' => match quoted_mailbox(text, at) {
                Some(end) => {
                    quoted = at..end;
                    at = end;
                }
                None => at += 1,
            },
            b'@' => {
                let domain = domain(text, at + 1);
                let before = text[..at].trim_ascii_end().len();
                if domain.is_empty() || before == 0 && !has_several {
                    at += 1;
                    continue;
                }
                let end = before.max(start);
                let length = text[start..end].iter().rev().take_while(|byte| is_of_mailbox(**byte)).count();
                let mailbox = if !quoted.is_empty() && quoted.end == end { quoted.start } else { end - length };
                put(Part::Text, start..mailbox);
                put(Part::Mailbox, mailbox..end);
                put(Part::At, end..domain.start);
                (at, start) = (domain.end, domain.end);
                put(Part::Domain, domain);
            }
            _ => at += 1,
        }
    }
    put(Part::Text, start..text.len());
    parts
}

/// Where the domains of a text end.
pub(super) fn domain_ends(text: &[u8]) -> Vec<usize> {
    if !text.contains(&b'@') {
        return Vec::new();
    }
    parts(text).into_iter().filter(|(part, _)| *part == Part::Domain).map(|(_, range)| range.end).collect()
}

/// Mailbox and domain of a text that is one address without quotes, with the blanks around it; none if it is anything else.
pub(super) fn single(text: &[u8]) -> Option<[Range<usize>; 2]> {
    let start = text.len() - text.trim_ascii_start().len();
    let end = start + text.trim_ascii().len();
    let at = start + text[start..end].iter().position(|byte| *byte == b'@')?;
    let is_one = start < at
        && at + 1 < end
        && text[start..at].iter().all(|byte| is_of_mailbox(*byte))
        && text[at + 1..end].iter().all(|byte| is_of_domain(*byte));
    is_one.then_some([start..at, at + 1..end])
}

/// The most bytes of a quoted mailbox. Mailers take 64; without an end, each quote would be looked for to the end of the text.
const QUOTED_BYTES_MAX: usize = 256;

/// Where a quoted mailbox ends that begins here; none if what is quoted is something else.
fn quoted_mailbox(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at).filter(|_| at - start < QUOTED_BYTES_MAX)? {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (text[at + 1..].trim_ascii_start().first() == Some(&b'@')).then_some(at + 1)
}

/// The domain after an at-sign, behind blanks; empty if there is none.
fn domain(text: &[u8], after: usize) -> Range<usize> {
    let start = text.len() - text[after..].trim_ascii_start().len();
    let length = text[start..].iter().take_while(|byte| is_of_domain(**byte)).count();
    start..start + length
}

fn is_of_mailbox(byte: u8) -> bool {
    byte > b' ' && !b"<>()[],;:\"@\x7f".contains(&byte)
}

fn is_of_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._[]".contains(&byte) || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fall_into_their_parts() {
        let shown = |text: &str| -> Vec<String> {
            let sign = |part: Part| match part {
                Part::Text => 't',
                Part::Mailbox => 'm',
                Part::At => '@',
                Part::Domain => 'd',
            };
            parts(text.as_bytes()).into_iter().map(|(part, range)| format!("{}:{}", sign(part), &text[range])).collect()
        };
        assert_eq!(shown("ann@x.de"), ["m:ann", "@:@", "d:x.de"]);
        assert_eq!(shown("Ann Lee <ann@x.de>"), ["t:Ann Lee <", "m:ann", "@:@", "d:x.de", "t:>"]);
        assert_eq!(shown("a@x.de, b@y.de"), ["m:a", "@:@", "d:x.de", "t:, ", "m:b", "@:@", "d:y.de"]);
        assert_eq!(shown("\"a@b\"@x.de"), ["m:\"a@b\"", "@:@", "d:x.de"]);
        assert_eq!(shown("\"a@b\" <c@d>"), ["t:\"", "m:a", "@:@", "d:b", "t:\" <", "m:c", "@:@", "d:d", "t:>"]);
        assert_eq!(shown("a@b@c"), ["m:a", "@:@", "d:b", "@:@", "d:c"]);
        assert_eq!(shown("a @ b"), ["m:a", "@: @ ", "d:b"]);
        assert_eq!(shown("<@r.de:a@b>"), ["t:<", "@:@", "d:r.de", "t::", "m:a", "@:@", "d:b", "t:>"]);
        for none in ["ann", "@ann", "ann@", "@", "ann@, bob", ""] {
            assert!(domain_ends(none.as_bytes()).is_empty(), "{none}");
        }
        assert_eq!(single(b" ann@x.de "), Some([1..4, 5..9]));
        for other in [&b"Ann <ann@x.de>"[..], b"a@b@c", b"@x", b"a@", b"\"a\"@x"] {
            assert_eq!(single(other), None);
        }
    }
}
