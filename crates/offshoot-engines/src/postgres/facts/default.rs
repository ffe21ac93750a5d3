//! Defaults that are constants, in the form of the rows: those of plain bytes as they are, others as the server writes them.

use super::Sketch;
use super::expression::{Expression, Token};
use crate::error::{Result, refused};
use offshoot_format::table::RowForm;
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Client;

/// Types whose values the server writes: the name, how an expression names it, and what sends it. A literal of the very type is
/// taken only, so that to read it again cannot fail.
const WRITTEN: [(&str, &[&str], &str); 14] = [
    ("numeric", &["numeric"], "numeric_send"),
    ("float4", &["real"], "float4send"),
    ("float8", &["double", "precision"], "float8send"),
    ("date", &["date"], "date_send"),
    ("timestamp", &["timestamp", "without", "time", "zone"], "timestamp_send"),
    ("timestamptz", &["timestamp", "with", "time", "zone"], "timestamptz_send"),
    ("time", &["time", "without", "time", "zone"], "time_send"),
    ("timetz", &["time", "with", "time", "zone"], "timetz_send"),
    ("interval", &["interval"], "interval_send"),
    ("uuid", &["uuid"], "uuid_send"),
    ("inet", &["inet"], "inet_send"),
    ("cidr", &["cidr"], "cidr_send"),
    ("macaddr", &["macaddr"], "macaddr_send"),
    ("point", &["point"], "point_send"),
];

/// The default of a column, by its table and place.
pub type Literal = (u32, usize, String);

/// Fills in the defaults of these columns: literals that the server writes in the form of the rows.
///
/// # Errors
/// If the server refuses.
pub async fn add(client: &Client, literals: Vec<Literal>, sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let mut of_type: BTreeMap<(&str, bool), Vec<Literal>> = BTreeMap::new();
    for (oid, place, text) in literals {
        let Some(sketch) = sketches.get(&oid) else { continue };
        let known = WRITTEN.iter().find(|(name, _, _)| *name == sketch.columns[place].type_name);
        let Some((name, _, _)) = known else { continue };
        of_type.entry((name, sketch.form == RowForm::Binary)).or_default().push((oid, place, text));
    }
    for ((name, is_binary), columns) in of_type {
        let Some((_, _, send)) = WRITTEN.iter().find(|(known, _, _)| *known == name) else { continue };
        let value = format!("d.text::pg_catalog.{name}");
        let written = if is_binary {
            format!("pg_catalog.{send}({value})")
        } else {
            format!("pg_catalog.textsend({value}::pg_catalog.text)")
        };
        let sql = format!(
            "SELECT {written} FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS d (text, place) ORDER BY d.place"
        );
        let texts: Vec<&str> = columns.iter().map(|(_, _, text)| text.as_str()).collect();
        let rows = client.query(&sql, &[&texts]).await.map_err(refused("write defaults"))?;
        for ((oid, place, _), row) in columns.iter().zip(&rows) {
            if let Some(sketch) = sketches.get_mut(oid) {
                sketch.columns[*place].default = Some(row.get(0));
            }
        }
    }
    Ok(())
}

/// The text of a default that is a literal of a type whose values the server has to write.
#[must_use]
pub fn literal(default: &Expression, type_name: &str) -> Option<String> {
    let (_, words, _) = WRITTEN.iter().find(|(name, _, _)| *name == type_name)?;
    let (text, rest) = split(default)?;
    let is_number = matches!(inner(default), [Token::Number(_), ..] | [Token::Sign(_), Token::Number(_), ..]);
    let named = match rest {
        [] => return (is_number && type_name == "numeric").then_some(text),
        [Token::Sign(cast), named @ ..] if cast == "::" => named,
        _ => return None,
    };
    // `numeric(10,2)`, `timestamp(3) without time zone`: the modifier is the column's business.
    let only_words = named.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.as_str()),
        _ => None,
    });
    let others = named.iter().all(|token| match token {
        Token::Word(_) | Token::Number(_) => true,
        Token::Sign(sign) => ["(", ")", ","].contains(&sign.as_str()),
        Token::Text(_) => false,
    });
    (others && only_words.eq(words.iter().copied())).then_some(text)
}

/// The bytes of a default that is a literal, cast or not, of a type whose bytes are plain: texts, whole numbers, booleans,
/// JSON. None for all others.
#[must_use]
pub fn constant(default: &Expression, type_name: &str, form: RowForm) -> Option<Vec<u8>> {
    let (text, rest) = split(default)?;
    is_cast(rest).then(|| encode(&text, type_name, form))?
}

/// Without the parentheses around it.
fn inner(default: &Expression) -> &[Token] {
    let mut tokens = default.tokens();
    while let [Token::Sign(open), inner @ .., Token::Sign(close)] = tokens
        && (open.as_str(), close.as_str()) == ("(", ")")
    {
        tokens = inner;
    }
    tokens
}

/// The text of a literal, and what follows it.
fn split(default: &Expression) -> Option<(String, &[Token])> {
    match inner(default) {
        [Token::Text(text) | Token::Number(text), rest @ ..] => Some((text.clone(), rest)),
        [Token::Sign(minus), Token::Number(text), rest @ ..] if minus == "-" => Some((format!("-{text}"), rest)),
        [Token::Word(word), rest @ ..] if word == "true" || word == "false" => Some((word.clone(), rest)),
        _ => None,
    }
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
        "text" | "varchar" | "bpchar" | "citext" | "name" | "json" => text.as_bytes().to_vec(),
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

    #[test]
    fn literals_of_other_types_are_left_to_the_server() {
        let of = |text: &str, kind: &str| literal(&Expression::new(text), kind);
        assert_eq!(of("1.50", "numeric").unwrap(), "1.50");
        assert_eq!(of("(-1.5)", "numeric").unwrap(), "-1.5");
        assert_eq!(of("'NaN'::numeric(10,2)", "numeric").unwrap(), "NaN");
        assert_eq!(
            of("'2020-01-01 00:00:00'::timestamp without time zone", "timestamp").unwrap(),
            "2020-01-01 00:00:00"
        );
        assert_eq!(
            of("'2020-01-01 00:00:00+00'::timestamp(3) with time zone", "timestamptz").unwrap(),
            "2020-01-01 00:00:00+00"
        );
        assert_eq!(of("'1.5'::double precision", "float8").unwrap(), "1.5");
        // Not of the very type, or no literal: what a cast makes of it is not known here.
        assert_eq!(of("'2020-01-01'::date", "timestamp"), None);
        assert_eq!(of("1e400", "float4"), None);
        assert_eq!(of("now()", "timestamptz"), None);
        assert_eq!(of("('now'::text)::timestamp without time zone", "timestamp"), None);
        assert_eq!(of("('1'::numeric + 1)", "numeric"), None);
        assert_eq!(of("'x'::text", "text"), None);
    }
}
