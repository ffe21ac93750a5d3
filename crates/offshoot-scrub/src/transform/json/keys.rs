//! Keys of documents: structure that stays, or data that is permuted. Distinct keys of one object stay distinct.

use super::{Fault, Node, Options};
use crate::classify::is_structure;

/// What becomes of keys that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) enum KeyRule {
    Keep,
    /// All are permuted in their shapes.
    Shape,
    /// Those are that look like values: names of people, addresses, numbers.
    ShapeValues,
}

impl KeyRule {
    const WORDS: [&str; 3] = ["keep", "shape", "shape-values"];
    const ALL: [Self; 3] = [Self::Keep, Self::Shape, Self::ShapeValues];

    /// Takes it from the options of a rule.
    pub(in crate::transform) fn read(option: &str, options: &mut Options) -> Result<Self, Fault> {
        Ok(Self::ALL[options.word(option, &Self::WORDS)?])
    }

    /// The one that an option says.
    pub(in crate::transform) fn of(node: &Node) -> Result<Self, Fault> {
        let place = Self::WORDS.iter().position(|word| node.text("keys").is_ok_and(|text| text == *word));
        place
            .map(|place| Self::ALL[place])
            .ok_or_else(|| node.fault(format!("keys is a table of rules, or one of: {}", Self::WORDS.join(", "))))
    }

    /// Whether a key is permuted.
    pub(in crate::transform) fn is_for(self, key: &[u8], is_named: bool) -> bool {
        match self {
            _ if is_named => false,
            Self::Keep => false,
            Self::Shape => true,
            Self::ShapeValues => !std::str::from_utf8(key).is_ok_and(is_structure),
        }
    }
}
