//! The text of a condition as a tree.

use offshoot_format::table::RowForm;

use super::Condition;
use super::compare::{Literal, Written};
use crate::facts::ColumnFacts;
use crate::facts::predicate::Comparison;
use crate::wire::Codec;

/// Deeper conditions are refused, as no parser goes on for ever.
const DEPTH_MAX: u32 = 64;

/// Reads a condition; what is wrong otherwise.
pub(super) fn parse(text: &str, columns: &[ColumnFacts], form: RowForm) -> Result<Condition, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, columns, form, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => Err(format!("expected `and`, `or` or its end before {}", token.shown())),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name or a keyword.
    Word(String),
    /// A name in double quotes.
    Name(String),
    Literal(Written),
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(word) | Self::Name(word) => format!("`{word}`"),
            Self::Literal(_) => "a literal".to_owned(),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

const SIGNS: [&str; 10] = ["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if let quote @ ('\'' | '"') = first {
            let (content, length) = quoted(rest, quote).ok_or("a quote is not closed")?;
            let token = if quote == '"' { Token::Name(content) } else { Token::Literal(Written::Text(content)) };
            (token, length)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else if first.is_ascii_digit() || matches!(first, '-' | '.') {
            let length = rest[1..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |at| at + 1);
            let number = &rest[..length];
            if number.matches('.').count() > 1 || !number.contains(|c: char| c.is_ascii_digit()) {
                return Err("a number has digits and at most one point".to_owned());
            }
            (Token::Literal(Written::Number(number.to_owned())), length)
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else {
            return Err(format!("`{first}` has no meaning here"));
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// What is between quotes, where a doubled quote stands for one; and the length with the quotes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            content.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Some((content, at + 1));
        }
    }
    None
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    columns: &'a [ColumnFacts],
    form: RowForm,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.all()?];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.one()?];
        while self.take_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let condition = if self.take_word("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.take_sign("(") {
            let inner = self.any()?;
            if !self.take_sign(")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let name = match self.next()? {
            Token::Word(name) | Token::Name(name) => name,
            other => return Err(format!("a comparison begins with a column, not with {}", other.shown())),
        };
        let Some(column) = self.columns.iter().position(|column| column.name == name) else {
            return Err(format!("the table has no column `{name}`"));
        };
        if self.take_word("is") {
            let negated = self.take_word("not");
            if !self.take_word("null") {
                return Err("`is` is followed by `null` or `not null`".to_owned());
            }
            let is_null = Condition::IsNull(column);
            return Ok(if negated { Condition::Not(Box::new(is_null)) } else { is_null });
        }
        let negated = self.take_word("not");
        if self.take_word("in") {
            let mut parts = Vec::new();
            if !self.take_sign("(") {
                return Err("`in` is followed by a list: `in ('a', 'b')`".to_owned());
            }
            while !self.take_sign(")") {
                if !parts.is_empty() && !self.take_sign(",") {
                    return Err("a list is separated by commas".to_owned());
                }
                parts.push(self.compare(column, Comparison::Equal)?);
            }
            let found = Condition::Any(parts);
            return Ok(if negated { Condition::Not(Box::new(found)) } else { found });
        }
        let with = match self.next()? {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("<>" | "!=") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            other => {
                return Err(format!("`{name}` is followed by =, <>, <, <=, >, >=, in or is, not by {}", other.shown()));
            }
        };
        if negated {
            return Err("`not` stands before a column, or before `in`".to_owned());
        }
        self.compare(column, with)
    }

    fn compare(&mut self, column: usize, with: Comparison) -> Result<Condition, String> {
        let written = match self.next()? {
            Token::Literal(written) => written,
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Written::Bool(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Written::Bool(false),
            other => {
                return Err(format!(
                    "a column is compared with a number, a 'text', true or false, not with {}",
                    other.shown()
                ));
            }
        };
        let facts = &self.columns[column];
        let codec = Codec::of(facts, self.form);
        if !facts.labels.is_empty() && !matches!(with, Comparison::Equal | Comparison::NotEqual) {
            return Err(format!("`{}` is an enum: its labels only compare with = and <>", facts.name));
        }
        let literal = Literal::read(&written, facts, codec)?;
        Ok(Condition::Compare { column, codec, with, literal })
    }
}
