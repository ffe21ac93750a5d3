//! `regex`: parts of a text that a pattern matches go one way, what is between them another.
//!
//! `matches` and `rest` are rules; both are `shape` if they are not given, so that nothing passes because a pattern missed it.
//! Patterns are those of the crate `regex`, which takes time in proportion to the text.

use regex::bytes::Regex;

use super::{Answer, Fault, Length, Making, Options, Row, Transform, Value, Work};
use crate::policy::{Item, Node};
use crate::value::Kind;

struct Parts {
    pattern: Regex,
    matches: Box<dyn Transform>,
    rest: Box<dyn Transform>,
    reads: Vec<usize>,
}

/// Needs `pattern`; with `matches` and `rest`.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let Some(node) = options.take("pattern") else { return Err(options.fault("`regex` needs `pattern`")) };
    let pattern = Regex::new(node.text("pattern")?).map_err(|error| node.fault(format!("the pattern: {error}")))?;
    let mut rule = |key: &str| {
        let shape = Node { at: node.at, item: Item::Text("shape".to_owned()) };
        making.rule(&options.take(key).unwrap_or(shape), Kind::Text)
    };
    let (matches, rest) = (rule("matches")?, rule("rest")?);
    let reads = [matches.reads(), rest.reads()].concat();
    Ok(Box::new(Parts { pattern, matches, rest, reads }))
}

impl Parts {
    fn put(&self, by: &dyn Transform, part: &[u8], row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) {
        if !part.is_empty() && by.apply(Value::Text(part), row, work, out) == Answer::Keep {
            out.extend_from_slice(part);
        }
    }
}

impl Transform for Parts {
    fn length(&self) -> Length {
        let lengths = [self.matches.length(), self.rest.length()];
        if lengths == [Length::Same; 2] { Length::Same } else { Length::Grows(usize::MAX) }
    }

    fn may_be_reachable(&self) -> bool {
        self.matches.may_be_reachable() || self.rest.may_be_reachable()
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Text(bytes) = value else { return Answer::Null };
        let mut end = 0;
        for found in self.pattern.find_iter(bytes) {
            self.put(&*self.rest, &bytes[end..found.start()], row, work, out);
            self.put(&*self.matches, found.as_bytes(), row, work, out);
            end = found.end();
        }
        self.put(&*self.rest, &bytes[end..], row, work, out);
        Answer::Written
    }
}
