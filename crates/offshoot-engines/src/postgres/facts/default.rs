//! Defaults that are constants, in the form of the rows.

use super::expression::{Expression, Token};
use offshoot_format::table::RowForm;

/// The bytes of a default that is a literal, cast or not, of a type whose bytes are plain: texts, whole numbers, booleans,
/// JSON. None for all others.
#[must_use]
pub fn constant(default: &Expression, type_name: &str, form: RowForm) -> Option<Vec<u8>> {
    let mut tokens = default.tokens();
    while let [Token::Sign(open), inner @ .., Token::Sign(close)] = tokens
        && (open.as_str(), close.as_str()) == ("(", ")")
    {
        tokens = inner;
    }
    let (text, rest) = match tokens {
        [Token::Text(text), rest @ ..] => (text.clone(), rest),
        [Token::Number(text), rest @ ..] => (text.clone(), rest),
        [Token::Sign(minus), Token::Number(text), rest @ ..] if minus == "-" => (format!("-{text}"), rest),
        [Token::Word(word), rest @ ..] if word == "true" || word == "false" => (word.clone(), rest),
        _ => return None,
    };
    is_cast(rest).then(|| encode(&text, type_name, form))?
}

/// Nothing, or `::` and the name of a type: `::character varying(20)`.
fn is_cast(tokens: &[Token]) -> bool {
    match tokens {
        [] => true,
        [Token::Sign(cast), rest @ ..] if cast == "::" => rest.iter().all(|token| match token {
            Token::Word(_) | Token::Number(_) => true,
            Token::Sign(sign) => ["(", ")", ",", "."].contains(&sign.as_str()),
            Token::Text(_) => false,
        }),
        _ => false,
    }
}

fn encode(text: &str, type_name: &str, form: RowForm) -> Option<Vec<u8>> {
    let is_binary = form == RowForm::Binary;
    let bytes = match type_name {
        "text" | "varchar" | "citext" | "name" | "json" => text.as_bytes().to_vec(),
        "bool" if is_binary => vec![u8::from(text == "true")],
        "bool" => text.as_bytes()[..1].to_vec(),
        "int2" if is_binary => text.parse::<i16>().ok()?.to_be_bytes().to_vec(),
        "int4" if is_binary => text.parse::<i32>().ok()?.to_be_bytes().to_vec(),
        "int8" if is_binary => text.parse::<i64>().ok()?.to_be_bytes().to_vec(),
        "int2" | "int4" | "int8" => text.parse::<i64>().ok()?.to_string().into_bytes(),
        "jsonb" if is_binary => [&[1], text.as_bytes()].concat(),
        "jsonb" => text.as_bytes().to_vec(),
        _ => return None,
    };
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_constants_have_bytes() {
        let of = |text: &str, kind: &str| constant(&Expression::new(text), kind, RowForm::Binary);
        assert_eq!(of("'it''s'::character varying(20)", "varchar").unwrap(), b"it's");
        assert_eq!(of("E'a\\\\b'::text", "text").unwrap(), b"a\\b");
        assert_eq!(of("'-1'::integer", "int4").unwrap(), (-1_i32).to_be_bytes());
        assert_eq!(of("0", "int8").unwrap(), [0; 8]);
        assert_eq!(of("true", "bool").unwrap(), [1]);
        assert_eq!(of("'{}'::jsonb", "jsonb").unwrap(), b"\x01{}");
        assert_eq!(of("now()", "timestamptz"), None);
        assert_eq!(of("('a'::text || 'b'::text)", "text"), None);
        assert_eq!(of("nextval('s'::regclass)", "int8"), None);
    }
}
