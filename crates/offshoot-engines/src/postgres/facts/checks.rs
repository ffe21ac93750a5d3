//! What CHECK constraints, of tables and of domains, demand of columns.
//!
//! One that bounds lengths is understood: AND, OR and NOT over comparisons of `length(x)` with numbers, of a text with the
//! empty one, and tests for NULL. All others are named, so that rules that change values are refused.

use super::Sketch;
use super::expression::{Expression, Token};
use crate::error::{Result, refused};
use offshoot_format::facts::{Check, ColumnFacts};
use std::collections::HashMap;
use tokio_postgres::Client;

const CHECKS: &str = "
SELECT k.conrelid, k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid) FROM pg_catalog.pg_constraint k
WHERE k.contype = 'c' AND k.conrelid = ANY ($1) ORDER BY k.conrelid, k.conname COLLATE \"C\"";

/// Words by which an expression can tell NULL from values, or a call of a function that may.
const TELL_NULL: [&str; 9] =
    ["is", "isnull", "notnull", "null", "coalesce", "num_nulls", "num_nonnulls", "case", "distinct"];

/// What one constraint demands of one column.
#[derive(Debug, Clone)]
pub struct Demand {
    check: Check,
    tells_null: bool,
}

impl Demand {
    /// A demand that is not understood.
    #[must_use]
    pub fn other(name: &str) -> Self {
        Self { check: Check::Other(name.to_owned()), tells_null: true }
    }

    /// Of a constraint of a domain.
    #[must_use]
    pub fn of_domain(name: &str, expression: &str, type_name: &str) -> Self {
        let is_text = |word: &str| word == "value" && holds_text(type_name);
        Self::new(name, &Expression::new(expression), &is_text)
    }

    fn new(name: &str, expression: &Expression, is_text: &dyn Fn(&str) -> bool) -> Self {
        let tokens = expression.tokens();
        let bounds_length = !tokens.is_empty() && Parser { rest: tokens, is_text }.whole();
        let check = if bounds_length { Check::Length } else { Check::Other(name.to_owned()) };
        let tells_null = tokens.is_empty()
            || tokens.iter().any(|token| match token {
                Token::Word(word) => TELL_NULL.contains(&word.as_str()),
                // A function in a schema is a user's.
                Token::Sign(sign) => sign == ".",
                _ => false,
            });
        Self { check, tells_null }
    }

    /// Adds it to a column.
    pub fn apply(&self, column: &mut ColumnFacts) {
        column.is_nullable &= !self.tells_null;
        if !column.checks.contains(&self.check) {
            column.checks.push(self.check.clone());
        }
    }
}

fn holds_text(type_name: &str) -> bool {
    ["text", "varchar", "bpchar", "citext", "name"].contains(&type_name)
}

/// Adds those of tables.
///
/// # Errors
/// If the server refuses.
pub async fn add(client: &Client, oids: &[u32], sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let rows = client.query(CHECKS, &[&oids]).await.map_err(refused("list the checks"))?;
    for row in &rows {
        let Some(sketch) = sketches.get_mut(&row.get(0)) else { continue };
        let expression = Expression::new(row.get::<_, Option<&str>>(2).unwrap_or("?"));
        let is_text =
            |name: &str| sketch.columns.iter().any(|column| column.name == name && holds_text(&column.type_name));
        let demand = Demand::new(row.get(1), &expression, &is_text);
        for column in sketch.columns_of(&expression) {
            demand.apply(&mut sketch.columns[column]);
        }
    }
    Ok(())
}

/// Recognizes conditions on lengths.
struct Parser<'t> {
    rest: &'t [Token],
    is_text: &'t dyn Fn(&str) -> bool,
}

#[derive(PartialEq, Eq)]
enum Operand {
    Length,
    Number,
    Column,
    Empty,
}

impl<'t> Parser<'t> {
    fn whole(mut self) -> bool {
        self.any().is_some() && self.rest.is_empty()
    }

    fn take(&mut self, wanted: &str) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        (!matches!(first, Token::Text(_)) && first.shown() == wanted).then(|| self.rest = rest)
    }

    fn any(&mut self) -> Option<()> {
        self.all()?;
        while self.take("or").is_some() {
            self.all()?;
        }
        Some(())
    }

    fn all(&mut self) -> Option<()> {
        self.one()?;
        while self.take("and").is_some() {
            self.one()?;
        }
        Some(())
    }

    fn one(&mut self) -> Option<()> {
        if self.take("not").is_some() {
            return self.one();
        }
        let start = self.rest;
        if self.comparison().is_some() {
            return Some(());
        }
        self.rest = start;
        self.take("(")?;
        self.any()?;
        self.take(")")
    }

    fn comparison(&mut self) -> Option<()> {
        let left = self.operand()?;
        if self.take("is").is_some() {
            let _ = self.take("not");
            self.take("null")?;
            return (left == Operand::Column).then_some(());
        }
        let (Token::Sign(sign), rest) = self.rest.split_first()? else { return None };
        self.rest = rest;
        let is_equality = ["=", "<>", "!="].contains(&sign.as_str());
        let is_order = ["<", "<=", ">", ">="].contains(&sign.as_str());
        match (left, self.operand()?) {
            (Operand::Length, Operand::Number | Operand::Length) | (Operand::Number, Operand::Length) => {
                (is_equality || is_order).then_some(())
            }
            (Operand::Column, Operand::Empty) | (Operand::Empty, Operand::Column) => is_equality.then_some(()),
            _ => None,
        }
    }

    fn operand(&mut self) -> Option<Operand> {
        for function in ["length", "char_length", "character_length"] {
            let start = self.rest;
            if self.take(function).is_some() && self.take("(").is_some() {
                self.column()?;
                self.take(")")?;
                return Some(Operand::Length);
            }
            self.rest = start;
        }
        match self.rest {
            [Token::Number(_), rest @ ..] => {
                self.rest = rest;
                Some(Operand::Number)
            }
            [Token::Text(text), rest @ ..] if text.is_empty() => {
                self.rest = rest;
                self.cast()?;
                Some(Operand::Empty)
            }
            _ => self.column().map(|()| Operand::Column),
        }
    }

    /// `x` or `(x)::text`.
    fn column(&mut self) -> Option<()> {
        let start = self.rest;
        let is_enclosed = self.take("(").is_some();
        if let Some((Token::Word(word), rest)) = self.rest.split_first()
            && (self.is_text)(word)
        {
            self.rest = rest;
            if !is_enclosed || self.take(")").is_some() && self.rest.first() == Some(&Token::Sign("::".to_owned())) {
                return self.cast();
            }
        }
        self.rest = start;
        None
    }

    fn cast(&mut self) -> Option<()> {
        if self.take("::").is_none() {
            return Some(());
        }
        if self.take("character").is_some() {
            return self.take("varying");
        }
        self.take("text").or_else(|| self.take("bpchar"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(text: &str) -> Demand {
        Demand::new("c", &Expression::new(text), &|name| ["name", "code"].contains(&name))
    }

    #[test]
    fn bounds_of_length_are_understood() {
        for text in [
            "(length(name) > 3)",
            "(char_length((name)::text) <= 20)",
            "((length(name) >= 1) AND (length(code) <= 5))",
            "((name <> ''::text) OR (code IS NULL))",
            "(NOT (5 < length(name)))",
            "((name)::text <> ''::text)",
        ] {
            assert_eq!(demand(text).check, Check::Length, "{text}");
        }
    }

    #[test]
    fn everything_else_is_named() {
        for text in [
            "(name ~ '^[a-z]+$'::text)",
            "(length(btrim(name)) > 0)",
            "(octet_length(name) < 9)",
            "(length(other) > 3)",
            "(name = 'x'::text)",
            "(name > ''::text)",
            "((length(name) > 3) AND f(code))",
            "(length(name) > length)",
            "",
            "'unterminated",
        ] {
            assert_eq!(demand(text).check, Check::Other("c".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_tells_null_bars_it() {
        assert!(demand("(name IS NOT NULL)").tells_null);
        assert!(demand("public.f(name)").tells_null);
        assert!(!demand("(length(name) > 3)").tells_null);
        assert!(!demand("(a < b)").tells_null);
    }
}
