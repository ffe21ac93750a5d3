//! Patterns of the server in the words of a [`Predicate`](offshoot_format::facts::predicate::Predicate).
//!
//! Only what means the same in both is translated: signs, sets, groups, alternatives, repetitions, anchors, and classes by name.
//! References back, looking ahead, anchors of words, options and collating elements are not.

use std::iter::Peekable;
use std::str::Chars;

/// Classes that a [`Predicate`](offshoot_format::facts::predicate::Predicate) knows.
const CLASSES: [&str; 7] = ["alpha", "alnum", "digit", "lower", "upper", "space", "punct"];

/// The expression for one of `~`; none if it is not understood.
#[must_use]
pub fn from_posix(pattern: &str) -> Option<String> {
    if pattern.starts_with("***") {
        return None;
    }
    let (mut chars, mut out) = (pattern.chars().peekable(), String::new());
    let mut depth = 0_u32;
    // Whether something stands there that can be repeated.
    let mut is_atom = false;
    while let Some(c) = chars.next() {
        let was_atom = std::mem::replace(&mut is_atom, true);
        match c {
            '.' => out.push_str("(?s:.)"),
            '^' | '$' | '|' => {
                out.push(c);
                is_atom = false;
            }
            '(' => {
                if chars.next_if_eq(&'?').is_some() && chars.next() != Some(':') {
                    return None;
                }
                out.push_str("(?:");
                (depth, is_atom) = (depth + 1, false);
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                out.push(')');
            }
            '[' => set(&mut chars, &mut out)?,
            '\\' => match chars.next()? {
                'd' => out.push_str("[[:digit:]]"),
                's' => out.push_str("[[:space:]]"),
                'w' => out.push_str("[[:alnum:]_]"),
                'D' => out.push_str("[^[:digit:]]"),
                'S' => out.push_str("[^[:space:]]"),
                'W' => out.push_str("[^[:alnum:]_]"),
                escaped => literal(sign(escaped)?, &mut out),
            },
            '*' | '+' | '?' if was_atom => {
                out.push(c);
                // A pattern is found or not, however little it takes.
                chars.next_if_eq(&'?');
                is_atom = false;
            }
            '{' if was_atom => {
                out.push_str(&bounds(&mut chars)?);
                chars.next_if_eq(&'?');
                is_atom = false;
            }
            '*' | '+' | '?' | '{' => return None,
            c => literal(c, &mut out),
        }
    }
    (depth == 0).then_some(out)
}

/// The expression for a pattern of LIKE; none if it is none.
#[must_use]
pub fn from_like(pattern: &str) -> Option<String> {
    let (mut chars, mut out) = (pattern.chars(), "^".to_owned());
    while let Some(c) = chars.next() {
        match c {
            '%' => out.push_str("(?s:.*)"),
            '_' => out.push_str("(?s:.)"),
            '\\' => literal(chars.next()?, &mut out),
            c => literal(c, &mut out),
        }
    }
    out.push('$');
    Some(out)
}

/// What an escaped sign stands for.
fn sign(escaped: char) -> Option<char> {
    match escaped {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        sign => (!sign.is_alphanumeric()).then_some(sign),
    }
}

fn literal(c: char, out: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// `{2}`, `{2,}` or `{2,5}`, whose brace is taken.
fn bounds(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let inner: String = std::iter::from_fn(|| chars.next_if(|c| c.is_ascii_digit() || *c == ',')).collect();
    let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
    let is_number = |text: &str| text.parse::<u8>().is_ok();
    let is_bound = is_number(least) && (most.is_empty() || is_number(most)) && chars.next() == Some('}');
    is_bound.then(|| format!("{{{inner}}}"))
}

/// A set in brackets, the first of which is taken.
fn set(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut is_first = true;
    loop {
        let c = chars.next()?;
        match c {
            ']' if !is_first => {
                out.push(']');
                return Some(());
            }
            '[' if matches!(chars.peek(), Some('.' | '=')) => return None,
            '[' if chars.next_if_eq(&':').is_some() => {
                let name: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_lowercase)).collect();
                if !CLASSES.contains(&name.as_str()) || (chars.next(), chars.next()) != (Some(':'), Some(']')) {
                    return None;
                }
                out.push_str(&format!("[:{name}:]"));
            }
            '\\' => match chars.next()? {
                'd' => out.push_str("[:digit:]"),
                's' => out.push_str("[:space:]"),
                'w' => out.push_str("[:alnum:]_"),
                escaped => literal(sign(escaped)?, out),
            },
            // A dash that is no range stands at either end.
            '-' if !is_first && chars.peek() != Some(&']') => return None,
            first => {
                literal(first, out);
                if chars.peek() == Some(&'-') {
                    chars.next();
                    match chars.peek().copied()? {
                        ']' => literal('-', out),
                        // Beyond ASCII the order is that of the database's encoding.
                        last if first.is_ascii() && last.is_ascii() && first <= last && !r"[\-".contains(last) => {
                            chars.next();
                            out.push('-');
                            literal(last, out);
                        }
                        _ => return None,
                    }
                }
            }
        }
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_expressions_are_translated() {
        for (posix, expected) in [
            ("^[^@[:space:]]+@[^@[:space:]]+$", "^[^@[:space:]]+@[^@[:space:]]+$"),
            (r"^\d{3}-\d{2,}$", r"^[[:digit:]]{3}\-[[:digit:]]{2,}$"),
            ("(a|bc)*?x.", r"(?:a|bc)*x(?s:.)"),
            ("^[A-Za-z0-9._%+-]+@", r"^[A-Za-z0-9\._%\+\-]+@"),
            (r"^\+?[]a\-]$", r"^\+?[\]a\-]$"),
            ("é[ -~äö]", r"é[ -\~äö]"),
        ] {
            assert_eq!(from_posix(posix).as_deref(), Some(expected), "{posix}");
        }
    }

    #[test]
    fn all_others_are_not() {
        let strange = [
            r"(a)\1",
            r"\mword\M",
            "(?i)a",
            "(?=a)",
            "***=a.b",
            "[[.hyphen.]]",
            "[[:<:]]a",
            "a{x}",
            "*a",
            "a**",
            "(a",
            "a)",
            "[a",
            r"\x41",
            "[a-[:digit:]]",
            "[z-a]",
            "[%--]",
            "[à-ü]",
            r"a\",
            "a{300}",
            "[[:cntrl:]]",
        ];
        for posix in strange {
            assert_eq!(from_posix(posix), None, "{posix}");
        }
    }

    #[test]
    fn like_is_an_expression_for_all_of_the_text() {
        assert_eq!(from_like("%@shop.example").as_deref(), Some(r"^(?s:.*)@shop\.example$"));
        assert_eq!(from_like(r"a_\%").as_deref(), Some("^a(?s:.)%$"));
        assert_eq!(from_like(r"a\"), None);
    }
}
