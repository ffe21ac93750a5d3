//! `hstore`: keys stay, and the value of each goes the way that `keys` says; values of other keys are shaped.

use std::collections::BTreeMap;

use super::{Answer, Fault, Kind, Length, Making, Options, Row, Transform, Value, Work};
use crate::shape::Shape;

struct Hstore {
    keys: BTreeMap<Vec<u8>, Box<dyn Transform>>,
    shape: Shape,
    reads: Vec<usize>,
}

/// With `keys`, a table of keys and rules.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let mut keys: BTreeMap<Vec<u8>, Box<dyn Transform>> = BTreeMap::new();
    if let Some(node) = options.take("keys") {
        for entry in node.table("keys")? {
            keys.insert(entry.key.clone().into_bytes(), making.rule(&entry.value, Kind::Text)?);
        }
    }
    let reads = keys.values().flat_map(|rule| rule.reads()).copied().collect();
    Ok(Box::new(Hstore { keys, shape: making.shape("shape"), reads }))
}

impl Transform for Hstore {
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Entry
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn reads(&self) -> &[usize] {
        &self.reads
    }

    fn apply(&self, value: Value<'_>, row: &Row<'_>, work: &mut Work, out: &mut Vec<u8>) -> Answer {
        let Value::Entry(key, value) = value else { return Answer::Null };
        match self.keys.get(key) {
            Some(rule) => rule.apply(Value::Text(value), row, work, out),
            None => {
                self.shape.apply(work, value, out);
                Answer::Written
            }
        }
    }
}
