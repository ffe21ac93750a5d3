//! The sides of a comparison: columns, their lengths, trimmed or folded texts, and literals with their casts.

use super::super::expression::Token;
use super::Parser;
use offshoot_format::facts::predicate::Predicate;

/// A side of a comparison.
pub(super) enum Operand<'t> {
    Column(Place<'t>),
    Length,
    /// Without the blanks around it.
    Trimmed,
    LengthTrimmed,
    /// In small letters, or in capitals.
    Folded(Place<'t>, Predicate),
    Literal(Literal),
}

#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) name: &'t str,
    pub(super) is_cast: bool,
}

pub(super) struct Literal {
    pub(super) text: String,
    pub(super) is_number: bool,
    pub(super) casts: Vec<String>,
}

/// Types that literals and columns are cast to, by the words that the server prints.
const TYPES: [&str; 13] = [
    "text",
    "character varying",
    "bpchar",
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "double precision",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "uuid",
    "boolean",
];

impl<'t> Parser<'t, '_, '_> {
    pub(super) fn operand(&mut self) -> Option<Operand<'t>> {
        let call = |parser: &mut Self, names: &[&str]| {
            names
                .iter()
                .any(|name| parser.attempt(|parser| parser.take(name).and_then(|()| parser.take("("))).is_some())
        };
        let lengths = ["length", "char_length", "character_length"];
        let trims = |parser: &mut Self| {
            let is_trimmed = call(parser, &["btrim"]);
            is_trimmed.then(|| parser.text()).flatten()?;
            parser.take(")")
        };
        if let Some(length) = self.attempt(|parser| {
            call(parser, &lengths).then_some(())?;
            let length = match parser.attempt(trims) {
                Some(()) => Operand::LengthTrimmed,
                None => parser.text().map(|_| Operand::Length)?,
            };
            parser.take(")").map(|()| length)
        }) {
            return Some(length);
        }
        if self.attempt(trims).is_some() {
            return Some(Operand::Trimmed);
        }
        for (name, is_folded) in [("lower", Predicate::IsLower), ("upper", Predicate::IsUpper)] {
            if let Some(place) = self.attempt(|parser| {
                call(parser, &[name]).then_some(())?;
                let place = parser.text()?;
                parser.take(")").map(|()| place)
            }) {
                return Some(Operand::Folded(place, is_folded));
            }
        }
        self.attempt(Self::literal).map(Operand::Literal).or_else(|| self.column().map(Operand::Column))
    }

    /// A column of text.
    fn text(&mut self) -> Option<Place<'t>> {
        let place = self.column()?;
        let type_name = (self.seen)(place.name)?.type_name;
        ["text", "varchar", "bpchar", "citext", "name"].contains(&type_name).then_some(place)
    }

    /// `x` or `(x)::text`.
    fn column(&mut self) -> Option<Place<'t>> {
        self.attempt(|parser| {
            let is_enclosed = parser.take("(").is_some();
            let (Token::Word(name), rest) = parser.rest.split_first()? else { return None };
            (parser.seen)(name)?;
            parser.rest = rest;
            if is_enclosed {
                parser.take(")")?;
            }
            let is_cast = parser.take("::").is_some();
            if is_enclosed != is_cast || is_cast && parser.type_name()? != "text" {
                return None;
            }
            parser.columns.insert(name);
            Some(Place { name, is_cast })
        })
    }

    /// `'x'`, `'x'::text`, `5`, `(-5)`, `('-5'::integer)::numeric`.
    fn literal(&mut self) -> Option<Literal> {
        let mut literal = if self.take("(").is_some() {
            let literal = self.deeper(Self::literal)?;
            self.take(")")?;
            literal
        } else {
            let is_negative = self.take("-").is_some();
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            let (text, is_number) = match first {
                Token::Text(text) if !is_negative => (text.clone(), false),
                Token::Number(text) => (format!("{}{text}", if is_negative { "-" } else { "" }), true),
                _ => return None,
            };
            Literal { text, is_number, casts: Vec::new() }
        };
        while self.take("::").is_some() {
            literal.casts.push(self.type_name()?);
        }
        Some(literal)
    }

    /// One of [`TYPES`], without a modifier.
    fn type_name(&mut self) -> Option<String> {
        let words = |count: usize| {
            let words = self.rest.get(..count)?.iter().map(|token| match token {
                Token::Word(word) => Some(word.as_str()),
                _ => None,
            });
            words.collect::<Option<Vec<_>>>().map(|words| words.join(" "))
        };
        let (name, count) = (1..=4).rev().find_map(|count| {
            let name = words(count).filter(|name| TYPES.contains(&name.as_str()))?;
            Some((name, count))
        })?;
        self.rest = &self.rest[count..];
        // A modifier would cut the value, and brackets make it an array.
        let is_bare = !matches!(self.rest.first(), Some(Token::Sign(sign)) if sign == "(" || sign == "[");
        is_bare.then_some(name)
    }
}

impl Literal {
    pub(super) fn is_text(&self) -> bool {
        !self.is_number && self.casts.iter().all(|cast| TYPES[..3].contains(&cast.as_str()))
    }

    /// Whether it is written with a sign, digits and a point.
    pub(super) fn is_number_text(&self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(&self.text);
        let is_signs = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        is_signs && digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1
    }

    pub(super) fn count(&self) -> Option<u64> {
        (self.is_number && self.casts.is_empty()).then(|| self.text.parse().ok()).flatten()
    }
}
