//! `json`: a document whose structure stays and whose values are rewritten by rules for their paths.
//!
//! Keys, their order, duplicate keys, white space between tokens and the digits' count of numbers stay. Paths are written
//! `$.user.email`, `$.tags[*]`, `$["odd.key"]`; `paths` gives each any rule of the catalogue, for its strings and numbers. What
//! no path names is shaped, or with `others = "null"` becomes null: a new path leaks nothing. Escapes for half a surrogate
//! pair, which no text can hold, stay between what is around them.

mod walk;

use std::collections::BTreeMap;

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};
use crate::policy::Node;
use crate::shape::Shape;
use walk::Walk;

/// What becomes of the values of a path.
enum Rule {
    Keep,
    Null,
    Empty,
    By(Box<dyn Transform>),
}

struct Json {
    shape: Shape,
    numbers: Prf,
    paths: BTreeMap<Vec<u8>, Rule>,
    others_are_null: bool,
    reads: Vec<usize>,
}

/// With `paths`, a table of paths and rules, and `others`: `shape` (if none is given) or `null`.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let mut paths = BTreeMap::new();
    if let Some(node) = options.take("paths") {
        for entry in node.table("paths")? {
            let path = path(&entry.key).ok_or_else(|| {
                entry.value.fault("a path begins with `$`: `$.user.email`, `$.tags[*]`, `$[\"odd.key\"]`")
            })?;
            paths.insert(path, rule(&entry.value, making)?);
        }
    }
    let others_are_null = options.word("others", &["shape", "null"])? == 1;
    let by = |rule: &Rule| if let Rule::By(transform) = rule { transform.reads().to_vec() } else { Vec::new() };
    let reads = paths.values().flat_map(by).collect();
    let (shape, numbers) = (making.shape("json"), making.prf("json-numbers"));
    Ok(Box::new(Json { shape, numbers, paths, others_are_null, reads }))
}

fn rule(node: &Node, making: &Making<'_>) -> Result<Rule, Fault> {
    match node.text("a rule") {
        Ok("keep") => return Ok(Rule::Keep),
        Ok("null") => return Ok(Rule::Null),
        Ok("empty") => return Ok(Rule::Empty),
        _ => {}
    }
    // A rule for text, else one for what JSON has beside it, or writes as text.
    let text = making.rule(node, Kind::Text);
    let others = [Kind::Integer, Kind::Decimal, Kind::Date, Kind::Bool];
    let made =
        others.into_iter().fold(text, |made, kind| made.or_else(|fault| making.rule(node, kind).map_err(|_| fault)));
    made.map(Rule::By)
}

/// Before the name of a member, and in the place of any element: bytes that no text has.
const MEMBER: u8 = 0xff;
const ELEMENT: u8 = 0xfe;

/// A path in the form in which they are compared.
fn path(text: &str) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut rest = text.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]").or_else(|| rest.strip_prefix("[]")) {
            path.push(ELEMENT);
            rest = after;
        } else if let Some(after) = rest.strip_prefix("[\"") {
            let (name, after) = after.split_once("\"]")?;
            path.push(MEMBER);
            path.extend_from_slice(name.as_bytes());
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            path.push(MEMBER);
            path.extend_from_slice(after.get(..end).filter(|name| !name.is_empty())?.as_bytes());
            rest = &after[end..];
        }
    }
    Some(path)
}

impl Transform for Json {
    fn takes(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Json | Kind::Text)
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let (Value::Json(bytes) | Value::Text(bytes)) = value else { return Answer::Null };
        let start = out.len();
        let mut walk = Walk { json: self, row, work, bytes, at: 0, out };
        let done = walk.value(&mut Vec::new(), 0).is_some();
        walk.blanks();
        if !done || walk.at != bytes.len() {
            // No JSON: then it is text.
            out.truncate(start);
            self.shape.apply(work, bytes, out);
        }
        Answer::Written
    }
}
