//! Variables in compose files: `$NAME`, `${NAME}`, with `:-`, `-`, `:+`, `+`, `:?` and `?`, nested, and `$$` for a dollar.
//!
//! <https://docs.docker.com/reference/compose-file/interpolation/>

/// Nested defaults that are followed.
const DEPTH_MAX: usize = 16;
/// Most bytes of a result.
const BYTES_MAX: usize = 64 << 10;

/// The text with its variables replaced; none where one that is demanded is missing or the text is malformed.
pub(super) fn interpolate(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    expand(text, variable, DEPTH_MAX)
}

fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = closing(after)?;
            out.push_str(&braced(&after[..end], variable, depth)?);
            rest = &after[end + 1..];
        } else {
            let end = name_end(rest);
            if end == 0 {
                return None;
            }
            out.push_str(&variable(&rest[..end]).unwrap_or_default());
            rest = &rest[end..];
        }
        if out.len() > BYTES_MAX {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

/// What stands between braces.
fn braced(inside: &str, variable: &dyn Fn(&str) -> Option<String>, depth: usize) -> Option<String> {
    let (name, rest) = inside.split_at(name_end(inside));
    if name.is_empty() {
        return None;
    }
    let value = variable(name);
    let (value, operator) = match rest.strip_prefix(':') {
        // With a colon, an empty variable is none.
        Some(operator) => (value.filter(|value| !value.is_empty()), operator),
        None => (value, rest),
    };
    let mut word = operator.chars();
    match (word.next(), value) {
        (None, value) if !rest.starts_with(':') => Some(value.unwrap_or_default()),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(word.as_str(), variable, depth),
        (Some('-' | '?'), Some(value)) => Some(value),
        (Some('+'), None) => Some(String::new()),
        _ => None,
    }
}

fn name_end(text: &str) -> usize {
    let is_name = |(at, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit());
    text.char_indices().find(|place| !is_name(*place)).map_or(text.len(), |(at, _)| at)
}

/// Where the brace that is open ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(text: &str) -> Option<String> {
        interpolate(text, &|name| match name {
            "PG" => Some("16".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn every_form() {
        for (text, expected) in [
            ("postgres:$PG-alpine", "postgres:16-alpine"),
            ("${PG}", "16"),
            ("${PG:-15}${NONE:-15}${EMPTY:-15}${EMPTY-15}", "161515"),
            ("${NONE-a}${NONE:-${OTHER:-b}}${NONE:-${PG}}", "ab16"),
            ("${PG:+set}${EMPTY:+set}${EMPTY+set}${NONE+set}", "setset"),
            ("${PG:?needed}${EMPTY?needed}", "16"),
            ("$$PG ${NONE}$NONE", "$PG "),
            ("${NONE:-a:b/c}", "a:b/c"),
        ] {
            assert_eq!(given(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["${NONE:?needed}", "${EMPTY:?}", "${", "${PG", "$ x", "$", "${1}", "${PG:}", "${PG*}"] {
            assert_eq!(given(text), None, "{text}");
        }
        let deep = format!("{}x{}", "${N:-".repeat(40), "}".repeat(40));
        assert_eq!(given(&deep), None);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[$ {}A-C:?+-]{0,60}") {
            let _ = given(&text);
        }

        #[test]
        fn text_without_a_dollar_is_itself(text in "[^$]*") {
            prop_assert_eq!(given(&text), Some(text));
        }
    }
}
