//! `json`: a document whose structure stays and whose values are rewritten by rules for their paths.
//!
//! Keys, their order, duplicate keys, white space between tokens and the digits' count of numbers stay. Paths are written
//! `$.user.email`, `$.tags[*]`, `$["odd.key"]`; `paths` gives each any rule of the catalogue, for its strings and numbers. What
//! no path names is shaped, or with `others = "null"` becomes null: a new path leaks nothing, nor does an object or array that turns
//! up where a path that is kept had a string. Escapes for half a surrogate pair, which no text can hold, stay between what is around
//! them. Keys that are data themselves can be permuted in their shapes.

mod digits;
mod escapes;
mod keys;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Fault, Kind, Length, Making, Options, Prf, Row, Transform, Value, Work};
use crate::policy::Node;
use crate::shape::Shape;
pub(super) use keys::KeyRule;
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
    key_rule: KeyRule,
    key_shape: Shape,
    /// Paths that rules are for, and those on the way to them.
    named: BTreeSet<Vec<u8>>,
    /// Permutes the digits of numbers, where they must stay distinct.
    moved_numbers: Option<Shape>,
    reads: Vec<usize>,
}

/// With `paths`, a table of paths and rules, `others`: `shape` (if none is given) or `null`, and `keys`: `keep` (if none is given),
/// `shape` for those that no path names, or `shape-values` for those of them that look like values.
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
    let key_rule = KeyRule::read("keys", options)?;
    let named = paths.keys().flat_map(|path| beginnings(path)).collect();
    Ok(Box::new(Json { others_are_null, key_rule, named, paths, reads, ..Json::without_rules(making) }))
}

impl Json {
    /// Rewrites all strings and numbers.
    fn without_rules(making: &Making<'_>) -> Self {
        Self {
            shape: making.shape("json"),
            numbers: making.prf("json-numbers"),
            paths: BTreeMap::new(),
            others_are_null: false,
            key_rule: KeyRule::Keep,
            key_shape: making.injective_shape("keys"),
            named: BTreeSet::new(),
            moved_numbers: None,
            reads: Vec::new(),
        }
    }
}

/// Rewrites the strings and numbers of a document without rules for any path; distinct ones stay distinct.
pub(super) fn injective(making: &Making<'_>) -> Box<dyn Transform> {
    let (shape, numbers) = (making.injective_shape("json"), making.injective_shape("json-digits"));
    Box::new(Json { shape, moved_numbers: Some(numbers), ..Json::without_rules(making) })
}

/// A path and those on the way to it.
fn beginnings(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| matches!(**byte, MEMBER | ELEMENT)).map(|(at, _)| at);
    ends.chain([path.len()]).map(|end| path[..end].to_vec())
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

    fn may_be_reachable(&self) -> bool {
        self.paths.values().any(|rule| matches!(rule, Rule::By(transform) if transform.may_be_reachable()))
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
