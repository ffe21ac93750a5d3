//! `hstore`: the value of each key goes the way that `keys` says; values of other keys are shaped. Keys stay, but where they are said to
//! be data themselves: then those that `keys` does not name are permuted in their shapes.

use std::collections::BTreeMap;

use super::json::KeyRule;
use super::{Answer, Fault, Kind, Length, Making, Options, Row, Transform, Value, Work};
use crate::policy::Item;
use crate::shape::Shape;

struct Hstore {
    keys: BTreeMap<Vec<u8>, Box<dyn Transform>>,
    shape: Shape,
    key_rule: KeyRule,
    key_shape: Shape,
    reads: Vec<usize>,
}

/// With `keys`, a table of keys and rules, and `other-keys`, what becomes of the names of others; `keys = "shape"` says that alone.
pub(super) fn make(options: &mut Options, making: &Making<'_>) -> Result<Box<dyn Transform>, Fault> {
    let mut keys: BTreeMap<Vec<u8>, Box<dyn Transform>> = BTreeMap::new();
    let mut key_rule = KeyRule::read("other-keys", options)?;
    if let Some(node) = options.take("keys") {
        let is_table = matches!(node.item, Item::Table(_));
        if !is_table {
            key_rule = KeyRule::of(&node)?;
        }
        for entry in if is_table { node.table("keys")? } else { &[] } {
            keys.insert(entry.key.clone().into_bytes(), making.rule(&entry.value, Kind::Text)?);
        }
    }
    let reads = keys.values().flat_map(|rule| rule.reads()).copied().collect();
    let (shape, key_shape) = (making.shape("shape"), making.injective_shape("keys"));
    Ok(Box::new(Hstore { keys, shape, key_rule, key_shape, reads }))
}

impl Transform for Hstore {
    fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Entry
    }

    fn length(&self) -> Length {
        Length::Grows(usize::MAX)
    }

    fn may_be_reachable(&self) -> bool {
        self.keys.values().any(|rule| rule.may_be_reachable())
    }

    fn renames_keys(&self) -> bool {
        self.key_rule != KeyRule::Keep
    }

    fn key_shape(&self, key: &[u8], _: &Row<'_>) -> Option<&Shape> {
        self.key_rule.is_for(key, self.keys.contains_key(key)).then_some(&self.key_shape)
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
