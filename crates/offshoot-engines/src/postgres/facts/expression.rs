//! Expressions as the server prints them: which columns they mention, and the few forms that are understood.
//!
//! They are looked at token by token with PostgreSQL's own scanner. A word that is a column's name counts as that column,
//! even where it is a function's or a type's: too strict at worst.

use pg_query::protobuf::{KeywordKind, ScanToken, Token as Kind};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or keyword, quotes removed.
    Word(String),
    /// A text, quotes removed.
    Text(String),
    /// A number.
    Number(String),
    /// Anything else, as it stands there.
    Sign(String),
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expression {
    /// None if it could not be read.
    tokens: Option<Vec<Token>>,
}

impl Expression {
    /// Reads what the server printed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        // The scanner gives a null pointer for no tokens at all, which its binding does not expect.
        if text.trim().is_empty() {
            return Self { tokens: Some(Vec::new()) };
        }
        let tokens = pg_query::scan_tokens(text).ok();
        Self { tokens: tokens.and_then(|tokens| tokens.iter().map(|token| read(text, token)).collect()) }
    }

    /// Its tokens; none if it could not be read.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        self.tokens.as_deref().unwrap_or_default()
    }

    /// Places of the names that it mentions: all of them if it mentions whole rows or could not be read.
    #[must_use]
    pub fn columns(&self, names: &[&str]) -> Vec<usize> {
        let Some(tokens) = &self.tokens else { return (0..names.len()).collect() };
        let is_sign = |token: &Token, sign: &str| matches!(token, Token::Sign(text) if text == sign);
        if tokens.windows(2).any(|pair| is_sign(&pair[0], ".") && is_sign(&pair[1], "*")) {
            return (0..names.len()).collect();
        }
        let is_mentioned = |name: &str| tokens.iter().any(|token| matches!(token, Token::Word(word) if word == name));
        (0..names.len()).filter(|place| is_mentioned(names[*place])).collect()
    }

    /// The parts that AND joins, itself if there are none.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<Self> {
        let Some(tokens) = &self.tokens else { return vec![self.clone()] };
        let inner = inside(tokens);
        let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
        for (place, token) in inner.iter().enumerate() {
            match token {
                Token::Sign(sign) if sign == "(" || sign == "[" => depth += 1,
                Token::Sign(sign) if sign == ")" || sign == "]" => depth -= 1,
                // The server puts parentheses around all that AND and OR join. What else stands there is none of it.
                Token::Word(word) if depth == 0 && word == "and" => {
                    parts.push(&inner[start..place]);
                    start = place + 1;
                }
                _ => {}
            }
        }
        parts.push(&inner[start..]);
        let is_enclosed = |part: &&[Token]| part.len() > 2 && inside(part).len() < part.len();
        if parts.len() == 1 || !parts.iter().all(is_enclosed) {
            return vec![self.clone()];
        }
        let part = |part: &[Token]| Self { tokens: Some(part.to_vec()) };
        parts.into_iter().flat_map(|tokens| part(tokens).conjuncts()).collect()
    }

    /// The column `x` of `lower(x)` or `lower((x)::text)`.
    #[must_use]
    pub fn lower_of(&self) -> Option<&str> {
        let tokens = inside(self.tokens());
        let shown: Vec<&str> = tokens.iter().map(Token::shown).collect();
        let place = match shown.as_slice() {
            ["lower", "(", _, ")"] => 2,
            ["lower", "(", "(", _, ")", "::", "text", ")"] => 3,
            _ => return None,
        };
        match &tokens[place] {
            Token::Word(column) => Some(column),
            _ => None,
        }
    }
}

impl Token {
    /// Its text.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Word(text) | Self::Text(text) | Self::Number(text) | Self::Sign(text) => text,
        }
    }
}

/// What is inside of parentheses that stand around everything.
fn inside(mut tokens: &[Token]) -> &[Token] {
    while let [Token::Sign(open), inner @ .., Token::Sign(close)] = tokens
        && (open.as_str(), close.as_str()) == ("(", ")")
        && is_balanced(inner)
    {
        tokens = inner;
    }
    tokens
}

/// Whether each parenthesis is closed by one behind it.
fn is_balanced(tokens: &[Token]) -> bool {
    let mut depth = 0_i32;
    let never_below = tokens.iter().all(|token| {
        match token {
            Token::Sign(sign) if sign == "(" => depth += 1,
            Token::Sign(sign) if sign == ")" => depth -= 1,
            _ => {}
        }
        depth >= 0
    });
    never_below && depth == 0
}

fn read(text: &str, token: &ScanToken) -> Option<Token> {
    let shown = text.get(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?)?;
    let is_keyword = token.keyword_kind != KeywordKind::NoKeyword as i32;
    Some(match Kind::try_from(token.token).ok()? {
        Kind::Ident => Token::Word(match shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => shown.to_owned(),
        }),
        Kind::Sconst => Token::Text(unquoted(shown)?),
        Kind::Iconst | Kind::Fconst => Token::Number(shown.to_owned()),
        _ if is_keyword => Token::Word(shown.to_lowercase()),
        _ => Token::Sign(shown.to_owned()),
    })
}

/// The text of a literal: the server doubles quotes, and backslashes where it writes `E'...'`.
fn unquoted(literal: &str) -> Option<String> {
    let (inner, is_escaped) = match literal.strip_prefix(['E', 'e']) {
        Some(rest) => (rest, true),
        None => (literal, false),
    };
    let inner = inner.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'");
    Some(if is_escaped { inner.replace("\\\\", "\\") } else { inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_names() {
        let names = ["email", "Name", "a b", "x"];
        let columns = |text: &str| Expression::new(text).columns(&names);
        assert_eq!(columns("lower((email)::text)"), [0]);
        assert_eq!(columns("((\"Name\" || 'email'::text) || \"a b\")"), [1, 2]);
        assert_eq!(columns("f(t.*)"), [0, 1, 2, 3]);
        assert_eq!(columns("'unterminated"), [0, 1, 2, 3]);
        assert_eq!(columns(""), [0; 0]);
    }

    #[test]
    fn what_and_joins_is_taken_apart() {
        let shown = |text: &str| {
            let parts = Expression::new(text).conjuncts();
            let shown = parts.iter().map(|part| part.tokens().iter().map(Token::shown).collect::<Vec<_>>().join(" "));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown("((a > 0) AND ((b < 5) AND (c = 1)))"), ["( a > 0 )", "( b < 5 )", "( c = 1 )"]);
        assert_eq!(shown("((a > 0) OR (b < 5))").len(), 1);
        assert_eq!(shown("(((a > 0) AND (b < 5)) OR (c = 1))").len(), 1);
        assert_eq!(shown("CASE WHEN ((a > 0) AND (b > 0)) THEN true ELSE false END").len(), 1);
        assert_eq!(shown("CASE WHEN a AND b THEN true ELSE false END").len(), 1);
        assert_eq!(shown("").len(), 1);
    }

    #[test]
    fn only_the_plain_lower_is_one() {
        let lower = |text: &str| Expression::new(text).lower_of().map(str::to_owned);
        assert_eq!(lower("lower(email)").as_deref(), Some("email"));
        assert_eq!(lower("lower((\"E mail\")::text)").as_deref(), Some("E mail"));
        assert_eq!(lower("lower(btrim(email))"), None);
        assert_eq!(lower("public.lower(email)"), None);
        assert_eq!(lower("(lower(a) || lower(b))"), None);
    }
}
