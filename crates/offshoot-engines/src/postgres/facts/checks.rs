//! What CHECK constraints, of tables and of domains, demand of columns.
//!
//! The parts that AND joins are taken one by one. Those that are understood ([`predicate`](super::predicate)) are predicates;
//! all others are named, so that rules that change values are refused.

use super::Sketch;
use super::expression::{Expression, Token};
use super::predicate::{self, Seen};
use crate::error::{Result, refused};
use offshoot_format::facts::{Check, ColumnFacts};
use std::collections::HashMap;
use tokio_postgres::Client;

const CHECKS: &str = "
SELECT k.conrelid, k.conname, pg_catalog.pg_get_expr(k.conbin, k.conrelid),
       EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
               WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) AND NOT l.collisdeterministic)
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'c' AND k.conrelid = ANY ($1) ORDER BY k.conrelid, k.conname COLLATE \"C\"";

/// Words by which an expression can tell NULL from values, or a call of a function that may.
const TELL_NULL: [&str; 9] =
    ["is", "isnull", "notnull", "null", "coalesce", "num_nulls", "num_nonnulls", "case", "distinct"];

/// A constraint of a domain.
#[derive(Debug, Clone)]
pub struct DomainCheck {
    /// Its name.
    pub name: String,
    /// As the server prints it.
    pub expression: String,
    /// Whether the domain's collation takes texts for equal that have other bytes.
    pub is_loose: bool,
}

/// What one constraint, or a part of it, demands of a column.
#[derive(Debug, Clone)]
pub struct Demand {
    check: Check,
    bars_null: bool,
}

impl Demand {
    /// A demand that is not understood.
    #[must_use]
    pub fn other(name: &str) -> Self {
        Self { check: Check::Other(name.to_owned()), bars_null: true }
    }

    /// Those of a constraint of a domain.
    #[must_use]
    pub fn of_domain(domain: &DomainCheck, type_name: &str) -> Vec<Self> {
        let seen = Seen { type_name, is_loose: domain.is_loose };
        let parts = Expression::new(&domain.expression).conjuncts();
        parts.iter().map(|part| Self::new(&domain.name, part, &|word| (word == "value").then_some(seen))).collect()
    }

    fn new<'c>(name: &str, expression: &Expression, seen: &dyn Fn(&str) -> Option<Seen<'c>>) -> Self {
        let name = name.to_owned();
        match predicate::read(expression, seen) {
            Some(read) if read.is_whole => Self {
                bars_null: !read.predicate.allows_null(),
                check: Check::Holds { name, predicate: read.predicate },
            },
            Some(_) => Self { check: Check::Length, bars_null: tells_null(expression) },
            None => Self { check: Check::Other(name), bars_null: tells_null(expression) },
        }
    }

    /// Adds it to a column.
    pub fn apply(&self, column: &mut ColumnFacts) {
        column.is_nullable &= !self.bars_null;
        if !column.checks.contains(&self.check) {
            column.checks.push(self.check.clone());
        }
    }
}

/// Whether an expression may tell NULL from values.
fn tells_null(expression: &Expression) -> bool {
    let tokens = expression.tokens();
    tokens.is_empty()
        || tokens.iter().any(|token| match token {
            Token::Word(word) => TELL_NULL.contains(&word.as_str()),
            // A function in a schema is a user's.
            Token::Sign(sign) => sign == ".",
            _ => false,
        })
}

/// Adds those of tables.
///
/// # Errors
/// If the server refuses.
pub async fn add(client: &Client, oids: &[u32], sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let rows = client.query(CHECKS, &[&oids]).await.map_err(refused("list the checks"))?;
    for row in &rows {
        let Some(sketch) = sketches.get_mut(&row.get(0)) else { continue };
        let (expression, is_loose) = (row.get::<_, Option<&str>>(2).unwrap_or("?"), row.get(3));
        for part in Expression::new(expression).conjuncts() {
            let seen = |name: &str| {
                let column = sketch.columns.iter().find(|column| column.name == name)?;
                Some(Seen { type_name: &column.type_name, is_loose })
            };
            let demand = Demand::new(row.get(1), &part, &seen);
            for column in sketch.columns_of(&part) {
                demand.apply(&mut sketch.columns[column]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::facts::predicate::{Comparison, Predicate};

    fn demand(text: &str) -> Demand {
        let is_text = |name: &str| ["name", "code"].contains(&name);
        Demand::new("c", &Expression::new(text), &|name| {
            is_text(name).then_some(Seen { type_name: "text", is_loose: false })
        })
    }

    #[test]
    fn what_is_understood_is_a_predicate() {
        let name = || "c".to_owned();
        let predicate = Predicate::Length(Comparison::Greater, 3);
        assert_eq!(demand("(length(name) > 3)").check, Check::Holds { name: name(), predicate });
        assert_eq!(demand("((length(name) >= 1) AND (length(code) <= 5))").check, Check::Length);
        for text in ["(f(name) > 0)", "(length(other) > 3)", "", "'unterminated"] {
            assert_eq!(demand(text).check, Check::Other(name()), "{text}");
        }
    }

    #[test]
    fn what_tells_null_bars_it() {
        assert!(demand("(name IS NOT NULL)").bars_null);
        assert!(demand("public.f(name)").bars_null);
        assert!(demand("((name IS NOT NULL) AND (length(name) > 3))").bars_null);
        assert!(!demand("(length(name) > 3)").bars_null);
        assert!(!demand("((name IS NULL) OR (name = 'x'::text))").bars_null);
        assert!(!demand("(a < b)").bars_null);
    }
}
