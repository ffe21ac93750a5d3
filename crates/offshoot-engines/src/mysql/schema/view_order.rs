//! Views after the views that they read.
//!
//! Servers print views with every name in backquotes, so a view that reads another one has its name in them. A column of the
//! same name makes a dependency that is none; where such ones go in a circle, the order of names decides, and a restore that
//! comes to a view too early makes it later.

use super::Head;
use crate::mysql::quote::split_ident;
use std::collections::HashMap;

/// The order in which the views (name and statement) can be made.
pub(super) fn order(views: &[(&str, &str)]) -> Vec<usize> {
    let places: HashMap<String, usize> =
        views.iter().enumerate().map(|(place, (name, _))| (super::ident(name), place)).collect();
    let reads: Vec<Vec<usize>> = views
        .iter()
        .enumerate()
        .map(|(place, (_, statement))| {
            let read = idents(body(statement)).filter_map(|name| places.get(name).copied());
            read.filter(|other| *other != place).collect()
        })
        .collect();
    let mut states = vec![State::New; views.len()];
    let mut order = Vec::with_capacity(views.len());
    for place in 0..views.len() {
        visit(place, &reads, &mut states, &mut order);
    }
    order
}

/// What follows the name of the view that a statement makes.
fn body(statement: &str) -> &str {
    let named = Head::parse(statement).and_then(|head| head.rest.strip_prefix("VIEW "));
    named.and_then(split_ident).map_or(statement, |(_, body)| body)
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    UnderWay,
    Done,
}

/// Without recursion, as views can be many.
fn visit(first: usize, reads: &[Vec<usize>], states: &mut [State], order: &mut Vec<usize>) {
    let mut path = vec![(first, 0)];
    while let Some((place, next)) = path.pop() {
        if next == 0 {
            if states[place] != State::New {
                continue;
            }
            states[place] = State::UnderWay;
        }
        match reads[place].get(next) {
            Some(&other) => {
                path.push((place, next + 1));
                if states[other] == State::New {
                    path.push((other, 0));
                }
            }
            None => {
                states[place] = State::Done;
                order.push(place);
            }
        }
    }
}

/// The identifiers of a statement, in their backquotes; what stands in strings is passed over.
fn idents(statement: &str) -> impl Iterator<Item = &str> {
    let bytes = statement.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            match bytes[at] {
                quote @ (b'\'' | b'"' | b'`') => {
                    at += 1;
                    while at < bytes.len() && bytes[at] != quote {
                        at += if bytes[at] == b'\\' && quote != b'`' { 2 } else { 1 };
                    }
                    at = (at + 1).min(bytes.len());
                    // A doubled quote is one piece with what follows.
                    while quote == b'`' && bytes.get(at) == Some(&b'`') {
                        at += 1;
                        while at < bytes.len() && bytes[at] != b'`' {
                            at += 1;
                        }
                        at = (at + 1).min(bytes.len());
                    }
                    if quote == b'`' {
                        return statement.get(start..at);
                    }
                }
                _ => at += 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_come_after_those_that_they_read() {
        let views = [
            ("a", "CREATE VIEW `a` AS select `b`.`x` AS `x` from `b`"),
            ("b", "CREATE VIEW `b` AS select `c``d`.`x` AS `x`,'`a`' AS `y` from `c``d`"),
            ("c`d", "CREATE VIEW `c``d` AS select 'it''s \\' `b`' AS `x` from `t`"),
        ];
        assert_eq!(order(&views), [2, 1, 0]);
    }

    #[test]
    fn words_in_a_name_end_nothing() {
        let views = [
            ("a AS b", "CREATE ALGORITHM=MERGE VIEW `a AS b` AS select `x AS y`.`id` AS `id` from `x AS y`"),
            ("x AS y", "CREATE VIEW `x AS y` AS select `t`.`id` AS `id` from `t`"),
        ];
        assert_eq!(order(&views), [1, 0]);
    }

    #[test]
    fn circles_end() {
        let views = [("a", "CREATE VIEW `a` AS select 1 AS `b`"), ("b", "CREATE VIEW `b` AS select 1 AS `a`")];
        assert_eq!(order(&views).len(), 2);
    }
}
